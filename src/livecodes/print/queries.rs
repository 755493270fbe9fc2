//! Reads of what is needed to print a code.

use std::sync::Arc;

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    rollout::queries as rollout,
    store::{Read, StoreError},
};

use super::{
    super::{LiveCode, LiveCodeId, board},
    model::{Backdrop, Look},
    render::{Limits, Picture},
};

/// The firm's logo has other bounds than a code's own; see `rollout::logo`.
const FIRM_LIMITS: Limits = Limits {
    bytes_max: 256 * 1024,
    side_max: 2048,
};

/// A code that is in scope, with how it is printed.
pub(super) struct Printable {
    pub(super) code: LiveCode,
    pub(super) look: Look,
    /// The firm's logo, if it is a picture that can be drawn.
    pub(super) firm: Option<Arc<Picture>>,
    /// Whether the viewer decides about the code.
    pub(super) may_change: bool,
    /// Whether the viewer can say where the server is reached.
    pub(super) may_settle: bool,
    /// Whether a picture lies behind its poster.
    pub(super) has_backdrop: bool,
}

/// The code, if the viewer sees it.
pub(super) fn printable(app: &App, viewer: &Viewer, id: &str) -> Result<Printable> {
    let id = board::parse(id)?;
    app.read(|r| {
        let eyes = board::eyes(app, r, viewer, Permission::LiveCodeRead)?;
        let code = board::visible(r, &eyes, id)?;
        let may_change = viewer.may(Permission::LiveCodeManage)
            && board::eyes(app, r, viewer, Permission::LiveCodeManage)?.reaches(code.unit);
        Ok(Printable {
            look: look(r, id)?,
            firm: firm_logo(r)?,
            has_backdrop: r.exists::<Backdrop>(&id)?,
            may_change,
            may_settle: viewer.may(Permission::SettingsManage),
            code,
        })
    })
}

/// The picture behind a code's poster.
pub(super) fn backdrop(r: &Read<'_>, id: LiveCodeId) -> Result<Option<Backdrop>, StoreError> {
    r.get(&id)
}

/// How a code is printed.
pub(super) fn look(r: &Read<'_>, id: LiveCodeId) -> Result<Look, StoreError> {
    Ok(r.get::<Look>(&id)?.unwrap_or_else(|| Look::of(id)))
}

/// The firm's logo as a picture.
pub(super) fn firm_logo(r: &Read<'_>) -> Result<Option<Arc<Picture>>, StoreError> {
    let logo = rollout::logo(r)?;
    let picture = logo.and_then(|logo| Picture::read(&logo.bytes, FIRM_LIMITS).ok());
    Ok(picture.map(|picture| Arc::new(picture.kept())))
}
