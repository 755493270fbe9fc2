//! One event as WeCom words it.

use super::Target;
use crate::wecom::xml::Writer;

/// An event on its way, without envelope and time.
#[derive(Debug)]
pub struct Notice {
    /// Event; MsgType of a message.
    pub event: &'static str,
    /// ChangeType, empty where there is none.
    pub change: &'static str,
    /// Whom it is about, for people.
    pub about: Vec<String>,
    /// Told here instead of at the firm's callback URL.
    pub to: Option<Target>,
    from: String,
    fields: Writer,
}

impl Notice {
    /// An event of the system.
    pub fn new(event: &'static str, change: &'static str) -> Self {
        let mut fields = Writer::default();
        fields.text("MsgType", "event").text("Event", event);
        if !change.is_empty() {
            fields.text("ChangeType", change);
        }
        Self {
            event,
            change,
            about: Vec::new(),
            to: None,
            from: "sys".to_owned(),
            fields,
        }
    }

    /// A text message of a member to the app.
    pub fn message(userid: &str, text: &str, id: u64, agentid: u64) -> Self {
        let mut fields = Writer::default();
        fields
            .text("MsgType", "text")
            .text("Content", text)
            .number("MsgId", id)
            .number("AgentID", agentid);
        Self {
            event: "text",
            change: "",
            about: vec![userid.to_owned()],
            to: None,
            from: userid.to_owned(),
            fields,
        }
    }

    /// With the id of somebody or something.
    pub fn id(mut self, name: &str, id: &str) -> Self {
        self.about.push(id.to_owned());
        self.text(name, id)
    }

    /// With a text; an empty one is left out.
    pub fn text(mut self, name: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.fields.text(name, text);
        }
        self
    }

    /// With a number.
    pub fn number(mut self, name: &str, number: u64) -> Self {
        self.fields.number(name, number);
        self
    }

    /// With the id of a department.
    pub fn department(mut self, id: u64) -> Self {
        self.about.push(id.to_string());
        self.number("Id", id)
    }

    /// From a member.
    pub fn by(mut self, userid: &str) -> Self {
        self.about.push(userid.to_owned());
        userid.clone_into(&mut self.from);
        self
    }

    /// With questions of a card and the ids of the options chosen.
    pub fn selected(mut self, chosen: &[(String, Vec<String>)]) -> Self {
        if chosen.is_empty() {
            return self;
        }
        self.fields.element("SelectedItems", |w| {
            for (question, options) in chosen {
                w.element("SelectedItem", |w| {
                    w.text("QuestionKey", question);
                    w.element("OptionIds", |w| {
                        for option in options {
                            w.text("OptionId", option);
                        }
                    });
                });
            }
        });
        self
    }

    /// With the end of a job.
    pub fn job(mut self, id: &str, kind: &str, errcode: i64, errmsg: &str) -> Self {
        self.about.push(id.to_owned());
        self.fields.element("BatchJob", |w| {
            w.text("JobId", id)
                .text("JobType", kind)
                .number("ErrCode", errcode)
                .text("ErrMsg", errmsg);
        });
        self
    }

    /// With `a,b`.
    pub fn list(self, name: &str, items: &[u64]) -> Self {
        let items: Vec<String> = items.iter().map(u64::to_string).collect();
        self.text(name, &items.join(","))
    }

    /// With `<name><Item>a</Item>…</name>`.
    pub fn items(mut self, name: &str, items: &[&str]) -> Self {
        self.fields.element(name, |w| {
            for item in items {
                w.text("Item", item);
            }
        });
        self
    }

    /// The XML before encryption; `at_s` in seconds.
    pub fn xml(&self, corpid: &str, at_s: i64) -> String {
        let mut writer = Writer::default();
        writer.element("xml", |w| {
            w.text("ToUserName", corpid)
                .text("FromUserName", &self.from)
                .number("CreateTime", at_s)
                .append(&self.fields);
        });
        writer.finish()
    }
}
