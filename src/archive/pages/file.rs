//! `/archive/files/{seq}/{place}`: a file of a message, to whoever sees the message; with
//! `/play` behind it, a voice message as browsers play it.
//!
//! What a file is, its first bytes decide: whoever sent it may have called it anything. Only a
//! short list of pictures and sounds is shown by the browser; all else is saved.

use std::{
    io::{self, Read as _},
    sync::Arc,
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, HeaderValue},
    web::{Data, Path},
};
use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::{
    app::App,
    archive::{
        media,
        model::{Chat, Media, MediaState},
        opening,
        queries::{self, ArchiveSight},
        voice,
    },
    error::{AppError, Result},
    identity::Viewer,
    store::{
        Read,
        sealed::{PIECE, SealedFile},
    },
    web::{Cx, ListQuery, encode},
};

/// Bytes that leave at once.
const CHUNK_BYTES: usize = PIECE;
/// The first bytes that say what a file is.
const HEAD_BYTES: usize = 16;
/// A file brings no page of its own along.
const CSP: &str = "default-src 'none'; sandbox";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sniffed {
    /// The media type.
    pub(super) media_type: &'static str,
    /// Whether the browser may show or play it.
    pub(super) is_inline: bool,
}

/// A voice message that was made playable.
const WAV: Sniffed = Sniffed {
    media_type: "audio/wav",
    is_inline: true,
};
/// A voice message as it was sent.
const AMR: Sniffed = Sniffed {
    media_type: "audio/amr",
    is_inline: false,
};

/// What a file that begins like this is.
fn sniff(head: &[u8]) -> Sniffed {
    let inline = |media_type| Sniffed {
        media_type,
        is_inline: true,
    };
    let saved = |media_type| Sniffed {
        media_type,
        is_inline: false,
    };
    match head {
        [0xff, 0xd8, 0xff, ..] => inline("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => inline("image/png"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => inline("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => inline("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => inline("video/mp4"),
        [b'I', b'D', b'3', ..] | [0xff, 0xfb | 0xf3 | 0xf2, ..] => inline("audio/mpeg"),
        // No browser plays it.
        head if head.starts_with(voice::MAGIC) => AMR,
        [b'%', b'P', b'D', b'F', b'-', ..] => saved("application/pdf"),
        _ => saved("application/octet-stream"),
    }
}

/// What a file that is here is; none if it is missing or damaged.
fn sniff_kept(app: &App, file: &Media) -> Result<Option<Sniffed>> {
    let sniffed = media::open(app, file)
        .and_then(|open| sniff_file(&open).map_err(|error| media::unreadable(file, error)));
    match sniffed {
        Ok(kind) => Ok(Some(kind)),
        Err(AppError::Unavailable { .. } | AppError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The address at which the browser can show or play a file that is here; none if it can't.
pub(super) fn shown_at(app: &App, file: &Media) -> Option<String> {
    let href = address(file.seq, file.place);
    match sniff_kept(app, file).ok()?? {
        kind if kind.is_inline => Some(href),
        kind if kind == AMR && file.length <= voice::BYTES_MAX => Some(format!("{href}/play")),
        _ => None,
    }
}

/// The address of a file.
pub(super) fn address(seq: u64, place: u8) -> String {
    format!("/archive/files/{seq}/{place}")
}

/// The media type of a file that is here; none if it is missing or damaged.
pub(in crate::archive) fn kept_type(app: &App, file: &Media) -> Result<Option<&'static str>> {
    Ok(sniff_kept(app, file)?.map(|kind| kind.media_type))
}

fn sniff_file(file: &SealedFile) -> io::Result<Sniffed> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let bytes = HEAD_BYTES as u64;
    file.content().take(bytes).read_to_end(&mut head)?;
    Ok(sniff(&head))
}

/// What is about to be sent.
struct Wanted {
    chat: Chat,
    media: Media,
    /// The name under which it was sent; may be empty.
    name: String,
}

/// Sends a file.
pub(in crate::archive) async fn file(
    viewer: Viewer,
    path: Path<(u64, u8)>,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let (wanted, content) = match open(viewer, &path, &app, &cx).await? {
        Ok(opened) => opened,
        Err(asks) => return Ok(asks),
    };
    let (length, range) = (content.length(), req.headers().get(header::RANGE));
    let (from, to) = match asked(range, length) {
        Asked::Whole => (0, length),
        Asked::Part(from, to) => (from, to),
        Asked::Nowhere => (0, 0),
    };
    // All that is about to be sent, before anything of it is.
    let looked = tokio::task::spawn_blocking(move || {
        content.examine(from, to)?;
        Ok((sniff_file(&content)?, content))
    });
    let looked = looked.await.map_err(AppError::internal)?;
    let (kind, content) = looked.map_err(|error| media::unreadable(&wanted.media, error))?;
    send(content, length, kind, &wanted, range)
}

/// Sends a voice message as browsers play it.
pub(in crate::archive) async fn play(
    viewer: Viewer,
    path: Path<(u64, u8)>,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let (wanted, content) = match open(viewer, &path, &app, &cx).await? {
        Ok(opened) => opened,
        Err(asks) => return Ok(asks),
    };
    let played = tokio::task::spawn_blocking(move || played(content)).await;
    let played = played.map_err(AppError::internal)?;
    let wav = played.map_err(|error| media::unreadable(&wanted.media, error))?;
    let wav = wav.ok_or(AppError::NotFound { what: "file" })?;
    let length = wav.len() as u64;
    send(wav, length, WAV, &wanted, req.headers().get(header::RANGE))
}

/// A voice message as WAV; none if the file is none.
fn played(file: SealedFile) -> io::Result<Option<Vec<u8>>> {
    if file.length() > voice::BYTES_MAX {
        return Ok(None);
    }
    let mut amr = Vec::new();
    file.content().read_to_end(&mut amr)?;
    Ok(voice::wav(&amr))
}

/// A file that may be seen, or the page that asks for the reason. The entry is durable before it
/// is given.
async fn open(
    viewer: Viewer,
    path: &(u64, u8),
    app: &Data<App>,
    cx: &Cx,
) -> Result<Result<(Wanted, SealedFile), HttpResponse>> {
    let (seq, place) = *path;
    let (wanted, right) = app.read(|r| {
        let sight = ArchiveSight::of(app, r, &viewer)?;
        let wanted = wanted(r, &sight, seq, place)?;
        let right = opening::right(r, &viewer, &sight, &wanted.chat, cx.now)?;
        Ok::<_, AppError>((wanted, right))
    })?;
    if right.is_none() {
        let form = ListQuery::new(&format!("/archive/{}/open", wanted.chat.id));
        let form = form.with("next", cx.here()).to_string();
        return Ok(Err(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, form))
            .finish()));
    }
    let act = viewer
        .view("archive.file")
        .about("archive_chat", wanted.chat.id)
        .system_detail("seqs", seq.to_string())
        .system_detail(
            "sha256",
            wanted.media.sha256.map(hex::encode).unwrap_or_default(),
        );
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let r = w.read();
        let sight = ArchiveSight::of(&checking, &r, &asking)?;
        let wanted = self::wanted(&r, &sight, seq, place)?;
        let right = opening::right(&r, &asking, &sight, &wanted.chat, w.now())?;
        right.map(drop).ok_or(AppError::NotFound { what: "file" })
    })
    .await?;
    let (opening, file) = (app.clone(), wanted.media.clone());
    let opened = tokio::task::spawn_blocking(move || media::open(&opening, &file)).await;
    let content = opened.map_err(AppError::internal)??;
    Ok(Ok((wanted, content)))
}

/// A file that is here and whose message is visible.
fn wanted(r: &Read<'_>, sight: &ArchiveSight, seq: u64, place: u8) -> Result<Wanted> {
    let missing = || AppError::NotFound { what: "file" };
    let media = queries::file(r, seq, place)?.ok_or_else(missing)?;
    let chat = queries::chat_by_no(r, sight, media.chat)?.ok_or_else(missing)?;
    let message = queries::message(r, sight, chat.no, seq)?.ok_or_else(missing)?;
    if media.state != MediaState::Here {
        return Err(missing());
    }
    let named = match message.body() {
        Some(body) => body.media().into_iter().nth(usize::from(place)),
        // Whoever may not read it yet is asked for a reason first.
        None if message.content == crate::archive::Content::Withheld => None,
        None => return Err(missing()),
    };
    Ok(Wanted {
        chat,
        name: named.and_then(|media| media.name).unwrap_or_default(),
        media,
    })
}

fn send(
    content: impl Content,
    length: u64,
    kind: Sniffed,
    wanted: &Wanted,
    range: Option<&HeaderValue>,
) -> Result<HttpResponse> {
    let part = match asked(range, length) {
        Asked::Nowhere => return Ok(nowhere(length)),
        Asked::Whole => None,
        Asked::Part(from, to) => Some((from, to)),
    };
    let mut answer = begin(part, length);
    let (from, to) = part.unwrap_or((0, length));
    answer
        .content_type(kind.media_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, CSP))
        .insert_header((header::CONTENT_DISPOSITION, disposition(kind, wanted)))
        .no_chunking(to - from);
    Ok(answer.streaming(Box::pin(stream_of(content, from, to))))
}

/// The answer that brings a part of a file, or all of it.
pub(super) fn begin(part: Option<(u64, u64)>, length: u64) -> HttpResponseBuilder {
    let mut answer = match part {
        Some(_) => HttpResponse::PartialContent(),
        None => HttpResponse::Ok(),
    };
    if let Some((from, to)) = part {
        let shown = format!("bytes {from}-{}/{length}", to.saturating_sub(1));
        answer.insert_header((header::CONTENT_RANGE, shown));
    }
    answer.insert_header((header::ACCEPT_RANGES, "bytes"));
    answer
}

/// Shown or saved, and under which name.
fn disposition(kind: Sniffed, wanted: &Wanted) -> String {
    let way = match kind.is_inline {
        true => "inline",
        false => "attachment",
    };
    let plain = format!("{}-{}", wanted.media.seq, wanted.media.place);
    let name: String = wanted
        .name
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    match name.is_empty() {
        true => format!("{way}; filename=\"{plain}\""),
        false => {
            let encoded = encode(&name).replace('+', "%20");
            format!("{way}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
        }
    }
}

/// What a range asks for (RFC 9110, 14.1.2): one part, from the first byte to before the last.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Part(u64, u64),
    Nowhere,
}

/// What the header asks for of a file of this length.
pub(super) fn asked(range: Option<&HeaderValue>, length: u64) -> Asked {
    let range = range.and_then(|range| range.to_str().ok());
    range.map_or(Asked::Whole, |text| part_of(text, length))
}

/// The answer where nothing of the file was asked for.
pub(super) fn nowhere(length: u64) -> HttpResponse {
    HttpResponse::RangeNotSatisfiable()
        .insert_header((header::CONTENT_RANGE, format!("bytes */{length}")))
        .body("-")
}

fn part_of(text: &str, length: u64) -> Asked {
    // Several parts may be answered with the whole.
    let Some(range) = text
        .strip_prefix("bytes=")
        .filter(|range| !range.contains(','))
    else {
        return Asked::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Asked::Whole;
    };
    let (from, to) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.is_empty() => (first, length),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Asked::Whole,
    };
    match from < to {
        true => Asked::Part(from, to),
        false => Asked::Nowhere,
    }
}

/// What can be read anywhere.
pub(super) trait Content: Send + Sync + 'static {
    /// Fills `out` from a byte on.
    fn fill(&self, out: &mut [u8], at: u64) -> io::Result<()>;
}

impl Content for SealedFile {
    fn fill(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(out, at)
    }
}

impl Content for Vec<u8> {
    fn fill(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        let from = usize::try_from(at).map_err(io::Error::other)?;
        let part = self.get(from..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Its bytes from one on and before another.
pub(super) fn stream_of(
    content: impl Content,
    from: u64,
    to: u64,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((Arc::new(content), from), move |(content, at)| async move {
        if at >= to {
            return Ok(None);
        }
        // Up to where a sealed piece ends, so that each is opened once.
        let whole = CHUNK_BYTES as u64;
        let wanted = usize::try_from((to - at).min(whole - at % whole)).unwrap_or(CHUNK_BYTES);
        let reading = content.clone();
        let read = move || {
            let mut chunk = vec![0; wanted];
            reading.fill(&mut chunk, at).map(|()| chunk)
        };
        let chunk = tokio::task::spawn_blocking(read).await;
        let chunk = chunk.map_err(io::Error::other)??;
        let next = at + chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (content, next))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_not_the_name() {
        let shown = |head: &[u8]| {
            let kind = sniff(head);
            (kind.media_type, kind.is_inline)
        };
        assert_eq!(shown(b"\xff\xd8\xff\xe0\0\x10JFIF"), ("image/jpeg", true));
        assert_eq!(shown(b"RIFF\0\0\0\0WEBPVP8 "), ("image/webp", true));
        assert_eq!(shown(b"#!AMR\n"), ("audio/amr", false));
        assert_eq!(shown(b"%PDF-1.7"), ("application/pdf", false));
        for strange in [&b"<svg xmlns"[..], b"<html><script>", b"", b"GIF8"] {
            assert_eq!(shown(strange), ("application/octet-stream", false));
        }
    }

    #[test]
    fn a_range_is_one_part_or_everything() {
        assert_eq!(part_of("bytes=0-", 10), Asked::Part(0, 10));
        assert_eq!(part_of("bytes=2-4", 10), Asked::Part(2, 5));
        assert_eq!(part_of("bytes=2-400", 10), Asked::Part(2, 10));
        assert_eq!(part_of("bytes=-3", 10), Asked::Part(7, 10));
        assert_eq!(part_of("bytes=-300", 10), Asked::Part(0, 10));
        assert_eq!(part_of("bytes=10-", 10), Asked::Nowhere);
        assert_eq!(part_of("bytes=-0", 10), Asked::Nowhere);
        for odd in [
            "bytes=4-2",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=-",
        ] {
            assert_eq!(part_of(odd, 10), Asked::Whole, "{odd}");
        }
    }
}
