//! `index.html` of a package: for reading and printing, in both languages, by itself. Nothing
//! that people wrote is anything but text in it.

use std::io::{self, Write};

use crate::{
    audit::evidence::{FORMAT, VERSION},
    kit::Timestamp,
    web::{
        Lang, format,
        words::{escape, text},
    },
};

use super::{
    about::{About, Somebody},
    facts::{ChatLine, ConsentLine, MediaLine, PersonLine, ReaderLine},
    said::Said,
};

const STYLE: &str = "body{font:14px/1.6 -apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#191d23;margin:0 auto;max-width:52rem;padding:24px}\
h1{font-size:20px}h2{font-size:16px;margin:32px 0 8px;border-bottom:1px solid #d3d4ce;padding-bottom:4px}\
table{border-collapse:collapse;width:100%;font-size:13px}td,th{border:1px solid #d3d4ce;padding:4px 8px;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#fafaf8}\
.m{border-left:3px solid #1f50b4;padding:2px 0 2px 12px;margin:10px 0;break-inside:avoid}.m.c{border-color:#d3d4ce;color:#656b76}\
.m header{font-size:12px;color:#656b76}.m b{color:#191d23}.m.c b{color:#474d57}.m p{margin:2px 0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}\
.m .l{font-size:13px}.m .l b{font-weight:500;color:#474d57}.d1{padding-left:1.5em}.d2{padding-left:3em}.d3{padding-left:4.5em}.d4{padding-left:6em}.d5{padding-left:7.5em}.d6{padding-left:9em}.d7{padding-left:10.5em}.d8{padding-left:12em}\
.r{color:#8a5200;font-size:12px}.g{color:#656b76;font-style:italic}.f{font-size:12px;overflow-wrap:anywhere}img{max-width:18rem;max-height:18rem;display:block;margin:4px 0}small{color:#656b76}";
/// No script, nothing from elsewhere, whatever a message says.
const POLICY: &str = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'";

/// The deepest place that is moved in: what lies further in stands below it.
const DEPTH_MAX: usize = 8;

/// Both languages of a word.
pub(super) fn both(key: &str) -> String {
    format!("{} / {}", text(Lang::Zh, key), text(Lang::En, key))
}

/// A message as the page shows it.
pub(super) struct Shown<'a> {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) from: &'a PersonLine,
    /// What it is, if not a text: a key of the catalogue.
    pub(super) kind: Option<String>,
    /// WeCom's id: recalls name it.
    pub(super) msgid: &'a str,
    /// What it says; `None` if that is gone.
    pub(super) said: Option<Vec<Said>>,
    /// When it went and under which rule, if a rule took it.
    pub(super) deleted: Option<String>,
    pub(super) is_recalled: bool,
    pub(super) is_context: bool,
    pub(super) media: Vec<MediaLine>,
}

/// Writes the page from top to bottom.
pub(super) struct Page<W: Write> {
    out: W,
    zone: jiff::tz::TimeZone,
}

impl<W: Write> Page<W> {
    pub(super) fn begin(
        mut out: W,
        zone: jiff::tz::TimeZone,
        about: &About<'_>,
    ) -> io::Result<Self> {
        let case = about.case;
        let title = escape(&case.title);
        write!(
            out,
            "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<table>\n"
        )?;
        let mut page = Self { out, zone };
        page.row("evidence.print.case", &case.id.to_string())?;
        page.row("evidence.print.why", &case.why)?;
        page.act("evidence.print.opened", &about.opened_by, case.at)?;
        page.act("evidence.print.sealed", &about.sealed_by, about.sealed_at)?;
        match &about.approved {
            Some((by, at)) => page.act("evidence.print.approved", by, *at)?,
            None => page.row("evidence.print.approved", &both("evidence.print.not_asked"))?,
        }
        page.row("evidence.print.context", &case.context.to_string())?;
        page.row("evidence.print.format", &format!("{FORMAT} {VERSION}"))?;
        page.row("evidence.print.key", &about.key)?;
        writeln!(page.out, "</table>")?;
        for key in ["evidence.print.how", "evidence.print.check"] {
            let text = both(key);
            writeln!(page.out, "<p><small>{}</small></p>", escape(&text))?;
        }
        Ok(page)
    }

    /// Who did something, and when.
    fn act(&mut self, key: &str, by: &Somebody, at: Timestamp) -> io::Result<()> {
        let said = [&by.name, &by.account, &self.time(at)];
        let said = said.into_iter().filter(|said| !said.is_empty());
        let said: Vec<&str> = said.map(String::as_str).collect();
        self.row(key, &said.join(" · "))
    }

    fn row(&mut self, key: &str, value: &str) -> io::Result<()> {
        let (key, value) = (escape(&both(key)), escape(value));
        writeln!(self.out, "<tr><th>{key}</th><td>{value}</td></tr>")
    }

    fn time(&self, at: Timestamp) -> String {
        format::exact(at, &self.zone)
    }

    /// The heading of a conversation.
    pub(super) fn chat(&mut self, chat: &ChatLine) -> io::Result<()> {
        let sort = both(match chat.kind {
            "room" => "evidence.print.room",
            "one_to_one" => "evidence.print.one_to_one",
            _ => "evidence.print.alone",
        });
        writeln!(
            self.out,
            "<h2>{} <small>{} · {}</small></h2>",
            escape(&chat.name),
            escape(&sort),
            escape(&chat.chat)
        )
    }

    /// That messages are left out here.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out, "<p class=\"g\">⋯</p>")
    }

    pub(super) fn message(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let time = self.time(shown.at);
        let out = &mut self.out;
        write!(
            out,
            "<article class=\"m{}\" id=\"m-{}\"><header><b>{}</b> {} · #{} · {}",
            if shown.is_context { " c" } else { "" },
            shown.seq,
            escape(name_of(shown.from)),
            escape(&time),
            shown.seq,
            escape(shown.msgid)
        )?;
        if shown.is_context {
            write!(out, " · {}", escape(&both("evidence.print.is_context")))?;
        }
        writeln!(out, "</header>")?;
        if shown.is_recalled {
            writeln!(
                out,
                "<p class=\"r\">{}</p>",
                escape(&both("evidence.print.recalled"))
            )?;
        }
        if let Some(kind) = &shown.kind {
            writeln!(out, "<p class=\"g\">[{}]</p>", escape(&both(kind)))?;
        }
        match &shown.said {
            Some(said) => said.iter().try_for_each(|said| Self::said(out, said))?,
            None => {
                let gone = shown.deleted.clone();
                let gone = gone.unwrap_or_else(|| both("evidence.print.gone"));
                writeln!(out, "<p class=\"g\">{}</p>", escape(&gone))?;
            }
        }
        for media in &shown.media {
            Self::media(out, media)?;
        }
        writeln!(out, "</article>")
    }

    fn said(out: &mut W, said: &Said) -> io::Result<()> {
        let depth = said.depth.min(DEPTH_MAX);
        let value = escape(&said.value);
        let Some(label) = &said.label else {
            return writeln!(out, "<p class=\"d{depth}\" dir=\"auto\">{value}</p>");
        };
        let label = escape(label);
        write!(
            out,
            "<p class=\"l d{depth}\"><b>{label}</b> <bdi>{value}</bdi>"
        )?;
        if !said.note.is_empty() {
            write!(out, " <small><bdi>{}</bdi></small>", escape(&said.note))?;
        }
        writeln!(out, "</p>")
    }

    fn media(out: &mut W, media: &MediaLine) -> io::Result<()> {
        let name = match media.name.is_empty() {
            true => format!("{}-{}", media.seq, media.place),
            false => media.name.clone(),
        };
        if media.path.is_empty() {
            let why = both("evidence.print.missing");
            return writeln!(
                out,
                "<p class=\"f\">{} <span class=\"r\">{}</span></p>",
                escape(&name),
                escape(&why)
            );
        }
        let path = escape(&media.path);
        let is_picture = ["jpg", "png", "gif", "webp"]
            .iter()
            .any(|end| media.path.ends_with(end));
        if is_picture {
            writeln!(out, "<img src=\"{path}\" alt=\"{}\">", escape(&name))?;
        }
        writeln!(
            out,
            "<p class=\"f\"><a href=\"{path}\">{}</a> SHA-256 {}</p>",
            escape(&name),
            escape(&media.sha256)
        )
    }

    /// Who takes part, who could read, and who had agreed.
    pub(super) fn end<'p>(
        &mut self,
        people: impl Iterator<Item = &'p PersonLine>,
        readers: &[ReaderLine],
        consents: &[ConsentLine],
    ) -> io::Result<()> {
        self.head(
            "evidence.print.people",
            &[
                "evidence.print.name",
                "evidence.print.department",
                "evidence.print.wecom_id",
            ],
        )?;
        for person in people {
            self.cells(&[name_of(person), &person.department, &person.id])?;
        }
        self.foot()?;
        self.head(
            "evidence.print.readers",
            &[
                "evidence.print.name",
                "evidence.print.role",
                "evidence.print.reach",
            ],
        )?;
        for reader in readers {
            self.cells(&[&reader.name, &reader.role, reader.reach])?;
        }
        self.foot()?;
        self.head(
            "evidence.print.consents",
            &[
                "evidence.print.wecom_id",
                "evidence.print.towards",
                "evidence.print.answer",
                "evidence.print.received",
            ],
        )?;
        for consent in consents {
            let answer = format!("{} {}", consent.answer, consent.at);
            let range = match consent.last_seq {
                0 => "—".to_owned(),
                last => format!("#{}–#{last}", consent.first_seq),
            };
            self.cells(&[&consent.person, &consent.towards, answer.trim(), &range])?;
        }
        self.foot()?;
        writeln!(self.out, "</body>\n</html>")
    }

    /// What it was written to.
    pub(super) fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn head(&mut self, title: &str, columns: &[&str]) -> io::Result<()> {
        writeln!(self.out, "<h2>{}</h2>\n<table><tr>", escape(&both(title)))?;
        for column in columns {
            writeln!(self.out, "<th>{}</th>", escape(&both(column)))?;
        }
        writeln!(self.out, "</tr>")
    }

    fn cells(&mut self, cells: &[&str]) -> io::Result<()> {
        write!(self.out, "<tr>")?;
        for cell in cells {
            write!(self.out, "<td>{}</td>", escape(cell))?;
        }
        writeln!(self.out, "</tr>")
    }

    fn foot(&mut self) -> io::Result<()> {
        writeln!(self.out, "</table>")
    }
}

fn name_of(person: &PersonLine) -> &str {
    match person.name.is_empty() {
        true => &person.id,
        false => &person.name,
    }
}
