//! Approvals, directory jobs, and what members write to the app.

use super::{Error, Fields};

/// An approval (审批) moved. The record is read again by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalEvent {
    /// SpNoStr, else SpNo; of a self-built engine its ThirdNo.
    pub number: String,
    /// From a self-built approval engine (open_approval_change).
    pub own_engine: bool,
    /// SpStatus or OpenSpStatus: 1 under way, 2 agreed, 3 rejected, 4 withdrawn, and others.
    pub status: Option<u32>,
    /// StatuChangeEvent: 1 filed, 2 agreed, 3 rejected, 4 passed on, 5 urged, 6 withdrawn,
    /// 8 withdrawn after agreement, 10 comment, and others.
    pub cause: Option<u32>,
    /// Template.
    pub template_id: Option<String>,
}

impl ApprovalEvent {
    pub(super) fn read(event: &str, fields: &Fields<'_>) -> Result<Self, Error> {
        let own_engine = event == "open_approval_change";
        let info = fields.0.child("ApprovalInfo");
        let info = Fields(info.ok_or(Error::Field("ApprovalInfo"))?);
        let number = if own_engine {
            info.required("ThirdNo")?
        } else {
            match info.text("SpNoStr") {
                Some(number) => number,
                None => info.required("SpNo")?,
            }
        };
        Ok(Self {
            number,
            own_engine,
            status: info.number(if own_engine {
                "OpenSpStatus"
            } else {
                "SpStatus"
            }),
            cause: info.number("StatuChangeEvent"),
            template_id: info.text(if own_engine {
                "OpenTemplateId"
            } else {
                "TemplateId"
            }),
        })
    }
}

/// The end of an asynchronous directory job (异步任务).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchJob {
    /// jobid
    pub id: String,
    /// `sync_user`, `replace_user`, `invite_user`, `replace_party` or `export_…`.
    pub kind: String,
    /// errcode; 0 is success.
    pub errcode: i64,
    /// errmsg
    pub errmsg: String,
}

impl BatchJob {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let job = Fields(fields.0.child("BatchJob").ok_or(Error::Field("BatchJob"))?);
        Ok(Self {
            id: job.required("JobId")?,
            kind: job.text("JobType").unwrap_or_default(),
            errcode: job.number("ErrCode").unwrap_or(0),
            errmsg: job.text("ErrMsg").unwrap_or_default(),
        })
    }
}

/// A message a member sent to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// MsgType: `text`, `image`, `voice`, `video`, `location`, `link`.
    pub kind: String,
    /// MsgId, unique.
    pub id: String,
    /// Content of a text; nothing for other kinds.
    pub text: Option<String>,
    /// MediaId of what has one.
    pub media_id: Option<String>,
}

impl Message {
    pub(super) fn read(kind: String, fields: &Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            kind,
            id: fields.required("MsgId")?,
            text: fields.0.text_of("Content").map(str::to_owned),
            media_id: fields.text("MediaId"),
        })
    }
}
