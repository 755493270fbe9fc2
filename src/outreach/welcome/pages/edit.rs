//! `/welcome/new`, `/welcome/{id}/edit`: a message, whose customers it greets, and when.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::{self, Member, Sight},
    outreach::form::{self, ContentPart},
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
};

use super::{
    super::{
        actions::{self, SaveWelcome},
        model::{DAY_MINUTES, Welcome, WelcomeId, Whose, Window},
    },
    HERE, clock, day_word,
    show::found,
};

/// The page.
#[derive(Template)]
#[template(path = "outreach/welcome_edit.html", blocks = ["title"])]
pub(in crate::outreach) struct EditPage {
    /// None for a new one.
    pub(super) id: Option<String>,
    pub(super) form: FormState,
    pub(super) units: Vec<Choice>,
    pub(super) members: Vec<Choice>,
    pub(super) rows: Vec<Row>,
    pub(super) part: ContentPart,
}
view!(EditPage);

/// The fields of one stretch of the week.
pub(super) struct Row {
    pub(super) days: &'static str,
    pub(super) from: &'static str,
    pub(super) until: &'static str,
    pub(super) names: Vec<String>,
}

/// Names of these fields.
const ROWS: [(&str, &str, &str); 3] = [
    ("day1", "from1", "until1"),
    ("day2", "from2", "until2"),
    ("day3", "from3", "until3"),
];

fn edit_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<WelcomeId>,
    form: FormState,
) -> Result<EditPage> {
    app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let sight = app.sight(r, viewer, Permission::OutreachManage)?;
        let directory = &sight.directory;
        let choice = |value: String, label: String| Choice {
            value,
            label,
            count: None,
            is_on: false,
        };
        let tree = directory.tree.flat().into_iter();
        let mut units: Vec<Choice> = tree
            .filter(|(_, unit)| org::decides(&scope, directory, Some(unit.id)))
            .map(|(depth, unit)| {
                let indent = "\u{3000}".repeat(depth);
                choice(unit.id.to_string(), format!("{indent}{}", unit.name))
            })
            .collect();
        if org::decides(&scope, directory, None) {
            let firm = cx.t("welcome.whole_firm").into_owned();
            units.insert(0, choice(String::new(), firm));
        }
        let days = (0..7).map(|day| cx.t(day_word(day)).into_owned());
        let days: Vec<String> = days.collect();
        Ok(EditPage {
            id: id.map(|id| id.to_string()),
            part: ContentPart::load(app, r, viewer, cx, &form)?,
            form,
            units,
            members: members(cx, &sight),
            rows: ROWS
                .map(|(day, from, until)| Row {
                    days: day,
                    from,
                    until,
                    names: days.clone(),
                })
                .into(),
        })
    })
}

/// The members in scope who serve customers.
fn members(cx: &Cx, sight: &Sight) -> Vec<Choice> {
    let serves = |m: &&Member| m.is_here() && m.serves_customers && sight.sees(m.id);
    let mut members: Vec<&Member> = sight.directory.members().filter(serves).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
    let nobody = (String::new(), cx.t("welcome.no_member").into_owned());
    let named = members.iter().map(|m| (m.id.to_string(), m.name.clone()));
    std::iter::once(nobody)
        .chain(named)
        .map(|(value, label)| Choice {
            value,
            label,
            count: None,
            is_on: false,
        })
        .collect()
}

/// The empty form.
pub(in crate::outreach) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let form = FormState::empty();
    Ok(Shown::of(edit_page(&app, &viewer, &cx, None, form)?))
}

/// The form of a message that is there.
pub(in crate::outreach) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EditPage>> {
    let id = super::parse(&id)?;
    let welcome = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let directory = app.directory.get(r)?;
        let welcome = found(r, id)?;
        match actions::decides(&scope, &directory, welcome.whose) {
            true => Ok(welcome),
            false => Err(AppError::NotFound { what: "welcome" }),
        }
    })?;
    let form = FormState::with_values(filled(&welcome));
    Ok(Shown::of(edit_page(&app, &viewer, &cx, Some(id), form)?))
}

fn filled(welcome: &Welcome) -> Vec<(&'static str, String)> {
    let (unit, member) = match welcome.whose {
        Whose::Firm => (String::new(), String::new()),
        Whose::Department(id) => (id.to_string(), String::new()),
        Whose::Member(id) => (String::new(), id.to_string()),
    };
    let mut values = vec![
        ("name", welcome.name.clone()),
        ("unit", unit),
        ("member", member),
    ];
    for (window, (day, from, until)) in welcome.windows.iter().zip(ROWS) {
        let on = (0..7).filter(|n| window.days & (1 << n) != 0);
        values.extend(on.map(|n: u8| (day, n.to_string())));
        values.push((from, clock(window.from)));
        values.push((until, clock(window.until % DAY_MINUTES)));
    }
    values.extend(form::filled(&welcome.content));
    values
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    member: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    attachment: Vec<String>,
    #[serde(default)]
    day1: Vec<u8>,
    #[serde(default)]
    from1: String,
    #[serde(default)]
    until1: String,
    #[serde(default)]
    day2: Vec<u8>,
    #[serde(default)]
    from2: String,
    #[serde(default)]
    until2: String,
    #[serde(default)]
    day3: Vec<u8>,
    #[serde(default)]
    from3: String,
    #[serde(default)]
    until3: String,
}

impl Fields {
    fn whose(&self) -> Result<Whose> {
        let gone = |field| AppError::field(field, "welcome.unknown_whose");
        Ok(match (self.member.as_str(), self.unit.as_str()) {
            ("", "") => Whose::Firm,
            ("", unit) => Whose::Department(unit.parse().map_err(|_| gone("unit"))?),
            (member, _) => Whose::Member(member.parse().map_err(|_| gone("member"))?),
        })
    }

    /// The stretches of the week in which anything was filled in.
    fn windows(&self) -> Result<Vec<Window>> {
        let rows = [
            (&self.day1, &self.from1, &self.until1),
            (&self.day2, &self.from2, &self.until2),
            (&self.day3, &self.from3, &self.until3),
        ];
        let mut windows = Vec::new();
        for (days, from, until) in rows {
            if days.is_empty() && from.is_empty() && until.is_empty() {
                continue;
            }
            let wrong = || AppError::field("window", "welcome.window_shape");
            let on = days.iter().filter(|day| **day < 7);
            let until = minutes(until).ok_or_else(wrong)?;
            windows.push(Window {
                days: on.fold(0, |bits, day| bits | 1 << day),
                from: minutes(from).ok_or_else(wrong)?,
                // Midnight is the end of the day and not its beginning.
                until: if until == 0 { DAY_MINUTES } else { until },
            });
        }
        Ok(windows)
    }
}

/// A time of day in minutes.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

async fn keep(
    app: &App,
    viewer: &Viewer,
    id: Option<WelcomeId>,
    fields: &Fields,
) -> Result<WelcomeId> {
    let command = SaveWelcome {
        id,
        name: fields.name.clone(),
        whose: fields.whose()?,
        windows: fields.windows()?,
        content: form::content(&fields.text, &fields.attachment)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(viewer, "welcome.save", command, actions::save)
        .await
}

/// Keeps a new message.
pub(in crate::outreach) async fn create(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let kept = keep(&app, &viewer, None, &form.values).await;
    Ok(match form.state.catch(kept)? {
        Ok(id) => Shown::go_to(format!("{HERE}/{id}")).toast("welcome.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, None, form)?).invalid(),
    })
}

/// Keeps a changed message.
pub(in crate::outreach) async fn change(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<EditPage>> {
    let id = super::parse(&id)?;
    let kept = keep(&app, &viewer, Some(id), &form.values).await;
    Ok(match form.state.catch(kept)? {
        Ok(id) => Shown::go_to(format!("{HERE}/{id}")).toast("welcome.saved", ()),
        Err(form) => Shown::of(edit_page(&app, &viewer, &cx, Some(id), form)?).invalid(),
    })
}
