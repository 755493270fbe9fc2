//! Pages and files of printing.

pub(super) mod files;
pub(super) mod logo;
pub(super) mod many;
pub(super) mod poster;
pub(super) mod print;

use tokio::sync::Semaphore;

use crate::{
    error::{AppError, Result},
    web::{Cx, parts::Choice},
};

/// Drawings at once: one of the largest takes 150 MB and a core while it is read back.
static DRAWING: Semaphore = Semaphore::const_new(2);

/// Draws off the threads that answer requests, when it is its turn. The turn ends with the
/// drawing, also where nobody waits for it any more.
async fn draw<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let turn = DRAWING.acquire().await.map_err(AppError::internal)?;
    let drawing = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    drawing.await.map_err(AppError::internal)?
}

/// What a select offers: codes whose words are below a key.
fn choices(cx: &Cx, key: &str, codes: &[&'static str], chosen: &str) -> Vec<Choice> {
    let choice = |code: &&'static str| Choice {
        value: (*code).to_owned(),
        label: cx.t(&format!("{key}.{code}")).into_owned(),
        count: None,
        is_on: *code == chosen,
    };
    codes.iter().map(choice).collect()
}

/// The same where the code itself is the word.
fn plain_choices(codes: &[&str], chosen: &str) -> Vec<Choice> {
    let choice = |code: &&str| Choice {
        value: (*code).to_owned(),
        label: (*code).replace("mm", " mm").replace("px", " px"),
        count: None,
        is_on: *code == chosen,
    };
    codes.iter().map(choice).collect()
}

#[cfg(test)]
mod tests;
