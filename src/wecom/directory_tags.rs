//! 标签管理: tags of members and departments (not those of customers).
//!
//! Only the app that made a tag may change it; the sync assistant also those that super
//! administrators made. These calls are made with the secret that is given.
//!
//! Source: WeCom documentation, 通讯录管理 · 标签管理.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
    client::{Client, Purpose},
    directory::unless_gone,
    error::Error,
    lenient,
};

/// Members that one call takes.
pub const TAGGED_USERS_MAX: usize = 1000;
/// Departments that one call takes.
pub const TAGGED_PARTIES_MAX: usize = 100;

/// Whose tags are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOwner {
    /// The firm's own app.
    App,
    /// The sync assistant.
    SyncAssistant,
}

impl TagOwner {
    fn purpose(self) -> Purpose {
        match self {
            Self::App => Purpose::App,
            Self::SyncAssistant => Purpose::Sync,
        }
    }
}

/// A directory tag in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DirectoryTag {
    /// Id.
    #[serde(deserialize_with = "lenient::uint")]
    pub tagid: u64,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tagname: String,
}

/// Who carries a directory tag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DirectoryTagMembers {
    /// Name of the tag.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tagname: String,
    /// Members the app sees.
    // Required: an answer without it must not read as "nobody".
    #[serde(deserialize_with = "lenient::or_default")]
    pub userlist: Vec<TaggedMember>,
    /// Departments the app sees.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub partylist: Vec<u64>,
}

/// A member who carries a tag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaggedMember {
    /// Userid.
    pub userid: String,
    /// Name; absent without the right to it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

/// Those whom a change of a tag could not reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untagged {
    /// Userids.
    pub users: Vec<String>,
    /// Departments.
    pub parties: Vec<u64>,
}

#[derive(Deserialize)]
struct Changed {
    #[serde(default, deserialize_with = "lenient::or_default")]
    invalidlist: String,
    #[serde(default, deserialize_with = "lenient::ints")]
    invalidparty: Vec<u64>,
}

impl From<Changed> for Untagged {
    fn from(changed: Changed) -> Self {
        Self {
            users: lenient::bars(&changed.invalidlist),
            parties: changed.invalidparty,
        }
    }
}

#[derive(Serialize)]
struct Nodes<'a> {
    tagid: u64,
    userlist: &'a [String],
    partylist: &'a [u64],
}

impl Client {
    /// Makes a directory tag (`tag/create`), with this id if one is wished for; its id. A
    /// second time answers 40071.
    pub async fn create_directory_tag(
        &self,
        owner: TagOwner,
        name: &str,
        id: Option<u64>,
    ) -> Result<u64, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            tagname: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            tagid: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::uint")]
            tagid: u64,
        }
        let ask = Ask {
            tagname: name,
            tagid: id,
        };
        let answer: Answer = self.write(owner.purpose(), "tag/create", &ask).await?;
        Ok(answer.tagid)
    }

    /// Renames a directory tag (`tag/update`). Safe to repeat.
    pub async fn rename_directory_tag(
        &self,
        owner: TagOwner,
        id: u64,
        name: &str,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            tagid: u64,
            tagname: &'a str,
        }
        let ask = Ask {
            tagid: id,
            tagname: name,
        };
        let Done {} = self.write(owner.purpose(), "tag/update", &ask).await?;
        Ok(())
    }

    /// Deletes a directory tag (`tag/delete`); false if it was not there. Safe to repeat.
    pub async fn delete_directory_tag(&self, owner: TagOwner, id: u64) -> Result<bool, Error> {
        let id = id.to_string();
        let query = [("tagid", id.as_str())];
        let answer = self.write_by_get(owner.purpose(), "tag/delete", &query);
        if_there(answer.await, &[40068])
    }

    /// The directory tags that are visible (`tag/list`).
    pub async fn directory_tags(&self, owner: TagOwner) -> Result<Vec<DirectoryTag>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            // Required: an answer without it must not read as "none".
            #[serde(deserialize_with = "lenient::or_default")]
            taglist: Vec<DirectoryTag>,
        }
        let answer: Answer = self.get(owner.purpose(), "tag/list", &[]).await?;
        Ok(answer.taglist)
    }

    /// Who carries a directory tag (`tag/get`); `None` if there is no such tag.
    pub async fn directory_tag(
        &self,
        owner: TagOwner,
        id: u64,
    ) -> Result<Option<DirectoryTagMembers>, Error> {
        let id = id.to_string();
        let query = [("tagid", id.as_str())];
        let answer: Result<DirectoryTagMembers, Error> =
            self.get(owner.purpose(), "tag/get", &query).await;
        match answer {
            Err(Error::Refused { errcode: 40068, .. }) => Ok(None),
            answer => unless_gone(answer),
        }
    }

    /// Gives a tag to up to [`TAGGED_USERS_MAX`] members and [`TAGGED_PARTIES_MAX`]
    /// departments (`tag/addtagusers`); those it could not reach. Safe to repeat.
    pub async fn tag_members(
        &self,
        owner: TagOwner,
        id: u64,
        users: &[String],
        parties: &[u64],
    ) -> Result<Untagged, Error> {
        let nodes = Nodes {
            tagid: id,
            userlist: users,
            partylist: parties,
        };
        let purpose = owner.purpose();
        let answer: Changed = self.write(purpose, "tag/addtagusers", &nodes).await?;
        Ok(answer.into())
    }

    /// Takes a tag away again (`tag/deltagusers`); those it could not reach. Safe to repeat.
    pub async fn untag_members(
        &self,
        owner: TagOwner,
        id: u64,
        users: &[String],
        parties: &[u64],
    ) -> Result<Untagged, Error> {
        let nodes = Nodes {
            tagid: id,
            userlist: users,
            partylist: parties,
        };
        let purpose = owner.purpose();
        let answer: Changed = self.write(purpose, "tag/deltagusers", &nodes).await?;
        Ok(answer.into())
    }
}
