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

/// The address under which WeCom reaches this server's callbacks, if it is known.
pub fn callback_address(app: &App) -> Result<Option<String>> {
    let address = app.read(firm)?.address;
    Ok((!address.is_empty()).then(|| format!("{address}{}", crate::sync::CALLBACK)))
}
