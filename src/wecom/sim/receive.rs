//! What comes in beside the query string, and files that go out.

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::StreamExt;
use serde_json::json;

use super::{
    check::Fail,
    media::{File, Upload},
    routes::Takes,
    server::Body,
};

/// A JSON body larger than this is refused.
pub const BODY_MAX: usize = 1 << 20;
/// A file larger than this is not read to its end; each call has its own, smaller limit.
const FILE_MAX: usize = 24 << 20;
/// A stretch of a file, and a file without one, may be this long.
const PIECE_MAX: usize = 20 << 20;

/// The body of a call that takes this.
pub async fn body(
    takes: Takes,
    request: &HttpRequest,
    mut payload: web::Payload,
) -> Result<Body, Fail> {
    if takes == Takes::File {
        let form = Multipart::new(request.headers(), payload);
        return Ok(Body {
            upload: upload(form).await?,
            ..Body::default()
        });
    }
    let mut bytes = web::BytesMut::new();
    let mut large = false;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Fail::param("body"))?;
        large |= bytes.len() + piece.len() > BODY_MAX;
        // Heard out, so that the sender hears the answer.
        if !large {
            bytes.extend_from_slice(&piece);
        }
    }
    if large {
        return Err(Fail::new(40206, "request body too large"));
    }
    Ok(Body {
        bytes: bytes.freeze(),
        upload: None,
    })
}

/// The file in the field `media`; none if there is no such field.
async fn upload(mut form: Multipart) -> Result<Option<Upload>, Fail> {
    let mut found = None;
    while let Some(Ok(mut field)) = form.next().await {
        let disposition = field.content_disposition();
        let name = disposition.and_then(|d| d.get_name()).unwrap_or_default();
        let filename = disposition.and_then(|d| d.get_filename());
        let is_ours = name == "media" && filename.is_some();
        let filename = filename.unwrap_or_default().to_owned();
        let content_type = field.content_type().map(ToString::to_string);
        let mut bytes = web::BytesMut::new();
        while let Some(Ok(piece)) = field.next().await {
            if bytes.len() + piece.len() > FILE_MAX {
                return Err(Fail::new(45001, "media data size out of limit"));
            }
            if is_ours {
                bytes.extend_from_slice(&piece);
            }
        }
        if is_ours {
            let content_type = content_type.unwrap_or_default();
            found = Some(Upload::new(filename, content_type, bytes.freeze()));
        }
    }
    Ok(found)
}

/// A file, or the stretch of it that is asked for.
pub fn file(request: &HttpRequest, file: &File, bytes: web::Bytes) -> HttpResponse {
    let whole = bytes.len();
    let asked = request.headers().get(header::RANGE);
    let range = asked
        .and_then(|value| value.to_str().ok())
        .map(|value| stretch(value, whole));
    let kind = match file.content_type.as_str() {
        "" => "application/octet-stream",
        kind => kind,
    };
    let name = file.name.replace(['"', '\\', '\r', '\n'], "_");
    let mut response = match &range {
        Some(None) => {
            return HttpResponse::RangeNotSatisfiable()
                .insert_header((header::CONTENT_RANGE, format!("bytes */{whole}")))
                .finish();
        }
        Some(Some(range)) => {
            let mut partial = HttpResponse::PartialContent();
            let last = range.end - 1;
            let told = format!("bytes {}-{last}/{whole}", range.start);
            partial.insert_header((header::CONTENT_RANGE, told));
            partial
        }
        None => HttpResponse::Ok(),
    };
    response
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\"").into_bytes(),
        ));
    let range = range.flatten().unwrap_or(0..whole);
    if range.len() > PIECE_MAX {
        let large = json!({ "errcode": 830_002, "errmsg": "file or range too large" });
        return HttpResponse::Ok().json(large);
    }
    response.body(bytes.slice(range))
}

/// The stretch of `bytes=a-b`; `None` if there is nothing there.
fn stretch(range: &str, whole: usize) -> Option<std::ops::Range<usize>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(whole)),
        (Ok(first), Err(_)) if last.is_empty() => (first, whole),
        (Err(_), Ok(tail)) if first.is_empty() => (whole.saturating_sub(tail), whole),
        _ => return None,
    };
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::stretch;

    #[test]
    fn stretches_lie_within_the_file() {
        for (asked, got) in [
            ("bytes=0-3", Some(0..4)),
            ("bytes=8-", Some(8..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=8-99", Some(8..10)),
            ("bytes=10-", None),
            ("bytes=x-3", None),
            ("pages=1-2", None),
        ] {
            assert_eq!(stretch(asked, 10), got, "{asked}");
        }
    }
}
