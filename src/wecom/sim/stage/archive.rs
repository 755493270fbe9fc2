//! What people say in chats that are archived, and the archive's page in the admin console.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal};
use crate::wecom::sim::{archive::Writing, state::World};

/// In archived chats, and at the archive's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ArchiveVerb {
    /// Somebody writes to somebody or into a room. Answers the msgid; none where the customer
    /// has refused, and nothing is archived.
    WriteInChat {
        /// Who writes: userid or external userid.
        from: String,
        /// To whom: the same, or a room.
        to: String,
        /// `text`, `image`, `voice`, `video`, `file`, `emotion`, `location`, `link` …
        #[serde(default)]
        kind: String,
        /// The text, or the name of a file.
        #[serde(default)]
        text: String,
    },
    /// Somebody takes back what was written last on the stage.
    RecallInChat {
        /// Who takes back.
        from: String,
        /// In the chat with whom, or in which room.
        to: String,
    },
    /// The administrator uploads a public key (消息加密公钥). Answers its version.
    UploadArchiveKey {
        /// The key as PEM.
        pem: String,
    },
    /// Messages come by themselves.
    SetArrivals {
        /// Every so many seconds; 0 for never.
        #[serde(deserialize_with = "super::lenient::number")]
        every: u64,
    },
    /// Messages are gone after five days, or stay.
    SetArchiveWindow {
        /// Gone after five days.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        five_days: bool,
    },
    /// The archive refuses all calls.
    RefuseArchiveCalls {
        /// With this errcode; 0 serves them again.
        #[serde(deserialize_with = "super::lenient::number")]
        errcode: u64,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn in_archive(&mut self, verb: &ArchiveVerb, now_s: i64) -> Result<Done, Refusal> {
        let mut done = Done::default();
        match verb {
            ArchiveVerb::WriteInChat {
                from,
                to,
                kind,
                text,
            } => {
                if text.is_empty() && matches!(kind.as_str(), "" | "text") {
                    return Err(Refusal::BadValue);
                }
                let writing = Writing {
                    from,
                    to,
                    kind,
                    text,
                };
                let written = self.write_in_chat(writing, now_s * 1000);
                done.id = written.map_err(|()| Refusal::UnknownObject)?;
            }
            ArchiveVerb::RecallInChat { from, to } => {
                if !self.recall_in_chat(from, to, now_s * 1000) {
                    return Err(Refusal::UnknownObject);
                }
            }
            ArchiveVerb::UploadArchiveKey { pem } => {
                let version = self.archive.upload_key(pem, now_s * 1000);
                done.id = Some(version.map_err(|_| Refusal::BadValue)?.to_string());
            }
            ArchiveVerb::SetArrivals { every } => self.archive.set_arrivals(*every, now_s),
            ArchiveVerb::SetArchiveWindow { five_days } => self.archive.set_five_days(*five_days),
            ArchiveVerb::RefuseArchiveCalls { errcode } => {
                let errcode = i64::try_from(*errcode).map_err(|_| Refusal::BadValue)?;
                self.archive.refuse((errcode != 0).then_some(errcode));
            }
        }
        done.notices.extend(self.archive.pass_time(now_s));
        Ok(done)
    }
}
