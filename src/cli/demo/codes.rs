//! The made-up firm's channels, live codes and rules, made through the product like an admin
//! would, and the past that its WeCom knows of them.

use std::collections::BTreeMap;

use crate::{
    app::App,
    customers::queries::{GroupFilter, groups},
    error::Result,
    identity::{Allowed, Command, Permission, Viewer},
    kit::Id,
    livecodes::{
        self, ChannelId, CodeKind, Given, LiveCode, LiveCodeId, Room, Scan, Seat, Target, Way,
        actions::{MakeChannel, SaveCode, make_channel, save},
        draft::CodeDraft,
        stats::{Arrival, came_between},
    },
    org::{Member, MemberId},
    outreach::{
        Content,
        materials::{self, Body, MaterialId},
        rules::{Rule, RuleTodo, SaveRule, Trigger, save_rule},
        welcome::{self, Whose},
    },
    store::Write,
    sync, tags,
    tags::TagId,
    wecom::sim::{CodeVerb, SimHandle},
    work::{JobId, JobState, jobs},
};

/// Members of one staff code.
const SEATS: usize = 4;
const DAY_MS: i64 = 86_400_000;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The firm is still being read.
    Reading,
    /// WeCom is making the ways of the codes.
    Making,
    /// Customers who came by the codes are being read: by this job, so many so far.
    Coming(JobId, usize),
    /// Nothing is left to do.
    Over,
}

/// Goes on where it can; each step is short.
pub(super) async fn go_on(app: &App, sim: &SimHandle, step: Step) -> Result<Step> {
    match step {
        Step::Reading => {
            let done = app.read(|r| jobs::latest_in(r, sync::KIND, JobState::Done))?;
            if done.is_none() {
                return Ok(Step::Reading);
            }
            make(app).await?;
            Ok(Step::Making)
        }
        Step::Making => {
            let ways = ways(app)?;
            if ways.is_empty() || !ways.iter().all(Way::is_made) {
                return Ok(Step::Making);
            }
            remember(app, sim, &ways)?;
            let act = Viewer::system("demo").change("sync.start");
            let job = app.write(act, |w| Ok(sync::enqueue(w)?)).await?;
            app.jobs.notify_one();
            Ok(Step::Coming(job, 0))
        }
        Step::Coming(job, before) => {
            let arrivals = arrivals(app)?;
            let done = app.read(|r| jobs::latest_in(r, sync::KIND, JobState::Done))?;
            if done.is_none_or(|done| done.id != job)
                || arrivals.is_empty()
                || arrivals.len() != before
            {
                return Ok(Step::Coming(job, arrivals.len()));
            }
            super::todos::make_all(app, &arrivals, "春季茶博会").await?;
            recall_scans(app, arrivals).await?;
            Ok(Step::Over)
        }
        Step::Over => Ok(Step::Over),
    }
}

pub(super) async fn act<C, T>(
    app: &App,
    change: &'static str,
    command: C,
    action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
) -> Result<T>
where
    C: Command + Send + 'static,
    T: Send + 'static,
{
    app.carry_out(&Viewer::system("demo"), change, command, action)
        .await
}

/// Where the firm's codes hang.
const CHANNELS: [(&str, &[&str]); 3] = [
    ("线下门店", &["门店立牌", "收银台小票", "包装袋贴纸"]),
    ("线上", &["公众号菜单", "抖音直播间"]),
    ("活动", &["春季茶博会"]),
];

/// Name, channel, tag among those of 来源, and what remarks begin with.
const STAFF_CODES: [(&str, &str, &str, &str); 6] = [
    ("门店入口立牌", "门店立牌", "门店立牌", ""),
    ("收银台小票", "收银台小票", "门店立牌", "小票-"),
    ("包装袋贴纸", "包装袋贴纸", "门店立牌", ""),
    ("公众号菜单", "公众号菜单", "公众号", ""),
    ("抖音直播间", "抖音直播间", "抖音", "抖音-"),
    ("春季茶博会", "春季茶博会", "", "茶博会-"),
];

async fn make(app: &App) -> Result<()> {
    let mut channels = BTreeMap::new();
    for (parent, below) in CHANNELS {
        let above = channel(app, parent, None).await?;
        channels.insert(parent, above);
        for name in below {
            channels.insert(*name, channel(app, name, Some(above)).await?);
        }
    }
    let shops = shops(app)?;
    for ((name, hangs, tag, prefix), members) in STAFF_CODES.iter().zip(shops.iter().cycle()) {
        let draft = CodeDraft {
            channel: channels.get(hangs).copied(),
            tags: tag_named(app, tag)?.into_iter().collect(),
            remark_prefix: (*prefix).to_owned(),
            welcome: Some(Content {
                text: "{客户}，欢迎来到云岭茶业。我是{员工}，挑茶、冲泡、送礼都可以问我。"
                    .to_owned(),
                attachments: Vec::new(),
            }),
            seats: members.iter().map(|member| seat(*member)).collect(),
            ..draft(CodeKind::Staff, name)
        };
        code(app, draft).await?;
    }
    for (name, rooms) in [("茶友群", 0..2), ("会员福利群", 2..4)] {
        let rooms = rooms_of(app, rooms)?;
        let draft = CodeDraft {
            channel: channels.get("门店立牌").copied(),
            rooms,
            ..draft(CodeKind::Group, name)
        };
        if !draft.rooms.is_empty() {
            code(app, draft).await?;
        }
    }
    let fair = channels.get("活动").copied();
    make_rules(app, fair).await?;
    make_welcome(app).await
}

/// A link of the asset library, and what greets whoever comes without a code of their own.
async fn make_welcome(app: &App) -> Result<()> {
    let guide = asset(
        app,
        "白茶冲泡指南",
        Body::Link {
            url: "https://example.com/brew".to_owned(),
            desc: "水温、投茶量与出汤时间".to_owned(),
            cover: None,
        },
    )
    .await?;
    asset(
        app,
        "门店营业时间",
        Body::Text("门店每天 10:00 到 22:00 营业，节假日不休。".to_owned()),
    )
    .await?;
    let command = welcome::actions::SaveWelcome {
        id: None,
        name: "全员欢迎语".to_owned(),
        whose: Whose::Firm,
        windows: Vec::new(),
        content: Content {
            text: "{客户}，这里是{企业}的{员工}。喝茶、选茶有问题随时找我。".to_owned(),
            attachments: vec![guide],
        },
        directory: app.read(|r| app.directory.get(r))?,
    };
    act(app, "welcome.save", command, welcome::actions::save).await?;
    let command = welcome::groups::actions::SaveGroupWelcome {
        id: None,
        text: "%NICKNAME%，欢迎来到云岭茶友群。群里每周五晚八点有新茶试饮，先看看群公告。"
            .to_owned(),
        asset: Some(guide),
        notify: false,
        directory: app.read(|r| app.directory.get(r))?,
    };
    act(
        app,
        "group_welcome.save",
        command,
        welcome::groups::actions::save,
    )
    .await
    .map(drop)
}

pub(super) async fn asset(app: &App, title: &str, body: Body) -> Result<MaterialId> {
    let command = materials::actions::SaveMaterial {
        id: None,
        seen: 0,
        folder: None,
        title: title.to_owned(),
        body,
        directory: app.read(|r| app.directory.get(r))?,
    };
    act(app, "asset.save", command, materials::actions::save).await
}

async fn channel(app: &App, name: &str, parent: Option<ChannelId>) -> Result<ChannelId> {
    let command = MakeChannel {
        name: name.to_owned(),
        parent,
    };
    Ok(act(app, "channel.create", command, make_channel).await?.id)
}

async fn code(app: &App, draft: CodeDraft) -> Result<LiveCode> {
    let command = SaveCode {
        code: None,
        seen: None,
        draft,
        directory: app.read(|r| app.directory.get(r))?,
    };
    act(app, "live_code.create", command, save).await
}

fn draft(kind: CodeKind, name: &str) -> CodeDraft {
    CodeDraft {
        kind,
        name: name.to_owned(),
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        seats: Vec::new(),
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    }
}

fn seat(member: MemberId) -> Seat {
    Seat {
        member,
        weight: 1,
        daily_cap: None,
        is_spare: false,
    }
}

/// Who serves customers, department by department, the largest first.
fn shops(app: &App) -> Result<Vec<Vec<MemberId>>> {
    let directory = app.read(|r| app.directory.get(r))?;
    let mut shops: BTreeMap<u64, Vec<&Member>> = BTreeMap::new();
    for member in directory.members() {
        if member.serves_customers && member.is_here() {
            shops
                .entry(member.main_department)
                .or_default()
                .push(member);
        }
    }
    let mut shops: Vec<Vec<&Member>> = shops.into_values().collect();
    for shop in &mut shops {
        shop.sort_by_key(|member| member.no);
    }
    shops.sort_by_key(|shop| {
        (
            std::cmp::Reverse(shop.len().min(SEATS)),
            shop.first().map(|m| m.no),
        )
    });
    let ids = |shop: Vec<&Member>| shop.iter().take(SEATS).map(|member| member.id).collect();
    Ok(shops.into_iter().map(ids).collect())
}

pub(super) fn tag_named(app: &App, name: &str) -> Result<Option<TagId>> {
    let groups = app.read(tags::queries::groups)?;
    let mut all = groups.iter().flat_map(|group| &group.tags);
    Ok(all.find(|tag| tag.name == name).map(|tag| tag.id))
}

/// Some of the firm's groups, the oldest first.
fn rooms_of(app: &App, range: std::ops::Range<usize>) -> Result<Vec<Room>> {
    let mut all = app.read(|r| {
        let sight = app.sight(r, &Viewer::system("demo"), Permission::GroupRead)?;
        Ok::<_, crate::error::AppError>(groups(r, &sight, &GroupFilter::default())?)
    })?;
    all.reverse();
    let some = all.into_iter().skip(range.start).take(range.len());
    Ok(some
        .map(|group| Room {
            group: group.id,
            threshold: livecodes::ROOM_THRESHOLD,
        })
        .collect())
}

async fn make_rules(app: &App, fair: Option<ChannelId>) -> Result<()> {
    let now = app.store.clock().now();
    let wanted = [
        (
            "茶博会客户标为高意向",
            fair.map(Trigger::Channel),
            "高意向",
            ("给{客户}寄一份茶样，问问口味", 3),
        ),
        (
            "问送礼的客户",
            Some(Trigger::Words(vec!["送礼".to_owned(), "礼盒".to_owned()])),
            "送礼",
            ("把礼盒目录发给{客户}", 1),
        ),
    ];
    for (name, trigger, tag, (todo, days)) in wanted {
        let (Some(trigger), Some(tag)) = (trigger, tag_named(app, tag)?) else {
            continue;
        };
        let command = SaveRule {
            rule: Rule {
                id: Id::from_bits(0),
                name: name.to_owned(),
                is_on: true,
                unit: None,
                trigger,
                tags: vec![tag],
                remark_prefix: String::new(),
                since: now,
                todo: Some(RuleTodo {
                    words: todo.to_owned(),
                    due_days: Some(days),
                }),
                message: Some(format!("{{客户}}：{name}，已建待办。")),
                assignee: None,
            },
            directory: app.read(|r| app.directory.get(r))?,
        };
        act(app, "rule.save", command, save_rule).await?;
    }
    Ok(())
}

/// The ways of all codes.
fn ways(app: &App) -> Result<Vec<Way>> {
    app.read(|r| {
        let mut all = Vec::new();
        for code in r.all::<LiveCode>(None)? {
            all.extend(livecodes::queries::ways(r, code?.id)?);
        }
        Ok(all)
    })
}

/// Lets WeCom know of a past: some of the customers had come by these codes.
fn remember(app: &App, sim: &SimHandle, ways: &[Way]) -> Result<()> {
    let directory = app.read(|r| app.directory.get(r))?;
    // Members of several codes share their customers out among them.
    let mut times: BTreeMap<MemberId, u64> = BTreeMap::new();
    for way in ways {
        let verb = match way.target {
            Target::Member(member) => {
                let n = times.entry(member).or_insert(1);
                *n += 1;
                let userid = directory.member(member).map(|m| m.userid.clone());
                CodeVerb::CameByContactWay {
                    config_id: way.config_id.clone(),
                    userid: userid.unwrap_or_default(),
                    every: *n,
                }
            }
            Target::Group(_) => CodeVerb::CameByJoinWay {
                config_id: way.config_id.clone(),
            },
            Target::Direct => continue,
        };
        if let Err(refused) = sim.act(verb) {
            tracing::warn!(%refused, "the demo has no past by a code");
        }
    }
    Ok(())
}

/// Days of the past that codes remember.
const PAST_DAYS: i64 = 365;

/// Who came by each code, as far as is known.
fn arrivals(app: &App) -> Result<Vec<Arrival>> {
    let now = app.store.clock().now();
    app.read(|r| {
        let mut all = Vec::new();
        for code in r.all::<LiveCode>(None)? {
            let from = now.plus_ms(-PAST_DAYS * DAY_MS);
            all.extend(came_between(r, code?.id, from, now)?);
        }
        Ok(all)
    })
}

/// Gives the codes the scans of a past in which these people came: whoever came had scanned,
/// and for some of them others scanned too and went on.
async fn recall_scans(app: &App, arrivals: Vec<Arrival>) -> Result<()> {
    let mut scans: BTreeMap<LiveCodeId, Vec<Scan>> = BTreeMap::new();
    for arrival in arrivals {
        let of = scans.entry(arrival.code).or_default();
        of.extend(scans_before(&arrival));
    }
    for (code, mut past) in scans {
        past.sort_by_key(|scan| scan.at);
        let act = Viewer::system("demo").change("live_code.recall");
        app.write(act, move |w| Ok(livecodes::remember(w, code, past)?))
            .await?;
    }
    Ok(())
}

/// The arrival's own scan half a minute before, and up to two of people who did not come; a
/// third of those is the same person, who had looked before.
fn scans_before(arrival: &Arrival) -> impl Iterator<Item = Scan> {
    let given = match (arrival.group, arrival.member) {
        (Some(group), _) => Some(Given::Group(group)),
        (None, member) => member.map(Given::Member),
    };
    let (code, at, of) = (arrival.code, arrival.at, arrival.of);
    (0..=of % 3).map(move |n| {
        let minutes = i64::try_from((of >> 8) % 170).unwrap_or(0) * i64::try_from(n).unwrap_or(0);
        let visitor = if (of >> 16) % 3 == 0 { of } else { of ^ n };
        Scan {
            given,
            ..Scan::new(
                code,
                at.plus_ms(-30_000 - minutes * 60_000),
                visitor.to_be_bytes(),
            )
        }
    })
}
