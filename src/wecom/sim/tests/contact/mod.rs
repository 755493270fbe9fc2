//! Customer contact through the product's own client, and bodies it would never send.

mod relations;
mod strategies;
mod tags;

use std::fmt::Debug;

use serde_json::Value;

use super::{Client as Raw, client::client, code, start};
use crate::wecom::Error;

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
