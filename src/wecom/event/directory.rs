//! 通讯录变更事件: the directory changed in the console, in a client, or by another program.

use super::{Error, Fields};

/// What changed. Since August 2022 WeCom tells little more than ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryEvent {
    /// create_user
    MemberCreated {
        /// The member.
        userid: String,
        /// Departments, if told.
        departments: Vec<u64>,
    },
    /// update_user
    MemberUpdated {
        /// The member, under the id from before.
        userid: String,
        /// The new id, if it changed.
        new_userid: Option<String>,
        /// All departments, if they changed.
        departments: Option<Vec<u64>>,
    },
    /// delete_user
    MemberDeleted {
        /// The member.
        userid: String,
    },
    /// create_party
    DepartmentCreated {
        /// The department.
        id: u64,
        /// The one above, if told.
        parent: Option<u64>,
    },
    /// update_party
    DepartmentUpdated {
        /// The department.
        id: u64,
        /// The one above now, if it changed.
        parent: Option<u64>,
    },
    /// delete_party
    DepartmentDeleted {
        /// The department.
        id: u64,
    },
    /// update_tag
    TagUpdated {
        /// The directory tag.
        tag_id: u64,
        /// Who has it now.
        added: Moves,
        /// Who no longer has it.
        removed: Moves,
    },
}

/// Members and departments that got or lost a directory tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// userids
    pub members: Vec<String>,
    /// Department ids.
    pub departments: Vec<u64>,
}

pub(super) fn read(change: &str, fields: &Fields<'_>) -> Result<Option<DirectoryEvent>, Error> {
    let userid = || fields.required("UserID");
    let id = || fields.required_number("Id");
    let departments = fields.numbers("Department").filter(|ids| !ids.is_empty());
    let parent = fields.number("ParentId");
    Ok(Some(match change {
        "create_user" => DirectoryEvent::MemberCreated {
            userid: userid()?,
            departments: departments.unwrap_or_default(),
        },
        "update_user" => DirectoryEvent::MemberUpdated {
            userid: userid()?,
            new_userid: fields.text("NewUserID"),
            departments,
        },
        "delete_user" => DirectoryEvent::MemberDeleted { userid: userid()? },
        "create_party" => DirectoryEvent::DepartmentCreated { id: id()?, parent },
        "update_party" => DirectoryEvent::DepartmentUpdated { id: id()?, parent },
        "delete_party" => DirectoryEvent::DepartmentDeleted { id: id()? },
        "update_tag" => DirectoryEvent::TagUpdated {
            tag_id: fields.required_number("TagId")?,
            added: moves(fields, "AddUserItems", "AddPartyItems"),
            removed: moves(fields, "DelUserItems", "DelPartyItems"),
        },
        _ => return Ok(None),
    }))
}

fn moves(fields: &Fields<'_>, members: &str, departments: &str) -> Moves {
    Moves {
        members: fields.list(members).unwrap_or_default(),
        departments: fields.numbers(departments).unwrap_or_default(),
    }
}
