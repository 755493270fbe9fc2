//! `/live-codes/{id}/print`: how a code looks, and its files.

use actix_web::{
    HttpRequest,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Choice},
};

use super::{
    super::{
        actions::{self, SaveLook},
        asked::{self, Wish},
        model::Mark,
        queries::{self, Printable},
        render::{CONTRAST_MIN, Colour, Share, Size, contrast, pdf_can_write},
    },
    choices, draw,
    files::PIXELS,
    plain_choices,
};

/// Sides of the PNGs that are offered, in pixels.
const SIDES: [u32; 5] = [256, 512, PIXELS, 2048, 4096];

/// The page.
#[derive(Template)]
#[template(path = "print/print.html", blocks = ["title"])]
pub(in crate::livecodes::print) struct PrintPage {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) address: String,
    /// Whether somebody has said where the server is reached.
    pub(super) is_public: bool,
    /// Whether the viewer can say so.
    pub(super) may_settle: bool,
    pub(super) form: FormState,
    pub(super) logos: Vec<Choice>,
    pub(super) shares: Vec<Choice>,
    pub(super) sizes: Vec<Choice>,
    pub(super) captions: Vec<Choice>,
    pub(super) has_own: bool,
    pub(super) may_change: bool,
    /// What is shown, as fields that save it.
    pub(super) fields: Vec<(&'static str, String)>,
    /// Whether it is what is kept.
    pub(super) is_kept: bool,
    /// The drawing; none if it cannot be read.
    pub(super) drawing: Option<String>,
    pub(super) contrast: String,
    pub(super) is_contrasty: bool,
    pub(super) svg: String,
    pub(super) pdf: String,
    /// Pixels and address.
    pub(super) pngs: Vec<(u32, String)>,
    /// Whether the PDF has to leave the name out.
    pub(super) is_name_left_out: bool,
}
view!(PrintPage);

/// Shows the code as it is kept, or as the address asks.
pub(in crate::livecodes::print) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<PrintPage>> {
    let of = queries::printable(&app, &viewer, &id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let kept = Wish::of(&of.look);
    let typed = FIELDS.into_iter().filter_map(|name| {
        let text = query.get(name)?;
        // A field for a colour shows anything else as black.
        let is_shown = !["ink", "paper"].contains(&name) || Colour::parse(text).is_some();
        is_shown.then(|| (name, text.to_owned()))
    });
    let wish = kept.clone().with(|name| query.get(name));
    match FormState::with_values(typed).catch(wish)? {
        Ok(wish) => {
            let page = page(&app, &req, &cx, of, wish, FormState::empty()).await?;
            let is_wrong = page.form.is_refused();
            let shown = Shown::of(page);
            Ok(if is_wrong { shown.invalid() } else { shown })
        }
        Err(problems) => {
            let page = page(&app, &req, &cx, of, kept, problems).await?;
            Ok(Shown::of(page).invalid())
        }
    }
}

const FIELDS: [&str; 6] = ["ink", "paper", "logo", "share", "size", "caption"];

/// The page with this wish; what is wrong with it stands in the form, and nothing is drawn.
pub(super) async fn page(
    app: &App,
    req: &HttpRequest,
    cx: &Cx,
    of: Printable,
    wish: Wish,
    problems: FormState,
) -> Result<PrintPage> {
    let (server, is_public) = asked::server(app, req)?;
    let address = asked::address(&server, of.code.id);
    let caption = wish.has_caption.then(|| asked::caption(&of));
    let art = wish.art(&of, &address);
    let size = wish.size;
    let drawn = match art {
        Ok(art) => {
            let caption = caption.clone();
            draw(move || art.svg(size, caption.as_ref()).map_err(asked::refused)).await
        }
        Err(wrong) => Err(wrong),
    };
    let values = wish.fields();
    let form = FormState::with_values(values.iter().map(|(name, value)| (*name, value.clone())));
    let (drawing, form) = match (form.clone().catch(drawn)?, problems.is_refused()) {
        // What was typed, with what is wrong about it.
        (_, true) => (None, problems.or_values(values.iter().cloned())),
        (Ok(drawing), false) => (Some(drawing), form),
        (Err(form), false) => (None, form),
    };
    let id = of.code.id.to_string();
    let link = |file: &str| wish.query(format!("/live-codes/{id}/{file}"));
    let pngs = SIDES.map(|side| (side, link("qr.png").with("size", side).to_string()));
    let marks: Vec<&'static str> = Mark::ALL
        .into_iter()
        .filter(|mark| *mark != Mark::Own || of.look.picture.is_some())
        .map(Mark::code)
        .collect();
    let mut logos = choices(cx, "print.logo_choice", &marks, wish.mark.code());
    if of.firm.is_none() {
        // It stays the choice: once the firm has a logo, it is printed.
        logos[0].label = cx.t("print.logo.no_firm").into_owned();
    }
    let caption_code = if wish.has_caption { "yes" } else { "no" };
    let ratio = contrast(wish.ink, wish.paper);
    Ok(PrintPage {
        name: of.code.name.clone(),
        logos,
        shares: choices(
            cx,
            "print.share",
            &Share::ALL.map(Share::code),
            wish.share.code(),
        ),
        sizes: plain_choices(&Size::ALL.map(Size::code), wish.size.code()),
        captions: choices(cx, "print.caption_choice", &["yes", "no"], caption_code),
        has_own: of.look.picture.is_some(),
        may_change: of.may_change,
        may_settle: of.may_settle,
        is_kept: wish == Wish::of(&of.look),
        contrast: format!("{ratio:.1}"),
        is_contrasty: ratio >= CONTRAST_MIN,
        svg: link("qr.svg").to_string(),
        pdf: link("qr.pdf").to_string(),
        pngs: pngs.to_vec(),
        is_name_left_out: wish.has_caption && !pdf_can_write(&of.code.name),
        fields: values,
        form,
        drawing,
        address,
        is_public,
        id,
    })
}

/// What is to be kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::livecodes::print) struct LookForm {
    ink: String,
    paper: String,
    logo: String,
    share: String,
    size: String,
    caption: String,
}

/// Prints the code like this from now on.
pub(in crate::livecodes::print) async fn save(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<LookForm>,
) -> Result<Shown<PrintPage>> {
    let of = queries::printable(&app, &viewer, &id)?;
    let code = of.code.id;
    let typed = &form.values;
    let wish = Wish::of(&of.look).with(|name| {
        Some(match name {
            "ink" => typed.ink.as_str(),
            "paper" => &typed.paper,
            "logo" => &typed.logo,
            "share" => &typed.share,
            "size" => &typed.size,
            _ => &typed.caption,
        })
    });
    let wish = match form.state.catch(wish)? {
        Ok(wish) => wish,
        Err(problems) => {
            let kept = Wish::of(&of.look);
            let page = page(&app, &req, &cx, of, kept, problems).await?;
            return Ok(Shown::of(page).invalid());
        }
    };
    // What cannot be read is not kept.
    let shown = page(&app, &req, &cx, of, wish.clone(), FormState::empty()).await?;
    if shown.drawing.is_none() {
        return Ok(Shown::of(shown).invalid());
    }
    let directory = app.read(|r| app.directory.get(r)).map_err(AppError::from)?;
    let command = SaveLook {
        code,
        wish,
        directory,
    };
    app.carry_out(&viewer, "live_code.look", command, actions::save_look)
        .await?;
    Ok(Shown::go_to(format_args!("/live-codes/{code}/print")).toast("print.saved", ()))
}
