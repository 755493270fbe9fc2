//! Nothing of a message is left out of its lines.

use serde_json::json;

use super::{super::Message, *};

const MESSAGES: &str = include_str!("fixtures/messages.jsonl");
const ODD: &str = include_str!("fixtures/odd.jsonl");
/// Fields of the head: who, to whom, when and what stand above every message.
const HEAD: [&str; 7] = [
    "msgid", "action", "from", "tolist", "roomid", "msgtime", "msgtype",
];

fn parse(json: &Value) -> Message {
    Message::parse(json.to_string().as_bytes()).unwrap()
}

fn samples() -> Vec<Value> {
    let lines = MESSAGES.lines().chain(ODD.lines());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn lines(json: &Value) -> Vec<Line> {
    let message = parse(json);
    Line::all(message.kind, &message.rest)
}

fn plain(json: &Value) -> String {
    let message = parse(json);
    Line::plain(message.kind, &message.rest)
}

/// Every scalar that stands in a value, with the name of its field; what stands in JSON within
/// a text as well.
fn scalars(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                scalars(name, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scalars(name, item, found)),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ Value::Object(_)) => scalars(name, &inner, found),
            _ => found.push((name.to_owned(), text.clone())),
        },
        other => found.push((name.to_owned(), other.to_string())),
    }
}

#[test]
fn every_scalar_of_every_type_stands_in_a_line() {
    let mut kinds = std::collections::BTreeSet::new();
    for sample in samples() {
        let message = parse(&sample);
        kinds.insert(message.kind);
        let mut left = lines(&sample);
        let mut said = Vec::new();
        for (name, value) in sample.as_object().unwrap() {
            let is_head = HEAD.contains(&name.as_str());
            if !is_head || (name == "msgtype" && message.kind == Kind::Unknown) {
                scalars(name, value, &mut said);
            }
        }
        said.retain(|(name, _)| name != FILE_ID);
        assert!(!said.is_empty() || message.kind == Kind::Switch, "{sample}");
        for (name, value) in said {
            let exact = |line: &Line| line.field == name && line.value == value;
            if let Some(at) = left.iter().position(exact) {
                left.remove(at);
                continue;
            }
            let is_within = |line: &Line| line.value.contains(&name) && line.value.contains(&value);
            assert!(left.iter().any(is_within), "{name} {value}: {sample}");
        }
        // Nothing stands there that the message does not say.
        left.retain(|line| line.role != Role::Heading && !line.value.contains('{'));
        assert_eq!(left, [], "{sample}");
    }
    for kind in Kind::ALL {
        assert!(kinds.contains(kind), "no sample of {kind:?}");
    }
}

#[test]
fn every_documented_field_has_its_place() {
    let mut names = std::collections::BTreeSet::new();
    for sample in samples() {
        if parse(&sample).kind != Kind::Unknown {
            names.extend(lines(&sample).into_iter().map(|line| line.field));
        }
    }
    let strange = |name: &&String| place_of(name) == FIELDS.len();
    let strange: Vec<_> = names.iter().filter(strange).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let mut known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), FIELDS.len(), "each once");
}

/// Lines as people would write them down.
fn drawn(lines: &[Line]) -> Vec<String> {
    let draw = |line: &Line| {
        let indent = "  ".repeat(line.depth);
        format!("{indent}{}={}", line.field, line.value)
    };
    lines.iter().map(draw).collect()
}

#[test]
fn parts_stand_below_their_headings() {
    let mixed = json!({ "item": [
        { "type": "text", "content": "{\"content\":\"看这张\"}" },
        { "type": "image", "content": "{\"md5sum\":\"ab\",\"sdkfileid\":\"SECRET\"}" },
        { "type": "brandnew", "content": "{\"b\":2, \"a\":1}" },
        { "type": "text", "content": "not json" } ] });
    let record = json!({ "msgid": "1", "msgtype": "chatrecord", "chatrecord": {
        "title": "项目群的聊天记录", "new_field": true, "item": [
            { "type": "ChatRecordMixed", "msgtime": 1_767_232_240, "content": mixed.to_string(),
              "from_chatroom": true } ] } });
    let lines = lines(&record);
    assert_eq!(
        drawn(&lines),
        [
            "title=项目群的聊天记录",
            "item=1",
            "  type=ChatRecordMixed",
            "  from_chatroom=true",
            "  msgtime=1767232240",
            "  item=1",
            "    type=text",
            "    content=看这张",
            "  item=2",
            "    type=image",
            "    md5sum=ab",
            "  item=3",
            "    type=brandnew",
            "    content={\"b\":2, \"a\":1}",
            "  item=4",
            "    type=text",
            "    content=not json",
            "new_field=true",
        ]
    );
    assert_eq!(lines[2].means, Some(Means::Kind(Kind::Mixed)));
    assert_eq!(lines[4].means, Some(Means::At(1_767_232_240_000)));
    assert_eq!((lines[7].role, lines[10].role), (Role::Words, Role::Beside));
}

#[test]
fn what_a_value_stands_for_is_told() {
    let of = |msgtype: &str, field: &str| {
        let sample = samples().into_iter().find(|s| s["msgtype"] == msgtype);
        let lines = lines(&sample.unwrap());
        lines.into_iter().find(|l| l.field == field).unwrap().means
    };
    assert_eq!(of("redpacket", "totalamount"), Some(Means::Fen(1_800)));
    assert_eq!(of("redpacket", "type"), Some(Means::Code("red_packet", 2)));
    assert_eq!(of("emotion", "type"), Some(Means::Code("emotion", 1)));
    assert_eq!(of("vote", "votetype"), Some(Means::Code("vote", 101)));
    assert_eq!(of("voiptext", "invitetype"), Some(Means::Code("call", 2)));
    assert_eq!(of("card", "userid"), Some(Means::Person));
    let at = Some(Means::At(1_767_236_400_000));
    assert_eq!(of("meeting", "starttime"), at);
    let at = Some(Means::At(1_767_233_200_000));
    assert_eq!(of("agree", "agree_time"), at);
    assert_eq!(
        of("collect", "type"),
        None,
        "another list than WeCom's types"
    );
}

#[test]
fn ids_of_files_stand_nowhere() {
    for sample in samples() {
        let said = format!("{:?}{}", lines(&sample), plain(&sample));
        assert!(!said.contains("RklYVFVSRS1N"), "{said}");
    }
    let inner = json!({ "sdkfileid": "SECRET", "n": 1 }).to_string();
    let unknown = json!({ "msgid": "1", "msgtype": "brandnew",
        "brandnew": { "sdkfileid": "SECRET", "content": inner, "list": [{ "sdkfileid": "SECRET" }] } });
    let lines = drawn(&lines(&unknown));
    assert_eq!(
        lines,
        [r#"raw={"brandnew":{"content":"{\"n\":1}","list":[{}]},"msgtype":"brandnew"}"#]
    );
    // What somebody wrote about them is no such id.
    let text = r#"{"sdkfileid":"what is that?"}"#;
    let asked = json!({ "msgid": "1", "msgtype": "text", "text": { "content": text } });
    assert_eq!(drawn(&self::lines(&asked)), [format!("content={text}")]);
}

#[test]
fn what_lies_deep_is_said_as_it_came() {
    let mut content = json!({ "content": "ganz innen" });
    let mut kind = "ChatRecordText";
    for _ in 0..20 {
        content = json!({ "item": [{ "type": kind, "content": content.to_string() }] });
        kind = "ChatRecordMixed";
    }
    let lines = lines(&json!({ "msgid": "1", "msgtype": "mixed", "mixed": content }));
    let last = lines.last().unwrap();
    assert!(last.value.contains("ganz innen") && last.depth < 10);
}

#[test]
fn a_text_is_its_words_and_whatever_they_do_not_say() {
    for sample in samples() {
        let message = parse(&sample);
        let words = Body::decode(message.kind, &message.rest).text_to_index();
        let said = plain(&sample);
        assert!(said.starts_with(&words), "{said}");
        if [Kind::Text, Kind::Image, Kind::Markdown].contains(&message.kind) {
            assert_eq!(said, words);
        }
    }
    let of = |msgtype: &str| {
        let sample = samples().into_iter().find(|s| s["msgtype"] == msgtype);
        plain(&sample.unwrap())
    };
    assert_eq!(
        of("redpacket"),
        "新年快乐\ntype: 2\ntotalcnt: 3\ntotalamount: 1800"
    );
    assert_eq!(of("voiptext"), "invitetype: 2\ncallduration: 63");
    assert_eq!(
        of("link"),
        "产品说明页\n点击查看规格与价格\nlink_url: https://example.com/p/1001\n\
         image_url: https://example.com/p/1001.jpg"
    );
    assert_eq!(
        of("mixed"),
        "型号如图[微笑]\nitem: 1\n  type: text\nitem: 2\n  type: image"
    );
}
