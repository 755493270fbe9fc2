//! Telling a member of a customer: a card in WeCom that leads to the customer's page; see
//! [`sync::tell`].

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{Customer, CustomerId, RelationId, customer_no},
    error::{AppError, Result},
    outreach::campaign::bytes,
    store::{Read, StoreError, Write},
    sync,
    wecom::Content,
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, NewEffect, Priority,
        Refusal, Told,
    },
};

/// Tells a member of a customer.
pub(super) const TELL: EffectSpec =
    EffectSpec::post("outreach.tell", Area::Messages, "message/send");
/// Nobody needs to hear of it later, ms.
const WORTH_MS: i64 = 86_400_000;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(TELL, send)
            .looking(sync::tell::look)
            .telling(tell),
    ]
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
        let path = format!("/customers/{}", self.customer);
        let words = (&*self.title, &*self.number, &*self.text);
        sync::tell::content(self.home.as_deref(), &path, words)
    }
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
    match note_of(&effect) {
        Ok(note) => {
            let content = note.content();
            sync::tell::send(app, effect, note.userid, content)
        }
        Err(error) => Box::pin(async { Err(Refusal::Refused(error)) }),
    }
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
