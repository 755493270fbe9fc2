//! What parent and child say to each other: a length of four bytes (little endian), then CBOR.

use std::io::{self, Read, Write};

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::{
    kit::Secret,
    wecom::archive::host::{Backend, Settings},
};

/// How this program is called to be the child.
#[cfg(not(test))]
pub(in super::super) const COMMAND: &[&str] = &["sdk-host"];
/// The program of unit tests is the child when it runs this one test with a socket as input.
#[cfg(test)]
pub(in super::super) const COMMAND: &[&str] = &[
    "--exact",
    "wecom::archive::sdk::tests::child",
    "--nocapture",
];

/// Bytes of one frame: a page of a thousand messages has some ten.
pub(in super::super) const FRAME_BYTES_MAX: usize = 64 << 20;

/// A question or answer with the question's number.
#[derive(Encode, Decode)]
pub(in super::super) struct Frame<T> {
    #[n(0)]
    pub number: u32,
    #[n(1)]
    pub what: T,
}

/// A question.
#[derive(Encode, Decode)]
pub(in super::super) enum Ask {
    #[n(0)]
    Begin(#[n(0)] Begin),
    #[n(1)]
    Pull {
        #[n(0)]
        seq: u64,
        #[n(1)]
        limit: u32,
    },
    /// Answered one by one, so that it is known at which message a child died.
    #[n(2)]
    Open {
        #[n(0)]
        sealed: Vec<Sealed>,
    },
    #[n(3)]
    Media {
        #[n(0)]
        fileid: String,
        #[n(1)]
        index: String,
    },
}

/// What the child is to be.
#[derive(Encode, Decode)]
pub(in super::super) struct Begin {
    #[n(0)]
    pub source: Source,
    #[n(1)]
    pub corpid: String,
    #[n(2)]
    pub secret: Secret<String>,
    #[n(3)]
    pub proxy: Option<Secret<String>>,
    /// Seconds after which a call gives up.
    #[n(4)]
    pub patience_s: u32,
}

/// Where messages come from.
#[derive(Encode, Decode)]
pub(in super::super) enum Source {
    #[n(0)]
    Library(#[n(0)] String),
    #[n(1)]
    Http(#[n(0)] String),
}

/// A message and its random key.
#[derive(Encode, Decode)]
pub(in super::super) struct Sealed {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    #[n(1)]
    pub message: String,
}

/// An answer.
#[derive(Encode, Decode)]
pub(in super::super) enum Answer {
    /// The library is loaded and has taken Corp ID and secret.
    #[n(0)]
    Ready,
    #[n(1)]
    CannotBegin(#[n(0)] String),
    /// The library's own code, not 0.
    #[n(2)]
    Code(#[n(0)] i32),
    /// The JSON of a page, which may be an error in itself.
    #[n(3)]
    Page(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(4)]
    Opened(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(5)]
    Stretch {
        #[cbor(n(0), with = "minicbor::bytes")]
        data: Vec<u8>,
        #[n(1)]
        next: Option<String>,
    },
    /// WeCom's errcode, where the answer is no page.
    #[n(6)]
    Refused(#[n(0)] i64),
}

impl Begin {
    /// Gives up at three quarters of the parent's patience, so that an answer still arrives.
    pub fn of(settings: &Settings) -> Self {
        let patience = settings.timeout.mul_f32(0.75).as_secs().max(1);
        Self {
            source: match &settings.backend {
                Backend::Library { path, .. } => {
                    Source::Library(path.to_string_lossy().into_owned())
                }
                Backend::Http { base_url } => Source::Http(base_url.clone()),
            },
            corpid: settings.corpid.clone(),
            secret: settings.secret.clone(),
            proxy: settings.proxy.clone(),
            patience_s: u32::try_from(patience).unwrap_or(u32::MAX),
        }
    }
}

impl Sealed {
    pub fn of(key: &[u8], message: &str) -> Self {
        Self {
            key: key.to_vec(),
            message: message.to_owned(),
        }
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

impl<T: Encode<()>> Frame<T> {
    /// With its length before it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; 4]);
        // Writing to memory does not fail.
        let _ = minicbor::encode(self, &mut *bytes);
        let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.encode())
    }
}

impl<T: for<'b> Decode<'b, ()>> Frame<T> {
    /// The next frame; none when the other side has hung up.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        match from.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        from.read_exact(&mut bytes)?;
        let frame = minicbor::decode(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Some(frame))
    }
}
