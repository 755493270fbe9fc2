//! 聊天敏感词: words that are warned of or blocked in chats with customers.
//!
//! Source: WeCom documentation, 管理聊天敏感词.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
    client::{Client, Purpose},
    error::Error,
    lenient,
    moments::Senders,
};

/// What a rule also looks for: 1 phone numbers, 2 mail addresses, 3 red packets (红包).
pub type Semantics = u64;

/// A rule to be made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewInterceptRule {
    /// 1 to 20 characters, unlike all others.
    pub rule_name: String,
    /// 1 to 300 words of 1 to 32 characters.
    pub word_list: Vec<String>,
    /// What it also looks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semantics_list: Vec<Semantics>,
    /// 1 warns and blocks, 2 only warns.
    pub intercept_type: u8,
    /// To whom it applies; not empty.
    pub applicable_range: Senders,
}

/// A change of a rule; `None` leaves as is, words and semantics replace.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InterceptChange {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// All words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_list: Option<Vec<String>>,
    /// What it also looks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_rule: Option<ExtraRule>,
    /// 1 warns and blocks, 2 only warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intercept_type: Option<u8>,
    /// To whom it also applies from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_applicable_range: Option<Senders>,
    /// To whom it does not apply any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_applicable_range: Option<Senders>,
}

/// What a rule looks for beside words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraRule {
    /// Kinds.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub semantics_list: Vec<Semantics>,
}

/// A rule in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InterceptEntry {
    /// Id.
    #[serde(deserialize_with = "lenient::id")]
    pub rule_id: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub rule_name: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
}

/// A rule as WeCom keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InterceptRule {
    /// Id.
    #[serde(deserialize_with = "lenient::id")]
    pub rule_id: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub rule_name: String,
    /// Words.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub word_list: Vec<String>,
    /// What it also looks for, in one of two places …
    #[serde(default, deserialize_with = "lenient::ints")]
    semantics_list: Vec<Semantics>,
    /// … that sources disagree about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    extra_rule: ExtraRule,
    /// 1 warns and blocks, 2 only warns.
    #[serde(default, deserialize_with = "lenient::int")]
    pub intercept_type: i64,
    /// To whom it applies.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub applicable_range: Senders,
}

impl InterceptRule {
    /// What it looks for beside words.
    pub fn semantics(&self) -> &[Semantics] {
        if self.extra_rule.semantics_list.is_empty() {
            &self.semantics_list
        } else {
            &self.extra_rule.semantics_list
        }
    }
}

#[derive(Serialize)]
struct ById<'a> {
    rule_id: &'a str,
}

impl Client {
    /// Makes a rule (`add_intercept_rule`) and answers its id. Not repeated after an unclear
    /// answer.
    pub async fn add_intercept_rule(&self, rule: &NewInterceptRule) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            // A number here may be anything: the list of rules tells then.
            rule_id: String,
        }
        let call = "externalcontact/add_intercept_rule";
        let answer: Answer = self.write(Purpose::Contact, call, rule).await?;
        Ok(answer.rule_id)
    }

    /// All rules (`get_intercept_rule_list`).
    pub async fn intercept_rules(&self) -> Result<Vec<InterceptEntry>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            rule_list: Vec<InterceptEntry>,
        }
        let call = "externalcontact/get_intercept_rule_list";
        let answer: Answer = self.get(Purpose::Contact, call, &[]).await?;
        Ok(answer.rule_list)
    }

    /// One rule (`get_intercept_rule`).
    pub async fn intercept_rule(&self, rule_id: &str) -> Result<InterceptRule, Error> {
        #[derive(Deserialize)]
        struct Answer {
            rule: InterceptRule,
        }
        let call = "externalcontact/get_intercept_rule";
        let answer: Answer = self.post(Purpose::Contact, call, &ById { rule_id }).await?;
        Ok(answer.rule)
    }

    /// Changes a rule (`update_intercept_rule`). Not repeated after an unclear answer.
    pub async fn update_intercept_rule(
        &self,
        rule_id: &str,
        change: &InterceptChange,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            rule_id: &'a str,
            #[serde(flatten)]
            change: &'a InterceptChange,
        }
        let call = "externalcontact/update_intercept_rule";
        let Done {} = self
            .write(Purpose::Contact, call, &Ask { rule_id, change })
            .await?;
        Ok(())
    }

    /// Deletes a rule (`del_intercept_rule`); false if there is none of ours.
    pub async fn delete_intercept_rule(&self, rule_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/del_intercept_rule";
        let answer = self.post(Purpose::Contact, call, &ById { rule_id }).await;
        if_there(answer, &[41070, 41071])
    }
}
