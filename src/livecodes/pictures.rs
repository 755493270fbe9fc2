//! The pictures of ways are fetched once and served from here: no page asks another origin.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Act, Read, StoreError, Walk},
    wecom::Client,
};

use super::{
    Target, Way,
    tables::WAY_WITHOUT_PICTURE,
    way::{Bytes, PICTURE_MAX, Picture},
};

/// Time until a picture that could not be fetched is asked for again.
const PAUSE: Duration = Duration::from_secs(60);
/// Ways read at once.
const ROUND: usize = 100;
/// What a picture may be.
const KINDS: [&str; 3] = ["image/png", "image/jpeg", "image/svg+xml"];

/// Fetches what is missing, whenever something may be.
pub(super) async fn run(app: Arc<App>) -> Result<()> {
    let mut feed = app.store.watch_feed();
    loop {
        feed.mark_unchanged();
        let all_here = fetch_missing(&app).await?;
        tokio::select! {
            () = app.stopped() => return Ok(()),
            changed = feed.changed(), if all_here => {
                changed.map_err(AppError::internal)?;
            }
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Goes through all that is missing once; whether nothing is missing any more.
async fn fetch_missing(app: &App) -> Result<bool> {
    let mut all_here = true;
    let mut after = None;
    loop {
        let missing = app.read(|r| missing(r, after.take()))?;
        let Some((_, last)) = missing.last() else {
            return Ok(all_here);
        };
        after = Some(last.clone());
        all_here &= fetch_all(app, missing.into_iter().map(|(way, _)| way)).await?;
        if app.is_stopping() {
            return Ok(all_here);
        }
    }
}

/// Some ways without a picture behind a place, each with its place.
fn missing(r: &Read<'_>, after: Option<Vec<u8>>) -> Result<Vec<(Way, Vec<u8>)>, StoreError> {
    let walk = Walk {
        after,
        ..Walk::default()
    };
    let mut found = Vec::new();
    for hit in r.walk(&WAY_WITHOUT_PICTURE, &walk)?.take(ROUND) {
        let hit = hit?;
        found.extend(r.get::<Way>(&hit.key)?.map(|way| (way, hit.place)));
    }
    Ok(found)
}

/// Whether all of them are here now.
async fn fetch_all(app: &App, missing: impl Iterator<Item = Way>) -> Result<bool> {
    let Some(client) = app.wecom() else {
        return Ok(false);
    };
    let mut all_here = true;
    for way in missing {
        if app.is_stopping() {
            break;
        }
        match fetch(&client, &way).await {
            Ok(Some((address, picture, bytes))) => keep(app, way, address, picture, bytes).await?,
            Ok(None) => all_here = false,
            Err(error) => {
                tracing::warn!(way = %way.id, %error, "the picture of a code was not fetched");
                all_here = false;
            }
        }
    }
    Ok(all_here)
}

/// The picture with its address; none if what came is no picture.
async fn fetch(
    client: &Client,
    way: &Way,
) -> Result<Option<(String, Picture, Vec<u8>)>, crate::wecom::Error> {
    let address = match (way.qr_code.is_empty(), way.target) {
        (false, _) => way.qr_code.clone(),
        // WeCom tells it only when it is asked for the way (documentation, 客户群「加入群聊」管理).
        (true, Target::Group(_)) => {
            let kept = client.join_way(&way.config_id).await?;
            kept.map_or(String::new(), |kept| kept.qr_code)
        }
        (true, _) => {
            let kept = client.contact_way(&way.config_id).await?;
            kept.map_or(String::new(), |kept| kept.qr_code)
        }
    };
    if address.is_empty() {
        return Ok(None);
    }
    let (media_type, bytes) = client.picture(&address, PICTURE_MAX).await?;
    let media_type = media_type.split(';').next().unwrap_or("").trim().to_owned();
    if !KINDS.contains(&media_type.as_str()) || bytes.is_empty() {
        return Ok(None);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
    Ok(Some((
        address,
        Picture { sha256, media_type },
        bytes.to_vec(),
    )))
}

async fn keep(
    app: &App,
    fetched: Way,
    address: String,
    picture: Picture,
    bytes: Vec<u8>,
) -> Result<()> {
    let act = Act::by_system("live_code.picture", "pictures");
    app.write(act, move |w| {
        let Some(mut way) = w.get::<Way>(&fetched.id)? else {
            return Ok(());
        };
        // It may have been made anew meanwhile.
        if way.config_id != fetched.config_id {
            return Ok(());
        }
        way.qr_code = address;
        way.picture = Some(picture);
        w.put(&Bytes { way: way.id, bytes })?;
        Ok(w.put(&way)?)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livecodes::{
        LiveCodeId, WayId,
        tests::{store, write},
    };

    #[test]
    fn one_pass_goes_through_all_that_is_missing() {
        let (store, _dir) = store();
        write(&store, |w| {
            for n in 1..=250 {
                w.put(&Way {
                    id: WayId::from_bits(n),
                    code: LiveCodeId::from_bits(1),
                    target: Target::Direct,
                    config_id: "c".to_owned(),
                    qr_code: String::new(),
                    picture: None,
                    is_wanted: true,
                    is_behind: false,
                })?;
            }
            Ok(())
        });
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let found = store.read(|r| missing(r, after.take())).unwrap();
            let Some((_, last)) = found.last() else {
                break;
            };
            after = Some(last.clone());
            seen.extend(found.iter().map(|(way, _)| way.id.bits()));
        }
        assert_eq!(seen, (1..=250).collect::<Vec<u64>>());
    }
}
