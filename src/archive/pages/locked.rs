//! `/archive?flag=undecrypted`: the messages that nobody can read yet, why, and what to do.

use crate::{
    archive::{
        model::{Locked as Why, Parked},
        parked::{self, FilesLeft},
        queries::ArchiveSight,
    },
    error::Result,
    identity::Permission,
    kit::Timestamp,
    store::{Act, Read},
    web::parts::{Empty, EmptyKind, Link},
};

use super::{
    asked::{CONDITIONS, UNDECRYPTED},
    search::{Maker, SearchPage, act_of_numbers},
};

/// The conditions that can be asked of a message that nobody can read.
const APPLY: [&str; 3] = ["flag", "from", "to"];

/// Where key and library are kept.
const SETTINGS: &str = "/settings/archive";
const KEYS: &str = "/settings/archive#keys";

/// One that nobody can read yet. What it says, who wrote it and to whom is not known.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) msgid: String,
    /// When it came.
    pub(super) at: Timestamp,
    pub(super) tried_at: Timestamp,
    pub(super) key_version: u32,
    /// Catalogue keys: why, and what will happen or is to be done.
    pub(super) why: &'static str,
    pub(super) next: &'static str,
    /// The same for what is done about it, and where.
    pub(super) to_do: Option<(&'static str, &'static str)>,
}

impl Line {
    pub(super) fn of(parked: &Parked) -> Self {
        let (why, next, to_do) = match parked.why {
            Why::NoKey => (
                "archive.locked.no_key",
                "archive.locked.no_key_next",
                Some(("archive.locked.add_key", KEYS)),
            ),
            Why::WrongKey => (
                "archive.locked.wrong_key",
                "archive.locked.wrong_key_next",
                Some(("archive.locked.compare_key", KEYS)),
            ),
            Why::Damaged => (
                "archive.locked.damaged",
                "archive.locked.damaged_next",
                Some(("archive.locked.test_library", SETTINGS)),
            ),
            Why::Untried => (
                "archive.locked.untried",
                "archive.locked.untried_next",
                None,
            ),
        };
        Self {
            seq: parked.seq,
            msgid: parked.msgid.clone(),
            at: parked.at,
            tried_at: parked.tried_at,
            key_version: parked.key_version,
            why,
            next,
            to_do,
        }
    }
}

/// What the page shows in the place of hits.
pub(in crate::archive) struct Locked {
    pub(super) lines: Vec<Line>,
    /// The conditions that were left aside, in a sentence.
    pub(super) aside: Option<String>,
    /// How long their files may still be had.
    pub(super) files_left: Option<FilesLeft>,
    /// Whether the viewer keeps keys and library.
    pub(super) may_set_up: bool,
}

impl Maker<'_> {
    /// Puts them on the page.
    pub(super) fn locked(
        &self,
        r: &Read<'_>,
        sight: &ArchiveSight,
        page: &mut SearchPage,
    ) -> Result<Act> {
        let found = parked::page(r, sight, self.asked, &self.request())?;
        let numbers = found.items.iter().map(|row| row.seq);
        let act = act_of_numbers(self.viewer, self.asked, self.query, numbers);
        page.pager = self.pager(&found);
        let total = page.pager.total_text();
        let args = (("total", total), ("n", page.pager.total));
        page.summary = self.cx.tf("archive.locked.found", args).into_owned();
        if found.items.is_empty() {
            page.empty = Some(self.none_locked());
        }
        page.locked = Some(Locked {
            lines: found.items.iter().map(Line::of).collect(),
            aside: self.aside(),
            files_left: parked::files_left(r, self.cx.now)?,
            may_set_up: self.viewer.may(Permission::SettingsManage),
        });
        Ok(act)
    }

    /// Says which conditions say nothing about these messages.
    fn aside(&self) -> Option<String> {
        let word = |name: &str| {
            let name = if name == "q" { "text" } else { name };
            self.cx.t(&format!("archive.filter.{name}")).into_owned()
        };
        let given = CONDITIONS.iter().filter(|name| !APPLY.contains(name));
        let given = given.filter(|name| self.query.get(name).is_some());
        let mut left: Vec<String> = given.map(|name| word(name)).collect();
        if self.query.all("flag").any(|flag| flag != UNDECRYPTED) {
            left.push(word("flag"));
        }
        if left.is_empty() {
            return None;
        }
        let names = left.join(&self.cx.t("archive.locked.and"));
        let said = self.cx.tf("archive.locked.aside", ("names", names));
        Some(said.into_owned())
    }

    fn none_locked(&self) -> Empty {
        let is_narrowed = ["from", "to"].iter().any(|n| self.query.get(n).is_some());
        let word = match is_narrowed {
            true => "archive.locked.none_then",
            false => "archive.locked.none",
        };
        let href = self.query.without("from").without("to").to_string();
        Empty {
            kind: EmptyKind::NothingMatches,
            title: self.cx.t(&format!("{word}.title")).into_owned(),
            hint: self.cx.t(&format!("{word}.hint")).into_owned(),
            action: is_narrowed.then(|| Link {
                label: self.cx.t("archive.locked.all").into_owned(),
                href,
            }),
            other: None,
        }
    }
}
