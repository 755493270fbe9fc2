//! Assets as moments (客户朋友圈) carry them: uploaded as attachments of moments, and a link
//! with its cover (WeCom documentation, 创建发表任务).

use crate::{
    app::App,
    error::{AppError, Result},
    wecom::{Client, MomentAttachment, MomentLink, MomentMedia},
};

use super::{
    media::known,
    model::{Body, Material, MaterialId, Purpose, Stored},
};

/// All of them, in their newest versions and with ids that WeCom knows; what it does not have
/// is uploaded first. A moment carries all or nothing.
///
/// # Errors
/// The first that keeps one of them away.
pub(in crate::outreach) async fn moment_attachments(
    app: &App,
    client: &Client,
    ids: &[MaterialId],
) -> Result<Vec<MomentAttachment>> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let material = app.read(|r| r.get::<Material>(id))?;
        let material = material.ok_or(AppError::NotFound { what: "material" })?;
        all.push(one(app, client, material).await?);
    }
    Ok(all)
}

async fn one(app: &App, client: &Client, material: Material) -> Result<MomentAttachment> {
    Ok(match &material.body {
        Body::Image(stored) => MomentAttachment::Image {
            image: media(app, client, stored, Purpose::MomentImage).await?,
        },
        Body::Video(stored) => MomentAttachment::Video {
            video: media(app, client, stored, Purpose::MomentVideo).await?,
        },
        Body::Link {
            url,
            cover: Some(cover),
            ..
        } => MomentAttachment::Link {
            link: MomentLink {
                title: material.title.clone(),
                url: url.clone(),
                media_id: media(app, client, cover, Purpose::MomentImage)
                    .await?
                    .media_id,
            },
        },
        Body::Link { cover: None, .. }
        | Body::Text(_)
        | Body::File(_)
        | Body::MiniProgram { .. } => return Err(AppError::NotFound { what: "material" }),
    })
}

async fn media(
    app: &App,
    client: &Client,
    stored: &Stored,
    purpose: Purpose,
) -> Result<MomentMedia> {
    let media_id = known(app, client, stored, purpose).await?;
    Ok(MomentMedia { media_id })
}
