//! A page of closed messages.

use serde::Deserialize;

use super::HostError;
use crate::wecom::lenient;

/// A message as WeCom keeps it: closed.
///
/// Source: WeCom documentation, 获取会话内容.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Its place; the next pull begins behind the largest one. There may be holes.
    pub seq: u64,
    /// Its id.
    pub msgid: String,
    /// Which of the firm's public keys closed it (publickey_ver).
    pub key_version: u32,
    /// The random key, closed with that public key; base64.
    pub key: String,
    /// The message, closed with the random key.
    pub message: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "lenient::int")]
    errcode: i64,
    #[serde(default)]
    chatdata: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(deserialize_with = "seq")]
    seq: u64,
    #[serde(default, deserialize_with = "lenient::or_default")]
    msgid: String,
    #[serde(default, deserialize_with = "lenient::uint")]
    publickey_ver: u64,
    #[serde(default, deserialize_with = "lenient::or_default")]
    encrypt_random_key: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    encrypt_chat_msg: String,
}

/// As a number up to 2^64, or as text.
fn seq<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seq {
        Number(u64),
        Text(String),
    }
    match Seq::deserialize(d)? {
        Seq::Number(seq) => Ok(seq),
        Seq::Text(text) => text
            .parse()
            .map_err(|_| serde::de::Error::custom("no number")),
    }
}

/// Reads what GetChatData gave. Rows at or before `after` are known and left out.
pub(super) fn read(json: &[u8], after: u64) -> Result<Vec<Envelope>, HostError> {
    // One unreadable row makes the whole page unusable: skipping it would lose a message.
    let page: Page =
        serde_json::from_slice(json).map_err(|_| HostError::BadAnswer("not a page of messages"))?;
    if page.errcode != 0 {
        return Err(HostError::Refused(page.errcode));
    }
    let mut rows = Vec::new();
    for row in page.chatdata.unwrap_or_default() {
        if row.seq <= after {
            continue;
        }
        if row.msgid.is_empty() {
            return Err(HostError::BadAnswer("a message without msgid"));
        }
        rows.push(Envelope {
            seq: row.seq,
            msgid: row.msgid,
            key_version: u32::try_from(row.publickey_ver).unwrap_or(0),
            key: row.encrypt_random_key,
            message: row.encrypt_chat_msg,
        });
    }
    rows.sort_by_key(|row| row.seq);
    rows.dedup_by_key(|row| row.seq);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let row = |seq: &str| format!(r#"{{"seq":{seq},"msgid":"m{seq}","publickey_ver":2}}"#);
        let page = |rows: &str| format!(r#"{{"errcode":0,"errmsg":"ok","chatdata":{rows}}}"#);
        let seqs = |text: String, after| {
            read(text.as_bytes(), after).map(|rows| rows.iter().map(|r| r.seq).collect::<Vec<_>>())
        };
        let three = page(&format!(
            "[{},{},{}]",
            row("18446744073709551615"),
            row("7"),
            row("8")
        ));
        assert_eq!(seqs(three.clone(), 0), Ok(vec![7, 8, u64::MAX]));
        assert_eq!(seqs(three, 7), Ok(vec![8, u64::MAX]));
        for end in ["null", "[]"] {
            assert_eq!(seqs(page(end), 0), Ok(vec![]));
        }
        assert_eq!(seqs(r#"{"errcode":0}"#.to_owned(), 0), Ok(vec![]));
        let refused = r#"{"errcode":301052,"errmsg":"expired"}"#.to_owned();
        assert_eq!(seqs(refused, 0), Err(HostError::Refused(301_052)));
        for broken in [
            page(&format!("[{},{{}}]", row("7"))),
            page("[{\"seq\":1}]"),
            "[".to_owned(),
        ] {
            assert!(matches!(seqs(broken, 0), Err(HostError::BadAnswer(_))));
        }
    }
}
