//! `/moments/{id}`: a draft with who would publish and see it; a moment with who has.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    customers::customer_no,
    error::Result,
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    outreach::{
        approval::{Asked, approvers},
        broadcasts::{
            audience::Target,
            queries::{Recipient, eyes, reached},
        },
        campaign::name_of,
        form::Preview as Look,
        moments::{
            audience,
            model::{Moment, MomentId, PartState, State},
            queries::{self, Account},
        },
        touches::queries::limits,
    },
    store::Read,
    tags::Tag,
    view,
    web::{
        Cx, FormState, ListQuery, Shown, Web, filters,
        parts::{Pager, Step},
        words,
    },
    work::Failure,
};

use super::{HERE, edit::steps, id_of};

/// Who would publish and see a draft.
#[derive(Default)]
pub(super) struct DraftCard {
    pub(super) audience: u64,
    pub(super) senders: usize,
    pub(super) left_out: Vec<(&'static str, u64)>,
    /// Some of those who would publish it.
    pub(super) samples: Vec<String>,
    pub(super) needs_approval: bool,
    /// Who could approve it, if that is needed.
    pub(super) approvers: Vec<String>,
}

/// One member's part.
pub(super) struct Row {
    pub(super) member: String,
    pub(super) member_id: String,
    pub(super) state: (&'static str, &'static str),
    pub(super) published_at: Option<Timestamp>,
    pub(super) visible: Option<u64>,
    pub(super) reached: u64,
    pub(super) likes: u64,
    pub(super) comments: u64,
}

/// One customer who was reached.
pub(super) struct Reached {
    pub(super) customer: String,
    pub(super) no: String,
    pub(super) href: String,
    pub(super) member: String,
    pub(super) at: Timestamp,
}

/// What the viewer may do.
#[derive(Default)]
pub(super) struct May {
    pub(super) edit: bool,
    pub(super) stop: bool,
    pub(super) ask: bool,
    pub(super) decide: bool,
    pub(super) export: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "moments/show.html", blocks = ["title", "list"])]
pub(in crate::outreach::moments) struct ShowPage {
    pub(super) moment: Moment,
    pub(super) state: (&'static str, &'static str),
    pub(super) by: String,
    pub(super) look: Look,
    pub(super) tags: Vec<String>,
    pub(super) steps: Vec<Step>,
    pub(super) draft: Option<DraftCard>,
    pub(super) account: Account,
    pub(super) rows: Vec<Row>,
    pub(super) asked: Option<Asked>,
    pub(super) stopped: Option<(String, Timestamp, &'static str)>,
    /// What WeCom said, why, and what helps.
    pub(super) failure: Option<(String, String)>,
    pub(super) reached: Vec<Reached>,
    pub(super) pager: Option<Pager>,
    pub(super) may: May,
    pub(super) form: FormState,
}
view!(ShowPage, "list" => as_list);

/// Members that the preview names.
const SAMPLES: usize = 3;

/// Shows it. Names are on it, so its entry is durable before.
pub(in crate::outreach::moments) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let act = viewer.view("moment.view").about("moment", id);
    let (on, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = on.sight(&w.read(), &asking, Permission::OutreachRead)?;
        queries::moment(&w.read(), &sight, queries::own(&asking), id).map(drop)
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
    id: MomentId,
    form: FormState,
) -> Result<ShowPage> {
    app.read(|r| {
        let sight = app.sight(r, viewer, Permission::OutreachRead)?;
        let moment = queries::moment(r, &sight, queries::own(viewer), id)?;
        let account = queries::account(r, id)?;
        let is_draft = moment.state == State::Draft;
        let query = ListQuery::parse(&format!("{HERE}/{id}"), &cx.query);
        let (reached, pager) = match is_draft {
            true => (Vec::new(), None),
            false => {
                let eyes = eyes(app, r, viewer, Target::Customers)?;
                customers(r, web, viewer, (&sight, eyes.as_ref()), &query, &moment)?
            }
        };
        let draft = match is_draft {
            true => Some(draft(app, r, viewer, &moment)?),
            false => None,
        };
        Ok(ShowPage {
            state: moment.state.word(),
            by: name_of(r, moment.created_by)?,
            look: Look::of_content(r, cx, &moment.content)?.into_moment(),
            tags: tags(r, &moment)?,
            steps: steps(cx, Some(format!("{HERE}/{id}/edit"))),
            draft,
            rows: rows(r, &sight, &account, id)?,
            asked: Asked::of(r, moment.approval.as_ref())?,
            stopped: match &moment.stopped {
                Some(stop) => Some((name_of(r, stop.by)?, stop.at, stop.why.word())),
                None => None,
            },
            failure: moment.failure.as_ref().map(|failure| said(cx, failure)),
            reached,
            pager,
            may: may(viewer, &moment),
            account,
            form,
            moment,
        })
    })
}

fn tags(r: &Read<'_>, moment: &Moment) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(moment.range.tags.len());
    for tag in &moment.range.tags {
        names.extend(r.get::<Tag>(tag)?.map(|tag| tag.name));
    }
    Ok(names)
}

fn draft(app: &App, r: &Read<'_>, viewer: &Viewer, moment: &Moment) -> Result<DraftCard> {
    let sight = app.sight(r, viewer, Permission::BroadcastSend)?;
    let plan = audience::plan(r, &app.people, &sight, &moment.range)?;
    let above = |most: u32| plan.audience > u64::from(most);
    let needs_approval = limits(r)?.approve_above.is_some_and(above);
    let senders = plan.senders.iter().copied();
    let approvers = match needs_approval {
        true => approvers(r, &sight.directory, senders, moment.created_by)?,
        false => Vec::new(),
    };
    let samples = plan.senders.iter().take(SAMPLES);
    let left_out = plan.left_out.iter();
    Ok(DraftCard {
        audience: plan.audience,
        senders: plan.senders.len(),
        left_out: left_out.map(|(why, n)| (why.word(), *n)).collect(),
        samples: samples.map(|id| sight.name(*id).to_owned()).collect(),
        needs_approval,
        approvers,
    })
}

fn rows(r: &Read<'_>, sight: &Sight, account: &Account, id: MomentId) -> Result<Vec<Row>> {
    let parts = queries::parts(r, id)?.into_iter();
    let mut rows: Vec<(bool, Row)> = parts
        .map(|part| {
            let row = Row {
                member: sight.name(part.member).to_owned(),
                member_id: part.member.to_string(),
                state: part.state.word(),
                published_at: part.published_at,
                visible: part.visible,
                reached: account.by_member.get(&part.member).copied().unwrap_or(0),
                likes: part.likes,
                comments: part.comments,
            };
            (part.state != PartState::Waiting, row)
        })
        .collect();
    // Those who have something left to do first.
    rows.sort_by(|(a_done, a), (b_done, b)| (a_done, &a.member).cmp(&(b_done, &b.member)));
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// What WeCom said of it, and what helps.
fn said(cx: &Cx, failure: &Failure) -> (String, String) {
    let said = |part: &str| {
        let key = format!("error.{}.{part}", failure.code);
        let key = match words::known(&key) {
            true => key,
            false => format!("error.wecom.{part}"),
        };
        let number = failure.errcode.unwrap_or(0).to_string();
        cx.tf(&key, ("errcode", number)).into_owned()
    };
    (said("why"), said("next"))
}

fn customers(
    r: &Read<'_>,
    web: &Web,
    viewer: &Viewer,
    (sight, eyes): (&Sight, Option<&Sight>),
    query: &ListQuery,
    moment: &Moment,
) -> Result<(Vec<Reached>, Option<Pager>)> {
    let name = viewer.name_for_binding();
    let request = web.cursors.page_request(&name, query);
    let page = reached(r, eyes, &moment.cause(), None, &request)?;
    let pager = Pager::of(&page, query, &name, &web.cursors);
    let rows = page.items.iter().map(|recipient| row(sight, recipient));
    Ok((rows.collect(), Some(pager)))
}

fn row(sight: &Sight, recipient: &Recipient) -> Reached {
    let touch = &recipient.touch;
    let customer = recipient.customer.as_ref();
    let member = touch.member.map_or("", |member| sight.name(member));
    Reached {
        customer: customer.map_or(String::new(), |c| c.name.clone()),
        no: customer.map_or(String::new(), |c| customer_no(c.no)),
        href: format!("/customers/{}?tab=touches", touch.customer),
        member: member.to_owned(),
        at: touch.at,
    }
}

fn may(viewer: &Viewer, moment: &Moment) -> May {
    let may_send = viewer.may(Permission::BroadcastSend);
    let is_own = moment.created_by == queries::own(viewer);
    let is_waiting = moment.state == State::Waiting;
    let is_draft = moment.state == State::Draft;
    May {
        edit: may_send && is_own && is_draft,
        stop: may_send && moment.state.can_stop(),
        ask: !moment.moment_id.is_empty(),
        decide: viewer.may(Permission::BroadcastApprove) && !is_own && is_waiting,
        export: viewer.may(Permission::CustomerExport) && !is_draft,
    }
}

impl ShowPage {
    /// Whether members have to do something.
    fn is_running(&self) -> bool {
        self.moment.state == State::Running
    }
}
