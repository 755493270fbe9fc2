//! 客户联系规则组 and those of moments: who may do what over which range. Calls that make or
//! change them go one after another.
//!
//! Source: WeCom documentation, 客户联系规则组, 朋友圈规则组.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages},
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Which rule groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrategyKind {
    /// Of customer contact.
    Customers,
    /// Of moments.
    Moments,
}

/// The paths of one kind.
struct Paths {
    list: &'static str,
    get: &'static str,
    get_range: &'static str,
    create: &'static str,
    edit: &'static str,
    del: &'static str,
}

const CUSTOMERS: Paths = Paths {
    list: "externalcontact/customer_strategy/list",
    get: "externalcontact/customer_strategy/get",
    get_range: "externalcontact/customer_strategy/get_range",
    create: "externalcontact/customer_strategy/create",
    edit: "externalcontact/customer_strategy/edit",
    del: "externalcontact/customer_strategy/del",
};

const MOMENTS: Paths = Paths {
    list: "externalcontact/moment_strategy/list",
    get: "externalcontact/moment_strategy/get",
    get_range: "externalcontact/moment_strategy/get_range",
    create: "externalcontact/moment_strategy/create",
    edit: "externalcontact/moment_strategy/edit",
    del: "externalcontact/moment_strategy/del",
};

impl StrategyKind {
    fn paths(self) -> &'static Paths {
        match self {
            Self::Customers => &CUSTOMERS,
            Self::Moments => &MOMENTS,
        }
    }
}

/// A rule group in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StrategyEntry {
    /// Id.
    #[serde(deserialize_with = "lenient::uint")]
    pub strategy_id: u64,
}

/// What its administrators may do, by WeCom's names: `view_customer_list` and so on.
pub type Privileges = BTreeMap<String, bool>;

/// A rule group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Strategy {
    /// Id.
    #[serde(deserialize_with = "lenient::uint")]
    pub strategy_id: u64,
    /// Id of the one above; 0 at the top.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub parent_id: u64,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub strategy_name: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// Userids of the administrators.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub admin_list: Vec<String>,
    /// What they may do.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub privilege: Privileges,
}

/// A member or department in the range of a rule group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeNode {
    /// 1 a member, 2 a department.
    #[serde(rename = "type", deserialize_with = "lenient::int")]
    pub kind: i64,
    /// The member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userid: Option<String>,
    /// The department.
    #[serde(
        default,
        deserialize_with = "lenient::some_uint",
        skip_serializing_if = "Option::is_none"
    )]
    pub partyid: Option<u64>,
}

impl RangeNode {
    /// A member.
    pub fn member(userid: &str) -> Self {
        Self {
            kind: 1,
            userid: Some(userid.to_owned()),
            partyid: None,
        }
    }

    /// A department.
    pub fn department(id: u64) -> Self {
        Self {
            kind: 2,
            userid: None,
            partyid: Some(id),
        }
    }
}

/// A rule group to be made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewStrategy {
    /// Id of the one above; 0 at the top.
    pub parent_id: u64,
    /// Name.
    pub strategy_name: String,
    /// 1 to 20 administrators.
    pub admin_list: Vec<String>,
    /// What they may do; what is not named is allowed.
    #[serde(skip_serializing_if = "Privileges::is_empty")]
    pub privilege: Privileges,
    /// 1 to 100 nodes.
    pub range: Vec<RangeNode>,
}

/// A change of a rule group; `None` leaves as is, administrators and privileges replace.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StrategyChange {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_name: Option<String>,
    /// All administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_list: Option<Vec<String>>,
    /// All privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privilege: Option<Privileges>,
    /// At most 100 nodes more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub range_add: Vec<RangeNode>,
    /// At most 100 nodes less.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub range_del: Vec<RangeNode>,
}

#[derive(Serialize)]
struct ById {
    strategy_id: u64,
}

impl Client {
    /// The rule groups this app made (`list`).
    pub fn strategies(&self, kind: StrategyKind) -> Pages<'_, StrategyEntry> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        let place = (kind.paths().list, "strategy");
        Pages::new(self, Purpose::Contact, place, &Ask { limit: 1000 })
    }

    /// One rule group (`get`).
    pub async fn strategy(&self, kind: StrategyKind, strategy_id: u64) -> Result<Strategy, Error> {
        #[derive(Deserialize)]
        struct Answer {
            strategy: Strategy,
        }
        let call = kind.paths().get;
        let ask = ById { strategy_id };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.strategy)
    }

    /// Members and departments of a rule group (`get_range`).
    pub fn strategy_range(&self, kind: StrategyKind, strategy_id: u64) -> Pages<'_, RangeNode> {
        #[derive(Serialize)]
        struct Ask {
            strategy_id: u64,
            limit: u32,
        }
        let place = (kind.paths().get_range, "range");
        let ask = Ask {
            strategy_id,
            limit: 1000,
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }

    /// Makes a rule group (`create`) and answers its id. Not repeated after an unclear
    /// answer.
    pub async fn create_strategy(
        &self,
        kind: StrategyKind,
        strategy: &NewStrategy,
    ) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::uint")]
            strategy_id: u64,
        }
        let call = kind.paths().create;
        let answer: Answer = self.write(Purpose::Contact, call, strategy).await?;
        Ok(answer.strategy_id)
    }

    /// Changes a rule group (`edit`).
    pub async fn edit_strategy(
        &self,
        kind: StrategyKind,
        strategy_id: u64,
        change: &StrategyChange,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            strategy_id: u64,
            #[serde(flatten)]
            change: &'a StrategyChange,
        }
        let ask = Ask {
            strategy_id,
            change,
        };
        let Done {} = self.post(Purpose::Contact, kind.paths().edit, &ask).await?;
        Ok(())
    }

    /// Deletes a rule group (`del`).
    pub async fn delete_strategy(&self, kind: StrategyKind, strategy_id: u64) -> Result<(), Error> {
        let ask = ById { strategy_id };
        let Done {} = self.post(Purpose::Contact, kind.paths().del, &ask).await?;
        Ok(())
    }
}
