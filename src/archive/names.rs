//! Who and what conversations are called.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

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

/// People whom a room without a name is called by.
const NAMED: usize = 3;

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
    /// What rooms without a name are called, by number.
    rooms: RefCell<HashMap<u32, String>>,
    /// The members in scope as parties; `None` if all are. Known once a room needs it.
    staff: OnceCell<Option<BTreeSet<u32>>>,
}

impl<'a> Names<'a> {
    /// For one page.
    pub fn new(r: &'a Read<'a>, sight: &'a Sight, cx: &'a Cx) -> Self {
        Self {
            r,
            sight,
            cx,
            known: RefCell::default(),
            rooms: RefCell::default(),
            staff: OnceCell::new(),
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
                    None => self.by_people(chat)?,
                }
            }
        })
    }

    /// What a room without a name is called, as WeCom calls it: by its first people, and how many
    /// they are. Only those whom a message names that the viewer sees.
    fn by_people(&self, room: &Chat) -> Result<String, StoreError> {
        if let Some(known) = self.rooms.borrow().get(&room.no) {
            return Ok(known.clone());
        }
        let people = queries::people_in(self.r, room, self.staff()?)?;
        let mut names = Vec::with_capacity(NAMED);
        for no in people.iter().take(NAMED) {
            names.push(self.who(*no)?.name.clone());
        }
        let name = match names.is_empty() {
            true => self.cx.t("archive.room_unnamed").into_owned(),
            false => {
                let names = names.join(&self.cx.t("archive.room_and"));
                let args = (("names", names), ("n", people.len()));
                self.cx.tf("archive.room_of", args).into_owned()
            }
        };
        self.rooms.borrow_mut().insert(room.no, name.clone());
        Ok(name)
    }

    fn staff(&self) -> Result<Option<&BTreeSet<u32>>, StoreError> {
        if let Some(staff) = self.staff.get() {
            return Ok(staff.as_ref());
        }
        let mut staff = None;
        if let Some(members) = self.sight.members() {
            let mut numbers = BTreeSet::new();
            for member in members {
                numbers.extend(queries::party_of(self.r, member.cast())?);
            }
            staff = Some(numbers);
        }
        Ok(self.staff.get_or_init(|| staff).as_ref())
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

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Archive, CUSTOMER, OTHER, ROOM, text},
        *,
    };
    use crate::{
        archive::model::Party,
        web::{Lang, tests::cx},
    };

    #[test]
    fn a_room_without_a_name_is_called_by_people_whom_the_viewer_may_see_there() {
        let archive = Archive::new();
        archive.pull(vec![
            text(
                1,
                "LinXiaoyu",
                &["ChenDawei", "SunYi", "ZhouMin"],
                ROOM,
                "早",
            ),
            text(2, CUSTOMER, &["SunYi", "ChenDawei", OTHER], ROOM, "好"),
        ]);
        let title = |sight: &Sight, lang| {
            archive.read(|r| {
                let cx = cx(lang);
                let room = r.get::<Chat>(&1).unwrap().unwrap();
                Names::new(r, sight, &cx).title(&room).unwrap()
            })
        };
        let all = Sight::everything_for_test();
        assert_eq!(title(&all, Lang::Zh), "ChenDawei、SunYi、微信用户 (4)");
        let lin: MemberId = archive.read(|r| {
            let lin = r.get::<Party>(&1).unwrap().unwrap();
            lin.subject.cast()
        });
        // Who came when Lin was gone is not named to whoever sees Lin alone.
        let own = Sight::of_members_for_test([lin]);
        assert_eq!(title(&own, Lang::En), "LinXiaoyu, ChenDawei, SunYi (4)");
        let nobody = Sight::of_members_for_test([]);
        assert_eq!(title(&nobody, Lang::Zh), "未命名群聊");
    }
}
