//! Telling a member something: a message of the firm's app in WeCom (`message/send`), as an
//! effect.
//!
//! WeCom has no list of what an app has sent, but drops the same message to the same people
//! within four hours. Within that time sending again is as good as once; later a person decides
//! about what had no clear answer.
//!
//! Source: WeCom documentation, 发送应用消息.

use std::sync::Arc;

use crate::{
    app::App,
    error::AppError,
    wecom::{Content, Message, Receivers, TextCard},
    work::effects::{Effect, EffectFuture, LookFuture, Refusal, Seen},
};

/// WeCom drops the same again within so many seconds: its greatest interval.
const ONCE_S: u32 = 14_400;
/// Kept of that time for the call itself, ms.
const MARGIN_MS: i64 = 600_000;

/// A card that leads to one of Qitai's pages, or a text that leads nowhere while nobody has said
/// under which address (`home`) Qitai is reached. `small` stands above `text`.
pub fn content(
    home: Option<&str>,
    path: &str,
    (title, small, text): (&str, &str, &str),
) -> Content {
    let Some(home) = home else {
        let lines = [title, text, small].into_iter();
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        return Content::text(&lines.join("\n"));
    };
    let mut description = String::new();
    if !small.is_empty() {
        description = format!("<div class=\"gray\">{}</div>", plain(small));
    }
    description.push_str(&plain(text));
    Content::TextCard {
        textcard: TextCard {
            title: title.to_owned(),
            description,
            url: format!("{}{path}", home.trim_end_matches('/')),
            btntxt: None,
        },
    }
}

/// Words as a card shows them: what could be read as its markup stands wide.
fn plain(text: &str) -> String {
    text.replace('<', "＜").replace('>', "＞")
}

/// Sends it to a member; the result is WeCom's id of the message.
pub fn send(app: Arc<App>, effect: Effect, userid: String, content: Content) -> EffectFuture {
    Box::pin(async move {
        let missing = || AppError::Unavailable {
            why: "wecom_missing",
        };
        let link = app.sync.link().ok_or_else(missing)?;
        let message = Message {
            to: Receivers::one(&userid),
            content,
            safe: false,
            once_within_s: Some(ONCE_S),
        };
        let client = app.wecom().ok_or_else(missing)?;
        let client = client.at(effect.priority.into());
        let agentid = link.connection.agentid;
        let sent = client.send_message(agentid, &message).await?;
        // One receiver: whom WeCom could not reach is nobody else.
        if !sent.invalid_users.is_empty() || !sent.unlicensed_users.is_empty() {
            let why = "message_unreachable";
            return Err(Refusal::Refused(AppError::Conflict { why }));
        }
        Ok(sent.msgid.into_bytes())
    })
}

/// Sending again is harmless as long as WeCom drops what it has sent already.
pub fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let age = app.store.clock().now().since_ms(effect.created_at);
        let is_dropped_twice = age < i64::from(ONCE_S) * 1_000 - MARGIN_MS;
        Ok(match is_dropped_twice {
            true => Seen::NotThere,
            false => Seen::CannotTell,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_leads_to_its_page_and_no_name_is_markup() {
        let home = Some("https://qitai.example/");
        let words = ("茶博会来客", "KH-000007", "<b>王芳</b>刚添加");
        let Content::TextCard { textcard } = content(home, "/customers/a", words) else {
            panic!("it is a card");
        };
        assert_eq!(textcard.url, "https://qitai.example/customers/a");
        assert!(
            textcard
                .description
                .starts_with("<div class=\"gray\">KH-000007</div>")
        );
        assert!(textcard.description.ends_with("＜b＞王芳＜/b＞刚添加"));
    }

    #[test]
    fn without_an_address_it_is_a_text() {
        let words = ("茶博会来客", "KH-000007", "<b>王芳</b>刚添加");
        let Content::Text { text } = content(None, "/customers/a", words) else {
            panic!("it is a text");
        };
        assert_eq!(text.content, "茶博会来客\n<b>王芳</b>刚添加\nKH-000007");
    }
}
