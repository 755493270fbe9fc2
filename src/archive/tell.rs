//! Whoever can do something about it is told in WeCom of what will be lost: nobody looks at
//! Qitai every day.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{self, Permission},
    kit::Timestamp,
    org::Directory,
    slice::WorkerFuture,
    store::{Act, Class, Entity, Read, StoreError, Write},
    sync,
    web::{Lang, words},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, NewEffect, Priority,
        Refusal, Told, WriteMode,
    },
};

use super::{alarm::Alarm, standing};

/// Tells a member of an alarm.
const TELL: EffectSpec = EffectSpec::post("archive.tell", Area::Messages, "message/send");
/// Where something can be done.
const SETTINGS: &str = "/settings/archive";
/// How often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// As long as an alarm goes on it is told again after so long, ms; after that long nobody needs
/// to hear what it said before, either.
const AGAIN_MS: i64 = 24 * 3_600_000;

/// What happens at WeCom.
pub(super) fn effects() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(TELL, send)
            .looking(sync::tell::look)
            .telling(tell),
    ]
}

/// When a sort of alarm was told last.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct LastTold {
    /// The word of the alarm.
    #[n(0)]
    word: String,
    #[n(1)]
    at: Timestamp,
}

impl Entity for LastTold {
    const KIND: &'static str = "archive_alarm";
    const TABLE: &'static str = "archive-alarms-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        self.word.clone()
    }
}

/// What a member is told. All that WeCom gets stands here, so that a second attempt says the
/// same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Note {
    #[n(0)]
    userid: String,
    #[n(1)]
    text: String,
    /// The address of Qitai, if it was told.
    #[n(2)]
    home: Option<String>,
}

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            tell_alarms(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

/// Plans a message to everybody who can do something, for each alarm that they have not heard
/// of for a day.
///
/// # Errors
///
/// What the store says.
pub async fn tell_alarms(app: &App) -> Result<()> {
    // As long as WeCom is not connected, or messages are off, nobody can be told.
    if app.sync.link().is_none() {
        return Ok(());
    }
    let now = app.store.clock().now();
    let (alarms, userids) = app.read(|r| {
        if effects::mode(r, Area::Messages)? == WriteMode::Off {
            return Ok((Vec::new(), BTreeSet::new()));
        }
        let alarms = standing::outlook(app, r, now)?.alarms(now);
        let due = not_told(r, alarms, now)?;
        let userids = match due.is_empty() {
            true => BTreeSet::new(),
            false => {
                let directory = app.directory.get(r)?;
                whom(r, &directory)?
            }
        };
        Ok::<_, AppError>((due, userids))
    })?;
    if alarms.is_empty() || userids.is_empty() {
        return Ok(());
    }
    let home = app.config.public_url.clone();
    let act = Act::by_system("archive.alarm", "schedule");
    app.write(act, move |w| {
        // Another look may have been quicker.
        for alarm in not_told(&w.read(), alarms, now)? {
            let args = (("hours", alarm.hours()), ("n", alarm.n()));
            let text = words::fill(Lang::default(), alarm.word(), args);
            for userid in &userids {
                let note = Note {
                    userid: userid.clone(),
                    text: text.clone().into_owned(),
                    home: home.clone(),
                };
                plan(w, &note)?;
            }
            w.put(&LastTold {
                word: alarm.word().to_owned(),
                at: now,
            })?;
        }
        Ok(())
    })
    .await?;
    app.effects.notify_one();
    Ok(())
}

fn not_told(r: &Read<'_>, alarms: Vec<Alarm>, now: Timestamp) -> Result<Vec<Alarm>, StoreError> {
    let mut due = Vec::new();
    for alarm in alarms {
        let last = r.get::<LastTold>(&alarm.word().to_owned())?;
        if last.is_none_or(|last| now.since_ms(last.at) >= AGAIN_MS) {
            due.push(alarm);
        }
    }
    Ok(due)
}

/// The members behind the accounts that may change the archive's settings.
fn whom(r: &Read<'_>, directory: &Directory) -> Result<BTreeSet<String>> {
    let holders = identity::queries::holders(r, Permission::SettingsManage)?.into_iter();
    let members = holders.filter_map(|(account, _)| directory.member(account.member?.cast()));
    let here = members.filter(|member| member.is_here());
    Ok(here.map(|member| member.userid.clone()).collect())
}

fn plan(w: &mut Write<'_>, note: &Note) -> Result<EffectId> {
    let expires_at = Some(w.now().plus_ms(AGAIN_MS));
    let new = NewEffect {
        kind: TELL,
        priority: Priority::Awaited,
        input: minicbor::to_vec(note).map_err(AppError::internal)?,
        about: ("archive_settings", super::tables::FIRM.to_owned()),
        batch: None,
        created_by: None,
        expires_at,
    };
    effects::plan(w, new)
}

fn send(app: Arc<App>, effect: Effect) -> EffectFuture {
    let note: Result<Note, _> = minicbor::decode(&effect.input);
    match note {
        Ok(Note { userid, text, home }) => {
            let title = words::fill(Lang::default(), "archive_alarm.title", ());
            let words = (&*title, "", &*text);
            let content = sync::tell::content(home.as_deref(), SETTINGS, words);
            sync::tell::send(app, effect, userid, content)
        }
        Err(error) => Box::pin(async { Err(Refusal::Refused(AppError::internal(error))) }),
    }
}

fn tell(_: &Read<'_>, _: &Effect) -> Result<Told, StoreError> {
    Ok(Told {
        key: "effects.told.archive_alarm",
        args: Vec::new(),
        about: String::new(),
        href: Some(SETTINGS.to_owned()),
    })
}

/// Plans that a member is told these words.
///
/// # Errors
///
/// What the store says.
#[cfg(any(test, feature = "faults"))]
pub fn tell_for_test(w: &mut Write<'_>, userid: &str, text: &str) -> Result<EffectId> {
    let note = Note {
        userid: userid.to_owned(),
        text: text.to_owned(),
        home: None,
    };
    plan(w, &note)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::Archive, *};

    #[test]
    fn an_alarm_is_told_once_a_day_as_long_as_it_goes_on() {
        let archive = Archive::new();
        let now = archive.store.clock().now();
        let (silent, files) = (Alarm::Silent { hours: 80 }, Alarm::Files { n: 2, hours: 9 });
        let due = |alarms: &[Alarm], hours: i64| {
            let later = now.plus_ms(hours * 3_600_000);
            archive.read(|r| not_told(r, alarms.to_vec(), later).unwrap())
        };
        assert_eq!(due(&[silent, files], 0), [silent, files]);
        let act = Act::by_system("archive.alarm", "test");
        let told = archive.store.write_blocking(act, move |w| {
            Ok(w.put(&LastTold {
                word: silent.word().to_owned(),
                at: now,
            })?)
        });
        told.unwrap();
        let fewer = Alarm::Silent { hours: 57 };
        assert_eq!(due(&[fewer, files], 23), [files]);
        assert_eq!(due(&[fewer], 24), [fewer]);
    }
}
