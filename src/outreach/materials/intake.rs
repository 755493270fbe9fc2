//! Files on their way onto the shelf: judged by what they are, and whole on disk before any row
//! names them.

use std::{io::Write as _, path::Path, sync::Arc};

use aws_lc_rs::digest;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
};

use super::{
    actions::{self, SaveMaterial},
    inspect::{self, Arrived},
    model::{Body, Kind, MaterialId, Stored},
    shelf,
};

/// Judges a file that lies here, and puts it on the shelf. [`super::Shelf::placing`] is to be held
/// until a row names it.
pub(super) async fn place(
    app: &Arc<App>,
    kind: Kind,
    (path, name): (&Path, &str),
    sha256: [u8; 32],
) -> Result<Stored> {
    let (app, path, name) = (app.clone(), path.to_owned(), name.to_owned());
    let placed = tokio::task::spawn_blocking(move || {
        let arrived = Arrived {
            path: &path,
            name: &name,
            sha256,
        };
        let stored = inspect::inspect(kind, &arrived)?;
        shelf::keep(&app, &sha256, &path).map_err(AppError::internal)?;
        Ok(stored)
    });
    placed.await.map_err(AppError::internal)?
}

/// Makes an asset of the whole firm out of a file that is at hand: its name and content, and what
/// the asset is with it.
///
/// # Errors
/// [`AppError::Invalid`] by field, as at the form.
pub async fn add(
    app: &Arc<App>,
    viewer: &Viewer,
    title: &str,
    (name, content): (&str, &[u8]),
    body: impl FnOnce(Stored) -> Body,
    kind: Kind,
) -> Result<MaterialId> {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, content).as_ref());
    let mut file = tempfile::NamedTempFile::new().map_err(AppError::internal)?;
    file.write_all(content).map_err(AppError::internal)?;
    // Until the row names it, nothing else may clear the shelf.
    let _placing = app.outreach.shelf.placing().await;
    let stored = place(app, kind, (file.path(), name), sha256).await?;
    let command = SaveMaterial {
        id: None,
        seen: 0,
        folder: None,
        title: title.to_owned(),
        body: body(stored),
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(viewer, "asset.save", command, actions::save)
        .await
}
