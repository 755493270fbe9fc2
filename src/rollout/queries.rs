//! Reads of the firm and its roll-out.

use crate::{
    app::App,
    error::Result,
    store::{Read, StoreError},
};

use super::{
    model::{Firm, Logo, Setup},
    tables::FIRM,
};

/// The firm; empty if nobody has said anything about it.
pub fn firm(r: &Read<'_>) -> Result<Firm, StoreError> {
    Ok(r.get::<Firm>(&FIRM.to_owned())?.unwrap_or_default())
}

/// The firm's name: the configuration's, else as somebody has said, else as the directory
/// calls its root; may be empty.
pub fn name(app: &App, r: &Read<'_>) -> Result<String> {
    let chosen = Some(firm(r)?.name).filter(|name| !name.is_empty());
    if let Some(name) = app.config.firm.clone().or(chosen) {
        return Ok(name);
    }
    let directory = app.directory.get(r)?;
    let root = directory.tree.roots().first().map(|d| d.name.clone());
    Ok(root.unwrap_or_default())
}

/// The firm's logo.
pub fn logo(r: &Read<'_>) -> Result<Option<Logo>, StoreError> {
    r.get::<Logo>(&FIRM.to_owned())
}

/// The address of the firm's logo, another one after each change.
pub fn logo_address(firm: &Firm) -> Option<String> {
    let version = firm.logo?;
    Some(format!("/settings/company/logo?v={version:016x}"))
}

/// How far the wizard is.
pub fn setup(r: &Read<'_>) -> Result<Setup, StoreError> {
    Ok(r.get::<Setup>(&FIRM.to_owned())?.unwrap_or_default())
}

/// The address under which people and WeCom reach this server, without a slash at its end:
/// the configuration's before that of the pages; empty if nobody has said.
pub fn address(app: &App) -> Result<String> {
    Ok(match &app.config.public_url {
        Some(address) => address.trim_end_matches('/').to_owned(),
        None => app.read(firm)?.address,
    })
}

/// The address under which WeCom reaches this server's callbacks, if it is known.
pub fn callback_address(app: &App) -> Result<Option<String>> {
    let address = address(app)?;
    Ok((!address.is_empty()).then(|| format!("{address}{}", crate::sync::CALLBACK)))
}
