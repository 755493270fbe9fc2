//! `/live-codes/print` and `/live-codes/qr.zip`: the files of many codes at once.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, SeekFrom},
    os::unix::fs::FileExt,
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, body::SizedStream, web::Data};
use askama::Template;
use bytes::Bytes;
use futures_util::stream;

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    livecodes::{
        CodeKind, LiveCode,
        board::{self, CodeFilter, STANDINGS},
    },
    store::Read,
    view,
    web::{Cx, FormState, ListQuery, Shown, filters, parts::Choice},
};

use super::{
    super::{
        asked::{self, Wish},
        bundle::{self, BundleError, Item},
        model::Look,
        queries::{self, Printable},
        render::{Caption, Size},
    },
    choices, draw, files, plain_choices,
};

/// Codes of one ZIP.
const CODES_MAX: usize = 1_000;
/// Pixels drawn and read back for one ZIP: 300 codes of the usual size. Two cores draw 60 million
/// a second, and every answer has a deadline of ten seconds; two may be drawn at once.
const PIXELS_DRAWN_MAX: u64 = 300 * 1024 * 1024;
/// Bytes that leave at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Sides of PNGs that are offered.
const PIXELS: [&str; 4] = ["512px", "1024px", "2048px", "4096px"];

/// The page.
#[derive(Template)]
#[template(path = "print/many.html", blocks = ["title"])]
pub(in crate::livecodes::print) struct ManyPage {
    pub(super) form: FormState,
    pub(super) kinds: Vec<Choice>,
    pub(super) channels: Vec<Choice>,
    pub(super) states: Vec<Choice>,
    pub(super) since: Vec<Choice>,
    pub(super) formats: Vec<Choice>,
    pub(super) sizes: Vec<Choice>,
    pub(super) captions: Vec<Choice>,
    pub(super) count: usize,
    pub(super) max: usize,
    pub(super) zip: String,
    pub(super) may_make: bool,
    pub(super) is_public: bool,
    /// Whether the viewer can say where the server is reached.
    pub(super) may_settle: bool,
}
view!(ManyPage);

/// What an address asks for.
struct Asked {
    filter: CodeFilter,
    since: &'static str,
    item: Item,
    has_caption: bool,
}

const SINCE: [&str; 4] = ["all", "today", "week", "month"];

impl Asked {
    fn of(query: &ListQuery) -> Result<Self> {
        let state = query.get("status").unwrap_or("");
        let since = query.get("since").unwrap_or("all");
        Ok(Self {
            filter: CodeFilter {
                kind: query.get("kind").and_then(CodeKind::of_code),
                channel: query.get("channel").and_then(|id| id.parse().ok()),
                state: STANDINGS.into_iter().find(|known| *known == state),
                name: query.get("q").unwrap_or("").trim().to_owned(),
            },
            since: SINCE
                .into_iter()
                .find(|known| *known == since)
                .unwrap_or("all"),
            item: item(query)?,
            has_caption: query.get("caption") != Some("no"),
        })
    }

    /// The first moment of the time asked for.
    fn from(&self, cx: &Cx) -> Option<Timestamp> {
        let days = match self.since {
            "today" => 0,
            "week" => 6,
            "month" => 29,
            _ => return None,
        };
        let today = cx.now.to_jiff().to_zoned(cx.zone.clone()).date();
        let from = today.checked_sub(jiff::Span::new().days(days)).ok()?;
        let start = from.to_zoned(cx.zone.clone()).ok()?;
        Some(Timestamp::from_ms(start.timestamp().as_millisecond()))
    }
}

fn item(query: &ListQuery) -> Result<Item> {
    let size = query.get("size").unwrap_or("");
    let paper = || Size::of_code(size).unwrap_or_default();
    Ok(match query.get("format") {
        Some("svg") => Item::Svg(paper()),
        Some("pdf") => Item::Pdf(paper()),
        // What is chosen of paper says nothing of pixels.
        _ if Size::of_code(size).is_some() => Item::Png(files::PIXELS),
        _ => Item::Png(files::pixels(query.get("size"))?),
    })
}

/// A code and how it is printed, with what many are ordered by.
struct Line {
    code: LiveCode,
    look: Look,
}

/// What is asked for.
fn codes(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    asked: &Asked,
) -> Result<Vec<LiveCode>> {
    let from = asked.from(cx);
    let eyes = board::eyes(app, r, viewer, Permission::LiveCodeRead)?;
    let mut codes = board::codes(r, &eyes, &asked.filter, cx.now)?;
    codes.retain(|code| from.is_none_or(|from| code.created_at >= from));
    Ok(codes)
}

/// What is asked for, if it is neither nothing nor too much, the oldest first; those of one
/// spreadsheet in its order.
fn lines(app: &App, viewer: &Viewer, cx: &Cx, asked: &Asked) -> Result<Vec<Line>> {
    app.read(|r| {
        let codes = codes(app, r, viewer, cx, asked)?;
        // A look may hold a picture: no more are read than are drawn.
        check_count(codes.len(), asked.item)?;
        let lines = codes.into_iter().map(|code| {
            let look = queries::look(r, code.id)?;
            Ok::<_, AppError>(Line { code, look })
        });
        let mut lines: Vec<Line> = lines.collect::<Result<_>>()?;
        lines.sort_by(|a, b| {
            let order = |line: &Line| (line.code.created_at, line.look.row);
            let order = order(a).cmp(&order(b));
            order.then_with(|| a.code.name.cmp(&b.code.name))
        });
        Ok(lines)
    })
}

/// Asks which codes, and as what.
pub(in crate::livecodes::print) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ManyPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let asked = Asked::of(&query).or_else(|_| Asked::of(&query.without("size")))?;
    let count = app.read(|r| codes(&app, r, &viewer, &cx, &asked))?.len();
    let tree = app.read(board::channel_tree)?;
    let all = |key: &str| Choice {
        value: String::new(),
        label: cx.t(key).into_owned(),
        count: None,
        is_on: false,
    };
    let with_all = |key: &str, choices: Vec<Choice>| {
        let mut every = vec![all(key)];
        every.extend(choices);
        every
    };
    let chosen = |name: &str| query.get(name).unwrap_or("").to_owned();
    let channels = tree.iter().map(|(depth, channel)| Choice {
        value: channel.id.to_string(),
        label: format!("{}{}", "　".repeat(*depth), channel.name),
        count: None,
        is_on: query.has("channel", &channel.id.to_string()),
    });
    let (format, size) = match asked.item {
        Item::Png(pixels) => ("png", format!("{pixels}px")),
        Item::Svg(size) => ("svg", size.code().to_owned()),
        Item::Pdf(size) => ("pdf", size.code().to_owned()),
    };
    let sizes = match asked.item {
        Item::Png(_) => plain_choices(&PIXELS, &size),
        _ => plain_choices(&Size::ALL.map(Size::code), &size),
    };
    let caption = if asked.has_caption { "yes" } else { "no" };
    let (_, is_public) = asked::server(&app, &req)?;
    let page = ManyPage {
        form: FormState::with_values([("q", chosen("q"))]),
        kinds: with_all(
            "print.many.all_kinds",
            choices(
                &cx,
                "livecodes.kind",
                &CodeKind::ALL.map(CodeKind::code),
                &chosen("kind"),
            ),
        ),
        channels: with_all("print.many.all_channels", channels.collect()),
        states: with_all(
            "print.many.all_states",
            choices(&cx, "livecodes.state", &STANDINGS, &chosen("status")),
        ),
        since: choices(&cx, "print.since", &SINCE, asked.since),
        formats: choices(&cx, "print.format", &["png", "svg", "pdf"], format),
        sizes,
        captions: choices(&cx, "print.caption_choice", &["yes", "no"], caption),
        count,
        max: codes_max(asked.item),
        zip: zip_address(&query, format, &size).to_string(),
        may_make: viewer.may(Permission::LiveCodeManage),
        is_public,
        may_settle: viewer.may(Permission::SettingsManage),
    };
    Ok(Shown::of(page))
}

fn zip_address(query: &ListQuery, format: &str, size: &str) -> ListQuery {
    let start = ListQuery::new("/live-codes/qr.zip");
    let names = ["kind", "channel", "status", "q", "since", "caption"];
    let kept = names.into_iter().fold(start, |zip, name| {
        zip.with(name, query.get(name).unwrap_or(""))
    });
    kept.with("format", format).with("size", size)
}

/// The ZIP: made whole on the disk before its first byte leaves, so that what cannot be handed
/// out is told in words.
pub(in crate::livecodes::print) async fn file(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let asked = Asked::of(&ListQuery::parse(&cx.path, &cx.query))?;
    let lines = lines(&app, &viewer, &cx, &asked)?;
    let act = viewer
        .view("live_code.print_many")
        .system_detail("count", lines.len().to_string());
    app.note(act).await?;
    let (server, _) = asked::server(&app, &req)?;
    let firm = app.read(queries::firm_logo)?;
    let folder = app.config.data.join("exports");
    let (item, has_caption) = (asked.item, asked.has_caption);
    // It goes with the request, if that is given up.
    let waits = Arc::new(());
    let waiting = Arc::downgrade(&waits);
    let made = draw(move || {
        std::fs::create_dir_all(&folder).map_err(AppError::internal)?;
        let file = tempfile::tempfile_in(folder).map_err(AppError::internal)?;
        let of = lines.into_iter().map(|Line { code, look }| Printable {
            code,
            look,
            firm: firm.clone(),
            may_change: false,
            may_settle: false,
            has_backdrop: false,
        });
        let of = of.collect::<Vec<_>>();
        let is_stopped = || waiting.strong_count() == 0;
        zip(file, item, has_caption, &of, &server, is_stopped)
    });
    let (file, length) = made.await?;
    drop(waits);
    let day = cx
        .now
        .to_jiff()
        .to_zoned(cx.zone.clone())
        .strftime("%Y%m%d")
        .to_string();
    let name = format!("{}-{day}.zip", cx.t("print.many.file"));
    let plain = format!("live-codes-{day}.zip");
    let body = SizedStream::new(length, chunks(file, length));
    Ok(files::answer("application/zip", &name, &plain, body))
}

/// Codes of one ZIP, at most, if its files are these.
fn codes_max(item: Item) -> usize {
    let codes = usize::try_from(PIXELS_DRAWN_MAX / item.pixels());
    codes.unwrap_or(CODES_MAX).min(CODES_MAX)
}

fn check_count(count: usize, item: Item) -> Result<()> {
    let mut invalid = crate::error::Invalid::default();
    let max = codes_max(item);
    let code = match count {
        0 => "print.problem.nobody",
        n if n > max => "print.problem.many",
        _ => return Ok(()),
    };
    invalid.problems.push(Problem {
        field: "",
        code,
        args: vec![("n", count.to_string()), ("max", max.to_string())],
    });
    Err(AppError::Invalid(invalid))
}

fn zip(
    file: File,
    item: Item,
    has_caption: bool,
    of: &[Printable],
    server: &str,
    is_stopped: impl Fn() -> bool + Sync,
) -> Result<(File, u64)> {
    let names: Vec<Caption> = of.iter().map(asked::caption).collect();
    let art = |at: usize| {
        let of = &of[at];
        Wish::of(&of.look).drawn(of, &asked::address(server, of.code.id))
    };
    let out = BufWriter::new(file);
    let made = bundle::write_zip(out, item, &names, has_caption, art, is_stopped);
    let file = made.map_err(|error| match error {
        BundleError::Fault(at, fault) => named(&of[at].code.name, asked::refused(fault)),
        other => AppError::internal(other),
    })?;
    let mut file = file
        .into_inner()
        .map_err(|error| AppError::internal(error.into_error()))?;
    let length = file.seek(SeekFrom::End(0)).map_err(AppError::internal)?;
    Ok((file, length))
}

/// Says which of many it is that cannot be printed.
fn named(name: &str, error: AppError) -> AppError {
    let AppError::Invalid(mut invalid) = error else {
        return error;
    };
    invalid.problems.insert(
        0,
        Problem {
            field: "",
            code: "print.problem.of_code",
            args: vec![("name", name.to_owned())],
        },
    );
    AppError::Invalid(invalid)
}

fn chunks(file: File, length: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((Arc::new(file), 0), move |(file, at)| async move {
        let left = length.saturating_sub(at);
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let reading = file.clone();
        let read = move || {
            let mut chunk = vec![0; wanted];
            reading.read_exact_at(&mut chunk, at).map(|()| chunk)
        };
        let chunk = tokio::task::spawn_blocking(read).await;
        let chunk = chunk.map_err(io::Error::other)??;
        let next = at + chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (file, next))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_holds_as_many_codes_as_can_be_drawn_in_time() {
        for (item, max) in [
            (Item::Png(512), 1_000),
            (Item::Png(1024), 300),
            (Item::Png(4096), 18),
            (Item::Pdf(Size::A4), 218),
        ] {
            assert!(check_count(max, item).is_ok(), "{item:?}");
            let Err(AppError::Invalid(invalid)) = check_count(max + 1, item) else {
                panic!("{item:?}");
            };
            assert_eq!(invalid.problems[0].args[1].1, max.to_string());
        }
    }
}
