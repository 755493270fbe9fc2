//! `/live-codes/{id}/poster`: a poster with the code, to be printed or taken away.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::Result,
    identity::Viewer,
    livecodes::{LiveCodeId, board},
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, Upload, filters, parts::Choice},
    work::pages::Nothing,
};

use super::{
    super::{
        actions::{self, SaveBackdrop, SavePoster, check_words},
        asked::{self, Wish},
        model::Sheet,
        queries::{self, Printable},
        render::{
            GROUND_LIMITS, Size, clean, data_url,
            poster::{self, Design, Extent, Place, Poster},
        },
    },
    choices, draw, files, logo, plain_choices,
};

/// The sheets of a poster.
const PAPERS: [Size; 3] = [Size::A4, Size::A5, Size::A6];

/// The page.
#[derive(Template)]
#[template(path = "print/poster.html", blocks = ["title"])]
pub(in crate::livecodes::print) struct PosterPage {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) form: FormState,
    pub(super) designs: Vec<Choice>,
    pub(super) places: Vec<Choice>,
    pub(super) extents: Vec<Choice>,
    pub(super) papers: Vec<Choice>,
    pub(super) may_change: bool,
    /// Whether a picture can take the ground's place.
    pub(super) has_picture: bool,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) is_kept: bool,
    pub(super) drawing: Option<String>,
    pub(super) svg: String,
    pub(super) sheet: String,
}
view!(PosterPage);

/// What a form says about a poster.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::livecodes::print) struct PosterForm {
    design: String,
    headline: String,
    line: String,
    foot: String,
    place: String,
    extent: String,
    paper: String,
}

impl PosterForm {
    /// As an address asks, over what is kept or begun with.
    fn of(query: &ListQuery, cx: &Cx, of: &Printable) -> Self {
        let kept = of.look.poster.clone().unwrap_or_else(|| begun(cx, of));
        // An address leaves empty fields away: with one of them, it says all.
        let is_asked = query.get("design").is_some();
        let text = |name: &str, kept: String| match query.get(name) {
            Some(text) => text.to_owned(),
            None if is_asked => String::new(),
            None => kept,
        };
        let code = |name: &str, kept: &'static str| query.get(name).unwrap_or(kept).to_owned();
        Self {
            design: code("design", design_code(&kept)),
            place: code("place", kept.place.code()),
            extent: code("extent", kept.extent.code()),
            paper: code("paper", kept.paper.code()),
            headline: text("headline", kept.headline),
            line: text("line", kept.line),
            foot: text("foot", kept.foot),
        }
    }

    /// What is no choice is the first one: only addresses that nobody is given have it.
    fn sheet(&self) -> Result<Sheet> {
        let paper = Size::of_code(&self.paper).filter(|paper| PAPERS.contains(paper));
        let sheet = Sheet {
            design: Design::of_code(&self.design).unwrap_or_default(),
            place: Place::of_code(&self.place).unwrap_or_default(),
            extent: Extent::of_code(&self.extent).unwrap_or_default(),
            paper: paper.unwrap_or(Size::A4),
            headline: self.headline.trim().to_owned(),
            line: self.line.trim().to_owned(),
            foot: self.foot.trim().to_owned(),
            is_picture: self.design == PICTURE,
        };
        check_words(&sheet)?;
        Ok(sheet)
    }
}

/// A poster before anybody has made one.
fn begun(cx: &Cx, of: &Printable) -> Sheet {
    Sheet {
        design: Design::default(),
        headline: cx.t("print.poster.begin_headline").into_owned(),
        line: String::new(),
        foot: cx.t("print.poster.begin_foot").into_owned(),
        place: Place::default(),
        extent: Extent::default(),
        paper: Size::A4,
        is_picture: of.has_backdrop,
    }
}

/// What the choice of grounds says for a picture.
const PICTURE: &str = "picture";

fn design_code(sheet: &Sheet) -> &'static str {
    if sheet.is_picture {
        PICTURE
    } else {
        sheet.design.code()
    }
}

fn fields(sheet: &Sheet) -> Vec<(&'static str, String)> {
    vec![
        ("design", design_code(sheet).to_owned()),
        ("headline", sheet.headline.clone()),
        ("line", sheet.line.clone()),
        ("foot", sheet.foot.clone()),
        ("place", sheet.place.code().to_owned()),
        ("extent", sheet.extent.code().to_owned()),
        ("paper", sheet.paper.code().to_owned()),
    ]
}

/// The document, its code read back.
async fn drawn(app: &App, req: &HttpRequest, of: &Printable, sheet: Sheet) -> Result<String> {
    let (server, _) = asked::server(app, req)?;
    let art = Wish::of(&of.look).art(of, &asked::address(&server, of.code.id))?;
    let backdrop = match sheet.is_picture {
        true => app.read(|r| queries::backdrop(r, of.code.id))?,
        false => None,
    };
    let poster = Poster {
        design: sheet.design,
        picture: backdrop.map(|backdrop| data_url("image/jpeg", &backdrop.jpeg)),
        headline: sheet.headline,
        line: sheet.line,
        foot: sheet.foot,
        number: of.code.id.to_string(),
        place: sheet.place,
        extent: sheet.extent,
        paper: sheet.paper,
    };
    draw(move || poster::draw(&poster, &art).map_err(asked::refused)).await
}

async fn page(
    app: &App,
    req: &HttpRequest,
    cx: &Cx,
    of: Printable,
    typed: PosterForm,
    problems: FormState,
) -> Result<PosterPage> {
    let state = FormState::with_values([
        ("design", typed.design.clone()),
        ("headline", typed.headline.clone()),
        ("line", typed.line.clone()),
        ("foot", typed.foot.clone()),
        ("place", typed.place.clone()),
        ("extent", typed.extent.clone()),
        ("paper", typed.paper.clone()),
    ]);
    let made = match typed.sheet() {
        Ok(sheet) => drawn(app, req, &of, sheet.clone())
            .await
            .map(|drawing| (sheet, drawing)),
        Err(wrong) => Err(wrong),
    };
    let state = match problems.is_refused() {
        true => problems,
        false => state,
    };
    let (sheet, drawing, form) = match state.clone().catch(made)? {
        Ok((sheet, drawing)) => (sheet, Some(drawing), state),
        Err(form) => (begun(cx, &of), None, form),
    };
    let id = of.code.id.to_string();
    let fields = fields(&sheet);
    let link = |file: &str| {
        let start = ListQuery::new(&format!("/live-codes/{id}/{file}"));
        let all = fields.iter();
        all.fold(start, |query, (name, value)| query.with(name, value))
            .to_string()
    };
    let has_picture = of.has_backdrop;
    let mut designs = Design::ALL.map(Design::code).to_vec();
    designs.extend(has_picture.then_some(PICTURE));
    Ok(PosterPage {
        name: of.code.name,
        designs: choices(cx, "print.design", &designs, &typed.design),
        has_picture,
        places: choices(
            cx,
            "print.place",
            &Place::ALL.map(Place::code),
            &typed.place,
        ),
        extents: choices(
            cx,
            "print.share",
            &Extent::ALL.map(Extent::code),
            &typed.extent,
        ),
        papers: plain_choices(&PAPERS.map(Size::code), &typed.paper),
        may_change: of.may_change,
        is_kept: of.look.poster.as_ref() == Some(&sheet),
        svg: link("poster.svg"),
        sheet: link("poster/sheet"),
        fields,
        form,
        drawing,
        id,
    })
}

/// Shows the poster as it is kept, or as the address asks.
pub(in crate::livecodes::print) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<PosterPage>> {
    let of = queries::printable(&app, &viewer, &id)?;
    let typed = PosterForm::of(&ListQuery::parse(&cx.path, &cx.query), &cx, &of);
    let page = page(&app, &req, &cx, of, typed, FormState::empty()).await?;
    let is_wrong = page.drawing.is_none();
    let shown = Shown::of(page);
    Ok(if is_wrong { shown.invalid() } else { shown })
}

/// Keeps the poster.
pub(in crate::livecodes::print) async fn save(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<PosterForm>,
) -> Result<Shown<PosterPage>> {
    let of = queries::printable(&app, &viewer, &id)?;
    let code = of.code.id;
    let sheet = match form.state.catch(form.values.sheet())? {
        Ok(sheet) => sheet,
        Err(_) => {
            let page = page(&app, &req, &cx, of, form.values, FormState::empty()).await?;
            return Ok(Shown::of(page).invalid());
        }
    };
    let directory = app.read(|r| app.directory.get(r))?;
    let command = SavePoster {
        code,
        poster: sheet,
        directory,
    };
    app.carry_out(&viewer, "live_code.poster", command, actions::save_poster)
        .await?;
    Ok(Shown::go_to(format_args!("/live-codes/{code}/poster")).toast("print.poster.saved", ()))
}

async fn keep(app: &App, viewer: &Viewer, code: LiveCodeId, jpeg: Option<Vec<u8>>) -> Result<()> {
    let directory = app.read(|r| app.directory.get(r))?;
    let command = SaveBackdrop {
        code,
        jpeg,
        directory,
    };
    app.carry_out(viewer, "live_code.poster", command, actions::save_backdrop)
        .await
}

/// Puts a picture behind the poster.
pub(in crate::livecodes::print) async fn put_picture(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Upload<Nothing>,
) -> Result<Shown<PosterPage>> {
    let code = board::parse(&id)?;
    let taken = logo::taken(form.file, GROUND_LIMITS, actions::kept_backdrop).await;
    let saved = match taken {
        Ok(jpeg) => keep(&app, &viewer, code, Some(jpeg)).await,
        Err(wrong) => Err(wrong),
    };
    match FormState::empty().catch(saved)? {
        Ok(()) => Ok(Shown::go_to(format_args!("/live-codes/{code}/poster"))
            .toast("print.poster.picture_saved", ())),
        Err(problems) => {
            let of = queries::printable(&app, &viewer, &id)?;
            let kept = PosterForm::of(&ListQuery::new(&cx.path), &cx, &of);
            let page = page(&app, &req, &cx, of, kept, problems).await?;
            Ok(Shown::of(page).invalid())
        }
    }
}

/// Takes it away.
pub(in crate::livecodes::print) async fn remove_picture(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<PosterPage>> {
    let code = board::parse(&id)?;
    keep(&app, &viewer, code, None).await?;
    Ok(Shown::go_to(format_args!("/live-codes/{code}/poster"))
        .toast("print.poster.picture_removed", ()))
}

/// The poster as a file.
pub(in crate::livecodes::print) async fn file(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let of = queries::printable(&app, &viewer, &id)?;
    let typed = PosterForm::of(&ListQuery::parse(&cx.path, &cx.query), &cx, &of);
    let sheet = typed.sheet()?;
    app.note(
        viewer
            .view("live_code.print")
            .about("live_code", of.code.id),
    )
    .await?;
    let paper = sheet.paper.code();
    let drawing = drawn(&app, &req, &of, sheet).await?;
    let name = format!("{}-{paper}.svg", clean(&of.code.name));
    let plain = format!("{}-{paper}.svg", of.code.id);
    Ok(files::answer("image/svg+xml", &name, &plain, drawing))
}

/// The poster alone, for the browser's printing.
#[derive(Template)]
#[template(path = "print/sheet.html", blocks = ["title"])]
pub(in crate::livecodes::print) struct SheetPage {
    id: String,
    name: String,
    paper: &'static str,
    drawing: String,
}
view!(SheetPage);

/// Shows it.
pub(in crate::livecodes::print) async fn sheet(
    viewer: Viewer,
    req: HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SheetPage>> {
    let of = queries::printable(&app, &viewer, &id)?;
    let typed = PosterForm::of(&ListQuery::parse(&cx.path, &cx.query), &cx, &of);
    let sheet = typed.sheet()?;
    app.note(
        viewer
            .view("live_code.print")
            .about("live_code", of.code.id),
    )
    .await?;
    let paper = sheet.paper.code();
    let drawing = drawn(&app, &req, &of, sheet).await?;
    Ok(Shown::of(SheetPage {
        id: of.code.id.to_string(),
        name: of.code.name,
        paper,
        drawing,
    }))
}
