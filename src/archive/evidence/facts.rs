//! What a package says beside the messages: the conversations, their people, who could read
//! them, who had agreed, and where each file of a message is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    app::App,
    audit::evidence::name,
    customers,
    error::Result,
    identity::{self, Permission, Reach},
    org::Sight,
    store::{Read, StoreError},
};

use super::super::{
    model::{Chat, Consent, Media, MediaState, Party, PartyKind, Place, Said, Towards},
    queries::{self, ArchiveSight},
};

/// A line of `people.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PersonLine {
    /// WeCom's id; empty if the person was erased.
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) department: String,
}

/// A line of `conversations.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct ChatLine {
    pub(super) chat: String,
    pub(super) kind: &'static str,
    pub(super) external: bool,
    pub(super) name: String,
    pub(super) room: String,
    /// WeCom's ids; of those outside who never wrote, whoever received a message here.
    pub(super) people: Vec<String>,
    pub(super) messages: u64,
    pub(super) recalled: u64,
    pub(super) first: String,
    pub(super) last: String,
}

/// A line of `readers.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct ReaderLine {
    pub(super) account: String,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) reach: &'static str,
    /// The conversations.
    pub(super) chats: Vec<String>,
}

/// A line of `consents.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ConsentLine {
    pub(super) chat: String,
    pub(super) person: String,
    /// Towards which member; empty if there is no answer.
    pub(super) towards: String,
    pub(super) answer: &'static str,
    /// Since when.
    pub(super) at: String,
    /// `message` if it is itself a message of the archive, `event` if WeCom told of it by an
    /// event, `asked` if WeCom was asked; empty if there is no answer.
    pub(super) heard: &'static str,
    /// The first message here that the person wrote or received; 0 if there is none.
    pub(super) first_seq: u64,
    /// The last one.
    pub(super) last_seq: u64,
}

/// Who wrote and received the messages of a conversation, with the first and the last of them.
#[derive(Default)]
pub(super) struct Audience(BTreeMap<u32, (u64, u64)>);

impl Audience {
    pub(super) fn add(&mut self, message: &queries::Message) {
        for no in message.to.iter().chain([&message.from]) {
            let (first, last) = self.0.entry(*no).or_insert((message.seq, message.seq));
            *first = message.seq.min(*first);
            *last = message.seq.max(*last);
        }
    }
}

/// A line of `media.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MediaLine {
    pub(super) seq: u64,
    pub(super) place: u8,
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// `here`, or why not: `waiting`, `lost`, `gone`.
    pub(super) state: &'static str,
    pub(super) announced_bytes: u64,
    pub(super) announced_md5: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Its name in the package; empty if it is not there.
    pub(super) path: String,
    /// It is not what WeCom announced.
    pub(super) differs: bool,
}

/// The people of a package, each looked up once.
pub(super) struct People<'a> {
    r: &'a Read<'a>,
    sight: &'a Sight,
    known: BTreeMap<u32, PersonLine>,
}

impl<'a> People<'a> {
    pub(super) fn new(r: &'a Read<'a>, sight: &'a Sight) -> Self {
        Self {
            r,
            sight,
            known: BTreeMap::new(),
        }
    }

    /// Who a party is.
    pub(super) fn who(&mut self, no: u32) -> Result<&PersonLine, StoreError> {
        if !self.known.contains_key(&no) {
            let line = self.look_up(no)?;
            self.known.insert(no, line);
        }
        // It was just put there.
        Ok(&self.known[&no])
    }

    fn look_up(&self, no: u32) -> Result<PersonLine, StoreError> {
        let person = queries::person(self.r, self.sight, no)?;
        let party = self.r.get::<Party>(&no)?;
        let directory = &self.sight.directory;
        let member = person.member.and_then(|id| directory.member(id));
        let department = member.and_then(|member| directory.department_of(member));
        Ok(PersonLine {
            id: party.map(|party| party.wecom_id).unwrap_or_default(),
            kind: match person.kind {
                Some(PartyKind::Member) => "member",
                Some(PartyKind::Wechat) => "wechat",
                Some(PartyKind::OtherFirm) => "other_firm",
                Some(PartyKind::Robot) => "robot",
                None => "erased",
            },
            name: person.name,
            department: department.map(|d| d.name.clone()).unwrap_or_default(),
        })
    }

    /// Everybody who was looked up.
    pub(super) fn all(&self) -> impl Iterator<Item = &PersonLine> {
        self.known.values()
    }

    /// What a conversation is called.
    pub(super) fn title(&mut self, chat: &Chat) -> Result<String, StoreError> {
        if let Place::Room(id) = &chat.place {
            let group = customers::sync::group_by_chat_id(self.r, id)?;
            let name = group.map(|group| group.name).unwrap_or_default();
            return Ok(match name.is_empty() {
                true => chat.name.clone(),
                false => name,
            });
        }
        let mut names = Vec::new();
        for no in chat.staff.iter().chain(&chat.others) {
            names.push(self.who(*no)?.name.clone());
        }
        Ok(names.join(" ↔ "))
    }

    /// WeCom's ids of everybody in a conversation: members first, then others who wrote, then
    /// who only read.
    pub(super) fn all_of(
        &mut self,
        chat: &Chat,
        audience: &Audience,
    ) -> Result<Vec<String>, StoreError> {
        let known = chat.staff.iter().chain(&chat.others);
        let is_known = |no: &&u32| chat.staff.contains(no) || chat.others.contains(no);
        let readers = audience.0.keys().filter(|no| !is_known(no));
        let mut people = Vec::new();
        for no in known.chain(readers) {
            people.push(self.who(*no)?.id.clone());
        }
        Ok(people)
    }

    /// The name of who is behind one of WeCom's ids that stands within a message.
    pub(super) fn name_of(&self, wecom_id: &str) -> Result<Option<String>> {
        Ok(queries::name_of_id(self.r, self.sight, wecom_id)?)
    }

    /// The line of a conversation.
    pub(super) fn chat(&mut self, chat: &Chat) -> Result<ChatLine, StoreError> {
        let people = self.all_of(chat, &Audience::default())?;
        Ok(ChatLine {
            chat: chat.id.to_string(),
            kind: match chat.place {
                Place::OneToOne(..) => "one_to_one",
                Place::Room(_) => "room",
                Place::Alone(_) => "alone",
            },
            external: chat.is_external,
            name: self.title(chat)?,
            room: match &chat.place {
                Place::Room(id) => id.clone(),
                _ => String::new(),
            },
            people,
            messages: chat.messages,
            recalled: chat.recalled,
            first: chat.first_at.to_rfc3339(),
            last: chat.last_at.to_rfc3339(),
        })
    }

    /// What the people of a conversation outside the firm have answered up to now, the oldest
    /// word first: what counted when a message was written is the last one before it. Who only
    /// read is among them.
    pub(super) fn consents(
        &mut self,
        chat: &Chat,
        audience: &Audience,
    ) -> Result<Vec<ConsentLine>, StoreError> {
        let mut parties: Vec<u32> = audience.0.keys().chain(&chat.others).copied().collect();
        parties.sort_unstable();
        parties.dedup();
        let mut lines = Vec::new();
        for no in parties {
            let person = self.who(no)?.clone();
            if !["wechat", "other_firm"].contains(&person.kind) {
                continue;
            }
            let (first_seq, last_seq) = audience.0.get(&no).copied().unwrap_or_default();
            let none = ConsentLine {
                chat: chat.id.to_string(),
                person: person.id,
                towards: String::new(),
                answer: "none",
                at: String::new(),
                heard: "",
                first_seq,
                last_seq,
            };
            let answers = queries::consents_of(self.r, chat, no)?;
            for consent in &answers {
                self.answers(chat, consent, &none, &mut lines)?;
            }
            if answers.is_empty() {
                lines.push(none);
            }
        }
        Ok(lines)
    }

    /// Every word of one person towards one member, or in one room.
    fn answers(
        &mut self,
        chat: &Chat,
        consent: &Consent,
        none: &ConsentLine,
        lines: &mut Vec<ConsentLine>,
    ) -> Result<(), StoreError> {
        let towards = match consent.towards {
            Towards::Member(no) => self.who(no)?.id.clone(),
            Towards::Room(_) => chat.id.to_string(),
        };
        let last = Said {
            answer: consent.answer,
            at: consent.at,
            heard: consent.heard,
        };
        let said = consent.earlier.iter().chain([&last]);
        lines.extend(said.map(|said| ConsentLine {
            towards: towards.clone(),
            answer: said.answer.code(),
            at: said.at.to_rfc3339(),
            heard: said.heard.code(),
            ..none.clone()
        }));
        Ok(())
    }
}

/// Accounts that could read any of these conversations at this moment.
pub(super) fn readers(app: &App, r: &Read<'_>, chats: &[Chat]) -> Result<Vec<ReaderLine>> {
    let directory = app.directory.get(r)?;
    let mut lines = Vec::new();
    for (account, scope) in identity::queries::holders(r, Permission::ArchiveRead)? {
        let sight = ArchiveSight::from(r, Sight::new(directory.clone(), &scope))?;
        let seen = chats.iter().filter(|chat| sight.sees(chat));
        let chats: Vec<String> = seen.map(|chat| chat.id.to_string()).collect();
        if chats.is_empty() {
            continue;
        }
        lines.push(ReaderLine {
            account: account.id.to_string(),
            login: account.login,
            name: account.name,
            role: account.role.code(),
            reach: match scope.reach() {
                Reach::Everything => "everything",
                Reach::Units(_) => "units",
                Reach::OwnUnits => "own_units",
                Reach::Own => "own",
            },
            chats,
        });
    }
    Ok(lines)
}

/// The files of a message. What is here is to be put into the package under `path`.
pub(super) fn media(
    app: &App,
    r: &Read<'_>,
    message: &queries::Message,
) -> Result<Vec<(MediaLine, Option<Media>)>> {
    let named = message.body().map(|body| body.media()).unwrap_or_default();
    let mut lines = Vec::new();
    for file in queries::files(r, message.seq)? {
        let told = named.get(usize::from(file.place));
        let kind = match (file.state, message.body()) {
            (MediaState::Here, Some(_)) => super::super::pages::kept_type(app, &file)?,
            _ => None,
        };
        let state = match (file.state, kind) {
            (MediaState::Here, Some(_)) => "here",
            (MediaState::Here, None) => "gone",
            (MediaState::Waiting, _) => "waiting",
            (MediaState::Lost, _) => "lost",
        };
        let sha256 = file.sha256.map(hex::encode).unwrap_or_default();
        let line = MediaLine {
            seq: message.seq,
            place: file.place,
            kind: told.map_or("", |told| told.kind.code()),
            name: told.and_then(|told| told.name.clone()).unwrap_or_default(),
            state,
            announced_bytes: file.size,
            announced_md5: file.md5.clone(),
            bytes: if state == "here" { file.length } else { 0 },
            path: match kind {
                Some(kind) => format!("{}{sha256}.{}", name::MEDIA_DIR, extension(kind)),
                None => String::new(),
            },
            sha256,
            differs: file.differs,
        };
        let kept = kind.map(|_| file);
        lines.push((line, kept));
    }
    Ok(lines)
}

/// The end of a file's name: what its first bytes say, never what its sender said, so that
/// nothing in a package opens as a page or a program.
fn extension(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "audio/mpeg" => "mp3",
        "audio/amr" => "amr",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}
