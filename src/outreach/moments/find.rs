//! Finding a moment at WeCom that was made without a clear answer: in the list of the firm's
//! moments, by its words and what it carries, and by who publishes it (documentation,
//! 获取企业全部的发表列表).

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    outreach::materials::{Body, Material, MaterialId},
    store::{Read, StoreError},
    wecom::{self, Client, Moment as AtWecom, MomentQuery},
};

use super::queries;

/// Clocks may differ by so much, seconds.
const CLOCKS_S: i64 = 120;
/// The list of moments takes no longer stretch of time, ms.
const LISTED_MS: i64 = 30 * 86_400_000;
/// WeCom is still telling the members.
pub(super) const DISPATCHING: i64 = 41079;
/// Seconds after which a moment that is being dispatched is asked about again.
pub(super) const DISPATCH_S: u64 = 5;

/// What a moment carries, as far as the list tells it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pictures: usize,
    videos: usize,
    /// Where the link leads.
    link: Option<String>,
}

impl Shape {
    /// What these assets become.
    pub(super) fn of(r: &Read<'_>, ids: &[MaterialId]) -> Result<Self, StoreError> {
        let mut shape = Self::default();
        for id in ids {
            match r.get::<Material>(id)?.map(|material| material.body) {
                Some(Body::Image(_)) => shape.pictures += 1,
                Some(Body::Video(_)) => shape.videos += 1,
                Some(Body::Link { url, .. }) => shape.link = Some(url),
                _ => {}
            }
        }
        Ok(shape)
    }

    fn there(there: &AtWecom) -> Self {
        Self {
            pictures: there.image.len(),
            videos: usize::from(there.video.is_some()),
            link: there.link.as_ref().map(|link| link.url.clone()),
        }
    }
}

/// A moment that is looked for.
pub(super) struct Sought {
    pub(super) text: String,
    pub(super) shape: Shape,
    /// Userids of those who may publish it, and nobody else.
    pub(super) senders: Vec<String>,
    /// Made after this.
    pub(super) since: Timestamp,
}

/// What is there.
pub(super) enum Found {
    /// None that could be it.
    None,
    /// This moment_id.
    One(String),
    /// More than one that could be it.
    Several,
}

/// Looks for it among those that Qitai does not know yet.
///
/// # Errors
/// Those of WeCom; [`AppError::Later`] while one that could be it is being dispatched.
pub(super) async fn find(app: &App, client: &Client, sought: &Sought) -> Result<Found> {
    let now = app.store.clock().now();
    let since = sought.since.max(now.plus_ms(-LISTED_MS));
    let query = MomentQuery {
        start_time: since.ms().div_euclid(1_000) - CLOCKS_S,
        end_time: now.ms().div_euclid(1_000) + CLOCKS_S,
        filter_type: 0,
        ..MomentQuery::default()
    };
    let known = app.read(queries::moment_ids)?;
    let is_alike = |there: &AtWecom| {
        let words = there.text.as_ref().map_or("", |text| text.content.as_str());
        words == sought.text
            && Shape::there(there) == sought.shape
            && !known.contains(&there.moment_id)
    };
    let there = client.moments(&query).all().await?;
    let mut found = Vec::new();
    for there in there.into_iter().filter(is_alike) {
        match client.moment_tasks(&there.moment_id).all().await {
            Ok(tasks) => {
                let is_sender = |userid: &str| {
                    let mut senders = sought.senders.iter();
                    senders.any(|sender| sender.eq_ignore_ascii_case(userid))
                };
                if !tasks.is_empty() && tasks.iter().all(|task| is_sender(&task.userid)) {
                    found.push(there.moment_id);
                }
            }
            Err(wecom::Error::Refused {
                errcode: DISPATCHING,
                ..
            }) => {
                return Err(AppError::Later {
                    why: "quota",
                    retry_after_s: DISPATCH_S,
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match found.len() {
        0 => Found::None,
        1 => Found::One(found.remove(0)),
        _ => Found::Several,
    })
}
