//! The moment a customer agrees to being archived (客户同意进行聊天内容存档事件): noted in the write
//! that stores the event, before the messages come.
//!
//! Source: WeCom documentation, 客户同意进行聊天内容存档事件回调.

use crate::{
    error::Result,
    store::Write,
    sync::pilot::Pilot,
    wecom::event::{CustomerChange, Event, Received},
};

use super::{
    super::{
        ingest,
        model::{Answer, Heard, Said, Towards},
    },
    keep,
};

/// Notes that a customer has agreed towards a member. Of members outside the pilot nothing is
/// kept.
pub(in crate::archive) fn hear(w: &mut Write<'_>, received: &Received) -> Result<()> {
    let Event::Customer(event) = &received.event else {
        return Ok(());
    };
    if !matches!(event.change, CustomerChange::ArchiveAgreed { .. })
        || !Pilot::load(&w.read())?.has_userid(&w.read(), &event.userid)?
    {
        return Ok(());
    }
    let customer = ingest::party_with_id(w, &event.external_userid)?;
    let member = ingest::party_of_userid(w, &event.userid)?;
    let said = Said {
        answer: Answer::Agreed,
        at: received.at,
        heard: Heard::Event,
    };
    keep(w, &customer, Towards::Member(member.no), said)?;
    Ok(())
}
