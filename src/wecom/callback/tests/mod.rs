//! Known answers in both directions, and everything that must be refused.

mod vectors;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;
use vectors::{VECTORS, Vector};

impl Vector {
    fn keys(&self) -> Keys {
        Keys::new(self.token, self.aes_key, self.receive_id).unwrap()
    }

    fn query(&self) -> Query {
        Query {
            msg_signature: self.signature.to_owned(),
            timestamp: self.timestamp.to_owned(),
            nonce: self.nonce.to_owned(),
            echostr: self.echo.then(|| self.encrypted.to_owned()),
        }
    }
}

fn xml(encrypted: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>\
         <AgentID><![CDATA[]]></AgentID></xml>"
    )
}

#[test]
fn every_vector_opens() {
    for vector in &VECTORS {
        let (keys, query) = (vector.keys(), vector.query());
        let opened = if vector.echo {
            keys.echo(&query)
        } else {
            keys.open(&query, xml(vector.encrypted).as_bytes())
        };
        assert_eq!(
            opened.as_deref(),
            Ok(vector.plain.as_bytes()),
            "{}",
            vector.name
        );
    }
}

#[test]
fn every_vector_is_sealed_byte_for_byte() {
    for vector in &VECTORS {
        let timestamp = vector.timestamp.parse().unwrap();
        let plain = vector.plain.as_bytes();
        let sealed = vector
            .keys()
            .seal(plain, timestamp, vector.nonce, *vector.random);
        assert_eq!(sealed.encrypt, vector.encrypted, "{}", vector.name);
        assert_eq!(sealed.signature, vector.signature, "{}", vector.name);
    }
}

#[test]
fn the_documented_key_is_decoded_with_its_loose_bits() {
    let key = |v: &Vector| hex::encode(v.keys().aes_key.expose());
    let first = "8d69989bbaabe67328014c194631ad0719b3dca035b64023df292447aab60760";
    assert_eq!(key(&VECTORS[0]), first);
    // The last character of V3's key has bits that a strict decoder refuses.
    assert!(VECTORS[2].aes_key.ends_with('R'));
}

#[test]
fn json_outside_is_read_too() {
    let vector = &VECTORS[1];
    let body =
        serde_json::json!({ "tousername": "ww1", "agentid": "", "encrypt": vector.encrypted });
    let opened = vector
        .keys()
        .open(&vector.query(), body.to_string().as_bytes());
    assert_eq!(opened.as_deref(), Ok(vector.plain.as_bytes()));
}

#[test]
fn another_nonce_or_signature_is_refused() {
    let mut other_nonce = VECTORS[6].query();
    other_nonce.nonce = "437374424".to_owned();
    assert_eq!(
        VECTORS[6].keys().echo(&other_nonce),
        Err(Refused::Signature)
    );
    let mut other_signature = VECTORS[4].query();
    other_signature.msg_signature = VECTORS[4].signature.replace("b011", "b010");
    assert_eq!(
        VECTORS[4].keys().echo(&other_signature),
        Err(Refused::Signature)
    );
    for cut in ["", "1ba3cb09", &format!("{}0", VECTORS[4].signature)] {
        let mut query = VECTORS[4].query();
        query.msg_signature = cut.to_owned();
        assert_eq!(
            VECTORS[4].keys().echo(&query),
            Err(Refused::Signature),
            "{cut}"
        );
    }
}

#[test]
fn a_message_for_somebody_else_is_refused() {
    let vector = &VECTORS[0];
    for other in [
        "wx49f0ab532d5d035a",
        "",
        "wx5823bf96d3bd56c",
        "wx5823bf96d3bd56c70",
    ] {
        let keys = Keys::new(vector.token, vector.aes_key, other).unwrap();
        assert_eq!(
            keys.echo(&vector.query()),
            Err(Refused::ReceiveId),
            "{other}"
        );
    }
}

#[test]
fn a_flipped_bit_at_the_end_breaks_the_padding() {
    for vector in &VECTORS {
        let mut bytes = STANDARD.decode(vector.encrypted).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let refused = vector.keys().decrypt(&STANDARD.encode(bytes));
        assert_eq!(refused, Err(Refused::Padding), "{}", vector.name);
    }
}

#[test]
fn what_is_not_whole_is_refused() {
    let keys = VECTORS[0].keys();
    let bytes = STANDARD.decode(VECTORS[0].encrypted).unwrap();
    let cut = |to: usize| keys.decrypt(&STANDARD.encode(&bytes[..to]));
    assert_eq!(cut(0), Err(Refused::Blocks));
    assert_eq!(cut(63), Err(Refused::Blocks));
    assert_eq!(cut(17), Err(Refused::Blocks));
    assert_eq!(cut(48), Err(Refused::Padding));
    assert_eq!(keys.decrypt("not base64"), Err(Refused::Base64));
    assert_eq!(keys.decrypt("中"), Err(Refused::Base64));
}

/// Encrypts bytes that have their padding already.
fn encrypt_raw(keys: &Keys, mut bytes: Vec<u8>) -> String {
    let iv = EncryptionContext::Iv128(FixedLength::from(keys.iv()));
    let key = EncryptingKey::cbc(keys.cipher_key().unwrap()).unwrap();
    key.less_safe_encrypt(&mut bytes, iv).unwrap();
    STANDARD.encode(bytes)
}

#[test]
fn padding_is_one_to_thirty_two_equal_bytes() {
    let keys = VECTORS[0].keys();
    let id = VECTORS[0].receive_id;
    for pad in 0..=48_u8 {
        let length = 96 - HEAD - id.len() - usize::from(pad);
        let mut bytes = vec![7; 16];
        bytes.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        bytes.resize(bytes.len() + length, b'm');
        bytes.extend_from_slice(id.as_bytes());
        bytes.resize(96, pad);
        let opened = keys.decrypt(&encrypt_raw(&keys, bytes.clone()));
        match pad {
            1..=32 => assert_eq!(opened, Ok(vec![b'm'; length]), "{pad}"),
            // Without padding the last byte of the id is taken for its length.
            _ => assert_eq!(opened, Err(Refused::Padding), "{pad}"),
        }
        if (2..=32).contains(&pad) {
            bytes[96 - usize::from(pad)] ^= 1;
            let uneven = keys.decrypt(&encrypt_raw(&keys, bytes));
            assert_eq!(uneven, Err(Refused::Padding), "{pad}");
        }
    }
}

#[test]
fn a_length_that_does_not_fit_is_refused() {
    let keys = VECTORS[0].keys();
    for length in [13_u32, 64, u32::MAX] {
        let mut bytes = vec![7; 16];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.resize(32, 12);
        assert_eq!(
            keys.decrypt(&encrypt_raw(&keys, bytes)),
            Err(Refused::Length),
            "{length}"
        );
    }
    // Shorter than its own head.
    assert_eq!(
        keys.decrypt(&encrypt_raw(&keys, vec![16; 32])),
        Err(Refused::Length)
    );
    assert_eq!(
        keys.decrypt(&encrypt_raw(&keys, vec![32; 32])),
        Err(Refused::Length)
    );
}

#[test]
fn envelopes_that_carry_nothing_or_too_much_are_refused() {
    let vector = &VECTORS[1];
    let open = |body: &[u8]| vector.keys().open(&vector.query(), body);
    assert_eq!(
        open(b"<xml><Encrypt></Encrypt></xml>"),
        Err(Refused::NothingEncrypted)
    );
    assert_eq!(open(b"{}"), Err(Refused::NothingEncrypted));
    assert_eq!(open(b"{\"encrypt\":"), Err(Refused::EnvelopeJson));
    let doctype = br#"<!DOCTYPE a [<!ENTITY b "c">]><xml><Encrypt>&b;</Encrypt></xml>"#;
    assert_eq!(open(doctype), Err(Refused::Envelope(xml::Error::DocType)));
    assert_eq!(
        open(b"\xff\xfe"),
        Err(Refused::Envelope(xml::Error::Encoding))
    );
    let padded = format!("{}{}", xml(vector.encrypted), " ".repeat(BODY_BYTES_MAX));
    assert_eq!(open(padded.as_bytes()), Err(Refused::TooLarge));
}

#[test]
fn keys_say_what_is_wrong_with_them() {
    let good = VECTORS[0].aes_key;
    let refusal = |token: &str, key: &str| Keys::new(token, key, "ww1").map(drop).unwrap_err();
    assert_eq!(refusal("", good), KeyError::Token);
    assert_eq!(refusal(&"a".repeat(33), good), KeyError::Token);
    assert_eq!(refusal("a b", good), KeyError::Token);
    assert_eq!(
        refusal("t", &good[..42]),
        KeyError::AesKeyLength { chars: 42 }
    );
    assert_eq!(
        refusal("t", &format!("{good}=")),
        KeyError::AesKeyLength { chars: 44 }
    );
    assert_eq!(
        refusal("t", &good.replace('j', "-")),
        KeyError::AesKeyCharacters
    );
    assert_eq!(
        refusal("t", &good.replace('j', "中")),
        KeyError::AesKeyCharacters
    );
}

#[test]
fn keys_do_not_show_themselves() {
    let shown = format!("{:?}", VECTORS[0].keys());
    assert!(
        !shown.contains(VECTORS[0].token) && !shown.contains(VECTORS[0].aes_key),
        "{shown}"
    );
}

#[test]
fn a_query_is_decoded_once_and_plus_stays_plus() {
    let query =
        Query::parse("timestamp=1&nonce=2&echostr=a+b%2Fc%3D%253D&msg_signature=3").unwrap();
    assert_eq!(query.echostr.as_deref(), Some("a+b/c=%3D"));
    let missing = Query::parse("timestamp=1&msg_signature=3");
    assert_eq!(missing, Err(Refused::Query("nonce")));
    for broken in ["%4", "%zz", "%ff", "%"] {
        let raw = format!("timestamp=1&nonce={broken}&msg_signature=3");
        assert_eq!(Query::parse(&raw), Err(Refused::Query("nonce")), "{broken}");
    }
    let twice = Query::parse("timestamp=1&nonce=2&nonce=3&msg_signature=3");
    assert_eq!(twice, Err(Refused::Query("nonce")));
}

#[test]
fn a_reply_opens_as_it_was_sealed() {
    let keys = VECTORS[2].keys();
    let sealed = keys.seal(b"<xml/>", 1_411_525_903, "n0nce", [9; 16]);
    let query = Query::parse(&sealed.query()).unwrap();
    assert_eq!(
        keys.open(&query, sealed.reply().as_bytes()).as_deref(),
        Ok(&b"<xml/>"[..])
    );
    let delivery = sealed.delivery("ww1", Some(1_000_002));
    assert_eq!(
        keys.open(&query, delivery.as_bytes()).as_deref(),
        Ok(&b"<xml/>"[..])
    );
}

proptest! {
    #[test]
    fn what_is_sealed_opens(message in proptest::collection::vec(any::<u8>(), 0..300),
                            random in any::<[u8; 16]>()) {
        let keys = VECTORS[0].keys();
        prop_assert_eq!(keys.decrypt(&keys.encrypt(&message, random)), Ok(message));
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200),
                      blocks in proptest::collection::vec(any::<[u8; 16]>(), 0..8),
                      raw in "\\PC{0,80}") {
        let vector = &VECTORS[1];
        prop_assert!(vector.keys().open(&vector.query(), &body).is_err());
        drop(vector.keys().decrypt(&STANDARD.encode(blocks.concat())));
        drop(vector.keys().decrypt(&raw));
        drop(Query::parse(&raw));
    }
}
