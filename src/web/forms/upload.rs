//! A form with one file. The file goes to the disk as it comes in, never whole into memory,
//! and is gone with the value that stands for it.

use std::{future::Future, path::Path, pin::Pin, time::Duration};

use actix_multipart::{Field, Multipart};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};
use aws_lc_rs::digest;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::{CSRF_FIELD, Form, FormState, decode};
use crate::{
    error::{AppError, Result},
    kit::limits,
    web::{Cx, Web, csrf},
};

/// A file's time to arrive.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(600);
/// The longest silence in between.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What is too large is read on to its end up to this multiple of the bound, so that the
/// browser hears the answer instead of a broken connection.
const HEARD_OUT: usize = 4;
/// Characters of a file's name that are kept.
const NAME_CHARS_MAX: usize = 120;

/// Left by the frame: the request may be ours, and its body will tell.
pub(in crate::web) struct TokenInBody;

/// A posted form with a file. The field with our token comes first, the file last.
pub struct Upload<T> {
    /// The fields.
    pub values: T,
    /// The fields as typed, for showing the form again.
    pub state: FormState,
    /// The file; none if none was chosen.
    pub file: Option<UploadedFile>,
}

/// A file on its way. Deleted when dropped.
pub struct UploadedFile {
    /// The name it had, without folders.
    pub name: String,
    /// Its size.
    pub bytes: usize,
    /// SHA-256 of it, hex.
    pub sha256: String,
    file: NamedTempFile,
}

impl UploadedFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Upload<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_ours = req.extensions().get::<TokenInBody>().is_some();
        let (cx, web) = (Cx::of(req), req.app_data::<Data<Web>>().cloned());
        let parts = Multipart::new(req.headers(), payload.take());
        let req = req.clone();
        Box::pin(async move {
            let (Some(cx), Some(web), true) = (cx, web, is_ours) else {
                return Err(AppError::BadRequest { why: "not_a_form" });
            };
            let read = Self::read(parts, &req, &cx, &web);
            let read = tokio::time::timeout(UPLOAD_DEADLINE, read).await;
            read.unwrap_or(Err(AppError::BadRequest { why: "slow" }))
        })
    }
}

impl<T: DeserializeOwned> Upload<T> {
    async fn read(mut parts: Multipart, req: &HttpRequest, cx: &Cx, web: &Web) -> Result<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let (mut file, mut is_proved, mut bytes) = (None, false, 0);
        while let Some(part) = in_time(parts.next()).await? {
            let mut part = part.map_err(unreadable)?;
            let name = part.name().unwrap_or_default().to_owned();
            let told = part.content_disposition();
            let file_name = told.and_then(|d| d.get_filename()).map(short_name);
            match file_name {
                _ if !is_proved => {
                    let token = text_of(&mut part, &mut bytes).await?;
                    is_proved = name == CSRF_FIELD && csrf::is_valid(&cx.form_secret, &token);
                    if !is_proved {
                        return Err(AppError::ForeignRequest);
                    }
                }
                Some(file_name) if file.is_none() => {
                    file = store(&mut part, file_name, web).await?;
                }
                Some(_) => {
                    return Err(AppError::BadRequest {
                        why: "repeated_field",
                    });
                }
                None => pairs.push((name, text_of(&mut part, &mut bytes).await?)),
            }
        }
        if !is_proved {
            return Err(AppError::ForeignRequest);
        }
        web.operations.carry(req, &pairs);
        let form = Form::of_pairs(pairs)?;
        Ok(Self {
            values: form.values,
            state: form.state,
            file,
        })
    }
}

fn unreadable(error: impl std::fmt::Display) -> AppError {
    tracing::debug!(%error, "upload not readable");
    AppError::BadRequest { why: "encoding" }
}

async fn in_time<F: Future>(next: F) -> Result<F::Output> {
    let next = tokio::time::timeout(SILENCE_MAX, next).await;
    next.map_err(|_| AppError::BadRequest { why: "slow" })
}

/// The last part of what the browser says; some send whole paths.
fn short_name(told: &str) -> String {
    let last = told.rsplit(['/', '\\']).next().unwrap_or(told);
    let seen = last.chars().filter(|c| !c.is_control());
    seen.take(NAME_CHARS_MAX).collect()
}

/// The value of an ordinary field, within the bound of all of them together.
async fn text_of(part: &mut Field, bytes: &mut usize) -> Result<String> {
    let mut value = Vec::new();
    while let Some(chunk) = in_time(part.next()).await? {
        let chunk = chunk.map_err(unreadable)?;
        *bytes += chunk.len();
        if *bytes > limits::FORM_BYTES_MAX {
            return Err(AppError::TooLarge {
                bytes_max: limits::FORM_BYTES_MAX,
            });
        }
        value.extend_from_slice(&chunk);
    }
    decode::value(value).ok_or(AppError::BadRequest { why: "encoding" })
}

/// Streams the file to the disk; `None` if there is nothing in it and it has no name: then
/// none was chosen.
async fn store(part: &mut Field, name: String, web: &Web) -> Result<Option<UploadedFile>> {
    let folder = web.uploads.clone();
    let file = tokio::task::spawn_blocking(move || -> std::io::Result<NamedTempFile> {
        std::fs::create_dir_all(&folder)?;
        tempfile::Builder::new()
            .prefix("upload-")
            .tempfile_in(folder)
    });
    let file = file.await.map_err(AppError::internal)?;
    let file = file.map_err(AppError::internal)?;
    let mut out = tokio::fs::File::from_std(file.reopen().map_err(AppError::internal)?);
    let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
    while let Some(chunk) = in_time(part.next()).await? {
        let chunk = chunk.map_err(unreadable)?;
        bytes += chunk.len();
        if bytes > limits::UPLOAD_BYTES_MAX * HEARD_OUT {
            break;
        }
        if bytes <= limits::UPLOAD_BYTES_MAX {
            hash.update(&chunk);
            out.write_all(&chunk).await.map_err(AppError::internal)?;
        }
    }
    if bytes > limits::UPLOAD_BYTES_MAX {
        return Err(AppError::TooLarge {
            bytes_max: limits::UPLOAD_BYTES_MAX,
        });
    }
    out.flush().await.map_err(AppError::internal)?;
    let sha256 = hex::encode(hash.finish());
    Ok((bytes > 0 || !name.is_empty()).then_some(UploadedFile {
        name,
        bytes,
        sha256,
        file,
    }))
}
