//! What may stand in a message, by type.

use serde_json::{Value, json};

use super::card;
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    media::Kind,
    state::World,
};

const BAD_TYPE: Code = (40008, "invalid message type");
const BAD_CONTENT: Code = (82004, "invalid message content");
const NO_TITLE: Code = (41016, "missing title");
const NO_URL: Code = (41010, "missing url");
const LONG_URL: Code = (40039, "url too long");
const NO_SCHEME: Code = (45034, "url without scheme");
const TOO_LARGE: Code = (45002, "message content size out of limit");

/// The content of a message as members will see it.
pub(super) fn read(world: &World, call: &Call<'_>, kind: &str) -> Result<Value, Fail> {
    let known = [
        "text",
        "image",
        "voice",
        "video",
        "file",
        "textcard",
        "news",
        "mpnews",
        "markdown",
        "miniprogram_notice",
        "template_card",
    ];
    ensure(known.contains(&kind), BAD_TYPE)?;
    let content = call.fields().object(kind)?.ok_or(BAD_CONTENT)?;
    let mut kept = call.body[kind].clone();
    match kind {
        "text" => {
            let text = content.filled("content", (44004, "empty content"))?;
            kept["content"] = json!(cut(text, 2048));
        }
        "markdown" => {
            let text = content.filled("content", (44004, "empty content"))?;
            ensure(text.len() <= 2048, TOO_LARGE)?;
        }
        "image" => file(world, call, content, Kind::Image)?,
        "voice" => file(world, call, content, Kind::Voice)?,
        "file" => file(world, call, content, Kind::File)?,
        "video" => {
            file(world, call, content, Kind::Video)?;
            for (field, max) in [("title", 128), ("description", 512)] {
                if let Some(text) = content.text(field)? {
                    kept[field] = json!(cut(text, max));
                }
            }
        }
        "textcard" => text_card(content)?,
        "news" => news(content)?,
        "mpnews" => pictured_news(world, call, content)?,
        "miniprogram_notice" => notice(content, call.fields())?,
        _ => card::check(world, call, content)?,
    }
    Ok(kept)
}

/// The text up to so many bytes, between characters.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A media id of a file of this kind.
fn file(world: &World, call: &Call<'_>, content: Fields<'_>, kind: Kind) -> Result<(), Fail> {
    let id = content.filled("media_id", (41006, "missing media_id"))?;
    let found = world.media.file(id, call.now_s);
    ensure(
        found.is_some_and(|file| file.kind == kind),
        (40007, "invalid media_id"),
    )
}

/// An address that must be there.
pub(super) fn url(content: Fields<'_>, missing: Code) -> Result<(), Fail> {
    let url = content.filled("url", missing)?;
    ensure(url.len() <= 2048, LONG_URL)?;
    ensure(url.contains("://"), NO_SCHEME)
}

fn text_card(content: Fields<'_>) -> Result<(), Fail> {
    content.filled("title", NO_TITLE)?;
    content.chars("title", 128, TOO_LARGE)?;
    content.filled("description", (41033, "missing description"))?;
    content.chars("description", 512, TOO_LARGE)?;
    content.chars("btntxt", 4, PARAM)?;
    url(content, NO_URL)
}

fn articles(content: Fields<'_>) -> Result<Vec<Fields<'_>>, Fail> {
    let articles = content.objects("articles")?;
    ensure(!articles.is_empty(), BAD_CONTENT)?;
    ensure(articles.len() <= 8, (45008, "article count over limit"))?;
    for article in &articles {
        article.filled("title", NO_TITLE)?;
        article.bytes("title", 128, TOO_LARGE)?;
    }
    Ok(articles)
}

fn news(content: Fields<'_>) -> Result<(), Fail> {
    for article in articles(content)? {
        article.bytes("description", 512, TOO_LARGE)?;
        if article.text("appid")?.is_none_or(str::is_empty) {
            url(article, NO_URL)?;
        } else {
            article.bytes("pagepath", 128, PARAM)?;
        }
    }
    Ok(())
}

fn pictured_news(world: &World, call: &Call<'_>, content: Fields<'_>) -> Result<(), Fail> {
    for article in articles(content)? {
        let id = article.filled("thumb_media_id", (41006, "missing media_id"))?;
        let found = world.media.file(id, call.now_s);
        ensure(
            found.is_some_and(|f| f.kind == Kind::Image),
            (40007, "invalid media_id"),
        )?;
        article.filled("content", (44004, "empty content"))?;
        article.bytes("content", 666 << 10, TOO_LARGE)?;
        article.bytes("author", 64, (45032, "author size out of limit"))?;
        article.bytes("digest", 512, TOO_LARGE)?;
    }
    Ok(())
}

fn notice(content: Fields<'_>, message: Fields<'_>) -> Result<(), Fail> {
    ensure(message.text("touser")? != Some("@all"), PARAM)?;
    content.filled("appid", (90200, "missing appid"))?;
    let title = content.filled("title", NO_TITLE)?;
    ensure((4..=12).contains(&title.chars().count()), PARAM)?;
    if let Some(description) = content.text("description")?.filter(|d| !d.is_empty()) {
        ensure((4..=12).contains(&description.chars().count()), PARAM)?;
    }
    content.bytes("page", 1024, (90204, "invalid page"))?;
    let items = content.objects("content_item")?;
    ensure(items.len() <= 10, (90201, "too many content items"))?;
    for item in items {
        const BAD_KEY: Code = (90202, "invalid content item key");
        const BAD_VALUE: Code = (90203, "invalid content item value");
        item.filled("key", BAD_KEY)?;
        item.chars("key", 10, BAD_KEY)?;
        item.filled("value", BAD_VALUE)?;
        item.chars("value", 30, BAD_VALUE)?;
    }
    Ok(())
}
