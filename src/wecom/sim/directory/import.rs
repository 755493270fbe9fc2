//! 异步批量接口: files of members or departments that are worked through while nobody waits.
//!
//! A job reads its file at once and does its work two seconds later. The last five keep their
//! results.
//!
//! Source: WeCom documentation, 异步导入接口.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{WRITERS, members::is_creator};
use crate::wecom::sim::{
    callbacks::{Notice, Target},
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::Department,
    routes::{Route, Wrote},
    state::World,
};

const BAD_FILE: Code = (40092, "invalid import file");
const TAKES_S: i64 = 2;
const RESULTS_KEPT: usize = 5;

pub const ROUTES: &[Route] = &[
    Route::write("batch/syncuser", WRITERS, sync_users),
    Route::write("batch/replaceuser", WRITERS, replace_users),
    Route::write("batch/replaceparty", WRITERS, replace_parties),
    Route::get("batch/getresult", WRITERS, result),
];

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    SyncUsers,
    ReplaceUsers,
    ReplaceParties,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::SyncUsers => "sync_user",
            Self::ReplaceUsers => "replace_user",
            Self::ReplaceParties => "replace_party",
        }
    }
}

#[derive(Debug, Clone)]
struct Job {
    id: String,
    work: Work,
    started_at: i64,
    rows: Vec<Value>,
    callback: Option<Target>,
    /// What came of it: its own errcode, and one line for each row.
    done: Option<(Code, Vec<Value>)>,
}

/// All import jobs, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Vec<Job>);

fn sync_users(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    begin(world, call, Work::SyncUsers)
}

fn replace_users(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    begin(world, call, Work::ReplaceUsers)
}

fn replace_parties(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    begin(world, call, Work::ReplaceParties)
}

fn begin(world: &mut World, call: &Call<'_>, work: Work) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let media_id = fields.filled("media_id", (41006, "missing media_id"))?;
    fields.flag("to_invite")?;
    let callback = fields
        .object("callback")?
        .map(target)
        .transpose()?
        .flatten();
    let file = world.media.file(media_id, call.now_s);
    let file = file.ok_or((40007, "invalid media_id"))?;
    let running = world.directory.jobs.0.iter().any(|job| job.done.is_none());
    ensure(!running, (302_008, "another import job is running"))?;
    let bytes = call.blobs.get(&file.blob).unwrap_or_default();
    let rows = match work {
        Work::ReplaceParties => party_rows(&bytes)?,
        Work::SyncUsers | Work::ReplaceUsers => user_rows(&bytes)?,
    };
    let id = world.fresh().id("", 42);
    let jobs = &mut world.directory.jobs.0;
    jobs.push(Job {
        id: id.clone(),
        work,
        started_at: call.now_s,
        rows,
        callback,
        done: None,
    });
    Ok(json!({ "jobid": id }).into())
}

/// Where the end is told instead; an empty address is none.
fn target(callback: Fields<'_>) -> Result<Option<Target>, Fail> {
    let text = |name: &str| Ok::<String, Fail>(callback.text(name)?.unwrap_or_default().to_owned());
    let target = Target {
        url: text("url")?,
        token: text("token")?,
        encoding_aes_key: text("encodingaeskey")?,
    };
    if target.url.is_empty() {
        return Ok(None);
    }
    ensure(target.encoding_aes_key.len() == 43, PARAM)?;
    Ok(Some(target))
}

fn result(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let id = call.param("jobid").ok_or((40088, "invalid jobid"))?;
    let jobs = &world.directory.jobs.0;
    let at = jobs.iter().position(|job| job.id == id);
    let at = at.ok_or((40088, "invalid jobid"))?;
    let kept = at + RESULTS_KEPT >= jobs.len();
    ensure(kept, (40089, "job result has been cleaned"))?;
    let job = &jobs[at];
    let mut answer = json!({
        "status": if call.now_s == job.started_at { 1 } else { 2 },
        "type": job.work.name(), "total": job.rows.len(), "percentage": 0, "result": [],
    });
    if let Some((_, lines)) = &job.done {
        answer["status"] = json!(3);
        answer["percentage"] = json!(100);
        answer["result"] = json!(lines);
    }
    Ok(answer)
}

/// Rows by their headings; all of `needed` must be there.
fn table(bytes: &[u8], needed: &[&str]) -> Result<Vec<Map<String, Value>>, Fail> {
    let bad = |_| Fail::from(BAD_FILE);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headings = reader.headers().map_err(bad)?.clone();
    let has = |name: &&str| headings.iter().any(|h| h.trim() == *name);
    ensure(needed.iter().all(has), BAD_FILE)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let cells = headings.iter().zip(&record);
        let cells = cells.map(|(h, cell)| (h.trim().to_owned(), json!(cell.trim())));
        let row: Map<String, Value> = cells.collect();
        if row.values().any(|cell| cell != "") {
            rows.push(row);
        }
    }
    ensure(!rows.is_empty(), BAD_FILE)?;
    Ok(rows)
}

/// Heading, field of `user/create`, and how its cell reads.
const USER_COLUMNS: &[(&str, &str, Cell)] = &[
    ("姓名", "name", Cell::Text),
    ("帐号", "userid", Cell::Text),
    ("别名", "alias", Cell::Text),
    ("职位", "position", Cell::Text),
    ("职务", "position", Cell::Text),
    ("所在部门", "department", Cell::Numbers),
    ("排序", "order", Cell::Numbers),
    ("部门负责人", "is_leader_in_dept", Cell::Numbers),
    ("性别", "gender", Cell::Gender),
    ("手机号", "mobile", Cell::Text),
    ("座机", "telephone", Cell::Text),
    ("邮箱", "email", Cell::Text),
    ("企业邮箱", "biz_mail", Cell::Text),
    ("地址", "address", Cell::Text),
];

#[derive(Clone, Copy)]
enum Cell {
    Text,
    /// `1;2`
    Numbers,
    Gender,
}

impl Cell {
    fn read(self, text: &str) -> Result<Value, Fail> {
        let number = |part: &str| part.trim().parse::<u64>();
        match self {
            Self::Text => Ok(json!(text)),
            Self::Gender => Ok(json!(match text {
                "男" | "1" => "1",
                "女" | "2" => "2",
                _ => "0",
            })),
            Self::Numbers => {
                let numbers: Result<Vec<u64>, _> = text.split(';').map(number).collect();
                Ok(json!(numbers.map_err(|_| BAD_FILE)?))
            }
        }
    }
}

/// Rows as `user/create` has them.
fn user_rows(bytes: &[u8]) -> Result<Vec<Value>, Fail> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for row in table(bytes, &["姓名", "帐号", "所在部门"])? {
        let cell = |heading: &str| row.get(heading).and_then(Value::as_str).unwrap_or_default();
        let required = ["姓名", "帐号", "所在部门"];
        ensure(required.iter().all(|h| !cell(h).is_empty()), BAD_FILE)?;
        ensure(
            !cell("手机号").is_empty() || !cell("邮箱").is_empty(),
            BAD_FILE,
        )?;
        let unique = seen.insert(cell("帐号").to_ascii_lowercase());
        ensure(unique, (302_003, "duplicate userid"))?;
        let mut fields = Map::new();
        for (heading, field, kind) in USER_COLUMNS {
            let text = cell(heading);
            if !text.is_empty() {
                fields.insert((*field).to_owned(), kind.read(text)?);
            }
        }
        rows.push(Value::Object(fields));
    }
    Ok(rows)
}

/// Rows as `department/create` has them, a whole tree.
fn party_rows(bytes: &[u8]) -> Result<Vec<Value>, Fail> {
    const NO_TREE: Code = (302_004, "departments are not a tree");
    let mut rows = Vec::new();
    for row in table(bytes, &["部门名称", "部门ID", "父部门ID"])? {
        let cell = |heading: &str| row.get(heading).and_then(Value::as_str).unwrap_or_default();
        let number = |heading: &str| {
            cell(heading)
                .parse::<u64>()
                .map_err(|_| Fail::from(NO_TREE))
        };
        let name = cell("部门名称");
        ensure(!name.is_empty(), NO_TREE)?;
        rows.push(json!({
            "id": number("部门ID")?, "name": name, "parentid": number("父部门ID")?,
            "order": cell("排序").parse::<u64>().unwrap_or(0),
        }));
    }
    let id = |row: &Value, field: &str| row[field].as_u64().unwrap_or(0);
    let ids: BTreeSet<u64> = rows.iter().map(|row| id(row, "id")).collect();
    ensure(ids.len() == rows.len(), (302_006, "duplicate partyid"))?;
    let mut siblings = BTreeSet::new();
    for row in &rows {
        let parent = id(row, "parentid");
        let root = id(row, "id") == 1 && parent == 0;
        ensure(root || parent == 1 || ids.contains(&parent), NO_TREE)?;
        let unique = siblings.insert((parent, row["name"].to_string()));
        ensure(unique, (302_007, "duplicate name under one parent"))?;
    }
    in_order(rows).ok_or_else(|| NO_TREE.into())
}

/// Parents before children; `None` if some never get their turn, which is a circle.
fn in_order(mut rows: Vec<Value>) -> Option<Vec<Value>> {
    let mut placed = BTreeSet::from([0, 1]);
    let mut sorted = Vec::new();
    while !rows.is_empty() {
        let ready = |row: &Value| {
            row["parentid"]
                .as_u64()
                .is_some_and(|p| placed.contains(&p))
        };
        let (now, later): (Vec<Value>, Vec<Value>) = rows.into_iter().partition(ready);
        if now.is_empty() {
            return None;
        }
        placed.extend(now.iter().filter_map(|row| row["id"].as_u64()));
        sorted.extend(now);
        rows = later;
    }
    Some(sorted)
}

fn line(key: &str, id: &Value, outcome: Result<(), Fail>) -> Value {
    let (code, text) = match outcome {
        Ok(()) => (0, "ok".to_owned()),
        Err(fail) => (fail.code, fail.text),
    };
    json!({ key: id, "errcode": code, "errmsg": text })
}

impl World {
    /// Does the work of the jobs whose time has come; what is told of it.
    pub fn end_imports(&mut self, now_s: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for at in 0..self.directory.jobs.0.len() {
            let job = self.directory.jobs.0[at].clone();
            if job.done.is_some() || job.started_at + TAKES_S > now_s {
                continue;
            }
            let done = self.import(&job);
            let (code, text) = done.0;
            let mut notice =
                Notice::new("batch_job_result", "").job(&job.id, job.work.name(), code, text);
            notice.to = job.callback;
            notices.push(notice);
            self.directory.jobs.0[at].done = Some(done);
        }
        notices
    }

    fn import(&mut self, job: &Job) -> (Code, Vec<Value>) {
        const OK: Code = (0, "ok");
        let now_s = job.started_at + TAKES_S;
        match job.work {
            Work::ReplaceParties => {
                let mut lines: Vec<Value> =
                    job.rows.iter().map(|row| self.put_party(row)).collect();
                lines.extend(self.drop_other_parties(&job.rows));
                (OK, lines)
            }
            Work::SyncUsers => (OK, self.put_users(&job.rows, now_s)),
            Work::ReplaceUsers => {
                let gone = self.missing_users(&job.rows);
                let (losing, all) = (gone.len(), self.org.members.len());
                let too_many = if losing > 50 { all / 5 } else { all * 4 / 5 };
                if losing > too_many {
                    return ((45026, "too many members would be deleted"), Vec::new());
                }
                let mut lines = self.put_users(&job.rows, now_s);
                for userid in gone {
                    self.member_leaves(&userid);
                    lines.push(line("userid", &json!(userid), Ok(())));
                }
                (OK, lines)
            }
        }
    }

    fn put_users(&mut self, rows: &[Value], now_s: i64) -> Vec<Value> {
        let mut lines = Vec::new();
        for row in rows {
            let userid = row["userid"].as_str().unwrap_or_default();
            let fields = Fields::of(row);
            let outcome = if self.member(userid).is_some() {
                self.update_member(fields, now_s).map(drop)
            } else {
                self.create_member(fields, now_s).map(drop)
            };
            lines.push(line("userid", &row["userid"], outcome));
        }
        lines
    }

    /// Members whom the rows do not name; the creator of the firm stays.
    fn missing_users(&self, rows: &[Value]) -> Vec<String> {
        let named: BTreeSet<String> = rows
            .iter()
            .filter_map(|row| row["userid"].as_str())
            .map(str::to_ascii_lowercase)
            .collect();
        let members = self.org.members.values();
        members
            .filter(|m| !named.contains(&m.userid.to_ascii_lowercase()) && !is_creator(m))
            .map(|m| m.userid.clone())
            .collect()
    }

    /// Makes a department what the row says; the line tells what that took.
    fn put_party(&mut self, row: &Value) -> Value {
        const NEW: u8 = 1;
        const RENAMED: u8 = 2;
        const MOVED: u8 = 4;
        const REORDERED: u8 = 8;
        let number = |field: &str| row[field].as_u64().unwrap_or(0);
        let (id, parent, order) = (number("id"), number("parentid"), number("order"));
        let name = row["name"].as_str().unwrap_or_default();
        let action = match self.org.departments.get_mut(&id) {
            None => {
                let department = Department {
                    id,
                    name: name.to_owned(),
                    name_en: String::new(),
                    parent,
                    order,
                    leaders: Vec::new(),
                };
                self.org.departments.insert(id, department);
                NEW
            }
            Some(known) => {
                let mut action = 0;
                action |= if known.name == name { 0 } else { RENAMED };
                action |= if known.parent == parent { 0 } else { MOVED };
                action |= if known.order == order { 0 } else { REORDERED };
                (known.parent, known.order) = (parent, order);
                name.clone_into(&mut known.name);
                action
            }
        };
        let mut line = line("partyid", &json!(id), Ok(()));
        line["action"] = json!(action);
        line
    }

    /// Removes departments that the rows do not name, the lowest first, as far as they are
    /// empty.
    fn drop_other_parties(&mut self, rows: &[Value]) -> Vec<Value> {
        let named: BTreeSet<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
        let mut lines = Vec::new();
        loop {
            let all: Vec<u64> = self.org.departments.keys().copied().collect();
            let others = all.into_iter().filter(|id| *id != 1 && !named.contains(id));
            let gone: Vec<u64> = others.filter(|id| self.remove_department(*id)).collect();
            if gone.is_empty() {
                return lines;
            }
            for id in gone {
                let mut line = line("partyid", &json!(id), Ok(()));
                line["action"] = json!(0);
                lines.push(line);
            }
        }
    }
}
