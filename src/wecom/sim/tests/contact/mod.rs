//! Customer contact through the product's own client, and bodies it would never send.

mod acquisition;
mod broadcasts;
mod idconvert;
mod intercept;
mod join_ways;
mod moments;
mod products;
mod relations;
mod statistics;
mod strategies;
mod tags;
mod transfers;
mod ways;
mod welcome;

use std::fmt::Debug;

use serde_json::Value;

use super::{Client as Raw, NOW, callbacks::Receiver, client::client, code, start};
use crate::wecom::{
    Error,
    event::{CustomerChange, CustomerEvent, Event},
};

const NOW_S: i64 = NOW.ms() / 1000;

/// The errcode a call was refused with.
fn refused<T: Debug>(answer: Result<T, Error>) -> i64 {
    match answer {
        Err(Error::Refused { errcode, .. }) => errcode,
        other => panic!("not refused: {other:?}"),
    }
}

/// Posts bodies and compares errcodes.
async fn expect(raw: &Raw<'_>, path: &str, cases: Vec<(Value, i64)>) {
    for (body, expected) in cases {
        let answer = raw.post(path, body.clone()).await;
        assert_eq!(code(&answer), expected, "{path} {body}: {answer}");
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The relation events among `events`: member, customer, what changed.
fn relations(events: Vec<Event>) -> Vec<(String, String, CustomerChange)> {
    let of = |event| match event {
        Event::Customer(CustomerEvent {
            userid,
            external_userid,
            change,
        }) => (userid, external_userid, change),
        other => panic!("{other:?}"),
    };
    // Whoever agrees to being archived is greeted in an archived conversation too.
    let events = events.into_iter().filter(|e| *e != Event::ArchiveNotify);
    events.map(of).collect()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42";
const UPLOAD: &str = "media/upload?type=image";
const FOR_MOMENTS: &str = "media/upload_attachment?media_type=image&attachment_type=1";
const FOR_PRODUCTS: &str = "media/upload_attachment?media_type=image&attachment_type=2";

/// The media id of a file uploaded to `path`.
async fn uploaded(raw: &Raw<'_>, path: &str, bytes: &[u8]) -> String {
    let answer = raw.upload(path, "a.bin", bytes).await;
    let id = answer["media_id"].as_str();
    id.unwrap_or_else(|| panic!("{answer}")).to_owned()
}
