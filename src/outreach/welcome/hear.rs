//! The moment a new customer is told of: what greets them is chosen and planned in the write
//! that stores the event. A welcome code lives for twenty seconds; nothing is asked of WeCom
//! before that.

use crate::{
    error::Result,
    kit::Timestamp,
    livecodes,
    org::{self, DepartmentId, Member},
    outreach::Content,
    store::{Read, StoreError, Write},
    sync::pilot::Pilot,
    wecom::event::{CustomerChange, CustomerEvent, Event, Received},
    work::effects::{self, Area, NewEffect, Priority, WriteMode},
};

use super::{
    model::{Greeting, Place, Source, Welcome, choose},
    send::{Greet, WELCOME},
};

/// The code is good for so long after the event (WeCom documentation, 发送新客户欢迎语).
const CODE_LIFE_MS: i64 = 20_000;
/// Steps from a department up to the root; more means a loop.
const DEPTH_MAX: usize = 64;

/// Plans a greeting, if the event brings a code for one.
pub(super) fn hear(w: &mut Write<'_>, received: &Received) -> Result<()> {
    let Event::Customer(event) = &received.event else {
        return Ok(());
    };
    let (state, code) = match &event.change {
        CustomerChange::Added {
            state,
            welcome_code,
            ..
        } => (state.as_deref(), welcome_code),
        CustomerChange::ArchiveAgreed { welcome_code } => (None, welcome_code),
        _ => return Ok(()),
    };
    let Some(code) = code else {
        return Ok(());
    };
    let expires_at = received.at.plus_ms(CODE_LIFE_MS);
    let is_off = effects::mode(&w.read(), Area::Outreach)? == WriteMode::Off;
    if is_off
        || expires_at <= w.now()
        || !Pilot::load(&w.read())?.has_userid(&w.read(), &event.userid)?
    {
        return Ok(());
    }
    let member = org::queries::member_by_userid(&w.read(), &event.userid)?;
    let chosen = chosen(&w.read(), member.as_ref(), state, w.now())?;
    match chosen {
        Some((source, content)) => plan(
            w,
            event,
            code,
            member.as_ref(),
            (source, content),
            received.at,
        ),
        None => Ok(()),
    }
}

/// What greets: the live code's own, else the nearest message.
fn chosen(
    r: &Read<'_>,
    member: Option<&Member>,
    state: Option<&str>,
    now: Timestamp,
) -> Result<Option<(Source, Content)>, StoreError> {
    if let Some(id) = state.and_then(livecodes::of_state)
        && let Some(code) = livecodes::queries::by_id(r, id)?
        && let Some(content) = code.welcome.filter(|content| !content.is_empty())
    {
        return Ok(Some((Source::Code(id), content)));
    }
    let welcomes: Vec<Welcome> = r.all::<Welcome>(None)?.collect::<Result<_, _>>()?;
    let place = match member {
        Some(member) => place(r, member)?,
        None => Place::default(),
    };
    let at = now.to_jiff().to_zoned(crate::serve::zone());
    let found = choose(&welcomes, &place, &at);
    Ok(found.map(|welcome| (Source::Welcome(welcome.id), welcome.content.clone())))
}

/// The departments of a member with those above each.
fn place(r: &Read<'_>, member: &Member) -> Result<Place, StoreError> {
    let mut departments = Vec::new();
    for post in &member.posts {
        departments.push(upwards(r, post.department)?);
    }
    Ok(Place {
        member: Some(member.id),
        departments,
    })
}

fn upwards(r: &Read<'_>, department: u64) -> Result<Vec<DepartmentId>, StoreError> {
    let (mut path, mut at) = (Vec::new(), department);
    while path.len() < DEPTH_MAX
        && let Some(found) = org::queries::department_by_wecom_id(r, at)?
    {
        path.push(found.id);
        at = found.parent_wecom_id;
    }
    Ok(path)
}

fn plan(
    w: &mut Write<'_>,
    event: &CustomerEvent,
    code: &str,
    member: Option<&Member>,
    (source, content): (Source, Content),
    at: Timestamp,
) -> Result<()> {
    let id = w.new_id::<Greeting>()?;
    let greet = Greet {
        greeting: id,
        welcome_code: code.to_owned(),
        external_userid: event.external_userid.clone(),
        member: member.map(|member| member.id),
        source,
        content,
    };
    let effect = effects::plan(
        w,
        NewEffect {
            kind: WELCOME,
            priority: Priority::Urgent,
            input: greet.to_bytes(),
            // A line of its own: it waits for nobody.
            about: ("greeting", id.to_string()),
            batch: None,
            created_by: None,
            expires_at: Some(at.plus_ms(CODE_LIFE_MS)),
        },
    )?;
    w.put(&Greeting {
        id,
        source,
        member: member.map(|member| member.id),
        at,
        effect,
        outcome: None,
        sent_at: None,
        left_out: Vec::new(),
        unposted: Some(event.external_userid.clone()),
    })?;
    Ok(())
}
