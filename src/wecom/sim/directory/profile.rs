//! A member's own fields: those of the firm, and those that customers see.
//!
//! Source: WeCom documentation, 创建成员 (`extattr`, `external_profile`).

use serde_json::Value;

use crate::wecom::sim::{
    check::Fail,
    fields::{Code, Fields, PARAM, ensure},
};

/// The channel (视频号) that is bound to the firm.
pub const CHANNEL: &str = "云岭茶业";

const BAD_KIND: Code = (90100, "invalid attribute type");
const BAD_TEXT: Code = (90101, "attribute text too long");
const BAD_TITLE: Code = (90102, "attribute web title too long");
const BAD_URL: Code = (90103, "invalid attribute url");
const BAD_PROGRAM_TITLE: Code = (90104, "attribute miniprogram title too long");
const BAD_PAGE: Code = (90105, "invalid attribute pagepath");
const BAD_OTHER: Code = (90106, "invalid attribute");

/// `extattr`: texts and web pages.
pub fn extattr(fields: Fields<'_>) -> Result<Option<Value>, Fail> {
    let Some(extattr) = fields.object("extattr")? else {
        return Ok(None);
    };
    for attribute in extattr.objects("attrs")? {
        let kind = attribute.number("type")?.unwrap_or(0);
        ensure(kind < 2, BAD_KIND)?;
        check(attribute, kind, 64)?;
    }
    Ok(fields.get("extattr").cloned())
}

/// `external_profile`: also mini programs, and shorter texts.
pub fn external_profile(fields: Fields<'_>) -> Result<Option<Value>, Fail> {
    let Some(profile) = fields.object("external_profile")? else {
        return Ok(None);
    };
    if let Some(channels) = profile.object("wechat_channels")? {
        let nickname = channels.text("nickname")?;
        let known = nickname.is_none_or(|n| n.is_empty() || n == CHANNEL);
        ensure(known, (41066, "invalid wechat channel name"))?;
        channels.one_of("status", &[0, 1], PARAM)?;
    }
    for attribute in profile.objects("external_attr")? {
        let kind = attribute.number("type")?.unwrap_or(0);
        ensure(kind < 3, BAD_KIND)?;
        check(attribute, kind, 12)?;
    }
    Ok(fields.get("external_profile").cloned())
}

/// `external_position`: at most 12 characters.
pub fn external_position(fields: Fields<'_>) -> Result<Option<&str>, Fail> {
    fields.chars("external_position", 12, BAD_OTHER)
}

fn check(attribute: Fields<'_>, kind: u64, text_max: usize) -> Result<(), Fail> {
    attribute.filled("name", BAD_OTHER)?;
    match kind {
        0 => {
            let text = attribute.object("text")?.ok_or(BAD_OTHER)?;
            text.chars("value", text_max, BAD_TEXT)?;
        }
        1 => {
            let web = attribute.object("web")?.ok_or(BAD_OTHER)?;
            web.chars("title", 12, BAD_TITLE)?;
            let url = web.filled("url", BAD_URL)?;
            let absolute = url.starts_with("http://") || url.starts_with("https://");
            ensure(absolute, BAD_URL)?;
        }
        _ => {
            let program = attribute.object("miniprogram")?.ok_or(BAD_OTHER)?;
            program.chars("title", 12, BAD_PROGRAM_TITLE)?;
            program.filled("appid", BAD_OTHER)?;
            program.filled("pagepath", BAD_PAGE)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_field_has_its_own_errcodes() {
        let attr = |attr: Value| {
            let body = json!({ "external_profile": { "external_attr": [attr] } });
            external_profile(Fields::of(&body)).err().map(|f| f.code)
        };
        for (given, expected) in [
            (
                json!({ "type": 0, "name": "工号", "text": { "value": "A17" } }),
                None,
            ),
            (json!({ "type": 3, "name": "x" }), Some(90100)),
            (
                json!({ "type": 0, "name": "x", "text": { "value": "一二三四五六七八九十一二三" } }),
                Some(90101),
            ),
            (
                json!({ "type": 1, "name": "x", "web": { "url": "https://a.cn", "title": "a" } }),
                None,
            ),
            (
                json!({ "type": 1, "name": "x", "web": { "url": "a.cn", "title": "a" } }),
                Some(90103),
            ),
            (
                json!({ "type": 1, "name": "x", "web": { "url": "https://a.cn", "title": "一二三四五六七八九十一二三" } }),
                Some(90102),
            ),
            (
                json!({ "type": 2, "name": "x", "miniprogram": { "appid": "wx1", "title": "t" } }),
                Some(90105),
            ),
            (
                json!({ "type": 2, "name": "x", "miniprogram": { "appid": "wx1",
                    "title": "一二三四五六七八九十一二三", "pagepath": "p" } }),
                Some(90104),
            ),
            (json!({ "type": 2, "name": "x" }), Some(90106)),
        ] {
            assert_eq!(attr(given.clone()), expected, "{given}");
        }
        let channel = |name: &str| {
            let body = json!({ "external_profile": { "wechat_channels": { "nickname": name, "status": 1 } } });
            external_profile(Fields::of(&body)).err().map(|f| f.code)
        };
        assert_eq!((channel(CHANNEL), channel("别家")), (None, Some(41066)));
    }
}
