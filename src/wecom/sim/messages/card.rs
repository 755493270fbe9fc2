//! 模板卡片: what may stand in a card, and what a press of its buttons tells.

use std::collections::BTreeSet;

use super::{ResponseCode, content::url};
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    state::World,
};

const NO_URL: Code = (42028, "missing template card url");
const NO_APPID: Code = (42030, "missing template card appid");
const NO_ACTION: Code = (42045, "missing template card action");
const BAD_MENU: Code = (42051, "invalid template card action menu");
const BAD_TASK: Code = (42014, "invalid task_id");
const BAD_SELECT: Code = (42047, "invalid template card select list");

/// Whether members answer it by pressing something.
pub(super) fn is_interactive(kind: &str) -> bool {
    matches!(
        kind,
        "button_interaction" | "vote_interaction" | "multiple_interaction"
    )
}

/// Checks a card.
pub(super) fn check(world: &World, call: &Call<'_>, card: Fields<'_>) -> Result<(), Fail> {
    let kind = card.text("card_type")?.unwrap_or_default();
    let known = is_interactive(kind) || matches!(kind, "text_notice" | "news_notice");
    ensure(known, (42031, "invalid card_type"))?;
    let answered = is_interactive(kind) || card.has("action_menu");
    ensure(
        !answered || call.has_callback,
        (43012, "callback url must be set"),
    )?;
    task(world, card, answered)?;
    menu(card)?;
    shared_parts(world, call, card)?;
    match kind {
        "text_notice" => {
            let title = card
                .object("main_title")?
                .map(|t| t.text("title"))
                .transpose()?;
            let title = title.flatten().unwrap_or_default();
            let sub = card.text("sub_title_text")?.unwrap_or_default();
            ensure(!title.is_empty() || !sub.is_empty(), PARAM)?;
            action(card, true)
        }
        "news_notice" => {
            main_title(card)?;
            match card.object("card_image")? {
                Some(image) => {
                    url(image, (42044, "missing card image url"))?;
                }
                None => {
                    let area = card.object("image_text_area")?;
                    let area = area.ok_or((42044, "missing card image url"))?;
                    jump(area, "type")?;
                }
            }
            action(card, true)
        }
        "button_interaction" => {
            main_title(card)?;
            action(card, false)?;
            buttons(card)?;
            match card.object("button_selection")? {
                Some(selection) => select(selection, PARAM),
                None => Ok(()),
            }
        }
        "vote_interaction" => {
            main_title(card)?;
            vote(card)?;
            submit(card)
        }
        _ => {
            main_title(card)?;
            let lists = card.objects("select_list")?;
            ensure((1..=3).contains(&lists.len()), BAD_SELECT)?;
            lists
                .into_iter()
                .try_for_each(|list| select(list, BAD_SELECT))?;
            submit(card)
        }
    }
}

fn task(world: &World, card: Fields<'_>, answered: bool) -> Result<(), Fail> {
    let Some(id) = card.text("task_id")?.filter(|id| !id.is_empty()) else {
        return ensure(!answered, BAD_TASK);
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@-".contains(&b);
    ensure(id.len() <= 128 && id.bytes().all(plain), BAD_TASK)?;
    let taken = |sent: &super::Sent| sent.content["task_id"] == id;
    ensure(!world.messages.sent.iter().any(taken), BAD_TASK)
}

fn menu(card: Fields<'_>) -> Result<(), Fail> {
    let Some(menu) = card.object("action_menu")? else {
        return Ok(());
    };
    let list = menu.objects("action_list")?;
    ensure((1..=3).contains(&list.len()), BAD_MENU)?;
    keys(&list, BAD_MENU, BAD_MENU)
}

/// Each has a text and a key of its own.
fn keys(list: &[Fields<'_>], no_text: Code, no_key: Code) -> Result<(), Fail> {
    let mut seen = BTreeSet::new();
    for item in list {
        item.filled("text", no_text)?;
        let key = item.filled("key", no_key)?;
        ensure(key.len() <= 1024 && seen.insert(key), no_key)?;
    }
    Ok(())
}

fn main_title(card: Fields<'_>) -> Result<(), Fail> {
    let title = card.object("main_title")?.ok_or(PARAM)?;
    let text = title.text("title")?.unwrap_or_default();
    let desc = title.text("desc")?.unwrap_or_default();
    ensure(!text.is_empty() || !desc.is_empty(), PARAM)
}

/// Where a press leads: 0 nowhere, 1 an address, 2 a mini program.
fn jump(part: Fields<'_>, field: &str) -> Result<u64, Fail> {
    let kind = part.one_of(field, &[0, 1, 2], PARAM)?.unwrap_or(0);
    match kind {
        1 => url(part, NO_URL)?,
        2 => drop(part.filled("appid", NO_APPID)?),
        _ => {}
    }
    Ok(kind)
}

fn action(card: Fields<'_>, required: bool) -> Result<(), Fail> {
    match card.object("card_action")? {
        None => ensure(!required, NO_ACTION),
        Some(action) => {
            let kind = jump(action, "type")?;
            ensure(!required || kind > 0, NO_ACTION)
        }
    }
}

fn shared_parts(world: &World, call: &Call<'_>, card: Fields<'_>) -> Result<(), Fail> {
    if let Some(source) = card.object("source")? {
        source.one_of("desc_color", &[0, 1, 2, 3], PARAM)?;
    }
    if let Some(quote) = card.object("quote_area")? {
        jump(quote, "type")?;
    }
    let vertical = card.objects("vertical_content_list")?;
    ensure(vertical.len() <= 4, (42036, "too many vertical contents"))?;
    for item in vertical {
        item.filled("title", (42033, "missing vertical content title"))?;
    }
    let horizontal = card.objects("horizontal_content_list")?;
    ensure(
        horizontal.len() <= 6,
        (42035, "too many horizontal contents"),
    )?;
    for item in horizontal {
        item.filled("keyname", (42027, "missing keyname"))?;
        match item.one_of("type", &[0, 1, 2, 3], PARAM)?.unwrap_or(0) {
            1 => url(item, NO_URL)?,
            2 => {
                const BAD_MEDIA: Code = (42029, "invalid template card media_id");
                let id = item.filled("media_id", BAD_MEDIA)?;
                ensure(world.media.file(id, call.now_s).is_some(), BAD_MEDIA)?;
            }
            3 => {
                const BAD_USER: Code = (42050, "invalid template card userid");
                let userid = item.filled("userid", BAD_USER)?;
                ensure(world.member(userid).is_some(), BAD_USER)?;
            }
            _ => {}
        }
    }
    let jumps = card.objects("jump_list")?;
    ensure(jumps.len() <= 3, (42042, "too many jumps"))?;
    for item in jumps {
        item.filled("title", PARAM)?;
        jump(item, "type")?;
    }
    Ok(())
}

fn buttons(card: Fields<'_>) -> Result<(), Fail> {
    const NO_TEXT: Code = (42038, "missing button text");
    const NO_KEY: Code = (42039, "invalid button key");
    let list = card.objects("button_list")?;
    ensure((1..=6).contains(&list.len()), PARAM)?;
    let mut called_back = Vec::new();
    for button in list {
        button.one_of("style", &[1, 2, 3, 4], PARAM)?;
        match button.one_of("type", &[0, 1], PARAM)?.unwrap_or(0) {
            1 => {
                button.filled("text", NO_TEXT)?;
                url(button, NO_URL)?;
            }
            _ => called_back.push(button),
        }
    }
    keys(&called_back, NO_TEXT, NO_KEY)
}

fn select(list: Fields<'_>, bad: Code) -> Result<(), Fail> {
    list.filled("question_key", bad)?;
    let options = list.objects("option_list")?;
    ensure((1..=10).contains(&options.len()), bad)?;
    for option in options {
        option.filled("id", bad)?;
        option.filled("text", bad)?;
    }
    Ok(())
}

fn vote(card: Fields<'_>) -> Result<(), Fail> {
    const BAD_OPTION: Code = (42040, "invalid checkbox option");
    let checkbox = card.object("checkbox")?;
    let checkbox = checkbox.ok_or((42037, "missing checkbox"))?;
    const BAD_KEY: Code = (42043, "invalid checkbox question_key");
    checkbox.filled("question_key", BAD_KEY)?;
    checkbox.bytes("question_key", 1024, BAD_KEY)?;
    checkbox.one_of("mode", &[0, 1], PARAM)?;
    let options = checkbox.objects("option_list")?;
    ensure(
        (1..=20).contains(&options.len()),
        (42037, "invalid checkbox option count"),
    )?;
    for option in options {
        option.filled("id", BAD_OPTION)?;
        option.bytes("id", 128, BAD_OPTION)?;
        option.filled("text", (42041, "missing checkbox option text"))?;
    }
    Ok(())
}

fn submit(card: Fields<'_>) -> Result<(), Fail> {
    const NO_KEY: Code = (42049, "invalid submit button key");
    let button = card.object("submit_button")?;
    let button = button.ok_or((42046, "missing submit button"))?;
    button.filled("key", NO_KEY)?;
    button.bytes("key", 1024, NO_KEY)?;
    Ok(())
}

/// A member presses something on a card.
#[derive(Debug, Clone, Copy)]
pub struct Press<'a> {
    /// The member.
    pub userid: &'a str,
    /// The message.
    pub msgid: &'a str,
    /// Key of the button.
    pub key: &'a str,
    /// Questions with the ids of the options chosen.
    pub chosen: &'a [(String, Vec<String>)],
}

impl World {
    /// A right to change the card of this message once.
    pub(super) fn response_code(&mut self, msgid: &str, now_s: i64) -> String {
        let code = self.fresh().id("", 64);
        let right = ResponseCode {
            msgid: msgid.to_owned(),
            made_at: now_s,
            used: false,
        };
        self.messages.codes.insert(code.clone(), right);
        code
    }

    /// What a press on a card tells; `None` if there is nothing to press.
    pub fn press(&mut self, press: Press<'_>, agentid: u64, now_s: i64) -> Option<Notice> {
        let sent = self.messages.find(press.msgid)?;
        let there = sent.users.contains(press.userid) && !sent.recalled;
        let buttons = sent.buttons();
        if !there || !buttons.iter().any(|(_, key)| key == press.key) {
            return None;
        }
        let menu = sent.content["action_menu"]["action_list"].as_array();
        let from_menu = menu.is_some_and(|list| list.iter().any(|a| a["key"] == press.key));
        let event = if from_menu {
            "template_card_menu_event"
        } else {
            "template_card_event"
        };
        let text = |field: &str| sent.content[field].as_str().unwrap_or_default().to_owned();
        let (task, kind) = (text("task_id"), text("card_type"));
        let code = self.response_code(press.msgid, now_s);
        let notice = Notice::new(event, "")
            .by(press.userid)
            .id("EventKey", press.key)
            .text("TaskId", &task)
            .text("CardType", &kind)
            .text("ResponseCode", &code)
            .selected(press.chosen)
            .number("AgentID", agentid);
        Some(notice)
    }
}
