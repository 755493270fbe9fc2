//! What the made-up firm sends to its customers: assets, broadcasts and moments, made through the
//! product in the name of its manager; and what members and customers do about them at WeCom.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    customers::{GroupId, queries::GroupFilter},
    error::Result,
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    org::Directory,
    outreach::{
        Content,
        broadcasts::{self, Audience, BroadcastId, GroupChoice, audience},
        materials::{self, Body, Kind, MaterialId},
        moments::{self, MomentId, Range},
        touches::{self, Limits},
    },
    store::Read,
    sync,
    wecom::sim::{SimHandle, firm},
    work::{JobState, jobs},
};

use super::{
    codes::{act, asset, tag_named},
    pictures::{LOOKS, cup},
};

mod play;

use play::Scene;

/// The stores of 华东区 that send: WeCom's numbers of their departments.
const STORES: [u64; 4] = [101, 102, 103, 104];
/// For the index of customers, in one round.
const PATIENCE: Duration = Duration::from_millis(100);
/// Groups that are sent to.
const ROOMS: usize = 5;

/// How far it is.
pub(super) enum Step {
    /// The firm is still being read.
    Reading,
    /// This is played, each when its time has come.
    Playing(Vec<Scene>),
    /// Nothing is left to do.
    Over,
}

/// Goes on where it can; each step is short.
pub(super) async fn go_on(app: &Arc<App>, sim: &SimHandle, step: Step) -> Result<Step> {
    match step {
        Step::Reading => {
            let done = app.read(|r| jobs::latest_in(r, sync::KIND, JobState::Done))?;
            if done.is_none() || !has_place(app)? || !app.catches_up(PATIENCE).await {
                return Ok(Step::Reading);
            }
            Ok(Step::Playing(make(app).await?))
        }
        Step::Playing(scenes) => {
            let mut left = Vec::new();
            for scene in scenes {
                left.extend(play::play(app, sim, scene).await?);
            }
            if left.is_empty() {
                limit(app, |limits| limits.quiet = Limits::default().quiet).await?;
                return Ok(Step::Over);
            }
            Ok(Step::Playing(left))
        }
        Step::Over => Ok(Step::Over),
    }
}

/// Somebody who works at the firm.
fn person(app: &App, login: &str) -> Result<Viewer> {
    let now = app.store.clock().now();
    app.read(|r| {
        let scope = Viewer::system("demo").scope(r, Permission::AccountManage)?;
        let account = identity::queries::account_by_login(r, &scope, login)?;
        Viewer::on_behalf(r, account.id, "demo", now)
    })
}

fn manager(app: &App) -> Result<Viewer> {
    person(app, "manager")
}

/// Whether the manager has a region.
fn has_place(app: &App) -> Result<bool> {
    let manager = manager(app)?;
    app.read(|r| {
        let sight = app.sight(r, &manager, Permission::BroadcastSend)?;
        Ok(sight.members().is_some_and(|members| members.len() > 1))
    })
}

fn directory(app: &App) -> Result<Arc<Directory>> {
    Ok(app.read(|r| app.directory.get(r))?)
}

/// Changes what the firm allows.
async fn limit(app: &App, change: impl FnOnce(&mut Limits)) -> Result<()> {
    let mut limits = app.read(touches::queries::limits)?;
    change(&mut limits);
    let command = touches::SaveLimits { limits };
    act(app, "touches.limits", command, touches::save_limits).await
}

/// Assets that messages carry.
struct Assets {
    pictures: Vec<MaterialId>,
    shop: MaterialId,
}

async fn make(app: &Arc<App>) -> Result<Vec<Scene>> {
    let assets = make_assets(app).await?;
    let threshold = threshold(app)?;
    // Whatever time the demo is started at, what it sends begins at once.
    limit(app, |limits| {
        (limits.per_day, limits.per_week, limits.per_month) = (Some(2), Some(4), Some(8));
        limits.quiet = None;
        limits.approve_above = threshold.or(limits.approve_above);
    })
    .await?;
    let mut scenes = broadcasts(app, &assets).await?;
    scenes.extend(moments(app, &assets).await?);
    Ok(scenes)
}

async fn make_assets(app: &Arc<App>) -> Result<Assets> {
    let viewer = Viewer::system("demo");
    let mut pictures = Vec::new();
    for (title, look) in ["白毫银针", "熟普茶汤", "明前龙井"].into_iter().zip(LOOKS) {
        let content = cup(look);
        let file = ("cup.png", content.as_slice());
        pictures.push(materials::add(app, &viewer, title, file, Body::Image, Kind::Image).await?);
    }
    let cover = cup(LOOKS[0]);
    let card = |cover| Body::Link {
        url: "https://example.com/tea".to_owned(),
        desc: "新茶三款，到店可试饮".to_owned(),
        cover: Some(cover),
    };
    let file = ("cover.png", cover.as_slice());
    let shop = materials::add(app, &viewer, "新茶上市", file, card, Kind::Link).await?;
    for (title, text) in [
        (
            "发货与退换",
            "下午四点前下单当天发货。未拆封的茶七天内可退换，运费由我们承担。",
        ),
        (
            "存茶建议",
            "白茶和普洱放在避光、干燥、无异味的地方；龙井密封后冷藏，半年内喝完最好。",
        ),
    ] {
        asset(app, title, Body::Text(text.to_owned())).await?;
    }
    Ok(Assets { pictures, shop })
}

/// Customers above whom a second person is asked: more than any store has, fewer than the region.
fn threshold(app: &App) -> Result<Option<u32>> {
    let manager = manager(app)?;
    let now = app.store.clock().now();
    let reached = |r: &Read<'_>, department: u64| {
        let sight = app.sight(r, &manager, Permission::BroadcastSend)?;
        let audience = of_department(department);
        Ok::<_, crate::error::AppError>(
            audience::preview(r, &app.people, &sight, &audience, now)?.reached,
        )
    };
    app.read(|r| {
        let mut most = 0;
        for store in STORES {
            most = most.max(reached(r, store)?);
        }
        let step = if most < 50 { 10 } else { 50 };
        let round = most.div_euclid(step) * step + step;
        let is_below = round < reached(r, firm::cast().region)? / 4 * 3;
        Ok(is_below.then(|| u32::try_from(round).ok()).flatten())
    })
}

fn of_department(department: u64) -> Audience {
    Audience {
        departments: vec![department],
        ..Audience::default()
    }
}

fn words(text: &str, attachments: &[MaterialId]) -> Content {
    Content {
        text: text.to_owned(),
        attachments: attachments.to_vec(),
    }
}

/// Makes a broadcast of the manager's, and sends it.
async fn broadcast(
    app: &App,
    name: &str,
    content: Content,
    audience: Audience,
    at: Option<Timestamp>,
) -> Result<BroadcastId> {
    let manager = manager(app)?;
    let draft = broadcasts::actions::SaveDraft {
        id: None,
        name: name.to_owned(),
        content,
        audience,
    };
    let id = app
        .carry_out(
            &manager,
            "broadcast.draft",
            draft,
            broadcasts::actions::save_draft,
        )
        .await?;
    let send = broadcasts::actions::Send { id, at };
    app.carry_out(&manager, "broadcast.send", send, broadcasts::actions::send)
        .await?;
    app.outreach.broadcasts.wake.notify_one();
    Ok(id)
}

async fn broadcasts(app: &App, assets: &Assets) -> Result<Vec<Scene>> {
    let [first, second, third, fourth] = STORES;
    let cards = Audience {
        tags: [tag_named(app, "金卡")?, tag_named(app, "银卡")?]
            .into_iter()
            .flatten()
            .collect(),
        ..of_department(first)
    };
    let text = "会员日到啦，金卡、银卡会员本周到店满 300 减 50，凭会员码核销。我是{员工}，需要留货告诉我。";
    let members_day = broadcast(app, "会员日邀请", words(text, &[]), cards, None).await?;
    let text = "新茶到店：白毫银针、熟普、明前龙井都可以试饮。想先看图的回复“图”，我发您。——{员工}";
    let content = words(text, &[assets.pictures[0], assets.shop]);
    let new_tea = broadcast(app, "新茶到店", content, of_department(first), None).await?;
    let text = "礼盒开始预订，可以代写贺卡、分批发货。要样册的话告诉{员工}。";
    let content = words(text, &[assets.pictures[1]]);
    let gifts = broadcast(app, "礼盒预订", content, of_department(second), None).await?;
    let text = "本周六下午三点，店里有一场品鉴会，名额十二位，回复“来”留座。";
    let at = tomorrow_at(app, 10);
    let tasting = of_department(third);
    broadcast(app, "周末品鉴会", words(text, &[]), tasting, Some(at)).await?;
    let text = "本周新品试饮活动，到店任选一款免费试饮。";
    let trial = broadcast(
        app,
        "新品试饮",
        words(text, &[]),
        of_department(fourth),
        None,
    )
    .await?;
    let mut scenes = vec![
        Scene::send(vec![members_day, new_tea], |_| true).losing_a_customer(),
        Scene::send(vec![gifts], |n| n % 2 == 0),
        Scene::send(vec![trial], |n| n == 0).stopping(),
        Scene::WholeRegion,
    ];
    let rooms = rooms(app)?;
    if !rooms.is_empty() {
        let audience = Audience {
            groups: Some(GroupChoice {
                listed: Some(rooms),
            }),
            ..Audience::default()
        };
        let text = "各位茶友，周五晚八点在群里直播开汤，一起看看今年的白茶。";
        let content = words(text, &[assets.pictures[0]]);
        let live = broadcast(app, "周五直播提醒", content, audience, None).await?;
        scenes.push(Scene::send(vec![live], |_| true));
    }
    let draft = broadcasts::actions::SaveDraft {
        id: None,
        name: "老客户回访".to_owned(),
        content: words("好久不见，最近在喝什么茶？有需要随时找{员工}。", &[]),
        audience: of_department(second),
    };
    let save = broadcasts::actions::save_draft;
    app.carry_out(&manager(app)?, "broadcast.draft", draft, save)
        .await?;
    Ok(scenes)
}

/// One that is so large that it waits for a second person; made last, for what is planned before
/// counts.
async fn whole_region(app: &App) -> Result<()> {
    let text = "天气转凉，宜饮熟茶。店里备了暖胃的熟普小样，路过来取，报我的名字就行。——{员工}";
    let audience = of_department(firm::cast().region);
    broadcast(app, "换季关怀（全区）", words(text, &[]), audience, None)
        .await
        .map(drop)
}

/// Some of the groups that the manager sees.
fn rooms(app: &App) -> Result<Vec<GroupId>> {
    let manager = manager(app)?;
    app.read(|r| {
        let sight = app.sight(r, &manager, Permission::GroupRead)?;
        let groups = crate::customers::queries::groups(r, &sight, &GroupFilter::default())?;
        Ok(groups.into_iter().take(ROOMS).map(|g| g.id).collect())
    })
}

async fn moments(app: &App, assets: &Assets) -> Result<Vec<Scene>> {
    let [first, second, third, fourth] = STORES;
    let text = "今年的新茶到了。左起：白毫银针、熟普、明前龙井。";
    let content = words(text, &assets.pictures);
    let pictures = moment(app, "新茶三款", content, vec![first, second], None).await?;
    let content = words("新茶上市，到{企业}各店都可以试饮。", &[assets.shop]);
    let link = moment(app, "新茶上市", content, vec![third], None).await?;
    let content = words("周六下午三点，店里品鉴会，来喝茶。", &[]);
    let at = tomorrow_at(app, 18);
    moment(app, "品鉴会预告", content, vec![fourth], Some(at)).await?;
    Ok(vec![
        Scene::publish(pictures, |n| n % 4 != 3),
        Scene::publish(link, |_| true),
    ])
}

/// Makes a moment of the manager's for these stores, and sends it.
async fn moment(
    app: &App,
    name: &str,
    content: Content,
    departments: Vec<u64>,
    at: Option<Timestamp>,
) -> Result<MomentId> {
    let manager = manager(app)?;
    let draft = moments::actions::SaveDraft {
        id: None,
        name: name.to_owned(),
        content,
        range: Range {
            departments,
            ..Range::default()
        },
        directory: directory(app)?,
    };
    let id = app
        .carry_out(
            &manager,
            "moment.draft",
            draft,
            moments::actions::save_draft,
        )
        .await?;
    let send = moments::actions::Send { id, at };
    app.carry_out(&manager, "moment.send", send, moments::actions::send)
        .await?;
    app.outreach.moments.wake.notify_one();
    Ok(id)
}

/// Tomorrow at this hour where the firm is.
fn tomorrow_at(app: &App, hour: i8) -> Timestamp {
    let now = app.store.clock().now();
    let zone = crate::serve::zone();
    let today = now.to_jiff().to_zoned(zone.clone()).date();
    let at = today
        .tomorrow()
        .and_then(|day| day.at(hour, 0, 0, 0).to_zoned(zone));
    at.map_or(now.plus_ms(20 * 3_600_000), |at| {
        Timestamp::from_ms(at.timestamp().as_millisecond())
    })
}
