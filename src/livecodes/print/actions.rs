//! What is decided about how a code is printed.

use std::sync::Arc;

use crate::{
    error::{AppError, Problem, Result},
    identity::{Allowed, Command, Permission, Scope},
    org::Directory,
    store::{Read, StoreError, Write},
};

use super::{
    super::{LiveCode, LiveCodeId, reach::Eyes},
    asked::Wish,
    model::{Backdrop, LINE_MAX, Mark, Sheet},
    queries,
    render::{GROUND_LIMITS, LOGO_LIMITS, Limits, Picture, PictureFault},
};

/// Prints a code like this from now on.
#[derive(Debug, Clone)]
pub(super) struct SaveLook {
    pub(super) code: LiveCodeId,
    pub(super) wish: Wish,
    pub(super) directory: Arc<Directory>,
}

/// Gives a code a logo of its own, or takes it away.
#[derive(Debug, Clone)]
pub(super) struct SaveMark {
    pub(super) code: LiveCodeId,
    /// What [`kept_logo`] made; none takes it away.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) directory: Arc<Directory>,
}

/// Keeps a code's poster.
#[derive(Debug, Clone)]
pub(super) struct SavePoster {
    pub(super) code: LiveCodeId,
    pub(super) poster: Sheet,
    pub(super) directory: Arc<Directory>,
}

/// Puts a picture behind a code's poster, or takes it away.
#[derive(Debug, Clone)]
pub(super) struct SaveBackdrop {
    pub(super) code: LiveCodeId,
    /// What [`kept_backdrop`] made; none takes it away.
    pub(super) jpeg: Option<Vec<u8>>,
    pub(super) directory: Arc<Directory>,
}

macro_rules! about_a_code {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
            const WHAT: &'static str = "live_code";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                let code = r.get::<LiveCode>(&self.code)?;
                let eyes = Eyes::new(self.directory.clone(), scope);
                Ok(code.is_some_and(|code| eyes.reaches(code.unit)))
            }
        }
    )+};
}
about_a_code!(SaveLook, SaveMark, SavePoster, SaveBackdrop);

/// Keeps it. Whether it can be read was judged when it was drawn, and is judged again each time.
pub(super) fn save_look(w: &mut Write<'_>, allowed: Allowed<SaveLook>) -> Result<()> {
    let SaveLook { code, wish, .. } = allowed.into_command();
    let mut look = queries::look(&w.read(), code)?;
    look.ink = wish.ink;
    look.paper = wish.paper;
    look.mark = wish.mark;
    look.share = wish.share;
    look.size = wish.size;
    look.has_caption = wish.has_caption;
    Ok(w.put(&look)?)
}

/// What is kept of a picture: decoded, made small, and written anew, so that nothing of the file
/// that is not the picture stays.
pub(super) fn kept_logo(bytes: &[u8]) -> Result<Vec<u8>> {
    Picture::read(bytes, LOGO_LIMITS)
        .map(|picture| picture.kept().png())
        .map_err(|fault| wrong_picture(fault, LOGO_LIMITS))
}

/// The same of a picture behind a poster: what a camera wrote into the file stays out.
pub(super) fn kept_backdrop(bytes: &[u8]) -> Result<Vec<u8>> {
    let wrong = |fault| wrong_picture(fault, GROUND_LIMITS);
    let picture = Picture::read(bytes, GROUND_LIMITS).map_err(wrong)?;
    picture.ground_jpeg().ok_or(wrong(PictureFault::Damaged))
}

/// A field error in words.
pub(super) fn wrong_picture(fault: PictureFault, limits: Limits) -> AppError {
    let mut invalid = crate::error::Invalid::default();
    let (code, args) = match fault {
        PictureFault::Kind => ("print.problem.kind", Vec::new()),
        PictureFault::Damaged => ("print.problem.damaged", Vec::new()),
        PictureFault::Bytes => (
            "print.problem.bytes",
            vec![("max", (limits.bytes_max >> 20).to_string())],
        ),
        PictureFault::Sides(width, height) => (
            "print.problem.sides",
            vec![
                ("width", width.to_string()),
                ("height", height.to_string()),
                ("max", limits.side_max.to_string()),
            ],
        ),
    };
    invalid.problems.push(Problem {
        field: "file",
        code,
        args,
    });
    AppError::Invalid(invalid)
}

/// Keeps the logo and chooses it; without one the firm's is chosen.
pub(super) fn save_mark(w: &mut Write<'_>, allowed: Allowed<SaveMark>) -> Result<()> {
    let SaveMark { code, bytes, .. } = allowed.into_command();
    let mut look = queries::look(&w.read(), code)?;
    look.mark = match bytes {
        Some(_) => Mark::Own,
        None if look.mark == Mark::Own => Mark::Firm,
        None => look.mark,
    };
    look.picture = bytes;
    Ok(w.put(&look)?)
}

/// Keeps it, if its words fit.
pub(super) fn save_poster(w: &mut Write<'_>, allowed: Allowed<SavePoster>) -> Result<()> {
    let SavePoster { code, poster, .. } = allowed.into_command();
    check_words(&poster)?;
    let mut look = queries::look(&w.read(), code)?;
    look.poster = Some(poster);
    Ok(w.put(&look)?)
}

/// Keeps it and chooses it; without one the ground is shown again.
pub(super) fn save_backdrop(w: &mut Write<'_>, allowed: Allowed<SaveBackdrop>) -> Result<()> {
    let SaveBackdrop { code, jpeg, .. } = allowed.into_command();
    let mut look = queries::look(&w.read(), code)?;
    if let Some(poster) = &mut look.poster {
        poster.is_picture = jpeg.is_some();
        w.put(&look)?;
    }
    match jpeg {
        Some(jpeg) => w.put(&Backdrop { code, jpeg })?,
        None => {
            w.delete::<Backdrop>(&code)?;
        }
    }
    Ok(())
}

/// Whether the words of a poster fit.
pub(super) fn check_words(poster: &Sheet) -> Result<()> {
    let mut invalid = crate::error::Invalid::default();
    for (field, words) in [
        ("headline", &poster.headline),
        ("line", &poster.line),
        ("foot", &poster.foot),
    ] {
        if words.chars().count() > LINE_MAX {
            invalid.problems.push(Problem {
                field,
                code: "print.problem.long",
                args: vec![("max", LINE_MAX.to_string())],
            });
        }
    }
    invalid.into_result()
}
