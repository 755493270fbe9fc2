//! What a touch came from: a broadcast, a moment, a welcome message or a live code, by name, with
//! its page where the viewer may open that.

use std::sync::Arc;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Scope, Viewer},
    livecodes::{self, Eyes},
    org::{Directory, Sight},
    outreach::{
        broadcasts::{self, Broadcast},
        moments::{self, Moment},
        touches::Touch,
        welcome::{self, Welcome},
    },
    store::{Read, SubjectId},
};

/// What a touch came from.
pub(super) struct Origin {
    /// What colleagues call it; empty if they did not name it.
    pub(super) name: String,
    /// Its page, if the viewer may open it.
    pub(super) href: Option<String>,
}

/// Finds what touches came from, with what the viewer sees of it.
pub(super) struct Origins<'a> {
    r: &'a Read<'a>,
    directory: Arc<Directory>,
    own: Option<SubjectId>,
    outreach: Option<Sight>,
    codes: Option<Eyes>,
    welcomes: Option<Scope>,
}

impl<'a> Origins<'a> {
    pub(super) fn of(app: &App, r: &'a Read<'a>, viewer: &Viewer) -> Result<Self> {
        let scope = |permission| match viewer.may(permission) {
            true => viewer.scope(r, permission).map(Some),
            false => Ok(None),
        };
        let directory = app.directory.get(r)?;
        let outreach = scope(Permission::OutreachRead)?;
        let codes = scope(Permission::LiveCodeRead)?;
        Ok(Self {
            r,
            own: viewer.account_id().map(|account| account.cast()),
            outreach: outreach.map(|scope| Sight::new(directory.clone(), &scope)),
            codes: codes.map(|scope| Eyes::new(directory.clone(), &scope)),
            welcomes: scope(Permission::OutreachManage)?,
            directory,
        })
    }

    /// What this touch came from, if it is still known.
    pub(super) fn origin(&self, touch: &Touch) -> Result<Option<Origin>> {
        let id = &touch.of.1;
        match touch.of.0.as_str() {
            broadcasts::CAUSE => self.broadcast(id),
            moments::CAUSE => self.moment(id),
            "live_code" => self.code(id),
            "welcome" => self.welcome(id),
            _ => Ok(None),
        }
    }

    fn broadcast(&self, id: &str) -> Result<Option<Origin>> {
        let Ok(key) = id.parse() else {
            return Ok(None);
        };
        let may_open = match &self.outreach {
            Some(sight) => is_there(broadcasts::queries::broadcast(self.r, sight, self.own, key))?,
            None => false,
        };
        let found = self.r.get::<Broadcast>(&key)?;
        Ok(found.map(|found| Origin {
            name: found.name,
            href: may_open.then(|| format!("/broadcasts/{id}")),
        }))
    }

    fn moment(&self, id: &str) -> Result<Option<Origin>> {
        let Ok(key) = id.parse() else {
            return Ok(None);
        };
        let may_open = match &self.outreach {
            Some(sight) => is_there(moments::queries::moment(self.r, sight, self.own, key))?,
            None => false,
        };
        let found = self.r.get::<Moment>(&key)?;
        Ok(found.map(|found| Origin {
            name: found.name,
            href: may_open.then(|| format!("/moments/{id}")),
        }))
    }

    fn code(&self, id: &str) -> Result<Option<Origin>> {
        let Ok(key) = id.parse() else {
            return Ok(None);
        };
        let found = livecodes::queries::by_id(self.r, key)?;
        Ok(found.map(|found| {
            let may_open = self.codes.as_ref().is_some_and(|eyes| eyes.sees(&found));
            Origin {
                name: found.name,
                href: may_open.then(|| format!("/live-codes/{id}")),
            }
        }))
    }

    fn welcome(&self, id: &str) -> Result<Option<Origin>> {
        let Ok(key) = id.parse() else {
            return Ok(None);
        };
        let found = self.r.get::<Welcome>(&key)?;
        Ok(found.map(|found| {
            let is_visible =
                |scope| welcome::queries::is_visible(scope, &self.directory, found.whose);
            let may_open = self.welcomes.as_ref().is_some_and(is_visible);
            Origin {
                href: may_open.then(|| format!("/welcome/{id}")),
                name: found.name,
            }
        }))
    }
}

/// The channel of a relation as people call it: WeCom hands back what we gave it for a live code,
/// which is the code's name then.
pub(super) fn channel_name(r: &Read<'_>, channel: &str) -> Result<String> {
    let code = match livecodes::of_state(channel) {
        Some(id) => livecodes::queries::by_id(r, id)?,
        None => None,
    };
    Ok(code.map_or_else(|| channel.to_owned(), |code| code.name))
}

/// Whether what was looked for is there for the viewer.
fn is_there<T>(found: Result<T>) -> Result<bool> {
    match found {
        Ok(_) => Ok(true),
        Err(AppError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
