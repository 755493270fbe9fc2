//! What a package prints of a message.

use super::{
    super::super::tests::{Archive, CUSTOMER, fixtures, text},
    *,
};

const ZONE: jiff::tz::TimeZone = jiff::tz::TimeZone::UTC;

/// The lines of the first message of a type.
fn of(archive: &Archive, msgtype: &str) -> Vec<Said> {
    let is_wanted = |(_, json): &&(u64, serde_json::Value)| json["msgtype"] == msgtype;
    let seq = fixtures().iter().find(is_wanted).unwrap().0;
    let name_of = |id: &str| Ok((id == CUSTOMER).then(|| "陈芳雪".to_owned()));
    said(&archive.one(seq), &ZONE, name_of).unwrap().unwrap()
}

fn line(said: &[Said], label: &str) -> (String, String) {
    let found = said.iter().find(|s| s.label.as_deref() == Some(label));
    let found = found.unwrap_or_else(|| panic!("no {label}: {said:?}"));
    (found.value.clone(), found.note.clone())
}

#[test]
fn fields_are_named_in_both_languages_and_explained() {
    let archive = Archive::new();
    archive.pull(fixtures());
    for (msgtype, label, value, note) in [
        (
            "redpacket",
            "总金额（分） / Total, in fen",
            "1800",
            "¥18.00",
        ),
        (
            "redpacket",
            "类型 / Type",
            "2",
            "拼手气群红包 / By luck, in a group",
        ),
        (
            "voiptext",
            "通话类型 / Kind of call",
            "2",
            "单人语音通话 / Voice, two people",
        ),
        (
            "voiptext",
            "通话时长（秒） / Length of the call, seconds",
            "63",
            "",
        ),
        (
            "link",
            "链接地址 / Address of the link",
            "https://example.com/p/1001",
            "",
        ),
        (
            "meeting",
            "开始时间 / From",
            "1767236400",
            "2026-01-01 03:00:00 +00:00",
        ),
        ("card", "企业微信编号 / WeCom id", CUSTOMER, "陈芳雪"),
        ("location", "经度 / Longitude", "120.153576", ""),
        ("vote", "选项 / Option", "西湖", ""),
    ] {
        let said = of(&archive, msgtype);
        assert_eq!(line(&said, label), (value.to_owned(), note.to_owned()));
    }
    let record = of(&archive, "chatrecord");
    assert!(
        record
            .iter()
            .any(|s| s.depth == 2 && s.value == "看这张" && s.label.is_none())
    );
    let words = of(&archive, "text");
    assert_eq!((words.len(), words[0].label.as_deref()), (1, None));
    assert_eq!(words[0].value, "王总您好，报价单今天下午发您。");
    let unknown = of(&archive, "some_future_type");
    let (json, _) = line(&unknown, "原始内容 / As it came");
    assert!(json.contains("\"title\":\"未来类型\""));
}

#[test]
fn every_field_and_number_that_is_documented_has_words() {
    let archive = Archive::new();
    archive.pull(fixtures());
    let strange = "没人听说过";
    let mut more = text(1_000, CUSTOMER, &["LinXiaoyu"], "", strange);
    more.1["text"]["brand_new"] = "新字段".into();
    archive.pull(vec![more]);
    let mut nameless = std::collections::BTreeSet::new();
    for (seq, _) in fixtures()
        .into_iter()
        .chain([(1_000, serde_json::json!({}))])
    {
        let message = archive.one(seq);
        let said = said(&message, &ZONE, |_| Ok(None)).unwrap().unwrap();
        let labels = said.into_iter().filter_map(|said| said.label);
        nameless.extend(labels.filter(|label| !label.contains(" / ")));
        for line in message.lines().unwrap() {
            if let Some(Means::Code(list, number)) = line.means {
                let key = format!("archive.code.{list}.{number}");
                assert!(words::known(&key), "{key}");
            }
        }
    }
    // What nobody has heard of keeps WeCom's name.
    assert_eq!(nameless.into_iter().collect::<Vec<_>>(), ["brand_new"]);
}
