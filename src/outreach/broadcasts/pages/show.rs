//! `/broadcasts/{id}`: a draft with who would get it; a broadcast with who got it.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    customers::{self, customer_no},
    error::Result,
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    outreach::{
        approval::{Asked, approvers},
        broadcasts::{
            audience::{self, Target},
            model::{Broadcast, BroadcastId, State, Task, TaskState},
            queries::{self, Account, Numbers, Recipient},
        },
        campaign::name_of,
        form::Preview as Look,
        touches::{self, Why, queries::outcome_word},
    },
    store::Read,
    view,
    web::{
        Cx, FormState, ListQuery, Shown, Web, filters,
        parts::{Pager, Step, Tab},
    },
};

use super::{HERE, edit::steps, group_form::named, groups_card::GroupsCard, id_of, outcome_of};

/// Who would get a draft.
struct DraftCard {
    reached: u64,
    senders: u64,
    groups: GroupsCard,
    skipped: Vec<(&'static str, u64)>,
    moved_to: Option<Timestamp>,
    samples: Vec<String>,
    needs_approval: bool,
    /// Who could approve it, if that is needed.
    approvers: Vec<String>,
}

/// One member's part.
struct Part {
    member: String,
    member_id: String,
    numbers: Numbers,
    state: (&'static str, &'static str),
    sent_at: Option<Timestamp>,
}

/// One recipient.
struct Row {
    name: String,
    no: String,
    href: String,
    member: String,
    outcome: (&'static str, &'static str),
    why: Option<&'static str>,
    at: Timestamp,
}

/// What the viewer may do.
struct May {
    edit: bool,
    stop: bool,
    remind: bool,
    decide: bool,
    again: bool,
    export: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "broadcasts/show.html", blocks = ["title", "list"])]
pub(in crate::outreach::broadcasts) struct ShowPage {
    broadcast: Broadcast,
    state: (&'static str, &'static str),
    by: String,
    look: Look,
    steps: Vec<Step>,
    draft: Option<DraftCard>,
    account: Account,
    parts: Vec<Part>,
    asked: Option<Asked>,
    stopped: Option<(String, Timestamp, &'static str)>,
    outcomes: Vec<Tab>,
    rows: Vec<Row>,
    pager: Option<Pager>,
    may: May,
    /// From when members may be reminded again, if none may now.
    remind_from: Option<Timestamp>,
    form: FormState,
}
view!(ShowPage, "list" => as_list);

/// Shows it. Names are on it, so its entry is durable before.
pub(in crate::outreach::broadcasts) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let act = viewer.view("broadcast.view").about("broadcast", id);
    let (on, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = on.sight(&w.read(), &asking, Permission::OutreachRead)?;
        queries::broadcast(&w.read(), &sight, queries::own(&asking), id).map(drop)
    })
    .await?;
    let page = page(&app, &web, &viewer, &cx, id, FormState::empty())?;
    Ok(Shown::of(page))
}

pub(super) fn page(
    app: &App,
    web: &Web,
    viewer: &Viewer,
    cx: &Cx,
    id: BroadcastId,
    form: FormState,
) -> Result<ShowPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::OutreachRead)?;
        let broadcast = queries::broadcast(r, &sight, queries::own(viewer), id)?;
        let account = queries::account(r, id)?;
        let tasks = queries::tasks(r, id)?;
        let is_draft = broadcast.state == State::Draft;
        let query = ListQuery::parse(&format!("{HERE}/{id}"), &cx.query);
        let (rows, pager) = match is_draft {
            true => (Vec::new(), None),
            false => {
                let eyes = queries::eyes(app, r, viewer, broadcast.target())?;
                recipients(r, web, (viewer, cx), (&sight, eyes.as_ref()), &query, id)?
            }
        };
        let draft = match is_draft {
            true => Some(draft(app, r, viewer, cx, &broadcast)?),
            false => None,
        };
        Ok(ShowPage {
            state: broadcast.state.word(),
            by: name_of(r, broadcast.created_by)?,
            look: Look::of_content(r, cx, &broadcast.content)?,
            steps: steps(cx, Some(format!("{HERE}/{id}/edit"))),
            draft,
            parts: parts(&sight, &account, &tasks),
            asked: Asked::of(r, broadcast.approval.as_ref())?,
            stopped: match &broadcast.stopped {
                Some(stop) => Some((name_of(r, stop.by)?, stop.at, stop.why.word())),
                None => None,
            },
            outcomes: outcomes(cx, &query, &account),
            rows,
            pager,
            may: may(viewer, cx, &broadcast, &account, &tasks),
            remind_from: remind_from(viewer, cx, &broadcast, &tasks),
            account,
            form,
            broadcast,
        })
    })
}

fn draft(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    broadcast: &Broadcast,
) -> Result<DraftCard> {
    let sight = app.sight(r, viewer, Permission::BroadcastSend)?;
    let preview = audience::preview(r, &app.people, &sight, &broadcast.audience, cx.now)?;
    let mut samples = Vec::new();
    for id in &preview.samples {
        let found = customers::queries::customer(r, &sight, *id)?;
        samples.extend(found.map(|found| found.customer.name));
    }
    let limits = touches::queries::limits(r)?;
    let customers = match broadcast.target() {
        Target::Customers => preview.reached,
        Target::Groups => preview.people,
    };
    let above = |most: u32| customers > u64::from(most);
    let needs_approval = limits.approve_above.is_some_and(above);
    let senders = preview.members.iter().copied();
    let skipped = preview.skipped.iter();
    Ok(DraftCard {
        reached: preview.reached,
        senders: preview.senders,
        skipped: skipped.map(|(why, n)| (why.word(), *n)).collect(),
        moved_to: preview.moved_to,
        samples,
        needs_approval,
        approvers: match needs_approval {
            true => approvers(r, &sight.directory, senders, broadcast.created_by)?,
            false => Vec::new(),
        },
        groups: GroupsCard::of(r, &sight, cx, &preview)?,
    })
}

fn parts(sight: &Sight, account: &Account, tasks: &[Task]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (member, numbers) in &account.by_member {
        let own: Vec<&Task> = tasks.iter().filter(|t| t.member == *member).collect();
        if own.is_empty() {
            continue;
        }
        let is = |state| own.iter().any(|task| task.state == state);
        let sent_at = own.iter().filter_map(|task| task.sent_at).max();
        let state = if is(TaskState::Queued) {
            ("broadcasts.part.queued", "muted")
        } else if is(TaskState::Out) && sent_at.is_none() {
            ("broadcasts.part.waiting", "warn")
        } else if sent_at.is_some() {
            ("broadcasts.part.sent", "ok")
        } else {
            ("broadcasts.part.over", "muted")
        };
        parts.push(Part {
            member: sight.name(*member).to_owned(),
            member_id: member.to_string(),
            numbers: *numbers,
            state,
            sent_at,
        });
    }
    // Those who have something left to do first.
    parts.sort_by(|a, b| {
        let key = |part: &Part| {
            (
                part.sent_at.is_some(),
                std::cmp::Reverse(part.numbers.planned),
            )
        };
        key(a).cmp(&key(b)).then(a.member.cmp(&b.member))
    });
    parts
}

fn outcomes(cx: &Cx, query: &ListQuery, account: &Account) -> Vec<Tab> {
    let current = query.get("outcome").unwrap_or("");
    let tab = |code: &str, word: &str, n: u64| Tab {
        label: cx.t(word).into_owned(),
        href: query.only(&[]).with("outcome", code).to_string(),
        count: Some(n),
        is_current: code == current,
    };
    let all = account.all;
    let mut tabs = vec![
        tab("", "broadcasts.outcome.all", all.meant() + all.skipped),
        tab("sent", "touches.state.sent", all.sent),
        tab("planned", "touches.state.planned", all.planned),
    ];
    tabs.extend(
        account
            .why
            .iter()
            .map(|(why, n)| tab(why.code(), why.word(), *n)),
    );
    tabs
}

fn recipients(
    r: &Read<'_>,
    web: &Web,
    (viewer, cx): (&Viewer, &Cx),
    (sight, eyes): (&Sight, Option<&Sight>),
    query: &ListQuery,
    id: BroadcastId,
) -> Result<(Vec<Row>, Option<Pager>)> {
    let name = viewer.name_for_binding();
    let request = web.cursors.page_request(&name, query);
    let outcome = outcome_of(query.get("outcome").unwrap_or(""));
    let page = queries::recipients(r, eyes, id, outcome, &request)?;
    let pager = Pager::of(&page, query, &name, &web.cursors);
    let rows = page.items.iter().map(|recipient| row(sight, cx, recipient));
    Ok((rows.collect(), Some(pager)))
}

fn row(sight: &Sight, cx: &Cx, recipient: &Recipient) -> Row {
    let touch = &recipient.touch;
    let customer = recipient.customer.as_ref();
    let member = touch.member.map_or("", |member| sight.name(member));
    let group = recipient.group.as_ref().map(|group| named(cx, group));
    Row {
        name: group.unwrap_or_else(|| customer.map_or(String::new(), |c| c.name.clone())),
        no: customer.map_or(String::new(), |c| customer_no(c.no)),
        href: match touch.group() {
            Some(group) => format!("/groups/{group}"),
            None => format!("/customers/{}?tab=touches", touch.customer),
        },
        member: member.to_owned(),
        outcome: outcome_word(touch),
        why: touch.why.map(Why::word),
        at: touch.at,
    }
}

fn may(viewer: &Viewer, cx: &Cx, broadcast: &Broadcast, account: &Account, tasks: &[Task]) -> May {
    let own = queries::own(viewer);
    let may_send = viewer.may(Permission::BroadcastSend);
    let is_own = broadcast.created_by == own;
    let is_waiting = broadcast.state == State::Waiting;
    let can_remind = tasks.iter().any(|task| task.can_remind(cx.now));
    let is_draft = broadcast.state == State::Draft;
    May {
        edit: may_send && is_own && is_draft,
        stop: may_send && broadcast.state.can_stop(),
        remind: may_send && broadcast.state == State::Running && can_remind,
        decide: viewer.may(Permission::BroadcastApprove) && !is_own && is_waiting,
        again: may_send && broadcast.state.is_over() && account.all.failed > 0,
        export: viewer.may(Permission::CustomerExport) && !is_draft,
    }
}

/// From when somebody may be reminded again, where nobody may now.
fn remind_from(
    viewer: &Viewer,
    cx: &Cx,
    broadcast: &Broadcast,
    tasks: &[Task],
) -> Option<Timestamp> {
    let is_asked = viewer.may(Permission::BroadcastSend) && broadcast.state == State::Running;
    let from = tasks.iter().filter_map(Task::remind_from).min();
    from.filter(|from| is_asked && *from > cx.now)
}

impl ShowPage {
    /// Whether customer groups get it.
    fn is_to_groups(&self) -> bool {
        self.broadcast.target() == Target::Groups
    }

    /// Catalogue key of a number of recipients.
    fn unit(&self) -> &'static str {
        match self.broadcast.target() {
            Target::Customers => "broadcasts.people",
            Target::Groups => "broadcasts.groups_n",
        }
    }

    /// Whether members have to do something.
    fn is_running(&self) -> bool {
        self.broadcast.state == State::Running
    }

    /// Members who have not sent it.
    fn waiting(&self) -> usize {
        let waits = |part: &&Part| part.state.0 == "broadcasts.part.waiting";
        self.parts.iter().filter(waits).count()
    }
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
