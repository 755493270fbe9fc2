//! What a code has WeCom make, change and delete: contact ways (联系我) and join ways (加入群聊).
//!
//! An effect names the way alone. What it is to be is read when it is sent, so that only the
//! last wish counts. A contact way carries its number in its note (备注), by which it is found
//! again after an unclear answer. There is no list of join ways (WeCom documentation, 客户群
//! 「加入群聊」管理): there another one is made. The first, if there is one, leads nobody
//! anywhere, because nobody has its picture.

use std::{collections::BTreeSet, sync::Arc};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::Group,
    error::{AppError, Result},
    org::Member,
    store::{Read, StoreError, SubjectId, Write},
    wecom::{Client, ContactWaySettings, JoinWay, NewContactWay},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, LookFuture, NewEffect,
        Priority, Refusal, Seen, Told,
    },
};

use super::{LiveCode, Target, Way, WayId, state_of, way::Bytes};

/// Makes a contact way.
pub(super) const WAY_CREATE: EffectSpec = EffectSpec::post(
    "livecodes.way_create",
    Area::Outreach,
    "externalcontact/add_contact_way",
);
/// Changes a contact way.
pub(super) const WAY_UPDATE: EffectSpec = EffectSpec::post(
    "livecodes.way_update",
    Area::Outreach,
    "externalcontact/update_contact_way",
);
/// Deletes a contact way.
pub(super) const WAY_DELETE: EffectSpec = EffectSpec::post(
    "livecodes.way_delete",
    Area::Outreach,
    "externalcontact/del_contact_way",
);
/// Makes a join way.
pub(super) const JOIN_CREATE: EffectSpec = EffectSpec::post(
    "livecodes.join_create",
    Area::Outreach,
    "externalcontact/groupchat/add_join_way",
);
/// Changes a join way.
pub(super) const JOIN_UPDATE: EffectSpec = EffectSpec::post(
    "livecodes.join_update",
    Area::Outreach,
    "externalcontact/groupchat/update_join_way",
);
/// Deletes a join way.
pub(super) const JOIN_DELETE: EffectSpec = EffectSpec::post(
    "livecodes.join_delete",
    Area::Outreach,
    "externalcontact/groupchat/del_join_way",
);

/// What the effects are about, as the outbox calls it.
pub(super) const ABOUT: &str = "live_way";
/// invalid config_id: somebody has deleted it, or another app made it.
const GONE: i64 = 41044;
/// Characters of a note at WeCom.
const NOTE_MAX: usize = 30;
/// Seconds by which the two clocks may differ when ways are looked for by time.
const SKEW_S: i64 = 600;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(WAY_CREATE, create)
            .looking(look)
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.way_create")),
        EffectKind::new(WAY_UPDATE, update)
            .looking(look_at)
            .arriving(updated)
            .telling(|r, effect| tell(r, effect, "effects.told.way_update")),
        EffectKind::new(WAY_DELETE, delete)
            .arriving(deleted)
            .telling(|r, effect| tell(r, effect, "effects.told.way_delete")),
        EffectKind::new(JOIN_CREATE, create)
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.join_create")),
        EffectKind::new(JOIN_UPDATE, update)
            .looking(look_at)
            .arriving(updated)
            .telling(|r, effect| tell(r, effect, "effects.told.join_update")),
        EffectKind::new(JOIN_DELETE, delete)
            .arriving(deleted)
            .telling(|r, effect| tell(r, effect, "effects.told.join_delete")),
    ]
}

/// What is done to a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Update,
    Delete,
}

/// Plans something for a way.
pub(super) fn plan(
    w: &mut Write<'_>,
    way: &Way,
    deed: Deed,
    created_by: Option<SubjectId>,
) -> Result<EffectId> {
    let is_group = matches!(way.target, Target::Group(_));
    let kind = match (deed, is_group) {
        (Deed::Create, false) => WAY_CREATE,
        (Deed::Update, false) => WAY_UPDATE,
        (Deed::Delete, false) => WAY_DELETE,
        (Deed::Create, true) => JOIN_CREATE,
        (Deed::Update, true) => JOIN_UPDATE,
        (Deed::Delete, true) => JOIN_DELETE,
    };
    effects::plan(
        w,
        NewEffect {
            kind,
            priority: Priority::Awaited,
            input: bytes(&Input { way: way.id }),
            about: (ABOUT, way.id.to_string()),
            batch: None,
            created_by,
            expires_at: None,
        },
    )
}

/// Which way.
#[derive(Encode, Decode)]
struct Input {
    /// The way.
    #[n(0)]
    way: WayId,
}

/// What WeCom has made, or that it had nothing to do.
#[derive(Default, Encode, Decode)]
struct Answer {
    /// WeCom's id; empty if there was nothing to do.
    #[n(0)]
    config_id: String,
    /// Address of the picture.
    #[n(1)]
    qr_code: String,
    /// What was to be changed or deleted was not there.
    #[n(2)]
    was_gone: bool,
}

fn bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory does not fail")
}

fn way_of(r: &Read<'_>, effect: &Effect) -> Result<Option<Way>> {
    let input: Input = minicbor::decode(&effect.input).map_err(AppError::internal)?;
    Ok(r.get::<Way>(&input.way)?)
}

fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

/// What a way is to be at WeCom.
enum Wish {
    Contact(u8, Box<ContactWaySettings>),
    Join(JoinWay),
}

/// What begins the note of a way.
fn mark(way: WayId) -> String {
    way.to_string()
}

fn note(way: &Way, code: &LiveCode) -> String {
    format!("{} {}", mark(way.id), code.name)
        .chars()
        .take(NOTE_MAX)
        .collect()
}

/// What the way is to be, as things stand; none if nobody wants it any more.
fn wish(r: &Read<'_>, way: &Way) -> Result<Option<Wish>> {
    let code = r.get::<LiveCode>(&way.code)?;
    let Some(code) = code.filter(|code| way.is_wanted && !code.is_archived()) else {
        return Ok(None);
    };
    let contact = |kind, user: Vec<String>| {
        let settings = ContactWaySettings {
            remark: Some(note(way, &code)),
            skip_verify: Some(code.skip_verify),
            state: Some(state_of(code.id)),
            user: Some(user),
            ..ContactWaySettings::default()
        };
        Wish::Contact(kind, Box::new(settings))
    };
    let userid = |member| {
        let member = r.get::<Member>(&member)?.filter(Member::is_here);
        Ok::<_, StoreError>(member.map(|member| member.userid))
    };
    Ok(match way.target {
        Target::Member(member) => userid(member)?.map(|userid| contact(1, vec![userid])),
        Target::Direct => {
            let mut users = Vec::new();
            let only_spares = code.seats.iter().all(|seat| seat.is_spare);
            for seat in &code.seats {
                if only_spares || !seat.is_spare {
                    users.extend(userid(seat.member)?);
                }
            }
            (!users.is_empty()).then(|| contact(2, users))
        }
        Target::Group(id) => {
            let group = r.get::<Group>(&id)?;
            let is_last = code.rooms.last().is_some_and(|room| room.group == id);
            let auto = code.auto_room.as_ref().filter(|_| is_last);
            group.map(|group| {
                Wish::Join(JoinWay {
                    scene: 2,
                    remark: note(way, &code),
                    auto_create_room: i64::from(auto.is_some()),
                    room_base_name: auto.map_or(String::new(), |auto| auto.name.clone()),
                    room_base_id: auto.map_or(0, |auto| i64::from(auto.first_no)),
                    chat_id_list: vec![group.chat_id],
                    state: state_of(code.id),
                    mark_source: false,
                })
            })
        }
    })
}

/// Way and wish as they are now.
fn now(app: &App, effect: &Effect) -> Result<Option<(Way, Option<Wish>)>> {
    app.read(|r| {
        let Some(way) = way_of(r, effect)? else {
            return Ok(None);
        };
        let wish = wish(r, &way)?;
        Ok(Some((way, wish)))
    })
}

fn create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let Some((way, Some(wish))) = now(&app, &effect)? else {
            return Ok(bytes(&Answer::default()));
        };
        let client = client(&app, &effect)?;
        if way.is_made() {
            // It was to be deleted, and is wanted again.
            return bring(&client, &way, wish).await;
        }
        let answer = match wish {
            Wish::Contact(kind, settings) => {
                let new = NewContactWay {
                    kind,
                    scene: 2,
                    settings: *settings,
                    is_temp: None,
                    is_exclusive: None,
                };
                let made = client.add_contact_way(&new).await?;
                Answer {
                    config_id: made.config_id,
                    qr_code: made.qr_code,
                    was_gone: false,
                }
            }
            Wish::Join(join) => {
                let config_id = client.add_join_way(&join).await?;
                Answer {
                    config_id,
                    ..Answer::default()
                }
            }
        };
        Ok(bytes(&answer))
    })
}

/// Brings a way in line with the wish.
async fn bring(client: &Client, way: &Way, wish: Wish) -> Result<Vec<u8>, Refusal> {
    let done = match wish {
        Wish::Contact(_, settings) => client.update_contact_way(&way.config_id, &settings).await,
        Wish::Join(join) => client.update_join_way(&way.config_id, &join).await,
    };
    let was_gone = match done {
        Ok(()) => false,
        Err(crate::wecom::Error::Refused { errcode: GONE, .. }) => true,
        Err(error) => return Err(error.into()),
    };
    Ok(bytes(&Answer {
        config_id: way.config_id.clone(),
        qr_code: way.qr_code.clone(),
        was_gone,
    }))
}

fn update(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        match now(&app, &effect)? {
            Some((way, Some(wish))) if way.is_made() => {
                let client = client(&app, &effect)?;
                bring(&client, &way, wish).await
            }
            // What could not be made takes over the wish when it is made.
            _ => Ok(bytes(&Answer::default())),
        }
    })
}

fn delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let way = app.read(|r| way_of(r, &effect))?;
        let Some(way) = way.filter(|way| !way.is_wanted && way.is_made()) else {
            return Ok(bytes(&Answer::default()));
        };
        let client = client(&app, &effect)?;
        let was_there = match way.target {
            Target::Group(_) => client.delete_join_way(&way.config_id).await?,
            Target::Direct | Target::Member(_) => client.delete_contact_way(&way.config_id).await?,
        };
        Ok(bytes(&Answer {
            config_id: way.config_id,
            qr_code: String::new(),
            was_gone: !was_there,
        }))
    })
}

/// Looks for a contact way with the note of this one among those made since it was planned.
fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let Some((way, _)) = now(&app, &effect)? else {
            return Ok(Seen::CannotTell);
        };
        let client = client(&app, &effect)?;
        let from_s = effect.created_at.ms() / 1_000 - SKEW_S;
        let until_s = app.store.clock().now().ms() / 1_000 + SKEW_S;
        let mut pages = client.contact_ways(from_s, until_s);
        while let Some(page) = pages.next().await? {
            for entry in page {
                let found = client.contact_way(&entry.config_id).await?;
                let ours =
                    |found: &crate::wecom::ContactWay| found.remark.starts_with(&mark(way.id));
                if let Some(found) = found.filter(ours) {
                    return Ok(Seen::Happened(bytes(&Answer {
                        config_id: found.config_id,
                        qr_code: found.qr_code,
                        was_gone: false,
                    })));
                }
            }
        }
        Ok(Seen::NotThere)
    })
}

/// Looks whether a way is as it is to be.
fn look_at(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let Some((way, Some(wish))) = now(&app, &effect)? else {
            return Ok(Seen::NotThere);
        };
        if !way.is_made() {
            return Ok(Seen::NotThere);
        }
        let client = client(&app, &effect)?;
        let is_so = match wish {
            Wish::Contact(_, wish) => {
                let there = client.contact_way(&way.config_id).await?;
                there.is_some_and(|there| {
                    let users: BTreeSet<String> = there.user.into_iter().collect();
                    Some(users) == wish.user.map(|users| users.into_iter().collect())
                        && Some(there.skip_verify) == wish.skip_verify
                        && Some(there.remark) == wish.remark
                })
            }
            Wish::Join(wish) => {
                let there = client.join_way(&way.config_id).await?;
                there.is_some_and(|there| is_as_wished(&there.way, &wish))
            }
        };
        Ok(match is_so {
            true => Seen::Happened(bytes(&Answer {
                config_id: way.config_id,
                qr_code: way.qr_code,
                was_gone: false,
            })),
            false => Seen::NotThere,
        })
    })
}

/// Whether a join way is as it is to be. Where WeCom makes groups, it adds them to the list; where
/// it does not, a number for the next means nothing (documentation, 客户群「加入群聊」管理).
fn is_as_wished(there: &JoinWay, wish: &JoinWay) -> bool {
    let grows = wish.auto_create_room != 0;
    let same_groups = || {
        let groups = |way: &JoinWay| way.chat_id_list.iter().cloned().collect::<BTreeSet<_>>();
        groups(there) == groups(wish)
    };
    there.remark == wish.remark
        && there.auto_create_room == wish.auto_create_room
        && there.room_base_name == wish.room_base_name
        && match grows {
            true => there.room_base_id == wish.room_base_id,
            false => same_groups(),
        }
}

fn answer_of(answer: &[u8]) -> Result<Answer> {
    minicbor::decode(answer).map_err(AppError::internal)
}

/// From now on it has WeCom's id. If nobody wants it any more, it goes again.
fn made(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let answer = answer_of(answer)?;
    let Some(mut way) = way_of(&w.read(), effect)? else {
        return Ok(());
    };
    if answer.was_gone {
        return again(w, way, effect.created_by);
    }
    if answer.config_id.is_empty() {
        return Ok(());
    }
    let is_new = answer.config_id != way.config_id;
    if is_new {
        way.config_id = answer.config_id;
        way.qr_code = answer.qr_code;
        way.picture = None;
    }
    way.is_behind &= !is_last(&w.read(), effect)?;
    w.put(&way)?;
    if is_new && !way.is_wanted {
        plan(w, &way, Deed::Delete, effect.created_by)?;
    }
    Ok(())
}

/// Whether nothing else about the same way is under way or has failed: then WeCom knows the last
/// wish.
fn is_last(r: &Read<'_>, effect: &Effect) -> Result<bool, StoreError> {
    let (kind, id) = &effect.about;
    let about = effects::pending_about(r, kind, id)?;
    Ok(about.iter().all(|other| other.id == effect.id))
}

/// WeCom has it no more: it is made anew.
fn again(w: &mut Write<'_>, mut way: Way, by: Option<SubjectId>) -> Result<()> {
    way.config_id.clear();
    way.qr_code.clear();
    way.picture = None;
    w.put(&way)?;
    w.delete::<Bytes>(&way.id)?;
    if way.is_wanted {
        plan(w, &way, Deed::Create, by)?;
    }
    Ok(())
}

fn updated(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let Some(mut way) = way_of(&w.read(), effect)? else {
        return Ok(());
    };
    if answer_of(answer)?.was_gone {
        return again(w, way, effect.created_by);
    }
    way.is_behind &= !is_last(&w.read(), effect)?;
    Ok(w.put(&way)?)
}

fn deleted(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let answer = answer_of(answer)?;
    let Some(mut way) = way_of(&w.read(), effect)? else {
        return Ok(());
    };
    let is_deleted = !answer.config_id.is_empty() && answer.config_id == way.config_id;
    if is_deleted {
        way.config_id.clear();
        way.qr_code.clear();
        way.picture = None;
        w.delete::<Bytes>(&way.id)?;
    }
    if !way.is_wanted && !way.is_made() {
        w.delete::<Way>(&way.id)?;
    } else if is_deleted {
        w.put(&way)?;
    }
    Ok(())
}

fn tell(r: &Read<'_>, effect: &Effect, key: &'static str) -> Result<Told, StoreError> {
    let way = match minicbor::decode::<Input>(&effect.input) {
        Ok(input) => r.get::<Way>(&input.way)?,
        Err(_) => None,
    };
    let code = match way {
        Some(way) => r.get::<LiveCode>(&way.code)?,
        None => None,
    };
    Ok(Told {
        key,
        args: Vec::new(),
        href: code.as_ref().map(|code| format!("/live-codes/{}", code.id)),
        about: code.map_or(String::new(), |code| code.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_way_is_as_wished_only_with_its_groups_and_its_number() {
        let still = JoinWay {
            scene: 2,
            remark: "收银台".to_owned(),
            auto_create_room: 0,
            room_base_name: String::new(),
            room_base_id: 0,
            chat_id_list: vec!["wr1".to_owned()],
            state: "lc1".to_owned(),
            mark_source: false,
        };
        let other_group = JoinWay {
            chat_id_list: vec!["wr2".to_owned()],
            ..still.clone()
        };
        assert!(is_as_wished(&still, &still));
        assert!(!is_as_wished(&other_group, &still));

        let growing = JoinWay {
            auto_create_room: 1,
            room_base_name: "福利群".to_owned(),
            room_base_id: 5,
            ..still.clone()
        };
        let grown = JoinWay {
            chat_id_list: vec!["wr1".to_owned(), "wr2".to_owned()],
            ..growing.clone()
        };
        let renumbered = JoinWay {
            room_base_id: 7,
            ..growing.clone()
        };
        assert!(is_as_wished(&grown, &growing));
        assert!(!is_as_wished(&renumbered, &growing));
        assert!(!is_as_wished(&growing, &still));
    }
}
