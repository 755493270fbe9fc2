//! Keys, and every shape of a message that is known.

use serde_json::{Value, json};

use super::*;

const MESSAGES: &str = include_str!("fixtures/messages.jsonl");
const ODD: &str = include_str!("fixtures/odd.jsonl");

fn parse(line: &str) -> Message {
    Message::parse(line.as_bytes()).unwrap()
}

fn body(message: &Message) -> Body {
    Body::decode(message.kind, &message.rest)
}

/// Every message of this type, with what it says.
fn of_kind(kind: Kind) -> Vec<Body> {
    let messages = MESSAGES.lines().map(parse);
    let of_kind: Vec<Body> = messages
        .filter(|message| message.kind == kind)
        .map(|message| body(&message))
        .collect();
    assert!(!of_kind.is_empty(), "{kind:?}");
    of_kind
}

fn one(kind: Kind) -> Body {
    of_kind(kind).remove(0)
}

#[test]
fn every_message_comes_back_as_it_was() {
    for line in MESSAGES.lines().chain(ODD.lines()) {
        let value: Value = serde_json::from_str(line).unwrap();
        let message = parse(line);
        assert_eq!(message.to_json(), value);
        let again = Message::parse(message.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(again, message);
    }
}

#[test]
fn odd_heads_come_back_as_they_were() {
    for odd in [
        json!({ "msgid": "1" }),
        json!({ "msgid": "1", "action": "dance", "from": 7, "tolist": "x", "msgtime": "12" }),
        json!({ "msgid": "1", "action": "switch", "msgtype": "text", "user": "a" }),
        json!({ "msgid": "1", "action": "send", "from": null, "tolist": ["a", 3, null],
                "roomid": null, "msgtime": 1.5, "msgtype": 9 }),
        json!({ "msgid": "1", "msgtype": "voip_doc_share", "roomid": "" }),
    ] {
        assert_eq!(parse(&odd.to_string()).to_json(), odd);
    }
    let odd = parse(r#"{"msgid":"1","msgtime":"12","tolist":["a",3],"roomid":"r"}"#);
    assert_eq!(
        (odd.at_ms, odd.to, odd.room),
        (12, vec!["a".to_owned()], Some("r".to_owned()))
    );
    assert_eq!(Message::parse(b"[]"), Err(ParseError::NotAnObject));
    assert_eq!(Message::parse(b"\xff"), Err(ParseError::NotAnObject));
    assert_eq!(
        Message::parse(b"{\"msgid\":\"\"}"),
        Err(ParseError::NoMsgid)
    );
}

#[test]
fn every_type_is_there_and_keeps_its_number() {
    let seen: std::collections::BTreeSet<Kind> =
        MESSAGES.lines().map(|line| parse(line).kind).collect();
    assert_eq!(seen.len(), Kind::ALL.len());
    assert!(!seen.contains(&Kind::Unknown));
    for (at, kind) in Kind::ALL.iter().enumerate() {
        assert_eq!(usize::from(kind.number()), at + 1);
        assert_eq!(Kind::from_number(kind.number()), *kind);
        assert_eq!(Kind::from_code(kind.code()), *kind);
    }
    assert_eq!(Kind::from_number(0), Kind::Unknown);
    assert_eq!(Kind::from_number(250), Kind::Unknown);
}

#[test]
fn no_known_type_is_read_as_unknown() {
    for line in MESSAGES.lines() {
        let message = parse(line);
        assert!(!matches!(body(&message), Body::Unknown(_)), "{line}");
    }
}

#[test]
fn heads_tell_who_when_and_where() {
    let first = parse(MESSAGES.lines().next().unwrap());
    assert_eq!(first.action, Action::Send);
    assert_eq!(first.from, "LinXiaoyu");
    assert_eq!(first.to, ["wmT7kQCAAAx3Yb9nQZr5LwUe1VhJdPgA"]);
    assert_eq!(
        (first.room.as_deref(), first.at_ms),
        (None, 1_767_232_860_011)
    );
    assert!(first.is_external());
    let room = parse(MESSAGES.lines().nth(2).unwrap());
    assert_eq!(
        room.room.as_deref(),
        Some("wrT7kQCAAAiN7nE4rG2oR6uP1aA8bB3c")
    );
    assert!(!room.is_external());
    let switch = parse(MESSAGES.lines().last().unwrap());
    assert_eq!((switch.kind, switch.action), (Kind::Switch, Action::Switch));
    assert_eq!(
        (switch.from.as_str(), switch.at_ms),
        ("LinXiaoyu", 1_767_237_800_321)
    );
    // Older calls lack the suffix.
    let call = MESSAGES
        .lines()
        .map(parse)
        .find(|m| m.kind == Kind::MeetingVoiceCall);
    assert!(call.unwrap().is_external());
}

#[test]
fn texts_numbers_and_times_are_read() {
    assert_eq!(
        one(Kind::Agree),
        Body::Consent {
            external_userid: "wmT7kQCAAAx3Yb9nQZr5LwUe1VhJdPgA".to_owned(),
            at_ms: 1_767_233_200_000,
            agreed: true
        }
    );
    assert!(matches!(
        one(Kind::Disagree),
        Body::Consent { agreed: false, .. }
    ));
    let Body::Voice(voice) = one(Kind::Voice) else {
        panic!()
    };
    assert_eq!((voice.size, voice.seconds), (Some(21), Some(7)));
    let Body::Emotion(emotion) = one(Kind::Emotion) else {
        panic!()
    };
    assert_eq!((emotion.size, emotion.pixels), (Some(23), Some((240, 240))));
    let Body::File(file) = one(Kind::File) else {
        panic!()
    };
    assert_eq!(file.name.as_deref(), Some("报价单-2026.xlsx"));
    assert_eq!(
        file.md5.as_deref(),
        Some("9314f6bbc629ad254f4a1e36a7b09c18")
    );
    let meetings = of_kind(Kind::Meeting);
    let Body::Meeting {
        meeting,
        until_s,
        reply,
        ..
    } = &meetings[0]
    else {
        panic!()
    };
    // Beyond i64.
    assert_eq!(meeting, "11101571002822706744");
    assert_eq!((*until_s, *reply), (Some(1_767_240_000), None));
    assert!(matches!(meetings[1], Body::Meeting { until_s: None, .. }));
    let Body::MeetingVoiceCall(call) = one(Kind::MeetingVoiceCall) else {
        panic!()
    };
    assert_eq!(call.voice, "grb8f1e0d9c8b7a6958473625140392817");
    assert_eq!(call.shown.len(), 2);
    assert_eq!(call.shown[0].document.as_deref(), Some("演示.docx"));
    assert_eq!(call.shown[1].who, "LinXiaoyu");
    let Body::RedPacket(draw) = one(Kind::ExternalRedPacket) else {
        panic!()
    };
    assert_eq!((draw.amount_fen, draw.external), (888, true));
    assert_eq!(
        one(Kind::VoipText),
        Body::VoipText {
            seconds: 63,
            video: false,
            several: false
        }
    );
    let Body::Location(place) = one(Kind::Location) else {
        panic!()
    };
    assert_eq!(place.longitude, 120.153_576);
    let Body::Vote {
        options, joined, ..
    } = one(Kind::Vote)
    else {
        panic!()
    };
    assert_eq!((options.len(), joined), (3, false));
    let Body::News { items } = one(Kind::News) else {
        panic!()
    };
    assert_eq!(items[0].url, "https://example.com/n/1");
}

#[test]
fn words_to_search_for_stand_in_every_type_that_has_some() {
    for (kind, word) in [
        (Kind::Text, "报价单"),
        (Kind::File, "报价单-2026.xlsx"),
        (Kind::Location, "示例园区"),
        (Kind::Link, "规格与价格"),
        (Kind::WeApp, "服务须知"),
        (Kind::Card, "微信联系人"),
        (Kind::ChatRecord, "合同盖章了吗"),
        (Kind::ChatRecord, "合同.pdf"),
        (Kind::ChatRecord, "看这张"),
        (Kind::Mixed, "型号如图"),
        (Kind::Note, "一月目标"),
        (Kind::Todo, "周五前"),
        (Kind::Vote, "莫干山"),
        (Kind::Collect, "仓库名称"),
        (Kind::RedPacket, "新年快乐"),
        (Kind::ExternalRedPacket, "感谢支持"),
        (Kind::Meeting, "带上周报"),
        (Kind::MeetingNotification, "会议已开始"),
        (Kind::Doc, "客户台账"),
        (Kind::Markdown, "库存告警"),
        (Kind::News, "三款新品"),
        (Kind::Calendar, "带样品"),
        (Kind::VoipDocShare, "演示.pdf"),
        (Kind::SphFeed, "仓库打包"),
        (Kind::QyDiskFile, "价目表"),
        (Kind::Solitaire, "团餐报名"),
    ] {
        let text = one(kind).text_to_index();
        assert!(text.contains(word), "{kind:?}: {text}");
    }
    for silent in [
        Kind::Image,
        Kind::Voice,
        Kind::Revoke,
        Kind::Agree,
        Kind::VoipText,
    ] {
        assert_eq!(one(silent).text_to_index(), "");
    }
}

#[test]
fn files_are_found_wherever_they_are() {
    let count = |kind| one(kind).media().len();
    assert_eq!(count(Kind::ChatRecord), 3);
    assert_eq!(count(Kind::Mixed), 1);
    for kind in Kind::ALL {
        let expected = usize::from(kind.has_media());
        if !matches!(kind, Kind::ChatRecord | Kind::Mixed) {
            assert_eq!(count(*kind), expected, "{kind:?}");
        }
    }
}

#[test]
fn odd_messages_are_read_as_far_as_they_go() {
    let odd: Vec<(Message, Body)> = ODD.lines().map(|l| (parse(l), body(&parse(l)))).collect();
    let Body::Vote { title, .. } = &odd[0].1 else {
        panic!()
    };
    assert_eq!(title, "顶层字段的旧投票");
    let Body::News { items } = &odd[1].1 else {
        panic!()
    };
    assert_eq!(items[0].title, "旧图文");
    assert!(matches!(odd[2].1, Body::Meeting { reply: Some(1), .. }));
    assert!(odd[4].1.media().is_empty());
    assert_eq!(odd[5].1.text_to_index(), "not json");
    let (future, said) = &odd[6];
    assert_eq!(
        (future.kind, future.msgtype()),
        (Kind::Unknown, "some_future_type")
    );
    assert_eq!(said.text_to_index(), "未来类型");
    let quote = |at: usize| match &odd[at].1 {
        Body::Text {
            quote: Some(quote), ..
        } => quote.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        quote(7),
        Quote {
            name: "林小雨".to_owned(),
            quoted: "报价单今天下午发您".to_owned(),
            reply: "好的，等您".to_owned()
        }
    );
    assert_eq!(quote(8).quoted, "周五前提交");
    assert_eq!(quote(8).reply, "收到");
    assert!(odd[8].1.text_to_index().starts_with("收到"));
}

#[test]
fn records_inside_of_records_end_somewhere() {
    let mut content = json!({ "content": "ganz innen" });
    let mut kind = "ChatRecordText";
    for _ in 0..20 {
        content = json!({ "item": [{ "type": kind, "content": content.to_string() }] });
        kind = "ChatRecordMixed";
    }
    let message = json!({ "msgid": "1", "msgtype": "mixed", "mixed": content });
    let said = body(&parse(&message.to_string()));
    assert!(said.media().is_empty());
    let _ = said.text_to_index();
    let ms = json!({ "msgid": "1", "msgtype": "chatrecord", "chatrecord": { "item": [
        { "type": "ChatRecordText", "msgtime": 1_767_232_200_000_i64, "content": "{}" },
        { "type": "ChatRecordText", "msgtime": 1_767_232_200, "content": "{}" } ] } });
    let Body::ChatRecord { items, .. } = body(&parse(&ms.to_string())) else {
        panic!()
    };
    assert_eq!(items[0].at_ms, items[1].at_ms);
}

proptest::proptest! {
    #[test]
    fn nothing_that_comes_does_harm(bytes: Vec<u8>, kind: u8, field in ".*", text in ".*") {
        let _ = Message::parse(&bytes);
        let kind = Kind::from_number(kind % 40);
        let mut value = json!({ "msgid": "1", "msgtype": kind.code(), field: text.as_str() });
        for name in ["info", kind.code(), "doc", "redpacket"] {
            value[name] = json!({ "item": [{ "type": text, "content": text }, 7], "content": 1 });
        }
        let message = parse(&value.to_string());
        proptest::prop_assert_eq!(message.to_json(), value);
        let said = body(&message);
        let _ = (said.text_to_index(), said.media());
        let plain = Line::plain(message.kind, &message.rest);
        proptest::prop_assert!(plain.starts_with(&said.text_to_index()));
        let _ = Quote::split(&text);
    }
}

#[test]
fn keys_go_through_both_forms_of_pem() {
    let key = PrivateKey::generate().unwrap();
    let pkcs8 = key.to_pem().unwrap();
    let again = PrivateKey::from_pem(&pkcs8).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    assert_eq!(again.public_pem(), key.public_pem());
    // The older form is the inner part of the newer one.
    let der = pem_bytes(&pkcs8);
    let old = keys::tests_only_pem("RSA PRIVATE KEY", &der[26..]);
    let old = PrivateKey::from_pem(&old).unwrap();
    assert_eq!(old.fingerprint(), key.fingerprint());
    let public = PublicKey::from_pem(&key.public_pem()).unwrap();
    assert_eq!(public.fingerprint(), key.fingerprint());
    assert_eq!(key.fingerprint().len(), 64);
    assert_eq!(
        format!("{key:?}"),
        format!("PrivateKey({})", key.fingerprint())
    );
    let sealed = public.seal(b"a random key").unwrap();
    assert_eq!(sealed.len(), 344);
    assert_eq!(*old.open(&sealed).unwrap(), b"a random key");
}

fn pem_bytes(pem: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

#[test]
fn wrong_keys_are_refused_with_a_reason() {
    let (key, other) = (
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
    );
    let refused = |pem: &str| PrivateKey::from_pem(pem).err();
    assert_eq!(refused("nonsense"), Some(KeyError::Pem));
    assert_eq!(refused(&key.public_pem()), Some(KeyError::OtherHalf));
    let half = PublicKey::from_pem(&key.to_pem().unwrap());
    assert_eq!(half.err(), Some(KeyError::OtherHalf));
    let short = keys::tests_only_longer();
    assert_eq!(refused(&short), Some(KeyError::Bits(3072)));
    let pem = key.to_pem().unwrap();
    let damaged = pem.replacen('A', "B", 3);
    assert!(refused(&damaged).is_some());
    let sealed = PublicKey::from_pem(&key.public_pem())
        .unwrap()
        .seal(b"k")
        .unwrap();
    assert_eq!(other.open(&sealed).err(), Some(SealError::WrongKey));
    assert_eq!(key.open("AAAA").err(), Some(SealError::Shape));
    assert_eq!(key.open("?").err(), Some(SealError::Shape));
    let zero = PublicKey::from_pem(&key.public_pem())
        .unwrap()
        .seal(b"a\0b")
        .unwrap();
    assert_eq!(key.open(&zero).err(), Some(SealError::WrongKey));
}

#[test]
fn ids_tell_who_may_be_behind_them() {
    let long = |prefix: &str| format!("{prefix}{:A<30}", "T7kQC");
    assert_eq!(Party::of(&long("wm")), Party::WeChat);
    assert_eq!(Party::of(&long("wo")), Party::OtherFirm);
    assert_eq!(Party::of(&long("wb")), Party::Robot);
    assert_eq!(Party::of("wmei"), Party::Member);
    assert_eq!(Party::of(&"吴".repeat(20)), Party::Member);
    assert!(!Party::Robot.is_external());
}
