//! 欢迎语: greeting a new customer, and the material with which groups greet.
//!
//! Source: WeCom documentation, 发送新客户欢迎语 and 入群欢迎语素材管理.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
    attachments::{Attachment, Material, Text},
    client::{Client, Purpose},
    error::Error,
};

/// What became of a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// Sent.
    Sent,
    /// The 20 seconds are over, or the code was never good (41050).
    TooLate,
    /// The chat has begun, or somebody has greeted already (41051).
    AlreadyGreeted,
    /// Another app is sending at this moment (41096); its message may fail, so one more try
    /// is allowed.
    OtherAppSending,
}

/// A template for groups to greet with.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GroupWelcome {
    /// Text (at most 3000 bytes, `%NICKNAME%` is the newcomer's name) and one thing beside.
    #[serde(flatten)]
    pub material: Material,
    /// Tells the members of the new template.
    #[serde(serialize_with = "as_number")]
    pub notify: bool,
}

fn as_number<S: serde::Serializer>(flag: &bool, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u8(u8::from(*flag))
}

#[derive(Serialize)]
struct ById<'a> {
    template_id: &'a str,
}

impl Client {
    /// Greets a new customer (`send_welcome_msg`) with the code of the event: text of at most
    /// 4000 bytes, at most nine attachments, not both empty. A second call with the same code
    /// never greets twice.
    pub async fn send_welcome(
        &self,
        welcome_code: &str,
        text: Option<&Text>,
        attachments: &[Attachment],
    ) -> Result<Greeting, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            welcome_code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            text: Option<&'a Text>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            attachments: &'a [Attachment],
        }
        let call = "externalcontact/send_welcome_msg";
        let ask = Ask {
            welcome_code,
            text,
            attachments,
        };
        match self.write(Purpose::Contact, call, &ask).await {
            Ok(Done {}) => Ok(Greeting::Sent),
            Err(Error::Refused { errcode: 41050, .. }) => Ok(Greeting::TooLate),
            Err(Error::Refused { errcode: 41051, .. }) => Ok(Greeting::AlreadyGreeted),
            Err(Error::Refused { errcode: 41096, .. }) => Ok(Greeting::OtherAppSending),
            Err(error) => Err(error),
        }
    }

    /// Makes a template (`group_welcome_template/add`) and answers its id. Not repeated after
    /// an unclear answer.
    pub async fn add_group_welcome(&self, template: &GroupWelcome) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            template_id: String,
        }
        let call = "externalcontact/group_welcome_template/add";
        let answer: Answer = self.write(Purpose::Contact, call, template).await?;
        Ok(answer.template_id)
    }

    /// Replaces a template (`group_welcome_template/edit`). Not repeated after an unclear
    /// answer, because members may be told each time: [`Self::group_welcome`] shows what it is.
    pub async fn edit_group_welcome(
        &self,
        template_id: &str,
        template: &GroupWelcome,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            template_id: &'a str,
            #[serde(flatten)]
            template: &'a GroupWelcome,
        }
        let call = "externalcontact/group_welcome_template/edit";
        let ask = Ask {
            template_id,
            template,
        };
        let Done {} = self.write(Purpose::Contact, call, &ask).await?;
        Ok(())
    }

    /// One template (`group_welcome_template/get`).
    pub async fn group_welcome(&self, template_id: &str) -> Result<Material, Error> {
        let call = "externalcontact/group_welcome_template/get";
        self.post(Purpose::Contact, call, &ById { template_id })
            .await
    }

    /// Deletes a template (`group_welcome_template/del`); false if there is none of ours.
    pub async fn delete_group_welcome(&self, template_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/group_welcome_template/del";
        let answer = self
            .post(Purpose::Contact, call, &ById { template_id })
            .await;
        if_there(answer, &[41058])
    }
}
