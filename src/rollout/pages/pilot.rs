//! `/settings/pilot`: who takes part. The wizard has the same form.

use std::collections::BTreeMap;

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::queries::DepartmentTree,
    store::Read,
    sync::{
        self,
        pilot::{self, Pilot, SavePilot},
    },
    view,
    web::{Form, FormState, Lang, Shown, filters},
    wecom,
};

/// Departments that are listed.
const LISTED_MAX: usize = 400;

/// A department to be ticked.
pub(super) struct Choice {
    pub(super) number: u64,
    pub(super) name: String,
    /// How far it stands in, 0 to 5.
    pub(super) depth: usize,
    pub(super) is_on: bool,
}

/// The form.
pub(super) struct PilotForm {
    pub(super) form: FormState,
    pub(super) choices: Vec<Choice>,
    pub(super) is_limited: bool,
    /// Members, and relations of theirs, that a smaller pilot would leave behind.
    pub(super) left_behind: (u64, u64),
}

/// The page.
#[derive(Template)]
#[template(path = "rollout/pilot.html", blocks = ["title"])]
pub(in crate::rollout) struct PilotPage {
    it: PilotForm,
    is_connected: bool,
}
view!(PilotPage);

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rollout) struct PilotFields {
    /// `all` or `some`.
    who: String,
    #[serde(default)]
    department: Vec<u64>,
    #[serde(default)]
    agreed: bool,
}

impl PilotFields {
    fn departments(&self) -> Vec<u64> {
        match self.who.as_str() {
            "some" => self.department.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn command(&self) -> Result<SavePilot> {
        let departments = self.departments();
        if self.who == "some" && departments.is_empty() {
            return Err(AppError::field("department", "pilot.choose_one"));
        }
        Ok(SavePilot {
            departments,
            may_leave_behind: self.agreed,
        })
    }
}

/// The form as things stand: the departments that are stored, or else those WeCom tells now.
pub(super) async fn as_it_is(app: &App, lang: Lang) -> Result<PilotForm> {
    let (pilot, tree) =
        app.read(|r| Ok::<_, AppError>((Pilot::load(r)?, DepartmentTree::load(r)?)))?;
    let flat = flat(app, &tree, lang).await;
    Ok(PilotForm {
        form: FormState::empty(),
        choices: choices(flat, &pilot.departments),
        is_limited: pilot.is_limited(),
        left_behind: (0, 0),
    })
}

/// The form as typed, with what it would leave behind.
pub(super) async fn refused(
    app: &App,
    lang: Lang,
    form: FormState,
    fields: &PilotFields,
) -> Result<PilotForm> {
    let departments = fields.departments();
    let wanted = Pilot { departments };
    let left_behind = app.read(|r| left_behind(r, &wanted))?;
    let mut page = as_it_is(app, lang).await?;
    for choice in &mut page.choices {
        choice.is_on = wanted.departments.contains(&choice.number);
    }
    Ok(PilotForm {
        form,
        left_behind,
        is_limited: fields.who == "some",
        ..page
    })
}

fn left_behind(r: &Read<'_>, wanted: &Pilot) -> Result<(u64, u64)> {
    Ok(pilot::left_behind(r, &Pilot::load(r)?, wanted)?)
}

/// Depth, number and name of every department, in WeCom's order.
async fn flat(app: &App, tree: &DepartmentTree, lang: Lang) -> Vec<(usize, u64, String)> {
    let stored = tree.flat();
    if !stored.is_empty() {
        let english = lang == Lang::En;
        return stored
            .into_iter()
            .map(|(depth, d)| (depth, d.wecom_id, d.name_in(english).to_owned()))
            .collect();
    }
    let Some(client) = app.wecom() else {
        return Vec::new();
    };
    // Nothing is synced yet. If WeCom does not answer now, the whole firm can still be chosen.
    client.departments().await.map_or(Vec::new(), told)
}

fn told(departments: Vec<wecom::Department>) -> Vec<(usize, u64, String)> {
    let known: std::collections::HashSet<u64> = departments.iter().map(|d| d.id).collect();
    let mut below: BTreeMap<u64, Vec<&wecom::Department>> = BTreeMap::new();
    for department in &departments {
        let parent = match known.contains(&department.parentid) {
            true => department.parentid,
            false => 0,
        };
        below.entry(parent).or_default().push(department);
    }
    for siblings in below.values_mut() {
        siblings.sort_by_key(|d| (d.order, std::cmp::Reverse(d.id)));
    }
    let mut flat = Vec::new();
    let mut open: Vec<(usize, &wecom::Department)> = Vec::new();
    open.extend(
        below
            .remove(&0)
            .unwrap_or_default()
            .into_iter()
            .map(|d| (0, d)),
    );
    while let Some((depth, department)) = open.pop() {
        flat.push((depth, department.id, department.name.clone()));
        let children = below.remove(&department.id).unwrap_or_default();
        open.extend(children.into_iter().map(|d| (depth + 1, d)));
    }
    flat
}

fn choices(flat: Vec<(usize, u64, String)>, on: &[u64]) -> Vec<Choice> {
    let choice = |(depth, number, name): (usize, u64, String)| Choice {
        number,
        name,
        depth: depth.min(5),
        is_on: on.contains(&number),
    };
    flat.into_iter().take(LISTED_MAX).map(choice).collect()
}

/// Saves who takes part. Whoever is new is read at once.
pub(super) async fn store(app: &App, viewer: &Viewer, command: SavePilot) -> Result<bool> {
    let viewer = viewer.clone();
    let is_connected = app.wecom().is_some();
    let widened = app
        .write(viewer.change("pilot.save"), move |w| {
            let allowed = viewer.allow(w, command)?;
            let widened = pilot::save(w, allowed)? && is_connected;
            if widened {
                sync::enqueue(w)?;
            }
            Ok(widened)
        })
        .await?;
    app.jobs.notify_one();
    Ok(widened)
}

/// Saves who takes part, and leaves it at that.
pub(super) async fn store_only(app: &App, viewer: &Viewer, command: SavePilot) -> Result<()> {
    let viewer = viewer.clone();
    app.write(viewer.change("pilot.save"), move |w| {
        let allowed = viewer.allow(w, command)?;
        pilot::save(w, allowed).map(drop)
    })
    .await
}

pub(in crate::rollout) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: crate::web::Cx,
) -> Result<Shown<PilotPage>> {
    app.read(|r| viewer.scope(r, Permission::SettingsManage).map(drop))?;
    Ok(Shown::of(PilotPage {
        it: as_it_is(&app, cx.lang()).await?,
        is_connected: app.wecom().is_some(),
    }))
}

pub(in crate::rollout) async fn save(
    viewer: Viewer,
    app: Data<App>,
    cx: crate::web::Cx,
    form: Form<PilotFields>,
) -> Result<Shown<PilotPage>> {
    let saved = match form.values.command() {
        Ok(command) => store(&app, &viewer, command).await,
        Err(wrong) => Err(wrong),
    };
    Ok(match form.state.catch(saved)? {
        Ok(true) => Shown::go_to("/org/sync").toast("pilot.saved_syncing", ()),
        Ok(false) => Shown::go_to("/settings/pilot").toast("pilot.saved", ()),
        Err(state) => Shown::of(PilotPage {
            it: refused(&app, cx.lang(), state, &form.values).await?,
            is_connected: app.wecom().is_some(),
        })
        .invalid(),
    })
}
