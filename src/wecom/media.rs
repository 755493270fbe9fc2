//! 素材管理: files that are given to WeCom and fetched from it.
//!
//! All uploads are safe to repeat: a second one is another file, and both go after three days.
//!
//! Source: WeCom documentation, 素材管理.

use bytes::Bytes;
use reqwest::{
    header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, RANGE},
    multipart::{Form, Part},
};
use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose, parse},
    error::{Class, Error},
    lenient,
};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// JPG or PNG, at most 10 MB.
    Image,
    /// AMR, at most 2 MB and 60 seconds.
    Voice,
    /// MP4, at most 10 MB.
    Video,
    /// Any, at most 20 MB.
    File,
}

impl MediaKind {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// What an attachment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentUse {
    /// Moments (朋友圈): pictures and videos of at most 30 seconds.
    Moment,
    /// Product albums (商品图册): pictures.
    Album,
}

/// A file to be uploaded.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its name, which members will see.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its content, more than 5 bytes.
    pub bytes: Bytes,
}

impl NewFile {
    fn form(&self, call: &'static str) -> Result<Form, Error> {
        // The name goes out raw: WeCom does not understand `filename*=`.
        let part = Part::stream(self.bytes.clone()).file_name(self.name.clone());
        let part = part
            .mime_str(&self.content_type)
            .map_err(|_| Error::BadAnswer {
                call,
                what: "the file's media type".to_owned(),
            })?;
        Ok(Form::new().percent_encode_noop().part("media", part))
    }
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Uploaded {
    /// What it is called from now on, for three days.
    pub media_id: String,
    /// `image`, `voice`, `video` or `file`.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// When it was uploaded, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub created_at: i64,
}

/// A file that was fetched, whole or a stretch of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// The content, or the stretch asked for.
    pub bytes: Bytes,
    /// How long the whole is, in bytes.
    pub whole: u64,
}

/// A file that WeCom is to fetch by itself, at most 200 MB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileByUrl {
    /// `video` or `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, at most 128 bytes.
    pub filename: String,
    /// Where it is, at most 1024 bytes; must answer in stretches.
    pub url: String,
    /// MD5 of it, hex.
    pub md5: String,
}

/// How far WeCom is with fetching a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByUrlState {
    /// It is at it.
    Running,
    /// It has it.
    Done(Uploaded),
    /// It could not: the errcode.
    Failed(i64),
}

impl Client {
    /// Uploads a file for messages, welcome messages and broadcasts (`media/upload`).
    pub async fn upload(&self, kind: MediaKind, file: &NewFile) -> Result<Uploaded, Error> {
        let query = [("type", kind.name())];
        self.upload_to(Purpose::App, "media/upload", &query, file)
            .await
    }

    /// Uploads a CSV to be imported (`media/upload` by the sync assistant).
    pub async fn upload_import(&self, file: &NewFile) -> Result<Uploaded, Error> {
        let query = [("type", "file")];
        self.upload_to(Purpose::Sync, "media/upload", &query, file)
            .await
    }

    /// Uploads a picture of at most 2 MB for good (`media/uploadimg`); its address, which
    /// works inside WeCom only.
    pub async fn upload_picture(&self, file: &NewFile) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            url: String,
        }
        let call = "media/uploadimg";
        let answer: Answer = self.upload_to(Purpose::App, call, &[], file).await?;
        Ok(answer.url)
    }

    /// Uploads a file for moments or product albums (`media/upload_attachment`).
    pub async fn upload_attachment(
        &self,
        kind: MediaKind,
        used_for: AttachmentUse,
        file: &NewFile,
    ) -> Result<Uploaded, Error> {
        let used_for = match used_for {
            AttachmentUse::Moment => "1",
            AttachmentUse::Album => "2",
        };
        let query = [("media_type", kind.name()), ("attachment_type", used_for)];
        let call = "media/upload_attachment";
        self.upload_to(Purpose::Contact, call, &query, file).await
    }

    async fn upload_to<A: serde::de::DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
        file: &NewFile,
    ) -> Result<A, Error> {
        let once = async || {
            let request = self.post_to(call).multipart(file.form(call)?);
            let request = self.signed(purpose, query, request).await?;
            self.send(call, request).await
        };
        let answered = match once().await {
            Err(failed) if failed.class() == Some(Class::TokenInvalid) => {
                self.forget_token(purpose).await;
                once().await
            }
            answered => answered,
        };
        parse(call, &answered?)
    }

    /// Fetches a file (`media/get`), or the stretch from `first` to `last` byte of it. Larger
    /// ones than 20 MB come in stretches only.
    pub async fn fetch(&self, media_id: &str, bytes: Option<(u64, u64)>) -> Result<Fetched, Error> {
        const CALL: &str = "media/get";
        let query = [("media_id", media_id)];
        let once = async || {
            let mut request = self.get_from(CALL);
            if let Some((first, last)) = bytes {
                request = request.header(RANGE, format!("bytes={first}-{last}"));
            }
            let request = self.signed(Purpose::App, &query, request).await?;
            self.send_for_file(CALL, request).await
        };
        let (headers, body) = match once().await {
            Err(failed) if failed.class() == Some(Class::TokenInvalid) => {
                self.forget_token(Purpose::App).await;
                once().await?
            }
            answered => answered?,
        };
        Ok(fetched(&headers, body))
    }

    /// Fetches a picture whose address stands in an answer, such as the one of a contact way:
    /// its media type and at most so many bytes.
    pub async fn picture(&self, address: &str, bytes_max: usize) -> Result<(String, Bytes), Error> {
        let (headers, bytes) = self.fetch_from("picture", address, bytes_max).await?;
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        Ok((kind.unwrap_or_default().to_owned(), bytes))
    }

    /// Has WeCom fetch a file for group welcome messages (`media/upload_by_url`); the id of
    /// the job.
    pub async fn upload_by_url(&self, file: &FileByUrl) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            scene: u8,
            #[serde(flatten)]
            file: &'a FileByUrl,
        }
        #[derive(Deserialize)]
        struct Answer {
            jobid: String,
        }
        let ask = Ask { scene: 1, file };
        let call = "media/upload_by_url";
        let answer: Answer = self.write(Purpose::Contact, call, &ask).await?;
        Ok(answer.jobid)
    }

    /// How far WeCom is with a job of [`Self::upload_by_url`]
    /// (`media/get_upload_by_url_result`).
    pub async fn upload_by_url_state(&self, jobid: &str) -> Result<ByUrlState, Error> {
        const CALL: &str = "media/get_upload_by_url_result";
        #[derive(Serialize)]
        struct Ask<'a> {
            jobid: &'a str,
        }
        let answer: ByUrlAnswer = self.post(Purpose::Contact, CALL, &Ask { jobid }).await?;
        answer.state(CALL)
    }
}

#[derive(Deserialize)]
struct ByUrlAnswer {
    #[serde(deserialize_with = "lenient::int")]
    status: i64,
    #[serde(default)]
    detail: Option<ByUrlDetail>,
}

#[derive(Deserialize)]
struct ByUrlDetail {
    #[serde(default, deserialize_with = "lenient::int")]
    errcode: i64,
    #[serde(default, deserialize_with = "lenient::or_default")]
    media_id: String,
    #[serde(default, deserialize_with = "lenient::int")]
    created_at: i64,
}

impl ByUrlAnswer {
    fn state(self, call: &'static str) -> Result<ByUrlState, Error> {
        let bad = |what: &str| Error::BadAnswer {
            call,
            what: what.to_owned(),
        };
        match (self.status, self.detail) {
            (1, _) => Ok(ByUrlState::Running),
            (2, Some(detail)) => Ok(ByUrlState::Done(Uploaded {
                media_id: detail.media_id,
                kind: String::new(),
                created_at: detail.created_at,
            })),
            (3, detail) => Ok(ByUrlState::Failed(detail.map_or(0, |d| d.errcode))),
            _ => Err(bad("an unknown status")),
        }
    }
}

fn fetched(headers: &HeaderMap, bytes: Bytes) -> Fetched {
    let text = |name| {
        let value = headers.get(name);
        value.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
    };
    let name = text(CONTENT_DISPOSITION).and_then(|value| {
        let (_, rest) = value.split_once("filename=")?;
        Some(rest.trim_matches(|c| c == '"' || c == ' ').to_owned())
    });
    let whole = text(CONTENT_RANGE)
        .and_then(|range| range.rsplit('/').next()?.parse().ok())
        .unwrap_or(bytes.len() as u64);
    Fetched {
        name: name.unwrap_or_default(),
        content_type: text(CONTENT_TYPE).unwrap_or_default(),
        bytes,
        whole,
    }
}
