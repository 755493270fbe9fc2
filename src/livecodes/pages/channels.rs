//! `/live-codes/channels`: the tree of channels.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    livecodes::{
        Channel, ChannelId,
        actions::{self, DeleteChannel, MakeChannel, MoveChannel, RenameChannel},
        board::{self, CodeFilter},
        stats::{self, Range},
    },
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
    work::pages::Nothing,
};

use super::edit;

const HERE: &str = "/live-codes/channels";

/// A channel in the tree.
struct Line {
    id: String,
    name: String,
    depth: usize,
    /// Codes in scope that hang directly on it.
    codes: usize,
    /// Scans, and who came, within 30 days on it and all below it.
    scans: u64,
    came: u64,
    /// Where it can be moved to.
    parents: Vec<Choice>,
    /// What was typed about it and is wrong.
    is_open: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "livecodes/channels.html", blocks = ["title"])]
pub(in crate::livecodes) struct ChannelsPage {
    lines: Vec<Line>,
    parents: Vec<Choice>,
    may_change: bool,
    form: FormState,
}
view!(ChannelsPage);

/// Shows the tree. It belongs to the firm and names nobody.
pub(in crate::livecodes) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ChannelsPage>> {
    let shown = page(&app, &viewer, &cx, None, FormState::empty())?;
    app.note(viewer.view("channel.list")).await?;
    Ok(Shown::of(shown))
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    open: Option<ChannelId>,
    form: FormState,
) -> Result<ChannelsPage> {
    app.read(|r| {
        let eyes = board::eyes(app, r, viewer, Permission::LiveCodeRead)?;
        let codes = board::codes(r, &eyes, &CodeFilter::default(), cx.now)?;
        let tree = board::channel_tree(r)?;
        let sight = app.sight(r, viewer, Permission::LiveCodeRead)?;
        let range = Range::parse("30d", cx.now, &cx.zone);
        let sums = stats::of_channels(r, &sight, &range, cx.now)?;
        let mut lines = Vec::new();
        let parents = parents(&tree, cx);
        for (depth, channel) in tree {
            let sums = sums.get(&Some(channel.id)).copied().unwrap_or_default();
            let on_it = codes.iter().filter(|code| code.channel == Some(channel.id));
            lines.push(Line {
                id: channel.id.to_string(),
                depth,
                codes: on_it.count(),
                scans: sums.scans,
                came: sums.came(),
                parents: chosen(&parents, channel.parent),
                is_open: open == Some(channel.id),
                name: channel.name,
            });
        }
        Ok(ChannelsPage {
            lines,
            parents,
            may_change: viewer.may(Permission::LiveCodeManage),
            form,
        })
    })
}

/// Where a channel can hang; the top is chosen.
fn parents(tree: &[(usize, Channel)], cx: &Cx) -> Vec<Choice> {
    let mut choices = edit::channels(tree, cx, "");
    if let Some(top) = choices.first_mut() {
        top.label = cx.t("livecodes.channels.top").into_owned();
    }
    choices
}

/// The same with another one chosen.
fn chosen(parents: &[Choice], now: Option<ChannelId>) -> Vec<Choice> {
    let now = now.map_or(String::new(), |id| id.to_string());
    let mut parents = parents.to_vec();
    for choice in &mut parents {
        choice.is_on = choice.value == now;
    }
    parents
}

/// A name, and what it is part of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::livecodes) struct ChannelForm {
    name: String,
    #[serde(default)]
    parent: String,
}

fn parse(id: &str) -> Result<ChannelId> {
    id.parse()
        .map_err(|_| AppError::NotFound { what: "channel" })
}

fn parent(typed: &str) -> Result<Option<ChannelId>> {
    match typed {
        "" => Ok(None),
        id => parse(id).map(Some),
    }
}

/// The tree again: with what happened, or with what is wrong.
fn answer(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    about: Option<ChannelId>,
    state: FormState,
    done: Result<(&'static str, Channel)>,
) -> Result<Shown<ChannelsPage>> {
    Ok(match state.catch(done)? {
        Ok((said, channel)) => Shown::go_to(HERE).toast(said, ("name", channel.name)),
        Err(state) => Shown::of(page(app, viewer, cx, about, state)?).invalid(),
    })
}

/// Makes a channel.
pub(in crate::livecodes) async fn make(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<ChannelForm>,
) -> Result<Shown<ChannelsPage>> {
    let command = MakeChannel {
        name: form.values.name,
        parent: parent(&form.values.parent)?,
    };
    let made = app
        .carry_out(&viewer, "channel.create", command, actions::make_channel)
        .await;
    let done = made.map(|channel| ("livecodes.channels.made", channel));
    answer(&app, &viewer, &cx, None, form.state, done)
}

/// Gives a channel another name, and another place if that differs.
pub(in crate::livecodes) async fn change(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<ChannelForm>,
) -> Result<Shown<ChannelsPage>> {
    let channel = parse(&id)?;
    let parent = parent(&form.values.parent)?;
    let name = form.values.name;
    let acting = viewer.clone();
    let act = viewer.change("channel.update").about("channel", channel);
    let changed = app
        .write(act, move |w| {
            let now = crate::livecodes::queries::channel(&w.read(), channel)?;
            if now.is_some_and(|now| now.parent != parent) {
                let allowed = acting.allow(w, MoveChannel { channel, parent })?;
                actions::move_channel(w, allowed)?;
            }
            let allowed = acting.allow(w, RenameChannel { channel, name })?;
            actions::rename_channel(w, allowed)
        })
        .await;
    let done = changed.map(|channel| ("livecodes.channels.changed", channel));
    answer(&app, &viewer, &cx, Some(channel), form.state, done)
}

/// Deletes a channel that nothing hangs on.
pub(in crate::livecodes) async fn delete(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    _: Form<Nothing>,
) -> Result<Shown<ChannelsPage>> {
    let channel = parse(&id)?;
    let command = DeleteChannel { channel };
    let deleted = app
        .carry_out(&viewer, "channel.delete", command, actions::delete_channel)
        .await;
    let done = deleted.map(|channel| ("livecodes.channels.deleted", channel));
    answer(&app, &viewer, &cx, None, FormState::empty(), done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_tree_renders_with_none_one_many_and_hostile_names() {
        for n in [0, 1, 9] {
            for may_change in [false, true] {
                let choice = Choice {
                    value: "0000000000001".to_owned(),
                    label: HOSTILE.to_owned(),
                    count: None,
                    is_on: true,
                };
                let line = |at: usize| Line {
                    scans: 1_234,
                    came: 56,
                    id: format!("{at:013}"),
                    name: HOSTILE.to_owned(),
                    depth: at % 4,
                    codes: at,
                    parents: vec![choice.clone()],
                    is_open: at == 1,
                };
                let state = FormState::with_values([("name", HOSTILE.to_owned())]);
                let wrong = crate::error::Invalid::default();
                check_page(&ChannelsPage {
                    lines: (0..n).map(line).collect(),
                    parents: vec![choice.clone()],
                    may_change,
                    form: match n {
                        0 => state,
                        _ => state.refused(wrong.with("name", "livecodes.problem.no_name")),
                    },
                });
            }
        }
    }
}
