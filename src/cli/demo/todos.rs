//! What the made-up firm has to do: what its rules would have asked for, had they been in force
//! when people came by the codes, and what somebody has written down.

use crate::{
    app::App,
    customers::{Relation, RelationId},
    error::Result,
    identity::Viewer,
    kit::Id,
    livecodes::{self, stats::Arrival},
    outreach::rules::{self, Rule},
    todos::{
        actions::{Finish, Made, MakeTodo, finish, make},
        due_in,
    },
    wecom::sim::firm,
};

/// To-dos that a rule has left.
const OF_RULE: usize = 8;
/// What the shop's member has written down, and within how many days.
const BY_HAND: [(&str, Option<u16>); 3] = [
    ("周五前回电话，确认礼盒数量", Some(2)),
    ("核对收货地址", None),
    ("发新茶到店通知", Some(0)),
];

/// Makes them; one is done.
pub(super) async fn make_all(app: &App, arrivals: &[Arrival], code: &str) -> Result<()> {
    let with_todo = |rule: &Rule| rule.todo.is_some() && rule.name.contains("茶博会");
    let rule = app.read(rules::rules)?.into_iter().find(with_todo);
    let mut made = Vec::new();
    if let Some(rule) = rule {
        for relation in came_by(app, arrivals, code)? {
            made.extend(by_rule(app, &rule, &relation).await?);
        }
    }
    for (relation, (words, days)) in shops_own(app)?.iter().zip(BY_HAND) {
        let command = MakeTodo {
            words: words.to_owned(),
            rule: None,
            ..command(app, relation, days)?
        };
        made.extend(carry_out(app, command).await?);
    }
    if let Some(Made::New(todo)) = made.last().copied() {
        let command = Finish {
            todo,
            directory: app.read(|r| app.directory.get(r))?,
        };
        let viewer = Viewer::system("demo");
        app.carry_out(&viewer, "todo.finish", command, finish)
            .await?;
    }
    Ok(())
}

/// The newest relations that began by the code of this name.
fn came_by(app: &App, arrivals: &[Arrival], code: &str) -> Result<Vec<Relation>> {
    let mut own: Vec<&Arrival> = Vec::new();
    for arrival in arrivals.iter().filter(|arrival| !arrival.is_join) {
        let of = app.read(|r| livecodes::queries::by_id(r, arrival.code))?;
        if of.is_some_and(|of| of.name == code) {
            own.push(arrival);
        }
    }
    own.sort_by_key(|arrival| std::cmp::Reverse(arrival.at));
    let mut relations = Vec::new();
    for arrival in own.into_iter().take(OF_RULE) {
        let id: RelationId = Id::from_bits(arrival.of);
        let found = app.read(|r| r.get::<Relation>(&id))?;
        relations.extend(found.filter(Relation::is_active));
    }
    Ok(relations)
}

/// Customers of the member whom one of the demo's accounts stands for.
fn shops_own(app: &App) -> Result<Vec<Relation>> {
    let directory = app.read(|r| app.directory.get(r))?;
    let Some(member) = directory.by_userid(firm::cast().store_staff) else {
        return Ok(Vec::new());
    };
    app.read(|r| {
        let mut own = Vec::new();
        for relation in r.all::<Relation>(None)? {
            let relation = relation?;
            if relation.member == member.id && relation.is_active() {
                own.push(relation);
            }
            if own.len() == BY_HAND.len() {
                break;
            }
        }
        Ok(own)
    })
}

fn command(app: &App, relation: &Relation, days: Option<u16>) -> Result<MakeTodo> {
    let now = app.store.clock().now();
    Ok(MakeTodo {
        member: relation.member,
        customer: Some(relation.customer),
        words: String::new(),
        due: days.and_then(|days| due_in(days, now, &app.zone())),
        rule: None,
        directory: app.read(|r| app.directory.get(r))?,
    })
}

async fn by_rule(app: &App, rule: &Rule, relation: &Relation) -> Result<Option<Made>> {
    let Some(todo) = &rule.todo else {
        return Ok(None);
    };
    let command = MakeTodo {
        words: todo.words.clone(),
        rule: Some((rule.id, relation.id)),
        ..command(app, relation, todo.due_days)?
    };
    carry_out(app, command).await
}

async fn carry_out(app: &App, command: MakeTodo) -> Result<Option<Made>> {
    // Somebody who has left gets nothing more to do.
    let member = app.read(|r| r.get::<crate::org::Member>(&command.member))?;
    if !member.is_some_and(|member| member.is_here()) {
        return Ok(None);
    }
    let viewer = Viewer::system("demo");
    app.carry_out(&viewer, "todo.make", command, make)
        .await
        .map(Some)
}
