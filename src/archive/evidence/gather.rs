//! What goes into a package: the messages with their context and proofs, the files, and what
//! stands beside them. Nothing is held in memory but what is being written.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
};

use crate::{
    app::App,
    audit::evidence::{CHOSEN, CONTEXT, DELETED, ERASED, MessageProof, SHOWN, name},
    error::{AppError, Result},
    store::Read,
    wecom::archive::Kind,
    work::JobContext,
};

use super::{
    super::{
        Content, media,
        model::{Chat, Media},
        queries::{self as archive, ArchiveSight, Message, Side},
    },
    about::About,
    around::window,
    deleted::{Deletion, Deletions},
    facts::{self, Audience, ChatLine, ConsentLine, MediaLine, People},
    job::{Out, disk, missing},
    model::{Case, Chosen},
    print::{Page, Shown},
    proof::{self, Trees},
    queries,
    rest::Spool,
    said,
};

/// Messages that are read at once.
const BATCH: usize = 200;
/// Stands for the hash of a message of which nothing is left.
const NO_LEAF: [u8; 32] = [0; 32];

/// What was put into a package.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) messages: u64,
    pub(super) chosen: u64,
    pub(super) media: u64,
    pub(super) media_missing: u64,
    pub(super) unproven: u64,
    pub(super) pulls: BTreeSet<u64>,
    /// What took messages of it away.
    pub(super) purges: BTreeSet<u64>,
    /// Files to be put in: name in the package, and where it lies.
    files: BTreeMap<String, Media>,
}

impl Gathered {
    pub(super) fn counts(&self) -> [u64; 4] {
        [self.messages, self.chosen, self.media, self.media_missing]
    }
}

/// Lines that are written beside the messages, and copied into the package behind them.
struct Spools {
    proofs: Spool,
    media: Spool,
    deletions: Spool,
    page: Page<Spool>,
}

/// Gathers it from one state of the store, by what the one who seals sees.
pub(super) struct Gathering<'a> {
    app: &'a App,
    context: &'a JobContext,
    r: &'a Read<'a>,
    sight: &'a ArchiveSight,
    case: &'a Case,
    about: About<'a>,
    trees: Trees<'a>,
    people: People<'a>,
    deletions: Deletions<'a>,
    /// Who wrote and received the messages of the conversation that is being written.
    audience: Audience,
    gathered: Gathered,
    spools: Spools,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(
        app: &'a App,
        context: &'a JobContext,
        r: &'a Read<'a>,
        sight: &'a ArchiveSight,
        case: &'a Case,
    ) -> Result<Self> {
        let spool = || Spool::new(app);
        let about = About::of(app, r, case, app.store.clock().now())?;
        let page = spool().and_then(|out| Page::begin(out, app.zone(), &about));
        Ok(Self {
            app,
            context,
            r,
            sight,
            case,
            about,
            trees: Trees::new(r)?,
            people: People::new(r, &sight.sight),
            deletions: Deletions::new(r),
            audience: Audience::default(),
            gathered: Gathered::default(),
            spools: Spools {
                proofs: spool().map_err(disk)?,
                media: spool().map_err(disk)?,
                deletions: spool().map_err(disk)?,
                page: page.map_err(disk)?,
            },
        })
    }

    /// Writes everything that is sealed; `None` if it was told to stop.
    pub(super) fn write(mut self, out: &mut Out) -> Result<Option<Gathered>> {
        let items = queries::items(self.r, self.case.id)?;
        let mut chats = Vec::new();
        out.start(name::MESSAGES)?;
        for (no, chosen) in queries::chosen(&items) {
            let chat = archive::chat_by_no(self.r, self.sight, no)?.ok_or_else(missing)?;
            let line = self.people.chat(&chat)?;
            self.spools.page.chat(&line).map_err(disk)?;
            if !self.chat(out, &chat, &chosen)? {
                return Ok(None);
            }
            chats.push((chat, line, std::mem::take(&mut self.audience)));
        }
        self.facts(out, chats)?;
        let files = std::mem::take(&mut self.gathered.files);
        for (path, media) in files {
            if self.context.should_stop()? {
                return Ok(None);
            }
            let file = media::open(self.app, &media)?;
            let (_, sha256) = out.media(&path, file.content())?;
            if media.sha256.map(hex::encode) != Some(sha256) {
                return Err(AppError::internal(format!("{path} is damaged on disk")));
            }
        }
        self.gathered.purges = self.deletions.numbers().collect();
        Ok(Some(self.gathered))
    }

    /// Writes the messages of a conversation with their context; `false` if it was told to
    /// stop.
    fn chat(&mut self, out: &mut Out, chat: &Chat, chosen: &Chosen) -> Result<bool> {
        let mut written = 0;
        for (first, last) in self.windows(chat, chosen)? {
            if written > 0 && self.has_gap(chat, written, first)? {
                self.spools.page.gap().map_err(disk)?;
            }
            let mut at = first.max(written + 1) - 1;
            loop {
                if self.context.should_stop()? {
                    return Ok(false);
                }
                let side = Side::After(at);
                let (messages, _) = archive::messages(self.r, self.sight, chat, side, BATCH)?;
                let here: Vec<&Message> = messages.iter().take_while(|m| m.seq <= last).collect();
                for message in &here {
                    self.message(out, chat, message, chosen.has(message.seq))?;
                    at = message.seq;
                }
                written = written.max(at);
                let done = self.gathered.messages;
                self.context.progress_blocking(move |p| {
                    "evidence".clone_into(&mut p.phase);
                    p.done = done;
                })?;
                if here.len() < BATCH {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Whether a message between what was written and what follows is left out.
    fn has_gap(&self, chat: &Chat, written: u64, first: u64) -> Result<bool> {
        let side = Side::After(written);
        let (next, _) = archive::messages(self.r, self.sight, chat, side, 1)?;
        Ok(next.first().is_some_and(|next| next.seq < first))
    }

    /// First and last number of what is written around each range.
    fn windows(&self, chat: &Chat, chosen: &Chosen) -> Result<Vec<(u64, u64)>> {
        let ranges = chosen.ranges().iter();
        let windows = ranges.map(|range| window(self.r, chat.no, *range, self.case.context));
        Ok(windows.collect::<Result<_, _>>()?)
    }

    fn message(
        &mut self,
        out: &mut Out,
        chat: &Chat,
        message: &Message,
        is_chosen: bool,
    ) -> Result<()> {
        let (text, leaf) = proof::text_and_leaf(self.r, chat, message)?;
        let line = match &text {
            Some(text) => text.clone(),
            None => format!("#{}", hex::encode(leaf.unwrap_or(NO_LEAF))).into_bytes(),
        };
        out.write_all(&line)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(disk)?;
        let place = match leaf {
            Some(_) => self.trees.place(message.seq)?,
            None => None,
        };
        let proof = MessageProof {
            n: self.gathered.messages,
            seq: message.seq,
            chat: chat.id.to_string(),
            role: if is_chosen { CHOSEN } else { CONTEXT }.to_owned(),
            state: match (&text, &message.content) {
                (Some(_), _) => SHOWN,
                (None, Content::Deleted) => DELETED,
                (None, _) => ERASED,
            }
            .to_owned(),
            recalled: message.is_recalled,
            salt: match (&text, message.salt) {
                (Some(_), Some(salt)) => hex::encode(salt),
                _ => String::new(),
            },
            pull: place.as_ref().map_or(0, |place| place.pull),
            index: place.as_ref().map_or(0, |place| place.index),
            path: place
                .iter()
                .flat_map(|place| &place.path)
                .map(hex::encode)
                .collect(),
        };
        write_line(&mut self.spools.proofs, &proof)?;
        self.audience.add(message);
        self.gathered.messages += 1;
        self.gathered.chosen += u64::from(is_chosen);
        match place {
            Some(place) => drop(self.gathered.pulls.insert(place.pull)),
            None => self.gathered.unproven += 1,
        }
        let media = self.media(message)?;
        self.show(message, is_chosen, text.is_some(), media)
    }

    /// What took a message away, if a rule did.
    fn deletion(&mut self, message: &Message) -> Result<Option<Deletion>> {
        let found = self.deletions.of(message)?;
        if let Some(deletion) = &found {
            write_line(&mut self.spools.deletions, &deletion.line(message.seq))?;
        }
        Ok(found)
    }

    fn media(&mut self, message: &Message) -> Result<Vec<MediaLine>> {
        let mut lines = Vec::new();
        for (line, kept) in facts::media(self.app, self.r, message)? {
            write_line(&mut self.spools.media, &line)?;
            match kept {
                Some(media) => {
                    self.gathered.media += 1;
                    self.gathered.files.insert(line.path.clone(), media);
                }
                None => self.gathered.media_missing += 1,
            }
            lines.push(line);
        }
        Ok(lines)
    }

    fn show(
        &mut self,
        message: &Message,
        is_chosen: bool,
        is_there: bool,
        media: Vec<MediaLine>,
    ) -> Result<()> {
        let kind =
            (message.kind != Kind::Text).then(|| format!("archive.kind.{}", message.kind.code()));
        let from = self.people.who(message.from)?.clone();
        let zone = self.app.zone();
        let said = match is_there {
            true => said::said(message, &zone, |id| self.people.name_of(id))?,
            false => None,
        };
        let deletion = self.deletion(message)?;
        let shown = Shown {
            seq: message.seq,
            at: message.at,
            from: &from,
            kind,
            msgid: &message.msgid,
            said,
            deleted: deletion.map(|deletion| deletion.text(&zone)),
            is_recalled: message.is_recalled,
            is_context: !is_chosen,
            media,
        };
        self.spools.page.message(&shown).map_err(disk)
    }

    /// Writes what stands beside the messages.
    fn facts(&mut self, out: &mut Out, written: Vec<(Chat, ChatLine, Audience)>) -> Result<()> {
        let mut consents: Vec<ConsentLine> = Vec::new();
        let (mut chats, mut lines) = (Vec::new(), Vec::new());
        for (chat, mut line, audience) in written {
            line.people = self.people.all_of(&chat, &audience)?;
            consents.extend(self.people.consents(&chat, &audience)?);
            chats.push(chat);
            lines.push(line);
        }
        let readers = facts::readers(self.app, self.r, &chats)?;
        let spools = &mut self.spools;
        copy(out, name::MESSAGE_PROOFS, &mut spools.proofs)?;
        copy(out, name::MEDIA, &mut spools.media)?;
        copy(out, name::DELETIONS, &mut spools.deletions)?;
        out.file(name::CASE, &self.about.file()?)?;
        write_lines(out, name::CONVERSATIONS, &lines)?;
        write_lines(out, name::PEOPLE, self.people.all())?;
        write_lines(out, name::READERS, &readers)?;
        write_lines(out, name::CONSENTS, &consents)?;
        let page = &mut self.spools.page;
        let ended = page.end(self.people.all(), &readers, &consents);
        ended.map_err(disk)?;
        copy(out, name::INDEX, page.out())
    }
}

fn write_lines<T: serde::Serialize>(
    out: &mut Out,
    path: &str,
    lines: impl IntoIterator<Item = T>,
) -> Result<()> {
    out.start(path)?;
    lines
        .into_iter()
        .try_for_each(|line| write_line(out, &line))
}

fn write_line(out: &mut impl std::io::Write, line: &impl serde::Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec(line).map_err(AppError::internal)?;
    bytes.push(b'\n');
    out.write_all(&bytes).map_err(disk)
}

/// Copies what was written beside into the package.
fn copy(out: &mut Out, path: &str, spool: &mut Spool) -> Result<()> {
    let content = spool.end().map_err(disk)?;
    out.copy(path, content.content())?;
    Ok(())
}
