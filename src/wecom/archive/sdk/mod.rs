//! The child's side: `qitai sdk-host`, a process with WeCom's library and nothing else. It
//! knows no folder and no configuration; all it gets comes over the socket at its standard
//! input, one question after the other. Its standard output is the library's to print on.

mod cipher;
mod frames;
mod http;
mod library;
mod serve;
#[cfg(test)]
pub(crate) mod stand;
#[cfg(any(test, feature = "faults"))]
mod stand_in;
#[cfg(test)]
mod tests;

pub(in crate::wecom) use cipher::close;
pub(super) use frames::{Answer, Ask, Begin, COMMAND, FRAME_BYTES_MAX, Frame, Sealed};
pub use serve::run;
#[cfg(any(test, feature = "faults"))]
pub use stand_in::{close_for_test, stand_in_for_test};

/// What both backends do: the library's calls.
trait Sdk {
    /// GetChatData: the page as JSON, or the library's code.
    fn pull(&mut self, seq: u64, limit: u32) -> Answer;
    /// DecryptData.
    fn open(&mut self, sealed: &Sealed) -> Answer;
    /// GetMediaData.
    fn media(&mut self, fileid: &str, index: &str) -> Answer;
}
