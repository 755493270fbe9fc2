//! The state of the made-up firm, and what moves it. Each area has a file of its own, and a
//! struct of its own for what only its calls know.
//!
//! Nothing of it is saved as it stands: the journal does again what was done, so that an area
//! may change its structs at will.

mod customers;
mod org;
mod tags;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{
    api_login,
    archive::{self, ArchiveOptions},
    callbacks::Notice,
    check::{Call, Fail},
    contact, directory,
    firm::{self, Book, GroupChat, Org, TagGroup},
    media::{self, Blobs},
    messages,
    routes::{self, Handler, Written, Wrote},
};

pub use customers::WelcomeCode;

/// Everything WeCom would know about the firm.
#[derive(Debug, Clone)]
pub struct World {
    /// Departments and members.
    pub org: Org,
    /// Tag groups, deleted ones too.
    pub tags: Vec<TagGroup>,
    /// Customers.
    pub book: Book,
    /// Group chats by id.
    pub groups: BTreeMap<String, GroupChat>,
    /// Welcome codes given out.
    pub welcome_codes: BTreeMap<String, WelcomeCode>,
    /// What the authorize page has given out.
    pub login: api_login::State,
    /// What only customer contact knows.
    pub contact: contact::State,
    /// What only the directory's calls know.
    pub directory: directory::State,
    /// Files.
    pub media: media::State,
    /// Messages of the app.
    pub messages: messages::State,
    /// The chat archive.
    pub archive: archive::State,
    made: u64,
}

impl World {
    /// The firm as it stands at `now_s` (seconds) with so many customers and these chats.
    pub fn new(seed: u64, customers: u32, now_s: i64, chats: ArchiveOptions) -> Self {
        let org = firm::org(seed);
        let tags = firm::tags(seed, now_s - 800 * 86_400);
        let book = Book::new(seed, customers, now_s, &org.sellers, &tags);
        let groups = firm::groups(seed, now_s, &org, &book);
        let archive = archive::State::new(seed, now_s, (&org, &book, &groups), chats);
        Self {
            org,
            tags,
            book,
            groups,
            welcome_codes: BTreeMap::new(),
            login: api_login::State::default(),
            contact: contact::State::default(),
            directory: directory::State::default(),
            media: media::State::default(),
            messages: messages::State::default(),
            archive,
            made: 0,
        }
    }

    /// Randomness for something new, the same after the same history.
    pub fn fresh(&mut self) -> firm::Rng {
        self.made += 1;
        firm::Rng::of(self.made, 50, 0)
    }

    /// What has become due by `now_s` (seconds) happens, in order; what is told of it. It
    /// depends on nothing but the firm, so that it comes out the same whenever it is asked for.
    pub fn pass_time(&mut self, now_s: i64) -> Vec<Notice> {
        let mut notices = self.end_imports(now_s);
        notices.extend(self.pass_contact_time(now_s));
        notices.extend(self.archive.pass_time(now_s));
        notices
    }

    /// Lets a call change the firm; a refused one leaves no trace.
    ///
    /// # Errors
    /// As the call says.
    pub fn change(
        &mut self,
        handler: fn(&mut Self, &Call<'_>) -> Result<Wrote, Fail>,
        call: &Call<'_>,
    ) -> Result<Wrote, Fail> {
        let made = self.made;
        let wrote = handler(self, call);
        if wrote.is_err() {
            self.made = made;
        }
        wrote
    }

    /// Does again what a call did at `now_s` (seconds).
    ///
    /// # Errors
    /// When it is impossible, which it was not the first time.
    pub fn write_again(
        &mut self,
        past: &Written,
        blobs: &Blobs,
        agentid: u64,
        now_s: i64,
    ) -> Result<(), Fail> {
        let route = routes::find(&past.call).ok_or_else(|| Fail::param("call"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let query: HashMap<String, String> = past
            .query
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        let mut upload = past.upload.clone();
        if let Some(upload) = &mut upload {
            upload.bytes = blobs.get(&upload.blob).unwrap_or_default();
        }
        let call = Call {
            app: past.app,
            agentid,
            now_s,
            query: &query,
            body: past.body.clone(),
            upload: upload.as_ref(),
            has_callback: true,
            blobs,
            shift_pages: false,
        };
        match route.handler {
            Handler::Read(_) | Handler::Raw(_) => Ok(()),
            Handler::Write(handler) => self.change(handler, &call).map(drop),
        }
    }
}
