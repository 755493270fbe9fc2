//! The bodies of messages: every type there is, in the shape that WeCom documents.
//!
//! Source: WeCom documentation, 获取会话内容, 消息格式.

use serde_json::{Map, Value, json};

use super::{
    cast::Person,
    media::{Library, Sort},
    story::Before,
    words::Words,
};
use crate::wecom::sim::firm::Rng;

/// What a message can refer to.
pub(super) struct Around<'a> {
    pub words: &'a Words<'a>,
    pub library: &'a Library,
    pub sender: &'a Person,
    pub before: Option<&'a Before>,
    pub index: u64,
    pub at_ms: i64,
}

/// A line as type and body.
pub(super) fn say(line: &str, around: &Around<'_>, rng: &mut Rng) -> Map<String, Value> {
    let message = match line.strip_prefix('!') {
        Some(special) => {
            let (name, argument) = special.split_once(':').unwrap_or((special, ""));
            special_body(name, argument, around, rng)
        }
        None => json!({ "msgtype": "text",
                        "text": { "content": around.words.say(line, rng) } }),
    };
    match message {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Whether a line's message carries a file, or may.
pub(super) fn has_file(line: &str) -> bool {
    let special = line.strip_prefix('!').unwrap_or_default();
    let name = special.split(':').next().unwrap_or_default();
    matches!(
        name,
        "image" | "voice" | "video" | "emotion" | "file" | "call" | "voipdoc" | "mixed" | "record"
    )
}

fn special_body(name: &str, argument: &str, around: &Around<'_>, rng: &mut Rng) -> Value {
    let fill = |text: &str, rng: &mut Rng| around.words.fill(text, rng);
    match name {
        "image" | "voice" | "video" | "emotion" | "file" | "call" | "voipdoc" => {
            with_file(name, argument, around, rng)
        }
        "recall" => match around.before {
            Some(before) => json!({ "action": "recall", "msgtype": "revoke",
                                    "revoke": { "pre_msgid": before.msgid } }),
            None => text(&fill(argument, rng)),
        },
        "quote" => quote(argument, around, rng),
        "mixed" => {
            let said = json!({ "content": fill("{tea}礼盒，如图\n", rng) }).to_string();
            let picture = around.library.picture(around.index, rng).to_string();
            json!({ "msgtype": "mixed", "mixed": { "item": [
                { "type": "text", "content": said }, { "type": "image", "content": picture } ] } })
        }
        "record" => record(argument, around, rng),
        "location" => json!({ "msgtype": "location", "location": {
            "longitude": 121.25 + f64::from(u8::try_from(rng.below(64)).unwrap_or(0)) / 128.0,
            "latitude": 31.25, "address": fill("{addr}", rng), "title": fill("{shop}", rng),
            "zoom": 15 } }),
        "card" => json!({ "msgtype": "card", "card": {
            "corpname": "微信联系人", "userid": around.sender.id } }),
        "link" => json!({ "msgtype": "link", "link": {
            "title": fill("{tea}会员专享", rng), "description": fill("{price}元起，限量{num}0份", rng),
            "link_url": "https://shop.yunling.example.com/p/1001",
            "image_url": "https://shop.yunling.example.com/p/1001.jpg" } }),
        "weapp" => json!({ "msgtype": "weapp", "weapp": {
            "title": "会员中心", "description": "积分兑换好礼", "username": "gh_0a1b2c3d4e5f@app",
            "displayname": "云岭茶业会员", "appid": "wx0a1b2c3d4e5f6071",
            "pagepath": "pages/member/index.html" } }),
        "voip" => json!({ "msgtype": "voiptext", "info": {
            "callduration": 15 + rng.below(900), "invitetype": 1 + rng.below(2) } }),
        "sph" => json!({ "msgtype": "sphfeed", "sphfeed": {
            "feed_type": 9, "sph_name": "云岭茶业", "feed_desc": fill("{tea}专场直播 #茶#", rng) } }),
        "erp" => json!({ "msgtype": "external_redpacket", "redpacket": {
            "type": 2, "wish": "感谢支持", "totalcnt": 5, "totalamount": 600 + 100 * rng.below(20) } }),
        "switch" => json!({ "action": "switch" }),
        _ => between_colleagues(name, argument, around, rng),
    }
}

fn text(content: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": content } })
}

/// What only colleagues and robots send.
fn between_colleagues(name: &str, argument: &str, around: &Around<'_>, rng: &mut Rng) -> Value {
    let fill = |text: &str, rng: &mut Rng| around.words.fill(text, rng);
    let at_s = around.at_ms / 1000;
    match name {
        "todo" => json!({ "msgtype": "todo", "todo": {
            "title": format!("来自 {} 的消息", around.sender.name), "content": fill(argument, rng) } }),
        "vote" => json!({ "msgtype": "vote", "vote": {
            "votetitle": "团建去哪里", "voteitem": ["西湖", "千岛湖", "莫干山"], "votetype": 101,
            "voteid": format!("v{}", around.index) } }),
        "collect" => json!({ "msgtype": "collect", "collect": {
            "room_name": around.words.scene.room.as_ref().map(|room| &room.name), "creator": around.sender.id,
            "create_time": wall_clock(around.at_ms), "title": "月度盘点登记",
            "details": [ { "id": 1, "ques": "门店", "type": "Text" },
                         { "id": 2, "ques": "数量", "type": "Number" },
                         { "id": 3, "ques": "日期", "type": "Date" } ] } }),
        "rp" => json!({ "msgtype": "redpacket", "redpacket": {
            "type": 2, "wish": "大家辛苦了", "totalcnt": 10, "totalamount": 1000 + 100 * rng.below(90) } }),
        "meeting" => json!({ "msgtype": "meeting", "meeting": {
            "topic": "门店周会", "starttime": at_s + 3600, "endtime": at_s + 7200,
            "address": "3 号会议室", "remarks": "带上本周数据", "meetingid": meeting(around) } }),
        "mnotice" => {
            json!({ "msgtype": "meeting_notification", "time": format!("{}:120", wall_clock(around.at_ms)),
            "info": { "meeting_id": meeting(around), "notification_type": 1, "content": "会议已开始" } })
        }
        "doc" => json!({ "msgtype": "docmsg", "doc": {
            "title": fill("{month}月目标台账", rng), "doc_creator": around.sender.id,
            "link_url": "https://doc.weixin.qq.com/sheet/e3_EXAMPLE" } }),
        "markdown" => json!({ "msgtype": "markdown", "info": {
            "content": fill("**库存告警**：{tea}剩余 <font color=\"warning\">{num}</font>{unit}，请及时补货", rng) } }),
        "news" => json!({ "msgtype": "news", "info": { "item": [ {
            "title": fill("{tea}上新", rng), "description": fill("{price}元一{unit}，门店同步", rng),
            "url": "https://shop.yunling.example.com/n/1",
            "picurl": "https://shop.yunling.example.com/n/1.jpg" } ] } }),
        "calendar" => json!({ "msgtype": "calendar", "calendar": {
            "title": "客户拜访", "creatorname": around.sender.name,
            "attendeename": around.words.scene.people.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            "starttime": at_s + 86_400, "endtime": at_s + 90_000, "place": fill("{shop}", rng),
            "remarks": "带样品" } }),
        "disk" => json!({ "msgtype": "qydiskfile", "info": {
            "filename": fill("{month}月价目表.pdf", rng), "url": "https://drive.weixin.qq.com/s?k=EXAMPLE" } }),
        "note" => {
            let said =
                json!({ "content": fill("会议纪要：{month}月目标{sum}0元，主推{tea}", rng) });
            json!({ "msgtype": "note", "info": { "items": [
                { "msg_type": "text", "content": said.to_string() } ] } })
        }
        "solitaire" => json!({ "msgtype": "solitaire", "info": {
            "solitaire_type": 101,
            "solitaire_content": format!("#接龙\n周六茶会报名\n1. {}", around.sender.name) } }),
        _ => text(&fill(argument, rng)),
    }
}

/// Beyond i64, as real ones are.
fn meeting(around: &Around<'_>) -> u64 {
    11_101_571_002_000_000_000 + around.words.exchange
}

fn with_file(name: &str, argument: &str, around: &Around<'_>, rng: &mut Rng) -> Value {
    let library = around.library;
    let index = around.index;
    match name {
        "image" => json!({ "msgtype": "image", "image": library.picture(index, rng) }),
        "emotion" => json!({ "msgtype": "emotion", "emotion": library.sticker(index, rng) }),
        "voice" => json!({ "msgtype": "voice", "voice": library.voice(index, rng) }),
        "video" => json!({ "msgtype": "video", "video": library.video(index, rng) }),
        "call" => {
            let mut call = library.recording(index, rng);
            call["endtime"] = json!(around.at_ms / 1000);
            call["demofiledata"] = json!([]);
            call["sharescreendata"] = json!([ { "share": around.sender.id,
                "starttime": around.at_ms / 1000 - 200, "endtime": around.at_ms / 1000 - 60 } ]);
            json!({ "msgtype": "meeting_voice_call", "voiceid": format!("gr{index:032x}"),
                    "meeting_voice_call": call })
        }
        "voipdoc" => {
            let filename = around.words.fill("{tea}采购方案", rng) + ".pdf";
            json!({ "msgtype": "voip_doc_share", "voipid": format!("gr{index:032x}"),
                    "voip_doc_share": library.document(Sort::Pdf, &filename, index, rng) })
        }
        _ => {
            let filename = around.words.fill(argument, rng);
            let sort = Sort::of_name(&filename);
            let mut file = library.document(sort, &filename, index, rng);
            file["fileext"] = json!(sort.extension());
            json!({ "msgtype": "file", "file": file })
        }
    }
}

/// The forms in which clients quote.
fn quote(argument: &str, around: &Around<'_>, rng: &mut Rng) -> Value {
    let reply = around.words.fill(argument, rng);
    let Some((name, quoted)) = around
        .before
        .and_then(|before| Some((&before.name, before.text.as_ref()?)))
    else {
        return text(&reply);
    };
    text(&if around.sender.id.starts_with("wm") {
        format!("「{name}：{quoted}」\n- - - - - - - - - - - - - - -\n{reply}")
    } else {
        format!("这是一条引用/回复消息：\n\"{name}：\n{quoted}\"\n------\n{reply}")
    })
}

fn record(title: &str, around: &Around<'_>, rng: &mut Rng) -> Value {
    let at_s = around.at_ms / 1000;
    let mut said = |line: &str| json!({ "content": around.words.fill(line, rng) }).to_string();
    let (first, second) = (
        said("{tea}现在{price}一{unit}还划算吗"),
        said("比去年贵了一点"),
    );
    let picture = around.library.picture(around.index, rng).to_string();
    json!({ "msgtype": "chatrecord", "chatrecord": { "title": title, "item": [
        { "type": "ChatRecordText", "msgtime": at_s - 900, "content": first, "from_chatroom": true },
        { "type": "ChatRecordText", "msgtime": at_s - 840, "content": second, "from_chatroom": true },
        { "type": "ChatRecordImage", "msgtime": at_s - 800, "content": picture,
          "from_chatroom": true } ] } })
}

fn wall_clock(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    let local = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
