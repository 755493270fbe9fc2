//! `/live-codes/{id}/qr.svg`, `qr.png`, `qr.pdf`: the files of a code.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    web::{Cx, ListQuery, encode},
};

use super::{
    super::{
        asked::{self, Wish},
        queries::{self, Printable},
        render::{Art, PIXELS_MAX, PIXELS_MIN, clean},
    },
    draw,
};

/// A picture brings nothing along and reaches nothing, wherever it is opened.
const CSP: &str = "default-src 'none'; img-src data:; sandbox";
/// Pixels of a PNG unless others are asked for.
pub(in crate::livecodes::print) const PIXELS: u32 = 1024;

/// A file to take away: its name for people, and one for browsers that read only Latin letters
/// (RFC 6266, appendix D; RFC 8187).
pub(super) fn answer(
    media_type: &'static str,
    name: &str,
    plain: &str,
    body: impl actix_web::body::MessageBody + 'static,
) -> HttpResponse {
    let encoded = encode(name).replace('+', "%20");
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::CONTENT_SECURITY_POLICY, CSP))
        .body(body)
}

/// What is wished, with the code that it makes.
struct Ordered {
    of: Printable,
    wish: Wish,
    art: Art,
}

fn ordered(
    app: &App,
    viewer: &Viewer,
    req: &HttpRequest,
    id: &str,
    query: &ListQuery,
) -> Result<Ordered> {
    let of = queries::printable(app, viewer, id)?;
    let wish = Wish::of(&of.look).with(|name| query.get(name))?;
    let (server, _) = asked::server(app, req)?;
    let art = wish.art(&of, &asked::address(&server, of.code.id))?;
    Ok(Ordered { of, wish, art })
}

impl Ordered {
    fn caption(&self) -> Option<super::super::render::Caption> {
        self.wish.has_caption.then(|| asked::caption(&self.of))
    }

    /// `静安大悦城门店立牌-50mm.pdf`, and the same by the code's number.
    fn names(&self, size: &str, ending: &str) -> (String, String) {
        let name = clean(&self.of.code.name);
        (
            format!("{name}-{size}.{ending}"),
            format!("{}-{size}.{ending}", self.of.code.id),
        )
    }
}

/// The code as SVG.
pub(in crate::livecodes::print) async fn svg(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let ordered = ordered(&app, &viewer, &req, &id, &query)?;
    app.note(
        viewer
            .view("live_code.print")
            .about("live_code", ordered.of.code.id),
    )
    .await?;
    let size = ordered.wish.size;
    let (name, plain) = ordered.names(size.code(), "svg");
    let drawn = draw(move || {
        let caption = ordered.caption();
        ordered
            .art
            .svg(size, caption.as_ref())
            .map_err(asked::refused)
    });
    Ok(answer("image/svg+xml", &name, &plain, drawn.await?))
}

/// The code as PNG, of `size` pixels.
pub(in crate::livecodes::print) async fn png(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let pixels = pixels(query.get("size"))?;
    let ordered = ordered(&app, &viewer, &req, &id, &query.without("size"))?;
    app.note(
        viewer
            .view("live_code.print")
            .about("live_code", ordered.of.code.id),
    )
    .await?;
    let (name, plain) = ordered.names(&format!("{pixels}px"), "png");
    let drawn = draw(move || ordered.art.png(pixels).map_err(asked::refused));
    Ok(answer("image/png", &name, &plain, drawn.await?))
}

/// The code as PDF.
pub(in crate::livecodes::print) async fn pdf(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let ordered = ordered(&app, &viewer, &req, &id, &query)?;
    app.note(
        viewer
            .view("live_code.print")
            .about("live_code", ordered.of.code.id),
    )
    .await?;
    let size = ordered.wish.size;
    let (name, plain) = ordered.names(size.code(), "pdf");
    let drawn = draw(move || {
        let caption = ordered.caption();
        ordered
            .art
            .pdf(size, caption.as_ref())
            .map_err(asked::refused)
    });
    Ok(answer("application/pdf", &name, &plain, drawn.await?))
}

/// The pixels that an address asks for.
pub(super) fn pixels(asked: Option<&str>) -> Result<u32> {
    let Some(asked) = asked else {
        return Ok(PIXELS);
    };
    let pixels = asked.trim_end_matches("px").parse().ok();
    pixels
        .filter(|pixels| (PIXELS_MIN..=PIXELS_MAX).contains(pixels))
        .ok_or(AppError::field("size", "print.problem.pixels"))
}
