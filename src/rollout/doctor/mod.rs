//! The examination (体检): everything the connection and the machine depend on, each finding
//! with what it means and the click or command that mends it.
//!
//! The same findings serve the wizard, which tests values before they are saved, the page
//! `/settings/doctor` and `qitai doctor`.

mod account;
mod archive;
mod callback;
mod finding;
mod machine;
mod network;

use crate::{app::App, config::Config, error::Result, sync::connection};

pub use account::{examine as account, has_corp_id_shape};
pub(in crate::rollout) use callback::refusal_kind;
pub use finding::{Finding, Kind, Level};
pub use machine::examine as machine;
pub use network::examine as network;

/// Everything. `is_serving` says that this process answers pages, so that it can ask itself.
pub async fn examine(app: &App, is_serving: bool) -> Result<Vec<Finding>> {
    let mut found = machine(&app.config);
    found.extend(network(&app.config).await);
    let is_reached = !found
        .iter()
        .any(|f| f.topic() == "network" && f.level() == Level::Bad);
    match connection::in_use(app)? {
        None => found.push(Finding::of(Kind::NotConnected)),
        Some(connection) => {
            if is_reached {
                let settings = connection::settings(&connection, &app.config);
                let clock = app.store.clock().clone();
                found.extend(account(settings, connection.agentid, clock).await);
            }
            found.extend(callback::examine(app, &connection, is_serving).await?);
            found.extend(archive::examine(app)?);
        }
    }
    Ok(found)
}

/// What can be examined when the store cannot be opened.
pub async fn examine_closed(config: &Config, why: String) -> Vec<Finding> {
    let mut found = vec![Finding::of(Kind::StoreUnusable).with("why", why)];
    found.extend(machine(config));
    found.extend(network(config).await);
    found
}

/// The worst of all findings.
pub fn verdict(found: &[Finding]) -> Level {
    found.iter().map(Finding::level).max().unwrap_or(Level::Ok)
}
