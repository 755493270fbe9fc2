//! 模板卡片: cards in messages of the app.
//!
//! Source: WeCom documentation, 模板卡片消息. Lengths in characters are advice: what is longer
//! is not shown whole. Those in bytes are hard.

use serde::Serialize;

/// Which card it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CardType {
    /// 文本通知; needs [`TemplateCard::card_action`].
    #[default]
    TextNotice,
    /// 图文展示; needs [`TemplateCard::card_action`] and a picture.
    NewsNotice,
    /// 按钮交互; needs [`TemplateCard::button_list`].
    ButtonInteraction,
    /// 投票选择; needs [`TemplateCard::checkbox`] and [`TemplateCard::submit_button`].
    VoteInteraction,
    /// 多项选择; needs [`TemplateCard::select_list`] and [`TemplateCard::submit_button`].
    MultipleInteraction,
}

/// A card. The interactive ones, and those with a menu, need a task id and a callback URL.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TemplateCard {
    /// Which card it is.
    pub card_type: CardType,
    /// Unique for the app; at most 128 bytes of `[0-9A-Za-z_@-]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<CardSource>,
    /// Menu in the upper corner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_menu: Option<ActionMenu>,
    /// Title, about 36 characters, with a description of about 44.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_title: Option<CardTitle>,
    /// A quotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote_area: Option<QuoteArea>,
    /// Large words, about 14 characters, with a description of about 22; text notice only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emphasis_content: Option<CardTitle>,
    /// Text of about 160 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_title_text: Option<String>,
    /// Picture with text; news notice only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_text_area: Option<ImageTextArea>,
    /// Picture; news notice only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_image: Option<CardImage>,
    /// At most four.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vertical_content_list: Vec<CardTitle>,
    /// At most six.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub horizontal_content_list: Vec<HorizontalContent>,
    /// At most three.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jump_list: Vec<Jump>,
    /// Where a press on the card leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_action: Option<CardAction>,
    /// A choice beside the buttons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button_selection: Option<Selection>,
    /// One to six.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub button_list: Vec<CardButton>,
    /// The choices of a vote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkbox: Option<Checkbox>,
    /// One to three.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub select_list: Vec<Selection>,
    /// What sends the choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submit_button: Option<SubmitButton>,
    /// What the button becomes, in an update only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_text: Option<String>,
}

/// Where a card comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardSource {
    /// Address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
    /// About 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// 0 grey, 1 black, 2 red, 3 green.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc_color: Option<u8>,
}

/// Menu in the upper corner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ActionMenu {
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// One to three, each with a key of its own, at most 1024 bytes.
    pub action_list: Vec<MenuAction>,
}

/// A line of the menu.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MenuAction {
    /// What is shown.
    pub text: String,
    /// What the event says.
    pub key: String,
}

/// A title with a description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardTitle {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
}

/// Where a press leads: nowhere, an address, or a page of a mini program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Leads {
    /// 0 nowhere, 1 an address, 2 a mini program.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The mini program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// The page in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<String>,
}

impl Leads {
    /// To an address.
    pub fn to(url: &str) -> Self {
        Self {
            kind: 1,
            url: Some(url.to_owned()),
            ..Self::default()
        }
    }
}

/// Where a press on the card leads.
pub type CardAction = Leads;

/// A quotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct QuoteArea {
    /// Where a press leads.
    #[serde(flatten)]
    pub leads: Leads,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The quotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote_text: Option<String>,
}

/// Picture with text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageTextArea {
    /// Where a press leads.
    #[serde(flatten)]
    pub leads: Leads,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
    /// Address of the picture.
    pub image_url: String,
}

/// Picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CardImage {
    /// Its address.
    pub url: String,
    /// Width by height, 1.3 to 2.25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect_ratio: Option<f32>,
}

/// A name with a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HorizontalContent {
    /// Name.
    pub keyname: String,
    /// Value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// 0 nothing, 1 an address, 2 a file, 3 a member.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<u8>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_id: Option<String>,
    /// The member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userid: Option<String>,
}

/// A line that leads somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Jump {
    /// What is shown.
    pub title: String,
    /// Where it leads.
    #[serde(flatten)]
    pub leads: Leads,
}

/// A choice of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// What the event says.
    pub question_key: String,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// One to ten.
    pub option_list: Vec<SelectOption>,
    /// The one chosen at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_id: Option<String>,
}

/// One to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SelectOption {
    /// What the event says.
    pub id: String,
    /// What is shown.
    pub text: String,
}

/// A button.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardButton {
    /// 0 calls back, 1 leads to an address.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<u8>,
    /// What is shown.
    pub text: String,
    /// 1 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<u8>,
    /// What the event says, at most 1024 bytes, each its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The choices of a vote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checkbox {
    /// What the event says, at most 1024 bytes.
    pub question_key: String,
    /// One to ten; some texts say twenty.
    pub option_list: Vec<CheckOption>,
    /// 0 one, 1 several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u8>,
}

/// One of a vote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckOption {
    /// What the event says, at most 128 bytes.
    pub id: String,
    /// What is shown.
    pub text: String,
    /// Chosen at first.
    pub is_checked: bool,
}

/// What sends the choices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubmitButton {
    /// What is shown; 提交 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the event says, at most 1024 bytes.
    pub key: String,
}
