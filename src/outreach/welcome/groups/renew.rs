//! Templates are written again when the asset they carry has a new version, and when its file
//! was given to WeCom anew.
//!
//! A file's id is good for three days (WeCom documentation, 上传临时素材), and nowhere is it said
//! that a template keeps the file for longer. The asset library renews the ids of what is in use
//! before they end; the templates follow it here. Members are told of none of that.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::Result,
    outreach::materials,
    slice::WorkerFuture,
    store::{Act, Read, StoreError},
    work::effects::{self, Area, WriteMode},
};

use super::{
    model::{GroupWelcome, GroupWelcomeId},
    outbound::{Deed, plan},
    queries,
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            renew(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

/// Plans what has to be written again.
async fn renew(app: &App) -> Result<()> {
    let due = app.read(due)?;
    if due.is_empty() {
        return Ok(());
    }
    let act = Act::by_system("outreach.group_welcomes", "outreach");
    app.write(act, move |w| {
        for id in due {
            // Asked again: somebody may have changed it meanwhile.
            let template = w.get::<GroupWelcome>(&id)?;
            if let Some(template) = template
                && is_due(&w.read(), &template)?
            {
                plan(w, &template, Deed::Update, false, None)?;
            }
        }
        Ok(())
    })
    .await?;
    app.effects.notify_one();
    Ok(())
}

fn due(r: &Read<'_>) -> Result<Vec<GroupWelcomeId>, StoreError> {
    // A rehearsal would be recorded with every look.
    if effects::mode(r, Area::Outreach)? != WriteMode::On {
        return Ok(Vec::new());
    }
    let mut due = Vec::new();
    for template in queries::all(r)? {
        if is_due(r, &template)? {
            due.push(template.id);
        }
    }
    Ok(due)
}

/// Whether WeCom has an older version of its asset, or a file that it forgets earlier than it
/// might. What waits for WeCom or for a person is left alone.
fn is_due(r: &Read<'_>, template: &GroupWelcome) -> Result<bool, StoreError> {
    let Some(written) = &template.written else {
        return Ok(false);
    };
    if !template.is_wanted || !template.is_made() {
        return Ok(false);
    }
    let is_older = written.carried != queries::carried(r, template)?;
    let assets: Vec<_> = template.asset.into_iter().collect();
    let until = materials::kept_until(r, &assets)?;
    let ends_earlier = until.is_some() && written.until < until;
    Ok((is_older || ends_earlier) && queries::pending(r, template.id)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kit::{Id, Random, Timestamp},
        outreach::{
            materials::{Body, Material, MediaId, Purpose, Stored},
            welcome::groups::model::{Carried, Written},
        },
        store::{Folder, Store},
    };

    const DAY_MS: i64 = 86_400_000;
    const NOW: Timestamp = Timestamp::from_s(1_795_579_200);

    fn picture(version: u32) -> Material {
        Material {
            id: Id::from_bits(5),
            folder: None,
            title: "茶样".to_owned(),
            body: Body::Image(Stored {
                sha256: [7; 32],
                bytes: 100,
                name: "a.png".to_owned(),
                media_type: "image/png".to_owned(),
                measure: None,
            }),
            version,
            changed_at: NOW,
            archived_at: None,
        }
    }

    fn media(until: Option<Timestamp>) -> MediaId {
        let mut media = MediaId::unknown([7; 32], Purpose::Image, NOW);
        if until.is_some() {
            media.name = "m".to_owned();
        }
        media.until = until;
        media
    }

    fn template() -> GroupWelcome {
        GroupWelcome {
            id: Id::from_bits(1),
            text: "欢迎".to_owned(),
            asset: Some(Id::from_bits(5)),
            notify: true,
            template_id: "msg1".to_owned(),
            written: Some(Written {
                text: "欢迎".to_owned(),
                carried: Some(Carried {
                    asset: Id::from_bits(5),
                    version: 1,
                }),
                until: Some(NOW.plus_ms(3 * DAY_MS)),
                at: NOW,
            }),
            is_wanted: true,
            is_gone: false,
            changed_at: NOW,
            changed_by: None,
        }
    }

    #[test]
    fn a_newer_file_or_version_is_due_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let store = Store::open(&folder, App::store_options()).unwrap();
        let is_due_with = |asset: Material, media: MediaId, template: GroupWelcome| {
            let act = Act::by_system("test.renew", "outreach");
            store
                .write_blocking(act, move |w| {
                    w.put(&asset)?;
                    Ok(w.put(&media)?)
                })
                .unwrap();
            store.read(|r| is_due(r, &template)).unwrap()
        };
        let same = media(Some(NOW.plus_ms(3 * DAY_MS)));
        let newer = media(Some(NOW.plus_ms(5 * DAY_MS)));
        assert!(!is_due_with(picture(1), same.clone(), template()));
        assert!(is_due_with(picture(1), newer.clone(), template()));
        assert!(is_due_with(picture(2), same, template()));
        // A file that WeCom does not have now is given to it first.
        assert!(!is_due_with(picture(1), media(None), template()));
        for other in [
            GroupWelcome {
                is_wanted: false,
                ..template()
            },
            GroupWelcome {
                template_id: String::new(),
                ..template()
            },
            GroupWelcome {
                written: None,
                ..template()
            },
        ] {
            assert!(!is_due_with(picture(2), newer.clone(), other));
        }
    }
}
