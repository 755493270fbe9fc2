//! Asking WeCom where customers stand: for each follow relation of a member whose chats are
//! archived, and for each room with people outside. A job; it goes on where it was stopped.
//!
//! Source: WeCom documentation, 获取会话内容存档开启成员列表, 获取会话同意情况.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{Customer, Relation, RelationId},
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    store::{Act, Read, StoreError, Write},
    wecom::{self, Client, quota::Urgency},
    work::{
        Job, JobContext, JobEnd, JobFuture,
        jobs::{self, JobId, NewJob},
    },
};

use super::super::{
    ingest,
    model::{Answer, Chat, Heard, Place, Said, Towards},
    seats,
};

/// The job's kind.
pub const KIND: &str = "archive.consents";
/// Relations whose pairs are asked about in one step: one call, or a few.
const RELATIONS: usize = 300;
/// Rooms that are asked about in one step, with a call for each.
const ROOMS: usize = 20;

/// How far the job is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
enum Stage {
    /// Pairs, behind this relation.
    #[n(0)]
    Pairs(#[n(0)] Option<RelationId>),
    /// Rooms, behind this conversation.
    #[n(1)]
    Rooms(#[n(0)] u32),
    /// Nothing is left.
    #[n(2)]
    Done,
}

/// Asks WeCom where everybody stands.
#[derive(Debug, Clone, Copy)]
pub struct AskConsents;

impl Command for AskConsents {
    const PERMISSION: Option<Permission> = Some(Permission::ArchiveRead);
    const WHAT: &'static str = "consent";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Queues the job, unless it runs already.
pub fn ask_soon(w: &mut Write<'_>, allowed: &Allowed<AskConsents>) -> Result<JobId> {
    Ok(enqueue(w, allowed.by().map(Id::cast))?)
}

/// Queues the job in nobody's name: the pass of the night.
pub(in crate::archive) fn begin(w: &mut Write<'_>) -> Result<JobId> {
    Ok(enqueue(w, None)?)
}

fn enqueue(
    w: &mut Write<'_>,
    created_by: Option<crate::store::SubjectId>,
) -> Result<JobId, StoreError> {
    jobs::enqueue_once(
        w,
        NewJob {
            kind: KIND,
            input: Vec::new(),
            created_by,
        },
    )
}

/// Runs the job.
pub(in crate::archive) fn run(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        let client = app.wecom().ok_or(AppError::Unavailable {
            why: "wecom_missing",
        })?;
        let pass = Pass {
            client: client.at(Urgency::Bulk),
            app,
            context,
        };
        let archived = pass.client.archived_members(None).await?;
        let archived: BTreeSet<String> = archived.into_iter().collect();
        seats::note(&pass.app, &archived).await?;
        loop {
            if pass.context.should_stop()? {
                return Ok(JobEnd::Paused);
            }
            match pass.stage()? {
                Stage::Pairs(after) => pass.pairs(&archived, after).await?,
                Stage::Rooms(after) => pass.rooms(after).await?,
                Stage::Done => return Ok(JobEnd::Done),
            }
        }
    })
}

/// One run over the firm.
struct Pass {
    app: Arc<App>,
    client: Client,
    context: JobContext,
}

/// Somebody outside and where they stand, as WeCom told it.
struct Told {
    external_userid: String,
    towards: Where,
    said: Said,
}

/// Where: by WeCom's name.
enum Where {
    Member(String),
    Room(u32),
}

impl Pass {
    fn stage(&self) -> Result<Stage> {
        match self.context.job()?.cursor {
            Some(cursor) => minicbor::decode(&cursor).map_err(AppError::internal),
            None => Ok(Stage::Pairs(None)),
        }
    }

    async fn pairs(&self, archived: &BTreeSet<String>, after: Option<RelationId>) -> Result<()> {
        let some = self.app.read(|r| relations(r, archived, after))?;
        let told = self.client.single_consents(&some.pairs).await?;
        let now = self.app.store.clock().now();
        let mut answers: BTreeMap<(String, String), Said> = BTreeMap::new();
        for consent in told {
            let said = said(consent.consent, consent.since_s, now);
            answers.insert((consent.userid, consent.external_userid), said);
        }
        let nothing = Said {
            answer: Answer::None,
            at: now,
            heard: Heard::Asked,
        };
        let told = some.pairs.into_iter().map(|pair| {
            let said = answers.get(&pair).copied().unwrap_or(nothing);
            let (userid, external_userid) = pair;
            Told {
                external_userid,
                towards: Where::Member(userid),
                said,
            }
        });
        let next = match some.last {
            Some(last) => Stage::Pairs(Some(last)),
            None => Stage::Rooms(0),
        };
        self.keep(told.collect(), some.seen, next).await
    }

    async fn rooms(&self, after: u32) -> Result<()> {
        let rooms = self.app.read(|r| rooms(r, after))?;
        let now = self.app.store.clock().now();
        let mut told = Vec::new();
        for (no, roomid) in &rooms.found {
            // A room that WeCom does not know any more says nothing new.
            for consent in self.client.room_consents(roomid).await?.unwrap_or_default() {
                told.push(Told {
                    said: said(consent.consent, consent.since_s, now),
                    external_userid: consent.external_userid,
                    towards: Where::Room(*no),
                });
            }
        }
        let next = match rooms.last {
            Some(last) => Stage::Rooms(last),
            None => Stage::Done,
        };
        self.keep(told, rooms.found.len() as u64, next).await
    }

    /// Keeps what was told and where the job then is, in one write.
    async fn keep(&self, told: Vec<Told>, asked: u64, next: Stage) -> Result<()> {
        let act = Act::by_system("archive.consents", "archive").about("job", self.context.id());
        self.context
            .step(act, move |w, job| {
                note(job, &told, asked, &next)?;
                for Told {
                    external_userid,
                    towards,
                    said,
                } in told
                {
                    let party = ingest::party_with_id(w, &external_userid)?;
                    let towards = match towards {
                        Where::Member(userid) => {
                            Towards::Member(ingest::party_with_id(w, &userid)?.no)
                        }
                        Where::Room(no) => Towards::Room(no),
                    };
                    if super::keep(w, &party, towards, said)? {
                        job.progress.count("consents_changed", 1);
                    }
                }
                Ok(())
            })
            .await
    }
}

fn note(job: &mut Job, told: &[Told], asked: u64, next: &Stage) -> Result<()> {
    "consents".clone_into(&mut job.progress.phase);
    job.progress.done += asked;
    job.progress.count("consents_asked", told.len() as u64);
    let open = told
        .iter()
        .filter(|told| !matches!(told.said.answer, Answer::Agreed | Answer::ByDefault));
    job.progress.count("consents_open", open.count() as u64);
    job.cursor = Some(minicbor::to_vec(next).map_err(AppError::internal)?);
    Ok(())
}

fn said(consent: wecom::Consent, since_s: i64, now: Timestamp) -> Said {
    Said {
        answer: match consent {
            wecom::Consent::Agree => Answer::Agreed,
            wecom::Consent::Disagree => Answer::Refused,
            wecom::Consent::DefaultAgree => Answer::ByDefault,
            wecom::Consent::Other => Answer::Unknown,
        },
        at: match since_s {
            0 => now,
            since_s => Timestamp::from_ms(since_s.saturating_mul(1_000)),
        },
        heard: Heard::Asked,
    }
}

/// Pairs to ask about.
struct Pairs {
    /// Userid and external_userid.
    pairs: Vec<(String, String)>,
    /// Relations that were looked at.
    seen: u64,
    /// The last of them; none if there are no more.
    last: Option<RelationId>,
}

/// The pairs of the next relations: contacts of members whose chats are archived and who take
/// part in the pilot.
fn relations(
    r: &Read<'_>,
    archived: &BTreeSet<String>,
    after: Option<RelationId>,
) -> Result<Pairs, StoreError> {
    let pilot = crate::sync::pilot::Pilot::load(r)?;
    let mut found = Pairs {
        pairs: Vec::new(),
        seen: 0,
        last: None,
    };
    for relation in r.all::<Relation>(after.as_ref())?.take(RELATIONS) {
        let relation = relation?;
        found.last = Some(relation.id);
        found.seen += 1;
        if !relation.is_active() {
            continue;
        }
        let member = r.get::<crate::org::Member>(&relation.member)?;
        let Some(member) = member.filter(|member| archived.contains(&member.userid)) else {
            continue;
        };
        let customer = r.get::<Customer>(&relation.customer)?;
        if let Some(customer) = customer.filter(|customer| !customer.is_own())
            && pilot.has(r, &member)?
        {
            found.pairs.push((member.userid, customer.external_userid));
        }
    }
    Ok(found)
}

/// Rooms to ask about: number and roomid, and the last that was looked at.
struct Rooms {
    found: Vec<(u32, String)>,
    last: Option<u32>,
}

fn rooms(r: &Read<'_>, after: u32) -> Result<Rooms, StoreError> {
    let mut rooms = Rooms {
        found: Vec::new(),
        last: None,
    };
    for chat in r.all::<Chat>(Some(&after))? {
        let chat = chat?;
        rooms.last = Some(chat.no);
        if let Place::Room(roomid) = chat.place
            && chat.is_external
        {
            rooms.found.push((chat.no, roomid));
        }
        if rooms.found.len() == ROOMS {
            return Ok(rooms);
        }
    }
    // All were looked at; what was found is asked about, and then nothing is left.
    if rooms.found.is_empty() {
        rooms.last = None;
    }
    Ok(rooms)
}
