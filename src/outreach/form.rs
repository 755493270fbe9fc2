//! The part of a form in which a message is written: words, variables, assets, and how it will
//! look in WeChat. The template is `content_fields` in `templates/outreach/parts.html`.

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    store::Read,
    web::{Cx, FormState, Lang},
};

use super::{
    Content,
    content::{self, Names, TEXT_BYTES_MAX, Variables},
    materials::{Bubble, Kind, Material, MaterialId, queries},
};

/// Assets that are offered at once; chosen ones always are.
const OFFERED_MAX: usize = 200;

/// What the template needs beside the form's state, whose fields are `text` and `attachment`.
pub struct ContentPart {
    /// Assets to choose from, the chosen first.
    pub(crate) assets: Vec<Pick>,
    /// Whether there are more than are offered.
    pub(crate) has_more: bool,
    /// Words from the library.
    pub(crate) texts: Vec<(String, String)>,
    /// The variables that may stand in the words.
    pub(crate) variables: &'static str,
    /// What the address of the preview ends with, so that it knows them.
    pub(crate) preview_as: &'static str,
    /// How it will look.
    pub(crate) preview: Preview,
}

/// An asset to choose.
pub(crate) struct Pick {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) icon: &'static str,
    pub(crate) kind: String,
    pub(crate) is_on: bool,
}

/// A message as WeChat shows it.
pub struct Preview {
    /// The words, filled in for somebody.
    pub(crate) text: String,
    /// What comes along.
    pub(crate) bubbles: Vec<Bubble>,
    /// Bytes of the words at most.
    pub(crate) bytes: usize,
    /// Bytes that WeCom takes.
    pub(crate) max: usize,
    /// Whether there are more.
    pub(crate) is_too_long: bool,
    /// What is written like a variable and is none that may stand there; empty if nothing is.
    pub(crate) unknown: String,
    /// Shown as a moment (朋友圈), not as a message in a chat.
    pub(crate) is_moment: bool,
}

/// The message that a form has sent. Whether it may be kept, [`super::materials::check`] says.
pub fn content(text: &str, attachment: &[String]) -> Result<Content> {
    let missing = |_| AppError::field("attachment", "content.asset_missing");
    Ok(Content {
        text: text.replace("\r\n", "\n").trim_end().to_owned(),
        attachments: attachment
            .iter()
            .map(|id| id.parse().map_err(missing))
            .collect::<Result<_>>()?,
    })
}

/// The time that the field `at` of a form has, in the firm's zone; none if empty.
pub fn time(text: &str, cx: &Cx) -> Result<Option<Timestamp>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |_| AppError::field("at", "broadcasts.bad_time");
    let time: jiff::civil::DateTime = text.trim().parse().map_err(wrong)?;
    let time = time.to_zoned(cx.zone.clone()).map_err(wrong)?;
    Ok(Some(Timestamp::from_ms(time.timestamp().as_millisecond())))
}

/// The form in which something is sent, now or later.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SendFields {
    #[serde(default)]
    at: String,
}

impl SendFields {
    /// When it is to be sent; none for now.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is no time.
    pub(super) fn at(&self, cx: &Cx) -> Result<Option<Timestamp>> {
        time(&self.at, cx)
    }
}

/// The fields of a form that shows this message.
pub fn filled(content: &Content) -> Vec<(&'static str, String)> {
    let assets = content.attachments.iter();
    let assets = assets.map(|id| ("attachment", id.to_string()));
    std::iter::once(("text", content.text.clone()))
        .chain(assets)
        .collect()
}

impl ContentPart {
    /// The part as it stands in a form. Assets are those offered to the viewer; whoever may not
    /// see the library is offered none.
    pub fn load(
        app: &App,
        r: &Read<'_>,
        viewer: &Viewer,
        cx: &Cx,
        form: &FormState,
    ) -> Result<Self> {
        Self::load_where(app, r, viewer, cx, form, (Variables::All, |_| true))
    }

    /// The same with these variables only, and those assets that can come along.
    pub fn load_where(
        app: &App,
        r: &Read<'_>,
        viewer: &Viewer,
        cx: &Cx,
        form: &FormState,
        (variables, can_come): (Variables, impl Fn(&Material) -> bool),
    ) -> Result<Self> {
        let mut offered = match viewer.may(Permission::OutreachRead) {
            true => {
                let scope = viewer.scope(r, Permission::OutreachRead)?;
                queries::offered(r, &scope, &*app.directory.get(r)?)?
            }
            false => Vec::new(),
        };
        offered.retain(|m| m.kind() == Kind::Text || can_come(m));
        Ok(Self::of(offered, cx, form, variables))
    }

    /// The part with these assets.
    pub(crate) fn of(
        offered: Vec<Material>,
        cx: &Cx,
        form: &FormState,
        variables: Variables,
    ) -> Self {
        let is_on = |m: &Material| form.has("attachment", &m.id.to_string());
        let (words, others): (Vec<_>, Vec<_>) = offered
            .into_iter()
            .filter(|m| !m.is_archived() || is_on(m))
            .partition(|m| m.kind() == Kind::Text);
        let (chosen, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_on);
        let has_more = rest.len() > OFFERED_MAX;
        let preview = Preview::of(cx, form.value("text"), &chosen, variables);
        let pick = |m: &Material| Pick {
            id: m.id.to_string(),
            title: m.title.clone(),
            icon: m.kind().icon(),
            kind: cx.t(m.kind().word()).into_owned(),
            is_on: is_on(m),
        };
        let assets = chosen.iter().chain(rest.iter().take(OFFERED_MAX));
        Self {
            assets: assets.map(pick).collect(),
            has_more,
            texts: words
                .into_iter()
                .take(OFFERED_MAX)
                .filter_map(|m| m.body.text().map(|text| (m.title.clone(), text.to_owned())))
                .collect(),
            variables: variables.written(cx.lang() == Lang::En),
            preview_as: match variables {
                Variables::All => "",
                Variables::Member => "?as=broadcast",
                Variables::Firm => "?as=moment",
            },
            preview,
        }
    }
}

impl Preview {
    /// How words and assets will look.
    pub(crate) fn of(cx: &Cx, text: &str, assets: &[Material], variables: Variables) -> Self {
        let text = text.replace("\r\n", "\n");
        let firm = cx.firm();
        let (customer, member) = (
            cx.t("content.sample_customer"),
            cx.t("content.sample_member"),
        );
        let code = cx.t("content.sample_code");
        let names = Names {
            customer: &customer,
            member: &member,
            firm: &firm,
            code: &code,
        };
        let bytes = content::text_bytes(&text);
        Self {
            text: content::fill_some(text.trim(), &names, variables),
            unknown: variables.unknown(&text).join(" "),
            bubbles: assets
                .iter()
                .map(|m| Bubble::of(m.id, m.version, &m.title, &m.body))
                .collect(),
            bytes,
            max: TEXT_BYTES_MAX,
            is_too_long: bytes > TEXT_BYTES_MAX,
            is_moment: false,
        }
    }

    /// The same, shown as a moment.
    pub(crate) fn into_moment(self) -> Self {
        Self {
            is_moment: true,
            ..self
        }
    }

    /// How a message that is kept will look, to somebody who may see it.
    pub(crate) fn of_content(r: &Read<'_>, cx: &Cx, content: &Content) -> Result<Self> {
        let found = |id: &MaterialId| r.get::<Material>(id).transpose();
        let assets: Vec<Material> = content
            .attachments
            .iter()
            .filter_map(found)
            .collect::<Result<_, _>>()?;
        Ok(Self::of(cx, &content.text, &assets, Variables::All))
    }
}
