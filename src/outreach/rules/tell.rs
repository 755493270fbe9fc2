//! Telling a member of a customer: a message of the firm's app in WeCom (`message/send`), a card
//! that leads to the customer's page.
//!
//! WeCom has no list of what an app has sent, but drops the same message to the same people
//! within four hours. Within that time sending again is as good as once; later a person decides
//! about what had no clear answer.
//!
//! Source: WeCom documentation, 发送应用消息.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{Customer, CustomerId, RelationId, customer_no},
    error::{AppError, Result},
    outreach::campaign::{bytes, client},
    store::{Read, StoreError, Write},
    wecom::{Content, Message, Receivers, TextCard},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, LookFuture, NewEffect,
        Priority, Refusal, Seen, Told,
    },
};

/// Tells a member of a customer.
pub(super) const TELL: EffectSpec =
    EffectSpec::post("outreach.tell", Area::Messages, "message/send");
/// WeCom drops the same again within so many seconds: its greatest interval.
const ONCE_S: u32 = 14_400;
/// Kept of that time for the call itself, ms.
const MARGIN_MS: i64 = 600_000;
/// Nobody needs to hear of it later, ms.
const WORTH_MS: i64 = 86_400_000;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![EffectKind::new(TELL, send).looking(look).telling(tell)]
}

/// What is told. All that WeCom gets stands here, so that a second attempt says the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Note {
    /// Who is told.
    #[n(0)]
    pub userid: String,
    /// Of which customer.
    #[n(1)]
    pub customer: CustomerId,
    /// The rule's name.
    #[n(2)]
    pub title: String,
    /// What it says.
    #[n(3)]
    pub text: String,
    /// The customer's number, which tells customers of one name apart.
    #[n(4)]
    pub number: String,
    /// The address of Qitai; without one the message is a text that leads nowhere.
    #[n(5)]
    pub home: Option<String>,
}

impl Note {
    fn content(&self) -> Content {
        let Some(home) = &self.home else {
            let (title, text, number) = (&self.title, &self.text, &self.number);
            return Content::text(&format!("{title}\n{text}\n{number}"));
        };
        Content::TextCard {
            textcard: TextCard {
                title: self.title.clone(),
                description: format!(
                    "<div class=\"gray\">{}</div>{}",
                    self.number,
                    plain(&self.text)
                ),
                url: format!("{}/customers/{}", home.trim_end_matches('/'), self.customer),
                btntxt: None,
            },
        }
    }
}

/// Words as a card shows them: what could be read as its markup stands wide.
fn plain(text: &str) -> String {
    text.replace('<', "＜").replace('>', "＞")
}

/// Plans that a member is told.
pub(super) fn plan(w: &mut Write<'_>, relation: RelationId, note: &Note) -> Result<EffectId> {
    let expires_at = Some(w.now().plus_ms(WORTH_MS));
    let new = NewEffect {
        kind: TELL,
        priority: Priority::Bulk,
        input: bytes(note)?,
        about: ("relation", relation.to_string()),
        batch: None,
        created_by: None,
        expires_at,
    };
    effects::plan(w, new)
}

fn note_of(effect: &Effect) -> Result<Note> {
    minicbor::decode(&effect.input).map_err(AppError::internal)
}

fn send(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let note = note_of(&effect).map_err(Refusal::Refused)?;
        let link = app.sync.link().ok_or(AppError::Unavailable {
            why: "wecom_missing",
        })?;
        let message = Message {
            to: Receivers::one(&note.userid),
            content: note.content(),
            safe: false,
            once_within_s: Some(ONCE_S),
        };
        let client = client(&app, &effect)?;
        let agentid = link.connection.agentid;
        let sent = client.send_message(agentid, &message).await?;
        // One receiver: whom WeCom could not reach is nobody else.
        if !sent.invalid_users.is_empty() || !sent.unlicensed_users.is_empty() {
            let why = "message_unreachable";
            return Err(Refusal::Refused(AppError::Conflict { why }));
        }
        Ok(sent.msgid.into_bytes())
    })
}

/// Sending again is harmless as long as WeCom drops what it has sent already.
fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let age = app.store.clock().now().since_ms(effect.created_at);
        let is_dropped_twice = age < i64::from(ONCE_S) * 1_000 - MARGIN_MS;
        Ok(match is_dropped_twice {
            true => Seen::NotThere,
            false => Seen::CannotTell,
        })
    })
}

fn tell(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let note: Option<Note> = minicbor::decode(&effect.input).ok();
    let customer = match &note {
        Some(note) => r.get::<Customer>(&note.customer)?,
        None => None,
    };
    Ok(Told {
        key: "effects.told.tell",
        args: Vec::new(),
        about: customer
            .as_ref()
            .map_or(String::new(), |customer| customer_no(customer.no)),
        href: customer.map(|customer| format!("/customers/{}", customer.id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::Id;

    fn note(home: Option<&str>) -> Note {
        Note {
            userid: "zhoumin".into(),
            customer: Id::from_bits(7),
            title: "茶博会来客".into(),
            text: "<b>王芳</b>刚添加".into(),
            number: "KH-000007".into(),
            home: home.map(str::to_owned),
        }
    }

    #[test]
    fn a_card_leads_to_the_customer_and_no_name_is_markup() {
        let Content::TextCard { textcard } = note(Some("https://qitai.example/")).content() else {
            panic!("it is a card");
        };
        let customer: CustomerId = Id::from_bits(7);
        let address = format!("https://qitai.example/customers/{customer}");
        assert_eq!(textcard.url, address);
        assert!(textcard.description.ends_with("＜b＞王芳＜/b＞刚添加"));
    }

    #[test]
    fn without_an_address_it_is_a_text() {
        let Content::Text { text } = note(None).content() else {
            panic!("it is a text");
        };
        assert_eq!(text.content, "茶博会来客\n<b>王芳</b>刚添加\nKH-000007");
    }
}
