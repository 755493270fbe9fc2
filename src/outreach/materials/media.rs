//! Files of assets as WeCom knows them: given to it before they are sent, and again before it
//! forgets them.
//!
//! A file that was uploaded is good for three days and nobody sees it until a message names it;
//! uploading it once more makes another copy, which goes by itself (WeCom documentation,
//! 素材管理). So uploads need no place in the outbox and may be repeated.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    outreach::moments,
    slice::WorkerFuture,
    store::{Act, Read, StoreError},
    wecom::{
        self, Attachment, AttachmentUse, Class, Client, Image, Link, Media, MediaKind,
        MiniProgramCard, NewFile, quota::Urgency,
    },
    work::{
        Failure,
        effects::{self, Area, WriteMode},
    },
};

use super::{
    model::{Body, Material, MaterialId, MediaId, Purpose, Stored, Uses},
    shelf,
};

/// WeCom keeps what was uploaded so long (documentation, 上传临时素材), in milliseconds.
const KEPT_MS: i64 = 3 * 86_400_000;
/// What is in use is renewed so long before.
const RENEWED_MS: i64 = 12 * 3_600_000;
/// What is sent must be good for so long still.
const SENT_MS: i64 = 60_000;
/// Time between two looks at what is in use.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Time before another attempt, doubled with each one, up to the longest.
const RETRY_MS: (i64, i64) = (30_000, 3_600_000);
/// After WeCom has refused the file itself.
const REFUSED_MS: i64 = 6 * 3_600_000;

/// What can be sent of a list of assets, and what cannot.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// In the order of the list.
    pub attachments: Vec<Attachment>,
    /// What had to be left out.
    pub left_out: Vec<LeftOut>,
}

/// An asset that cannot be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub material: MaterialId,
    /// Its title; empty if it is not there.
    pub title: String,
    /// Error code of the catalogue.
    pub code: String,
    /// Whether trying again later may help.
    pub may_pass: bool,
}

/// Attachments of a message, in their newest versions and with ids that WeCom knows. What it
/// does not have is uploaded first, at the client's urgency.
///
/// An error is one of the store; what cannot be had is left out and said.
pub async fn attachments(app: &App, client: &Client, ids: &[MaterialId]) -> Result<Resolved> {
    resolve(app, client, ids, None).await
}

/// The same, where nothing may take longer: what is not there in time is left out.
pub async fn attachments_within(
    app: &App,
    client: &Client,
    within: Duration,
    ids: &[MaterialId],
) -> Result<Resolved> {
    let until = Instant::now() + within;
    resolve(app, client, ids, Some(until)).await
}

async fn resolve(
    app: &App,
    client: &Client,
    ids: &[MaterialId],
    until: Option<Instant>,
) -> Result<Resolved> {
    let mut resolved = Resolved::default();
    for id in ids {
        let Some(material) = app.read(|r| r.get::<Material>(id))? else {
            let gone = AppError::NotFound { what: "material" };
            resolved.left_out.push(left_out(*id, "", &gone));
            continue;
        };
        let made = attachment(app, client, &material.title, &material.body);
        let made = match until {
            Some(until) => tokio::time::timeout_at(until, made)
                .await
                .unwrap_or(Err(AppError::Unavailable { why: "asset_late" })),
            None => made.await,
        };
        match made {
            Ok(attachment) => resolved.attachments.push(attachment),
            Err(error) => {
                tracing::warn!(asset = %id, %error, "an asset is left out of a message");
                resolved
                    .left_out
                    .push(left_out(*id, &material.title, &error));
            }
        }
    }
    Ok(resolved)
}

fn left_out(material: MaterialId, title: &str, error: &AppError) -> LeftOut {
    LeftOut {
        material,
        title: title.to_owned(),
        code: error.code().into_owned(),
        may_pass: error.may_pass(),
    }
}

async fn attachment(app: &App, client: &Client, title: &str, body: &Body) -> Result<Attachment> {
    let title = title.to_owned();
    Ok(match body {
        Body::Text(_) => return Err(AppError::Conflict { why: "asset_text" }),
        Body::Image(stored) => Attachment::Image {
            image: Image {
                media_id: known(app, client, stored, Purpose::Image).await?,
                pic_url: String::new(),
            },
        },
        Body::Video(stored) => Attachment::Video {
            video: Media {
                media_id: known(app, client, stored, Purpose::Video).await?,
            },
        },
        Body::File(stored) => Attachment::File {
            file: Media {
                media_id: known(app, client, stored, Purpose::File).await?,
            },
        },
        Body::Link { url, desc, cover } => Attachment::Link {
            link: Link {
                title,
                picurl: match cover {
                    Some(cover) => cover_url(app, client, cover).await,
                    None => String::new(),
                },
                desc: desc.clone(),
                url: url.clone(),
            },
        },
        Body::MiniProgram { appid, page, cover } => Attachment::MiniProgram {
            miniprogram: MiniProgramCard {
                title,
                pic_media_id: known(app, client, cover, Purpose::Image).await?,
                appid: appid.clone(),
                page: page.clone(),
            },
        },
    })
}

/// The address of a link's cover; a link is as good without.
async fn cover_url(app: &App, client: &Client, cover: &Stored) -> String {
    let found = known(app, client, cover, Purpose::Picture).await;
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "a link is sent without its cover");
        String::new()
    })
}

fn media_of(
    r: &Read<'_>,
    sha256: [u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<MediaId, StoreError> {
    let found = r.get::<MediaId>(&(sha256, purpose as u8))?;
    Ok(found.unwrap_or_else(|| MediaId::unknown(sha256, purpose, now)))
}

/// What WeCom calls a file; it is uploaded if WeCom does not have it.
pub(super) async fn known(
    app: &App,
    client: &Client,
    stored: &Stored,
    purpose: Purpose,
) -> Result<String> {
    let now = app.store.clock().now();
    let media = app.read(|r| media_of(r, stored.sha256, purpose, now))?;
    if media.is_good(now, SENT_MS) {
        return Ok(media.name);
    }
    if let Some(failure) = media.failure.filter(|_| media.next_at > now) {
        let errcode = failure.errcode.unwrap_or(0);
        return Err(AppError::Wecom {
            errcode,
            remedy: "wecom.asset_refused",
        });
    }
    upload(app, client, stored, purpose).await
}

/// Uploads a file, and notes what WeCom calls it or why it did not take it.
async fn upload(app: &App, client: &Client, stored: &Stored, purpose: Purpose) -> Result<String> {
    let sent = match file(app, stored).await {
        Ok(file) => send(client, &file, purpose).await.map_err(Failed::from),
        Err(error) => Err(Failed {
            error,
            until: None,
            is_final: true,
        }),
    };
    let (sha256, noted) = (stored.sha256, sent.as_ref().err().map(Failed::noted));
    let name = sent.as_ref().ok().cloned();
    app.write(Act::by_system("outreach.assets", "outreach"), move |w| {
        let now = w.now();
        let mut media = media_of(&w.read(), sha256, purpose, now)?;
        match (name, noted) {
            (Some(name), _) => {
                media = MediaId::unknown(sha256, purpose, now);
                media.name = name;
                media.until = (purpose != Purpose::Picture).then(|| now.plus_ms(KEPT_MS));
            }
            (None, Some(noted)) => noted.onto(&mut media, now),
            (None, None) => {}
        }
        Ok(w.put(&media)?)
    })
    .await?;
    sent.map_err(|failed| failed.error)
}

/// The file as it goes to WeCom.
async fn file(app: &App, stored: &Stored) -> Result<NewFile> {
    let bytes = tokio::fs::read(shelf::path_of(app, &stored.sha256)).await;
    let bytes = bytes.map_err(|error| {
        tracing::error!(%error, "a file of the asset library cannot be read");
        AppError::Unavailable { why: "asset_file" }
    })?;
    Ok(NewFile {
        name: stored.name.clone(),
        content_type: stored.media_type.clone(),
        bytes: bytes.into(),
    })
}

async fn send(client: &Client, file: &NewFile, purpose: Purpose) -> Result<String, wecom::Error> {
    let moment = |kind| client.upload_attachment(kind, AttachmentUse::Moment, file);
    let uploaded = match purpose {
        Purpose::Picture => return client.upload_picture(file).await,
        Purpose::Image => client.upload(MediaKind::Image, file).await,
        Purpose::Video => client.upload(MediaKind::Video, file).await,
        Purpose::File => client.upload(MediaKind::File, file).await,
        Purpose::MomentImage => moment(MediaKind::Image).await,
        Purpose::MomentVideo => moment(MediaKind::Video).await,
    };
    uploaded.map(|uploaded| uploaded.media_id)
}

/// Why a file was not taken.
struct Failed {
    error: AppError,
    /// WeCom is not to be asked before.
    until: Option<Timestamp>,
    /// The file itself was refused: it will be again.
    is_final: bool,
}

impl From<wecom::Error> for Failed {
    fn from(error: wecom::Error) -> Self {
        let until = match &error {
            wecom::Error::Held { until, .. } => Some(*until),
            _ => None,
        };
        let is_final = matches!(error.class(), Some(Class::OurFault | Class::Gone));
        Self {
            until,
            is_final,
            error: error.into(),
        }
    }
}

impl Failed {
    fn noted(&self) -> Noted {
        Noted {
            failure: Failure::of(&self.error, Timestamp::default()),
            until: self.until,
            is_final: self.is_final,
        }
    }
}

/// A failure as it is kept.
struct Noted {
    failure: Failure,
    until: Option<Timestamp>,
    is_final: bool,
}

impl Noted {
    fn onto(mut self, media: &mut MediaId, now: Timestamp) {
        if let Some(until) = self.until {
            // It was not its turn: that is no fault of the file.
            media.next_at = until;
            return;
        }
        self.failure.at = now;
        let (first, longest) = RETRY_MS;
        let wait = match self.is_final {
            true => REFUSED_MS,
            false => (first << media.attempts.min(10)).min(longest),
        };
        media.attempts = media.attempts.saturating_add(1);
        media.next_at = now.plus_ms(wait);
        media.failure = Some(self.failure);
    }
}

/// Until when what WeCom calls the files of these assets is good, the earliest of them; none
/// where nothing ends.
pub(in crate::outreach) fn kept_until(
    r: &Read<'_>,
    ids: &[MaterialId],
) -> Result<Option<Timestamp>, StoreError> {
    let mut earliest: Option<Timestamp> = None;
    for id in ids {
        let found = r.get::<Material>(id)?;
        for (stored, purpose) in found.iter().flat_map(|m| files(&m.body)) {
            let media = r.get::<MediaId>(&(stored.sha256, purpose as u8))?;
            let until = media.filter(|m| !m.name.is_empty()).and_then(|m| m.until);
            earliest = match (earliest, until) {
                (Some(known), Some(until)) => Some(known.min(until)),
                (known, until) => known.or(until),
            };
        }
    }
    Ok(earliest)
}

/// Forgets what WeCom called the files of assets, after it has said that it does not know them
/// (40007): they are uploaded anew when they are next needed.
pub(in crate::outreach) async fn forget(app: &App, ids: &[MaterialId]) -> Result<()> {
    let ids = ids.to_vec();
    app.write(Act::by_system("outreach.assets", "outreach"), move |w| {
        for id in ids {
            let found = w.get::<Material>(&id)?;
            let Some(stored) = found.as_ref().and_then(|m| m.body.stored()) else {
                continue;
            };
            for purpose in Purpose::ALL {
                w.delete::<MediaId>(&(stored.sha256, purpose as u8))?;
            }
        }
        Ok(())
    })
    .await
}

/// Uploads the file of an asset now, if the firm is connected. What comes of it stands on the
/// asset's page.
pub(super) async fn give(app: &App, id: MaterialId) -> Result<()> {
    let material = app.read(|r| r.get::<Material>(&id))?;
    if let Some(client) = app.wecom()
        && let Some((stored, purpose)) = material.as_ref().and_then(|m| files(&m.body))
        && let Err(error) = upload(app, &client, stored, purpose).await
    {
        tracing::info!(asset = %id, %error, "the file was not taken");
    }
    Ok(())
}

/// The files of an asset as messages need them.
pub(super) fn files(body: &Body) -> Option<(&Stored, Purpose)> {
    let purpose = match body {
        Body::Text(_) => return None,
        Body::Image(_) | Body::MiniProgram { .. } => Purpose::Image,
        Body::Video(_) => Purpose::Video,
        Body::File(_) => Purpose::File,
        Body::Link { .. } => Purpose::Picture,
    };
    Some((body.stored()?, purpose))
}

/// Runs as long as the process: renews what is in use, and clears the shelf.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        shelf::sweep(&app).await?;
        while !app.is_stopping() {
            renew(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.outreach.shelf.emptied() => shelf::sweep(&app).await?,
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

/// Uploads what is in use and will not be good much longer. Nothing where the firm does not let
/// Qitai write to customers.
pub(super) async fn renew(app: &App) -> Result<()> {
    let Some(client) = app.wecom() else {
        return Ok(());
    };
    let client = client.at(Urgency::Bulk);
    let now = app.store.clock().now();
    for (stored, purpose) in app.read(|r| due(r, now))? {
        if app.is_stopping() {
            break;
        }
        if let Err(error) = upload(app, &client, &stored, purpose).await
            && !error.may_pass()
        {
            return Err(error);
        }
    }
    Ok(())
}

/// The files in use that have to be renewed, each once.
fn due(r: &Read<'_>, now: Timestamp) -> Result<Vec<(Stored, Purpose)>, StoreError> {
    if effects::mode(r, Area::Outreach)? != WriteMode::On {
        return Ok(Vec::new());
    }
    let mut used: BTreeSet<MaterialId> = BTreeSet::new();
    for uses in r.all::<Uses>(None)? {
        let uses = uses?;
        // Moments have their files uploaded in another way, once each.
        if uses.by != moments::CAUSE {
            used.extend(uses.materials);
        }
    }
    let (mut due, mut seen) = (Vec::new(), BTreeSet::new());
    for id in used {
        let found = r.get::<Material>(&id)?;
        let Some((stored, purpose)) = found.as_ref().and_then(|m| files(&m.body)) else {
            continue;
        };
        let media = media_of(r, stored.sha256, purpose, now)?;
        let waits = media.next_at > now;
        if !waits && !media.is_good(now, RENEWED_MS) && seen.insert((stored.sha256, purpose)) {
            due.push((stored.clone(), purpose));
        }
    }
    Ok(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_s(1_000_000);

    fn failed(error: wecom::Error, media: &mut MediaId) {
        Failed::from(error).noted().onto(media, NOW);
    }

    fn refused(errcode: i64) -> wecom::Error {
        wecom::Error::Refused {
            call: "media/upload",
            errcode,
            hint: String::new(),
            seen_ip: None,
        }
    }

    #[test]
    fn a_refused_file_waits_long_and_a_busy_api_shortly() {
        let mut media = MediaId::unknown([1; 32], Purpose::Image, NOW);
        failed(refused(40006), &mut media);
        assert_eq!(media.next_at, NOW.plus_ms(REFUSED_MS));
        assert_eq!(media.failure.as_ref().and_then(|f| f.errcode), Some(40006));
        let mut media = MediaId::unknown([1; 32], Purpose::Image, NOW);
        for wait in [30_000, 60_000, 120_000] {
            failed(refused(-1), &mut media);
            assert_eq!(media.next_at, NOW.plus_ms(wait));
        }
        for _ in 0..20 {
            failed(refused(-1), &mut media);
        }
        assert_eq!(media.next_at, NOW.plus_ms(3_600_000));
    }

    #[test]
    fn what_wecom_will_forget_soon_is_not_good_for_long() {
        let mut media = MediaId::unknown([1; 32], Purpose::Image, NOW);
        assert!(!media.is_good(NOW, 0), "WeCom has never had it");
        media.name = "m".to_owned();
        media.until = Some(NOW.plus_ms(KEPT_MS));
        let late = NOW.plus_ms(KEPT_MS - RENEWED_MS + 1);
        assert!(media.is_good(NOW, RENEWED_MS) && !media.is_good(late, RENEWED_MS));
        assert!(media.is_good(late, SENT_MS), "it can still be sent");
        media.until = None;
        assert!(media.is_good(late, KEPT_MS), "an address lasts");
    }
}
