//! Who and what conversations are called.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    customers::{self, CustomerId},
    org::{MemberId, Sight},
    store::{Read, StoreError},
    web::Cx,
};

use super::{
    model::{Chat, PartyKind, Place},
    queries,
};

/// Somebody in a conversation, in the reader's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name; never empty.
    pub name: String,
    /// Always the same for the same person: the avatar's hue is made from it.
    pub key: String,
    /// What the party is; `None` if the person was erased.
    pub kind: Option<PartyKind>,
    /// The member, where the directory knows one.
    pub member: Option<MemberId>,
    /// The customer, where there is one.
    pub customer: Option<CustomerId>,
}

impl Who {
    /// Whether a member of the firm, here or gone.
    pub fn is_staff(&self) -> bool {
        self.kind == Some(PartyKind::Member)
    }
}

/// Looks names up, each once.
pub struct Names<'a> {
    r: &'a Read<'a>,
    sight: &'a Sight,
    cx: &'a Cx,
    known: RefCell<HashMap<u32, Rc<Who>>>,
}

impl<'a> Names<'a> {
    /// For one page.
    pub fn new(r: &'a Read<'a>, sight: &'a Sight, cx: &'a Cx) -> Self {
        Self {
            r,
            sight,
            cx,
            known: RefCell::default(),
        }
    }

    /// Who a party is.
    pub fn who(&self, no: u32) -> Result<Rc<Who>, StoreError> {
        if let Some(who) = self.known.borrow().get(&no) {
            return Ok(who.clone());
        }
        let person = queries::person(self.r, self.sight, no)?;
        let nameless = match person.kind {
            None => "archive.person.erased",
            Some(PartyKind::Wechat) => "archive.person.wechat",
            Some(PartyKind::OtherFirm) => "archive.person.other_firm",
            Some(PartyKind::Robot) => "archive.person.robot",
            Some(PartyKind::Member) => "archive.person.member",
        };
        let who = Rc::new(Who {
            name: match person.name.is_empty() {
                true => self.cx.t(nameless).into_owned(),
                false => person.name,
            },
            key: match (person.member, person.customer) {
                (Some(member), _) => member.to_string(),
                (None, Some(customer)) => customer.to_string(),
                (None, None) => format!("p{no}"),
            },
            kind: person.kind,
            member: person.member,
            customer: person.customer,
        });
        self.known.borrow_mut().insert(no, who.clone());
        Ok(who)
    }

    /// Who is behind one of WeCom's ids that stands within a message.
    pub fn by_wecom_id(&self, wecom_id: &str) -> Result<Option<String>, StoreError> {
        queries::name_of_id(self.r, self.sight, wecom_id)
    }

    /// The name of a customer in scope.
    pub fn customer(&self, id: CustomerId) -> Result<Option<String>, StoreError> {
        let found = customers::queries::customer(self.r, self.sight, id)?;
        Ok(found.map(|found| found.customer.name))
    }

    /// What a conversation is called: its people, members of the firm first, or the room.
    pub fn title(&self, chat: &Chat) -> Result<String, StoreError> {
        Ok(match &chat.place {
            Place::Alone(no) => self.who(*no)?.name.clone(),
            Place::OneToOne(a, b) => {
                let (a, b) = (self.who(*a)?, self.who(*b)?);
                let (first, second) = match b.is_staff() && !a.is_staff() {
                    true => (b, a),
                    false => (a, b),
                };
                format!("{} ↔ {}", first.name, second.name)
            }
            Place::Room(id) => {
                let group = customers::sync::group_by_chat_id(self.r, id)?;
                let known = group.map(|group| group.name).unwrap_or_default();
                match [known, chat.name.clone()]
                    .into_iter()
                    .find(|n| !n.is_empty())
                {
                    Some(name) => name,
                    None => self.cx.t("archive.room_unnamed").into_owned(),
                }
            }
        })
    }

    /// What kind of conversation it is: a key of the catalogue.
    pub fn sort_of(chat: &Chat) -> &'static str {
        match (&chat.place, chat.is_external) {
            (Place::Alone(_), _) => "archive.sort.alone",
            (Place::OneToOne(..), _) => "archive.sort.one_to_one",
            (Place::Room(_), true) => "archive.sort.external_group",
            (Place::Room(_), false) => "archive.sort.internal_group",
        }
    }
}
