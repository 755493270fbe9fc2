//! What messages are made of: texts and attachments, with their limits.
//!
//! Source: WeCom documentation, 发送新客户欢迎语, 创建企业群发, 入群欢迎语素材管理.

use serde_json::{Map, Value, json};

use super::PARAM;
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, ensure},
    media::Source,
    state::World,
};

const ATTACHMENTS_MAX: usize = 9;
const BAD_MEDIA: Code = (40007, "invalid media_id");
const BAD_APPID: Code = (90207, "invalid miniprogram appid");
const NOT_LINKED: Code = (90206, "miniprogram not linked to the corp");
const BAD_PAGE: Code = (90204, "invalid miniprogram page");
const BAD_SCENE: Code = (41072, "invalid attachment scene");
const TOO_MANY: Code = (41064, "too many attachments");
const BAD_TYPE: Code = (41065, "invalid attachment type");

/// `text.content`, if there is one that is not empty.
pub(super) fn text<'b>(fields: Fields<'b>, max_bytes: usize) -> Result<Option<&'b str>, Fail> {
    let Some(text) = fields.object("text")? else {
        return Ok(None);
    };
    let content = text.bytes("content", max_bytes, PARAM)?;
    Ok(content.filter(|content| !content.is_empty()))
}

/// `attachments`, as they are kept.
pub(super) fn attachments(
    world: &World,
    call: &Call<'_>,
    fields: Fields<'_>,
) -> Result<Vec<Value>, Fail> {
    let all = fields.objects("attachments")?;
    ensure(all.len() <= ATTACHMENTS_MAX, TOO_MANY)?;
    let one = |attachment: Fields<'_>| {
        let kind = attachment.text("msgtype")?.unwrap_or_default();
        ensure(KINDS.contains(&kind), BAD_TYPE)?;
        let inner = attachment.object(kind)?.ok_or(PARAM)?;
        let mut kept = json!({ "msgtype": kind });
        kept[kind] = part(world, call, kind, inner)?;
        Ok(kept)
    };
    all.into_iter().map(one).collect()
}

/// In the order in which one is taken of several.
const KINDS: [&str; 5] = ["image", "link", "miniprogram", "file", "video"];

/// The one attachment beside the text of a template or of closing words: of several, the
/// first of `kinds`.
pub(super) fn material(
    world: &World,
    call: &Call<'_>,
    fields: Fields<'_>,
    kinds: &[&str],
    text_bytes: usize,
) -> Result<Map<String, Value>, Fail> {
    let mut kept = Map::new();
    if let Some(content) = text(fields, text_bytes)? {
        kept.insert("text".to_owned(), json!({ "content": content }));
    }
    for kind in KINDS.iter().filter(|kind| kinds.contains(kind)) {
        if let Some(inner) = fields.object(kind)? {
            kept.insert((*kind).to_owned(), part(world, call, kind, inner)?);
            break;
        }
    }
    Ok(kept)
}

/// Everything a template for groups may have beside its text.
pub(super) const ALL: &[&str] = &KINDS;
/// What closing words may have beside their text.
pub(super) const OF_CONCLUSIONS: &[&str] = &["image", "link", "miniprogram"];

fn part(world: &World, call: &Call<'_>, kind: &str, inner: Fields<'_>) -> Result<Value, Fail> {
    match kind {
        "image" => image(world, call, inner),
        "link" => link(inner),
        "miniprogram" => miniprogram(world, call, inner),
        kind => {
            let media_id = inner.filled("media_id", BAD_MEDIA)?;
            media(world, call, media_id, kind)?;
            Ok(json!({ "media_id": media_id }))
        }
    }
}

fn image(world: &World, call: &Call<'_>, inner: Fields<'_>) -> Result<Value, Fail> {
    let filled = |text: &&str| !text.is_empty();
    let media_id = inner.text("media_id")?.filter(filled);
    let pic_url = inner.text("pic_url")?.filter(filled);
    match (media_id, pic_url) {
        (Some(media_id), _) => {
            media(world, call, media_id, "image")?;
            let pic_url = format!("https://wework.qpic.cn/wwpic/{media_id}/0");
            Ok(json!({ "media_id": media_id, "pic_url": pic_url }))
        }
        (None, Some(pic_url)) => {
            ensure(world.media.is_picture(pic_url), BAD_MEDIA)?;
            Ok(json!({ "pic_url": pic_url }))
        }
        (None, None) => Err(BAD_MEDIA.into()),
    }
}

fn link(inner: Fields<'_>) -> Result<Value, Fail> {
    inner.filled("title", PARAM)?;
    inner.filled("url", PARAM)?;
    let mut kept = Map::new();
    for (name, max) in [
        ("title", 128),
        ("picurl", 2048),
        ("desc", 512),
        ("url", 2048),
    ] {
        if let Some(text) = inner.bytes(name, max, PARAM)? {
            kept.insert(name.to_owned(), json!(text));
        }
    }
    Ok(Value::Object(kept))
}

fn miniprogram(world: &World, call: &Call<'_>, inner: Fields<'_>) -> Result<Value, Fail> {
    inner.filled("title", PARAM)?;
    let title = inner.bytes("title", 64, PARAM)?;
    let media_id = inner.filled("pic_media_id", BAD_MEDIA)?;
    let appid = inner.filled("appid", BAD_APPID)?;
    let page = inner.filled("page", BAD_PAGE)?;
    let shaped = appid.len() == 18 && appid.starts_with("wx");
    ensure(
        shaped && appid.bytes().all(|b| b.is_ascii_alphanumeric()),
        BAD_APPID,
    )?;
    ensure(!world.contact.unlinked_programs.contains(appid), NOT_LINKED)?;
    media(world, call, media_id, "image")?;
    Ok(json!({ "title": title, "pic_media_id": media_id, "appid": appid, "page": page }))
}

/// Checks that `media_id` came by `media/upload`, as this kind, within three days.
pub(super) fn media(
    world: &World,
    call: &Call<'_>,
    media_id: &str,
    kind: &str,
) -> Result<(), Fail> {
    let file = world.media.file(media_id, call.now_s).ok_or(BAD_MEDIA)?;
    let good = matches!(file.source, Source::Upload | Source::Url);
    ensure(good && file.kind.name() == kind, BAD_MEDIA)
}

/// Checks that `media_id` came by `media/upload_attachment` for moments.
pub(super) fn moment_media(
    world: &World,
    call: &Call<'_>,
    media_id: &str,
    kind: &str,
) -> Result<(), Fail> {
    attachment(world, call, media_id, (kind, Source::Moment))
}

/// Checks that `media_id` came by `media/upload_attachment` for products.
pub(super) fn product_media(world: &World, call: &Call<'_>, media_id: &str) -> Result<(), Fail> {
    attachment(world, call, media_id, ("image", Source::Album))
}

fn attachment(
    world: &World,
    call: &Call<'_>,
    media_id: &str,
    (kind, source): (&str, Source),
) -> Result<(), Fail> {
    let file = world.media.file(media_id, call.now_s).ok_or(BAD_MEDIA)?;
    let of_attachments = matches!(file.source, Source::Moment | Source::Album);
    ensure(of_attachments && file.kind.name() == kind, BAD_MEDIA)?;
    ensure(file.source == source, BAD_SCENE)
}
