//! `/outreach/rules`: rules, their form, what they would have done and what they did.

mod edit;
mod history;
mod index;
mod trial;

pub(super) use edit::{create, delete, edit, new, save, switch};
pub(super) use history::history;
pub(super) use index::index;
pub(super) use trial::trial;

use crate::{
    app::App,
    customers::Group,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    livecodes,
    org::{Sight, decides},
    store::Read,
    tags::queries::GroupWithTags,
    web::Cx,
};

use super::model::{Rule, RuleId, Trigger};

/// The pages' address.
pub(super) const HERE: &str = "/outreach/rules";

fn parse(id: &str) -> Result<RuleId> {
    id.parse().map_err(|_| AppError::NotFound {
        what: "outreach_rule",
    })
}

/// A rule that the viewer decides about, with what the viewer sees.
fn find(app: &App, r: &Read<'_>, viewer: &Viewer, id: RuleId) -> Result<(Rule, Sight)> {
    let scope = viewer.scope(r, Permission::OutreachManage)?;
    let sight = app.sight(r, viewer, Permission::OutreachManage)?;
    let rule = r.get::<Rule>(&id)?;
    let rule = rule.filter(|rule| decides(&scope, &sight.directory, rule.unit));
    let rule = rule.ok_or(AppError::NotFound {
        what: "outreach_rule",
    })?;
    Ok((rule, sight))
}

/// What has to happen, in words.
fn when(cx: &Cx, r: &Read<'_>, trigger: &Trigger) -> Result<String> {
    let gone = || cx.t("autorules.gone").into_owned();
    Ok(match trigger {
        Trigger::Code(id) => {
            let code = livecodes::queries::by_id(r, *id)?;
            let name = code.map_or_else(gone, |code| code.name);
            cx.tf("autorules.when.live", ("name", name)).into_owned()
        }
        Trigger::Channel(id) => {
            let channel = livecodes::queries::channel(r, *id)?;
            let name = channel.map_or_else(gone, |channel| channel.name);
            cx.tf("autorules.when.channel", ("name", name)).into_owned()
        }
        Trigger::Group(id) => {
            let name = r.get::<Group>(id)?.map_or_else(gone, |group| group.name);
            cx.tf("autorules.when.group", ("name", name)).into_owned()
        }
        Trigger::Words(words) => {
            let some: Vec<&str> = words.iter().take(4).map(String::as_str).collect();
            cx.tf("autorules.when.words", ("words", some.join("、")))
                .into_owned()
        }
        Trigger::Quiet(days) => cx.tf("autorules.when.quiet", ("n", *days)).into_owned(),
    })
}

/// Names of a rule's tags, in the groups' order.
fn tag_names(rule: &Rule, groups: &[GroupWithTags]) -> Vec<(String, &'static str)> {
    let tags = groups.iter().flat_map(|group| &group.tags);
    let own = tags.filter(|tag| rule.tags.contains(&tag.id));
    own.map(|tag| (tag.name.clone(), "")).collect()
}

/// The department of a rule, in words.
fn unit(cx: &Cx, sight: &Sight, rule: &Rule) -> String {
    let unit = rule.unit.and_then(|unit| sight.directory.tree.find(unit));
    unit.map_or_else(
        || cx.t("autorules.whole_firm").into_owned(),
        |unit| unit.name.clone(),
    )
}
