//! A message as people expect to see it: the parts of a bubble, or a line between bubbles.

use askama::Template;

use crate::{
    app::App,
    archive::{
        Content,
        model::{Chat, Media, MediaState},
        names::Names,
        queries::{self, ArchiveSight, Message},
        retention::Purge,
    },
    error::Result,
    kit::Timestamp,
    search::{Piece, mark},
    store::Read,
    web::{Cx, filters, format},
    wecom::archive::{Body, Draw, LinkCard, MediaRef, Nested},
};

use super::{
    file,
    flags::{Flag, Flags},
    markdown::{self, Block, BlockKind},
};

/// Messages of one sender within so long share an avatar, ms.
const TOGETHER_MS: i64 = 3 * 60_000;

/// What stands in a conversation, from top to bottom.
pub(super) enum Item {
    Day {
        name: String,
        day: String,
    },
    Note {
        seq: u64,
        at: Timestamp,
        icon: &'static str,
        text: String,
        is_now: bool,
        flags: Vec<Flag>,
    },
    Bubble(Box<Bubble>),
}

/// One message.
pub(super) struct Bubble {
    pub(super) seq: u64,
    pub(super) by: String,
    pub(super) key: String,
    pub(super) at: Timestamp,
    /// On the right: the firm's side, or the viewer's.
    pub(super) is_out: bool,
    /// Belongs to the one before: without avatar and name.
    pub(super) is_cont: bool,
    pub(super) is_hit: bool,
    pub(super) is_now: bool,
    /// That it was recalled, and when if known.
    pub(super) recalled: Option<String>,
    pub(super) parts: Vec<Part>,
    /// The alerts about it, for whoever handles them.
    pub(super) flags: Vec<Flag>,
}

impl Bubble {
    /// Whether it is a picture and nothing else.
    pub(super) fn is_picture(&self) -> bool {
        let picture = |part: &Part| matches!(&part.what, What::Image { file, is_emotion: false } if file.href.is_some());
        self.recalled.is_none() && matches!(self.parts.as_slice(), [one] if picture(one))
    }
}

/// A piece of a bubble.
#[derive(Template)]
#[template(path = "archive/part.html")]
pub(super) struct Part {
    pub(super) what: What,
}

/// What a piece is.
pub(super) enum What {
    Text(Vec<Piece>),
    Markdown(Vec<Block>),
    Quote {
        name: String,
        text: Vec<Piece>,
    },
    Image {
        file: Kept,
        is_emotion: bool,
    },
    Voice {
        seconds: Option<u64>,
        file: Kept,
    },
    Video {
        seconds: Option<u64>,
        file: Kept,
    },
    File {
        name: Vec<Piece>,
        extension: String,
        file: Kept,
    },
    Card(Card),
    Record {
        title: Vec<Piece>,
        lines: Vec<RecordLine>,
    },
    Gone(&'static str),
    /// Deleted, with the rule and the day.
    Deleted(String),
}

/// A box with a title and some lines.
pub(super) struct Card {
    pub(super) icon: &'static str,
    /// What it is.
    pub(super) tag: String,
    pub(super) title: Vec<Piece>,
    pub(super) lines: Vec<Vec<Piece>>,
    /// Where it leads: the host, and the address if it may be followed.
    pub(super) foot: Option<(String, Option<String>)>,
}

/// A message within a message.
pub(super) struct RecordLine {
    pub(super) at: Option<Timestamp>,
    pub(super) parts: Vec<Part>,
}

/// A file behind a message: where it stands.
pub(super) struct Kept {
    /// Its address, if it is here.
    pub(super) href: Option<String>,
    /// Why it is not here: a key of the catalogue.
    pub(super) missing: &'static str,
    /// Bytes, 0 if unknown.
    pub(super) size: u64,
    /// Its SHA-256 in hex; empty if it is not here.
    pub(super) sha256: String,
    /// It is not what WeCom announced.
    pub(super) differs: bool,
    /// The address at which the browser can show or play it.
    pub(super) shown: Option<String>,
}

impl Kept {
    /// The beginning and the end of its SHA-256: enough to tell it from others at a glance.
    fn short(&self) -> String {
        let end = self.sha256.len().saturating_sub(4);
        match (self.sha256.get(..4), self.sha256.get(end..)) {
            (Some(first), Some(last)) => format!("{first}…{last}"),
            _ => String::new(),
        }
    }
}

/// Makes items of messages.
pub(super) struct Maker<'a> {
    pub(super) app: &'a App,
    pub(super) r: &'a Read<'a>,
    pub(super) cx: &'a Cx,
    pub(super) sight: &'a ArchiveSight,
    pub(super) names: &'a Names<'a>,
    pub(super) chat: &'a Chat,
    /// What was typed.
    pub(super) text: &'a str,
    /// The message in the middle.
    pub(super) at: Option<u64>,
    /// The alerts about what is shown.
    pub(super) flags: &'a Flags,
}

impl Maker<'_> {
    /// The items of neighbouring messages; `before` is the one above them, if any.
    pub(super) fn items(
        &self,
        messages: &[Message],
        before: Option<&Message>,
    ) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(messages.len() + 4);
        let mut last = before;
        for message in messages {
            let day = self.day(message.at);
            if last.is_none_or(|last| self.day(last.at) != day) {
                items.push(Item::Day {
                    name: self.day_name(message.at),
                    day,
                });
                last = None;
            }
            items.push(self.item(message, messages, last)?);
            last = Some(message);
        }
        Ok(items)
    }

    fn day(&self, at: Timestamp) -> String {
        let at = at.to_jiff().to_zoned(self.cx.zone.clone());
        at.date().to_string()
    }

    /// `2026-11-18 周三`.
    fn day_name(&self, at: Timestamp) -> String {
        let date = format::date(at, &self.cx.zone, self.cx.lang());
        let weekday = at.to_jiff().to_zoned(self.cx.zone.clone()).weekday();
        let number = weekday.to_monday_one_offset();
        let weekday = self.cx.t(&format!("archive.weekday.{number}"));
        format!("{date} {weekday}")
    }

    fn item(&self, message: &Message, all: &[Message], last: Option<&Message>) -> Result<Item> {
        let body = message.body();
        let who = self.names.who(message.from)?;
        let note = |icon, text: String| Item::Note {
            seq: message.seq,
            at: message.at,
            icon,
            text,
            is_now: self.at == Some(message.seq),
            flags: self.flags.at(message.seq),
        };
        let said = |word: &str| self.cx.tf(word, ("who", who.name.as_str())).into_owned();
        match &body {
            Some(Body::Revoke { .. }) => return Ok(note("undo", said("archive.note.recalled"))),
            Some(Body::Consent { agreed: true, .. }) => {
                return Ok(note("check", said("archive.note.agreed")));
            }
            Some(Body::Consent { agreed: false, .. }) => {
                return Ok(note("warn", said("archive.note.refused")));
            }
            Some(Body::Switch { .. }) => {
                return Ok(note("transfer", said("archive.note.switched")));
            }
            Some(Body::MeetingNotification { content, .. }) => {
                return Ok(note("cal", content.clone()));
            }
            _ => {}
        }
        let parts = match &body {
            Some(body) => self.parts(message, body)?,
            None => vec![Part {
                what: self.gone(message)?,
            }],
        };
        let recalled = message.is_recalled.then(|| self.recalled(message, all));
        let is_cont = last.is_some_and(|last| {
            last.from == message.from
                && message.at.since_ms(last.at).abs() < TOGETHER_MS
                && last.body().is_some_and(|body| !is_line(&body))
        });
        Ok(Item::Bubble(Box::new(Bubble {
            seq: message.seq,
            by: who.name.clone(),
            key: who.key.clone(),
            at: message.at,
            is_out: self.is_out(message.from, who.is_staff()),
            is_cont,
            is_hit: parts.iter().any(Part::is_marked),
            is_now: self.at == Some(message.seq),
            recalled,
            parts,
            flags: self.flags.at(message.seq),
        })))
    }

    /// What stands where something was.
    fn gone(&self, message: &Message) -> Result<What> {
        match message.content {
            Content::Deleted => {}
            Content::Withheld => return Ok(What::Gone("archive.withheld")),
            _ => return Ok(What::Gone("archive.gone.erased")),
        }
        let purge = match message.purge {
            Some(no) => self.r.get::<Purge>(&no)?,
            None => None,
        };
        Ok(match purge {
            None => What::Gone("archive.gone.deleted"),
            Some(purge) => What::Deleted(super::retention::deleted_under(self.cx, &purge)),
        })
    }

    /// Whether a sender stands on the right: the firm towards outside, the viewer among
    /// colleagues, otherwise one of two.
    fn is_out(&self, from: u32, is_staff: bool) -> bool {
        use crate::archive::model::Place;
        if self.chat.is_external {
            return is_staff;
        }
        if self.sight.is_own(self.chat) {
            return self.sight.own() == Some(from);
        }
        matches!(self.chat.place, Place::OneToOne(first, _) if first == from)
    }

    /// That a message was recalled, and when if the recall is among those on the page.
    fn recalled(&self, message: &Message, all: &[Message]) -> String {
        let recall = all.iter().find(
            |other| matches!(other.body(), Some(Body::Revoke { msgid }) if msgid == message.msgid),
        );
        match recall {
            Some(recall) => {
                let time = format::clock(recall.at, &self.cx.zone, false);
                self.cx
                    .tf("archive.recalled_at", ("time", time))
                    .into_owned()
            }
            None => self.cx.t("archive.recalled").into_owned(),
        }
    }

    fn parts(&self, message: &Message, body: &Body) -> Result<Vec<Part>> {
        let files = match body.media().is_empty() {
            true => Vec::new(),
            false => queries::files(self.r, message.seq)?,
        };
        let mut inside = Inside {
            maker: self,
            seq: message.seq,
            files,
            place: 0,
        };
        Ok(inside
            .parts(body)?
            .into_iter()
            .map(|what| Part { what })
            .collect())
    }

    fn marked(&self, text: &str) -> Vec<Piece> {
        mark(text.trim_end(), self.text)
    }

    fn t(&self, key: &str) -> String {
        self.cx.t(key).into_owned()
    }
}

/// Whether a body is shown as a line between bubbles.
fn is_line(body: &Body) -> bool {
    matches!(
        body,
        Body::Revoke { .. }
            | Body::Consent { .. }
            | Body::Switch { .. }
            | Body::MeetingNotification { .. }
    )
}

impl Part {
    fn is_marked(&self) -> bool {
        let any = |pieces: &[Piece]| pieces.iter().any(|piece| piece.marked);
        match &self.what {
            What::Text(text) | What::Quote { text, .. } | What::File { name: text, .. } => {
                any(text)
            }
            What::Markdown(blocks) => {
                let mut spans = blocks.iter().flat_map(|block| &block.spans);
                spans.any(|span| any(&span.pieces))
            }
            What::Card(card) => any(&card.title) || card.lines.iter().any(|line| any(line)),
            What::Record { title, lines } => {
                any(title)
                    || lines
                        .iter()
                        .flat_map(|line| &line.parts)
                        .any(Part::is_marked)
            }
            What::Image { .. } | What::Voice { .. } | What::Video { .. } => false,
            What::Gone(_) | What::Deleted(_) => false,
        }
    }
}

/// Walks through one message; files are counted in the order in which they are kept.
struct Inside<'a, 'm> {
    maker: &'m Maker<'a>,
    seq: u64,
    files: Vec<Media>,
    place: u8,
}

impl Inside<'_, '_> {
    fn parts(&mut self, body: &Body) -> Result<Vec<What>> {
        let m = self.maker;
        let (t, marked) = (|key: &str| m.t(key), |text: &str| m.marked(text));
        Ok(match body {
            Body::Text { content, quote } => match quote {
                Some(quote) => vec![
                    What::Quote {
                        name: quote.name.clone(),
                        text: marked(&quote.quoted),
                    },
                    What::Text(marked(&quote.reply)),
                ],
                None => vec![What::Text(marked(content))],
            },
            Body::Markdown { content } => vec![What::Markdown(markdown::blocks(content, |text| {
                mark(text, m.text)
            }))],
            Body::Solitaire { content } => vec![What::Text(marked(content))],
            Body::Image(media) => vec![What::Image {
                file: self.kept(media),
                is_emotion: false,
            }],
            Body::Emotion(media) => vec![What::Image {
                file: self.kept(media),
                is_emotion: true,
            }],
            Body::Voice(media) => vec![What::Voice {
                seconds: media.seconds,
                file: self.kept(media),
            }],
            Body::Video(media) => vec![What::Video {
                seconds: media.seconds,
                file: self.kept(media),
            }],
            Body::File(media) | Body::VoipDocShare { media, .. } => vec![self.file(media)],
            Body::MeetingVoiceCall(call) => {
                let mut parts = vec![What::Voice {
                    seconds: call.media.seconds,
                    file: self.kept(&call.media),
                }];
                let shown = call.shown.iter().filter_map(|c| c.document.as_deref());
                let lines: Vec<_> = shown.map(&marked).collect();
                if !lines.is_empty() {
                    let title = marked(&t("archive.call.shown"));
                    parts.push(card(
                        "file",
                        t("archive.kind.meeting_voice_call"),
                        title,
                        lines,
                    ));
                }
                parts
            }
            Body::Card { userid, firm } => {
                let name = m.names.by_wecom_id(userid)?;
                let name = name.unwrap_or_else(|| t("archive.person.wechat"));
                let title = marked(&name);
                vec![card(
                    "user",
                    t("archive.kind.card"),
                    title,
                    some([marked(firm)]),
                )]
            }
            Body::Location(place) => {
                let degrees = format!("{:.5}, {:.5}", place.latitude, place.longitude);
                let lines = some([marked(&place.address), marked(&degrees)]);
                vec![card(
                    "flag",
                    t("archive.kind.location"),
                    marked(&place.title),
                    lines,
                )]
            }
            Body::Link(link) => vec![self.link(link, "archive.kind.link")],
            Body::News { items } => items
                .iter()
                .map(|item| self.link(item, "archive.kind.news"))
                .collect(),
            Body::WeApp {
                title,
                description,
                app,
            } => vec![What::Card(Card {
                icon: "apps",
                tag: t("archive.kind.weapp"),
                title: marked(title),
                lines: some([marked(description)]),
                foot: Some((app.clone(), None)).filter(|(app, _)| !app.is_empty()),
            })],
            Body::Doc {
                title,
                creator,
                url,
            } => {
                let creator = m.names.by_wecom_id(creator)?.unwrap_or_default();
                vec![What::Card(Card {
                    icon: "book",
                    tag: t("archive.kind.docmsg"),
                    title: marked(title),
                    lines: some([marked(&creator)]),
                    foot: leads_to(url),
                })]
            }
            Body::QyDiskFile { name, url } => vec![What::Card(Card {
                icon: "file",
                tag: t("archive.kind.qydiskfile"),
                title: marked(name),
                lines: Vec::new(),
                foot: leads_to(url),
            })],
            Body::SphFeed {
                channel,
                description,
                ..
            } => vec![card(
                "play",
                t("archive.kind.sphfeed"),
                marked(channel),
                some([marked(description)]),
            )],
            Body::ChatRecord { title, items } => vec![self.record(marked(title), items)?],
            Body::Note { items } => vec![self.record(marked(&t("archive.kind.note")), items)?],
            Body::Mixed { items } => {
                let mut parts = Vec::new();
                for item in items {
                    parts.extend(self.parts(&item.body)?);
                }
                parts
            }
            Body::Todo { title, content } => vec![card(
                "check",
                t("archive.kind.todo"),
                marked(content),
                some([marked(title)]),
            )],
            Body::Vote {
                title,
                options,
                joined,
            } => {
                let tag = match joined {
                    true => t("archive.vote.joined"),
                    false => t("archive.kind.vote"),
                };
                let lines = options.iter().map(|option| marked(option)).collect();
                vec![card("chart", tag, marked(title), lines)]
            }
            Body::Collect {
                title,
                room,
                creator,
                questions,
            } => {
                let creator = m.names.by_wecom_id(creator)?.unwrap_or_default();
                let mut lines = some([marked(room), marked(&creator)]);
                lines.extend(questions.iter().map(|q| marked(&q.question)));
                vec![card(
                    "rows",
                    t("archive.kind.collect"),
                    marked(title),
                    lines,
                )]
            }
            Body::RedPacket(draw) => vec![self.red_packet(draw)],
            Body::Meeting {
                topic,
                from_s,
                until_s,
                address,
                remarks,
                reply,
                ..
            } => {
                let tag = match reply {
                    Some(number @ 1..=7) => t(&format!("archive.meeting_reply.{number}")),
                    _ => t("archive.kind.meeting"),
                };
                let lines = some([
                    marked(&self.span(*from_s, *until_s)),
                    marked(address),
                    marked(remarks),
                ]);
                vec![card("cal", tag, marked(topic), lines)]
            }
            Body::Calendar(item) => {
                let lines = some([
                    marked(&self.span(item.from_s, item.until_s)),
                    marked(&item.place),
                    marked(&item.attendees.join("、")),
                    marked(&item.remarks),
                ]);
                vec![card(
                    "cal",
                    t("archive.kind.calendar"),
                    marked(&item.title),
                    lines,
                )]
            }
            Body::VoipText { seconds, video, .. } => {
                let word = match video {
                    true => "archive.call.video",
                    false => "archive.call.voice",
                };
                let ms = i64::try_from(*seconds).unwrap_or(0).saturating_mul(1000);
                let title = m.cx.tf(word, ("time", format::duration(ms, m.cx.lang())));
                vec![card(
                    "phone",
                    t("archive.kind.voiptext"),
                    marked(&title),
                    Vec::new(),
                )]
            }
            Body::Unknown(unknown) => {
                let title = match unknown.msgtype.as_str() {
                    "" => t("archive.kind.unknown"),
                    name => name.to_owned(),
                };
                let lines = unknown.strings.iter().map(|text| marked(text)).collect();
                vec![card(
                    "info",
                    t("archive.kind.unknown"),
                    marked(&title),
                    lines,
                )]
            }
            // Lines between bubbles, where they are not inside of something else.
            Body::MeetingNotification { content, .. } => vec![What::Text(marked(content))],
            Body::Revoke { .. } => vec![What::Text(marked(&t("archive.kind.revoke")))],
            Body::Consent { agreed, .. } => vec![What::Text(marked(&t(match agreed {
                true => "archive.kind.agree",
                false => "archive.kind.disagree",
            })))],
            Body::Switch { .. } => vec![What::Text(marked(&t("archive.kind.switch")))],
        })
    }

    fn file(&mut self, media: &MediaRef) -> What {
        let name = match &media.name {
            Some(name) if !name.is_empty() => name.clone(),
            _ => self.maker.t("archive.file.nameless"),
        };
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_short = (1..=4).contains(&extension.chars().count()) && extension.is_ascii();
        What::File {
            extension: match is_short {
                true => extension.to_ascii_uppercase(),
                false => String::new(),
            },
            name: self.maker.marked(&name),
            file: self.kept(media),
        }
    }

    fn link(&self, link: &LinkCard, tag: &str) -> What {
        What::Card(Card {
            icon: "link",
            tag: self.maker.t(tag),
            title: self.maker.marked(&link.title),
            lines: some([self.maker.marked(&link.description)]),
            foot: leads_to(&link.url),
        })
    }

    fn record(&mut self, title: Vec<Piece>, items: &[Nested]) -> Result<What> {
        let mut lines = Vec::with_capacity(items.len());
        for item in items {
            let parts = self.parts(&item.body)?;
            lines.push(RecordLine {
                at: item.at_ms.map(Timestamp::from_ms),
                parts: parts.into_iter().map(|what| Part { what }).collect(),
            });
        }
        Ok(What::Record { title, lines })
    }

    fn red_packet(&self, draw: &Draw) -> What {
        let m = self.maker;
        let amount = format!(
            "¥{}.{:02}",
            format::count(draw.amount_fen / 100),
            draw.amount_fen % 100
        );
        let line = m.cx.tf(
            "archive.red_packet",
            (("n", draw.count), ("amount", amount)),
        );
        let word = match (draw.external, draw.way) {
            (true, _) => "archive.kind.external_redpacket",
            (false, 2) => "archive.red_packet_way.luck",
            (false, 3) => "archive.red_packet_way.reward",
            (false, _) => "archive.kind.redpacket",
        };
        card(
            "stamp",
            m.t(word),
            m.marked(&draw.wish),
            some([m.marked(&line)]),
        )
    }

    /// From when until when.
    fn span(&self, from_s: Option<i64>, until_s: Option<i64>) -> String {
        let cx = self.maker.cx;
        let when = |s: i64| format::when(Timestamp::from_s(s), cx.now, &cx.zone, cx.lang());
        let day = |s: i64| self.maker.day(Timestamp::from_s(s));
        match (from_s, until_s) {
            (None, None) => String::new(),
            (Some(from), None) => when(from),
            (None, Some(until)) => when(until),
            (Some(from), Some(until)) if day(from) == day(until) => {
                let end = format::clock(Timestamp::from_s(until), &cx.zone, false);
                format!("{}–{end}", when(from))
            }
            (Some(from), Some(until)) => format!("{} – {}", when(from), when(until)),
        }
    }

    /// Where the file behind a reference stands.
    fn kept(&mut self, media: &MediaRef) -> Kept {
        let size = media.size.unwrap_or(0);
        let missing = |missing| Kept {
            href: None,
            missing,
            size,
            sha256: String::new(),
            differs: false,
            shown: None,
        };
        if media.fileid.is_empty() {
            return missing("archive.file.never");
        }
        let place = self.place;
        self.place = self.place.saturating_add(1);
        let Some(file) = self.files.iter().find(|file| file.place == place) else {
            return missing("archive.file.unknown");
        };
        match (file.state, file.sha256) {
            (MediaState::Here, Some(sha256)) => Kept {
                href: Some(file::address(self.seq, place)),
                missing: "",
                size: file.length,
                sha256: hex::encode(sha256),
                differs: file.differs,
                shown: file::shown_at(self.maker.app, file),
            },
            (MediaState::Lost, _) => missing("archive.file.lost"),
            _ => missing("archive.file.waiting"),
        }
    }
}

fn card(icon: &'static str, tag: String, title: Vec<Piece>, lines: Vec<Vec<Piece>>) -> What {
    What::Card(Card {
        icon,
        tag,
        title,
        lines,
        foot: None,
    })
}

/// Lines that say anything.
fn some<const N: usize>(lines: [Vec<Piece>; N]) -> Vec<Vec<Piece>> {
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// The host of an address, and the address if a browser may follow it.
fn leads_to(address: &str) -> Option<(String, Option<String>)> {
    if address.is_empty() {
        return None;
    }
    let is_web = ["http://", "https://"]
        .iter()
        .find_map(|s| address.strip_prefix(s));
    Some(match is_web {
        Some(rest) => {
            let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            (host.to_owned(), Some(address.to_owned()))
        }
        None => (address.chars().take(80).collect(), None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_shows_its_host_and_leads_only_to_the_web() {
        let host = |address: &str| leads_to(address).map(|(host, to)| (host, to.is_some()));
        let shown = |host: &str, leads| Some((host.to_owned(), leads));
        assert_eq!(
            host("https://example.com/p/1?x=1"),
            shown("example.com", true)
        );
        assert_eq!(
            host("https://bank.example@evil.example/x"),
            shown("evil.example", true)
        );
        assert_eq!(
            host("javascript:alert(1)"),
            shown("javascript:alert(1)", false)
        );
        assert_eq!(host(""), None);
    }
}
