//! Members from a spreadsheet: insert or update, nobody deleted unless asked.

use std::collections::{BTreeSet, HashMap, HashSet};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::{Permission, Viewer},
    import::{
        Applied, Diff, Field, Importable, Judged, Missing, Options, Paths, Setting, SettingKind,
        Values, Verdict,
    },
    store::Write,
};

use super::{
    Department, DepartmentDraft, DepartmentId, Gender, Member, MemberDraft, MemberId, MemberState,
    Post, Sight, Standing,
    actions::{self, PutBack, RemoveDepartment, SaveDepartment, SaveMember, SetState},
    draft,
    queries::DepartmentTree,
    resolve::{self, Named, Place},
    standing,
};

/// Spreadsheets of members.
pub struct Staff;

const FIELDS: &[Field] = &[
    Field {
        code: "name",
        word: "org.column.name",
        names: &[
            "姓名",
            "名字",
            "成员姓名",
            "员工姓名",
            "name",
            "full name",
            "display name",
        ],
        required: false,
        example: "李明",
    },
    Field {
        code: "userid",
        word: "org.field.userid",
        names: &[
            "账号",
            "帐号",
            "成员账号",
            "员工账号",
            "userid",
            "user id",
            "username",
            "account",
            "login",
        ],
        required: false,
        example: "liming",
    },
    Field {
        code: "mobile",
        word: "org.field.mobile",
        names: &[
            "手机号",
            "手机",
            "手机号码",
            "移动电话",
            "联系电话",
            "电话",
            "mobile",
            "phone",
            "mobile phone",
            "cell",
        ],
        required: false,
        example: "13800138000",
    },
    Field {
        code: "email",
        word: "org.field.email",
        names: &[
            "邮箱",
            "企业邮箱",
            "个人邮箱",
            "电子邮箱",
            "电子邮件",
            "email",
            "e-mail",
            "mail",
        ],
        required: false,
        example: "liming@example.com",
    },
    Field {
        code: "direct_leader",
        word: "org.field.direct_leader",
        names: &[
            "直属上级",
            "直接上级",
            "汇报对象",
            "上级",
            "manager",
            "direct superior",
            "supervisor",
            "reports to",
        ],
        required: false,
        example: "wangfang",
    },
    Field {
        code: "leads",
        word: "org.field.leads",
        names: &[
            "是否负责人",
            "部门负责人",
            "是否部门负责人",
            "部门领导",
            "是否领导",
            "负责人",
            "is leader",
            "leader",
            "head",
        ],
        required: false,
        example: "是",
    },
    Field {
        code: "dept",
        word: "org.field.departments",
        names: &[
            "部门",
            "所在部门",
            "所属部门",
            "部门路径",
            "组织",
            "机构",
            "department",
            "departments",
            "dept",
        ],
        required: false,
        example: "总部/华东/上海店",
    },
    Field {
        code: "position",
        word: "org.column.position",
        names: &["职务", "职位", "岗位", "title", "job title", "position"],
        required: false,
        example: "店长",
    },
    Field {
        code: "gender",
        word: "org.field.gender",
        names: &["性别", "gender", "sex"],
        required: false,
        example: "男",
    },
    Field {
        code: "alias",
        word: "org.field.alias",
        names: &[
            "别名",
            "昵称",
            "英文名",
            "alias",
            "nickname",
            "english name",
        ],
        required: false,
        example: "Mike",
    },
    Field {
        code: "job_number",
        word: "org.field.job_number",
        names: &[
            "工号",
            "员工编号",
            "员工号",
            "employee id",
            "employee number",
            "job number",
            "staff number",
        ],
        required: false,
        example: "A0017",
    },
];

const SETTINGS: &[Setting] = &[
    Setting {
        code: "match",
        word: "org.import.match",
        kind: SettingKind::Choice(&[
            ("userid", "org.field.userid"),
            ("mobile", "org.field.mobile"),
            ("email", "org.field.email"),
            ("job_number", "org.field.job_number"),
        ]),
    },
    Setting {
        code: "departments",
        word: "org.import.departments",
        kind: SettingKind::Tick,
    },
    Setting {
        code: "leave",
        word: "org.import.leave",
        kind: SettingKind::Tick,
    },
];

/// What rows are judged against, and what earlier rows said.
pub struct Book {
    options: Options,
    standing: Standing,
    sight: Sight,
    tree: DepartmentTree,
    /// Numbers of the departments within reach; none if all are.
    reach: Option<BTreeSet<u64>>,
    by_job_number: HashMap<String, MemberId>,
    /// Field and value of earlier rows, with the row's number.
    said: HashMap<(&'static str, String), u32>,
    matched: HashSet<MemberId>,
    own: Option<MemberId>,
}

/// What undoing a change takes.
#[derive(Encode, Decode)]
enum Back {
    #[n(0)]
    Member {
        #[n(0)]
        before: Option<Box<Member>>,
        #[n(1)]
        changed: Box<Member>,
    },
    #[n(1)]
    Department(#[n(0)] DepartmentId),
}

/// A row thought through.
struct Plan {
    judged: Judged,
    member: Option<MemberId>,
    draft: MemberDraft,
    state: Option<MemberState>,
    /// Departments to be made first: where, and which post is then theirs.
    new: Vec<(u64, Vec<String>, bool)>,
}

impl Importable for Staff {
    const NAME: &'static str = "members";
    const NEEDS: Permission = Permission::OrgEdit;
    const PATHS: Paths = Paths {
        start: "/org/import",
        template: "/org/import/template",
        one: "/org/import/{id}",
        columns: "/org/import/{id}/columns",
        check: "/org/import/{id}/check",
        errors: "/org/import/{id}/errors",
        run: "/org/import/{id}/run",
        undo: "/org/import/{id}/undo",
        list: "/org",
    };
    const JOB: &'static str = "org.import";
    const UNDO_JOB: &'static str = "org.import_undo";
    const FIELDS: &'static [Field] = FIELDS;
    const SETTINGS: &'static [Setting] = SETTINGS;
    type Book = Book;

    fn defaults(fields: &[&str]) -> Options {
        let keys = ["userid", "mobile", "email", "job_number"];
        let key = keys.into_iter().find(|key| fields.contains(key));
        Options(vec![(
            "match".to_owned(),
            key.unwrap_or("userid").to_owned(),
        )])
    }

    fn book(app: &App, viewer: &Viewer, options: &Options) -> Result<Book> {
        app.read(|r| {
            let sight = app.sight(r, viewer, Permission::OrgEdit)?;
            let scope = viewer.scope(r, Permission::OrgEdit)?;
            let directory = sight.directory.clone();
            let reach = match scope.reach() {
                crate::identity::Reach::Everything => None,
                crate::identity::Reach::Units(units) => {
                    let found = units.iter().filter_map(|u| directory.tree.find(u.cast()));
                    let found = found.flat_map(|d| directory.tree.subtree(d.wecom_id));
                    Some(found.collect())
                }
                _ => {
                    let own = sight.own().and_then(|id| directory.member(id));
                    let posts = own.into_iter().flat_map(|m| &m.posts);
                    let found = posts.flat_map(|p| directory.tree.subtree(p.department));
                    Some(found.collect())
                }
            };
            let here = directory.members().filter(|m| m.is_here());
            let numbered = here.filter(|m| !m.job_number.is_empty());
            Ok(Book {
                options: options.clone(),
                standing: app.org_standing(),
                tree: directory.tree.clone(),
                reach,
                by_job_number: numbered.map(|m| (m.job_number.clone(), m.id)).collect(),
                said: HashMap::new(),
                matched: HashSet::new(),
                own: sight.own(),
                sight,
            })
        })
    }

    fn judge(book: &mut Book, row: &Values<'_>) -> Judged {
        let directory = book.sight.directory.clone();
        book.plan(row, |id| Ok(directory.member(id).cloned()))
            .map(|plan| plan.judged)
            .unwrap_or_else(|error| Judged {
                verdict: Verdict::Wrong,
                title: String::new(),
                diffs: Vec::new(),
                problems: problems_of(&error),
                notes: Vec::new(),
            })
    }

    fn missing(book: &Book) -> Vec<Missing> {
        if !book.options.is_on("leave") {
            return Vec::new();
        }
        let directory = &book.sight.directory;
        let mut missing: Vec<&Member> = directory
            .members()
            .filter(|m| m.is_here() && !book.matched.contains(&m.id))
            .filter(|m| book.sight.sees(m.id) && book.own != Some(m.id))
            .filter(|m| book.standing.may_change_member(m.origin))
            .collect();
        missing.sort_by_key(|m| m.no);
        let detail = |m: &Member| {
            let department = directory.department_of(m);
            let path = department.map(|d| resolve::path_text(&book.tree, d.wecom_id));
            format!("{} · {}", m.userid, path.unwrap_or_default())
        };
        missing
            .into_iter()
            .map(|m| Missing {
                id: m.id.to_string(),
                title: m.name.clone(),
                detail: detail(m),
            })
            .collect()
    }

    fn apply(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Book,
        row: &Values<'_>,
    ) -> Result<Applied> {
        let plan = book.plan(row, |id| Ok(w.get::<Member>(&id)?))?;
        match plan.judged.verdict {
            Verdict::Wrong => return Ok(Applied::refused(plan.judged.problems)),
            Verdict::Create | Verdict::Change => {}
            verdict => {
                return Ok(Applied {
                    verdict,
                    undo: Vec::new(),
                    problems: Vec::new(),
                    counts: Vec::new(),
                });
            }
        }
        // A refusal half-way must leave nothing behind: departments stay, and so does the way
        // back from them.
        let (made, posts) = make_departments(w, viewer, book, &plan)?;
        let mut undo: Vec<Vec<u8>> = Vec::new();
        for department in &made {
            undo.push(to_bytes(&Back::Department(department.id))?);
        }
        let counts = match made.len() {
            0 => Vec::new(),
            n => vec![("departments", n as u64)],
        };
        let mut draft = plan.draft;
        draft.posts.extend(posts);
        let save = SaveMember {
            member: plan.member,
            seen: None,
            draft,
            state: plan.state,
            standing: book.standing,
        };
        let saved = viewer
            .allow(w, save)
            .and_then(|allowed| actions::save_member(w, allowed));
        match saved {
            Ok(saved) => {
                book.matched.insert(saved.member.id);
                undo.push(to_bytes(&Back::Member {
                    before: saved.before.map(Box::new),
                    changed: Box::new(saved.member),
                })?);
                Ok(Applied {
                    verdict: plan.judged.verdict,
                    undo,
                    problems: Vec::new(),
                    counts,
                })
            }
            Err(error) => Ok(Applied {
                undo,
                counts,
                ..Applied::refused(told(error)?)
            }),
        }
    }

    fn apply_missing(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Book,
        id: &str,
    ) -> Result<Applied> {
        let missing = |_| AppError::NotFound { what: "member" };
        let set = SetState {
            member: id.parse().map_err(missing)?,
            state: MemberState::Left,
            standing: book.standing,
        };
        let saved = viewer
            .allow(w, set)
            .and_then(|allowed| actions::set_state(w, allowed));
        match saved {
            Ok(saved) => Ok(Applied {
                verdict: Verdict::Missing,
                undo: vec![to_bytes(&Back::Member {
                    before: saved.before.map(Box::new),
                    changed: Box::new(saved.member),
                })?],
                problems: Vec::new(),
                counts: Vec::new(),
            }),
            Err(error) => Ok(Applied::refused(told(error)?)),
        }
    }

    fn undo(w: &mut Write<'_>, viewer: &Viewer, book: &mut Book, before: &[u8]) -> Result<bool> {
        let back: Back = minicbor::decode(before).map_err(AppError::internal)?;
        let undone = match back {
            Back::Member { before, changed } => {
                let put = PutBack {
                    changed: *changed,
                    before: before.map(|before| *before),
                    standing: book.standing,
                };
                viewer
                    .allow(w, put)
                    .and_then(|allowed| actions::put_back(w, allowed))
            }
            Back::Department(department) => {
                let remove = RemoveDepartment {
                    department,
                    standing: book.standing,
                };
                viewer
                    .allow(w, remove)
                    .and_then(|allowed| actions::remove_department(w, allowed))
                    .map(|_| true)
            }
        };
        match undone {
            Ok(undone) => Ok(undone),
            Err(AppError::Conflict { .. } | AppError::NotFound { .. } | AppError::Invalid(_)) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn to_bytes(back: &Back) -> Result<Vec<u8>> {
    minicbor::to_vec(back).map_err(AppError::internal)
}

fn problem(field: &'static str, code: &'static str) -> Problem {
    Problem {
        field,
        code,
        args: Vec::new(),
    }
}

fn text_problem(field: &'static str, code: &'static str, text: &str) -> Problem {
    Problem {
        field,
        code,
        args: vec![("text", text.to_owned())],
    }
}

/// What a row is refused for; other errors end the job.
fn told(error: AppError) -> Result<Vec<Problem>> {
    match problems_of(&error) {
        problems if problems.is_empty() => Err(error),
        problems => Ok(problems),
    }
}

fn problems_of(error: &AppError) -> Vec<Problem> {
    match error {
        AppError::Invalid(invalid) => invalid.problems.clone(),
        AppError::NotFound { .. } => vec![problem("dept", "org.problem.reach")],
        AppError::Conflict { why: "wecoms_own" } => vec![problem("", "org.problem.wecoms_own")],
        _ => Vec::new(),
    }
}

/// Makes the departments a row wants; gives them, and the posts in the last of each.
fn make_departments(
    w: &mut Write<'_>,
    viewer: &Viewer,
    book: &mut Book,
    plan: &Plan,
) -> Result<(Vec<Department>, Vec<Post>)> {
    let (mut made, mut posts) = (Vec::new(), Vec::new());
    for (below, names, leads) in &plan.new {
        let mut at = *below;
        for name in names {
            let siblings = book.tree.children(at);
            if let Some(known) = siblings.iter().find(|d| d.name == *name) {
                at = known.wecom_id;
                continue;
            }
            let save = SaveDepartment {
                department: None,
                seen: None,
                draft: DepartmentDraft {
                    name: name.clone(),
                    parent: at,
                    ..DepartmentDraft::default()
                },
                standing: book.standing,
            };
            let allowed = viewer.allow(w, save)?;
            let department = actions::save_department(w, allowed)?;
            at = department.wecom_id;
            book.tree = DepartmentTree::load(&w.read())?;
            if let Some(reach) = &mut book.reach {
                reach.insert(at);
            }
            made.push(department);
        }
        posts.push(Post {
            department: at,
            is_leader: *leads,
            order: 0,
        });
    }
    Ok((made, posts))
}

impl Book {
    fn plan(
        &mut self,
        row: &Values<'_>,
        stored: impl Fn(MemberId) -> Result<Option<Member>>,
    ) -> Result<Plan> {
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        let found = self.find(row, &mut problems);
        let known = match found {
            Some(id) => stored(id)?,
            None => None,
        };
        if let Some(known) = &known {
            self.matched.insert(known.id);
            if !self.sight.sees(known.id) {
                problems.push(problem("userid", "org.problem.reach"));
            }
        }
        let before = known.as_ref().map(MemberDraft::of).unwrap_or_default();
        let mut draft = before.clone();
        self.fill(row, &mut draft, known.is_some(), &mut problems);
        let new = self.places(row, &mut draft, &mut problems);
        if let Some(known) = &known
            && !self.standing.may_change_member(known.origin)
        {
            leave_to_wecom(known, &mut draft, &mut notes);
        }
        let mut state = None;
        if let Some(known) = &known
            && !known.is_here()
            && self.standing.may_change_member(known.origin)
        {
            state = Some(MemberState::Active);
        }
        problems.extend(draft.check().problems);
        let own = known.as_ref().map(|m| m.id);
        problems.extend(self.sight.directory.taken(&draft, own).problems);
        self.said_before(row, &draft, &mut problems);
        if self.reach.is_some() && draft.posts.is_empty() && new.is_empty() {
            problems.push(problem("dept", "org.problem.reach"));
        }
        problems.dedup();
        let diffs = self.diffs(&before, &draft, &new, state.and(known.as_ref()));
        let verdict = match (problems.is_empty(), &known, diffs.is_empty()) {
            (false, ..) => Verdict::Wrong,
            (true, None, _) => Verdict::Create,
            (true, Some(_), true) => Verdict::Same,
            (true, Some(_), false) => Verdict::Change,
        };
        let title = match draft.name.is_empty() {
            true => row
                .get("userid")
                .or(row.get("mobile"))
                .unwrap_or("")
                .to_owned(),
            false => draft.name.clone(),
        };
        Ok(Plan {
            judged: Judged {
                verdict,
                title,
                diffs,
                problems,
                notes,
            },
            member: own,
            draft,
            state,
            new,
        })
    }

    /// The member that a row is about.
    fn find(&self, row: &Values<'_>, problems: &mut Vec<Problem>) -> Option<MemberId> {
        let directory = &self.sight.directory;
        let field = self.options.get("match");
        let Some(text) = row.get(field) else {
            problems.push(match field {
                "mobile" => problem("mobile", "org.import.problem.no_mobile"),
                "email" => problem("email", "org.import.problem.no_email"),
                "job_number" => problem("job_number", "org.import.problem.no_job_number"),
                _ => problem("userid", "org.import.problem.no_userid"),
            });
            return None;
        };
        let found = match field {
            "mobile" => directory.by_mobile(text),
            "email" => directory.by_email(text),
            "job_number" => return self.by_job_number.get(text).copied(),
            _ => directory.by_userid(text),
        };
        found.map(|member| member.id)
    }

    /// Puts the plain fields of a row over a draft.
    fn fill(
        &self,
        row: &Values<'_>,
        draft: &mut MemberDraft,
        is_known: bool,
        problems: &mut Vec<Problem>,
    ) {
        let put = |field: &str, into: &mut String| {
            if let Some(text) = row.get(field) {
                text.clone_into(into);
            }
        };
        put("name", &mut draft.name);
        put("alias", &mut draft.alias);
        put("position", &mut draft.position);
        put("email", &mut draft.email);
        put("job_number", &mut draft.job_number);
        if let Some(text) = row.get("mobile") {
            match draft::mobile(text) {
                Some(mobile) => draft.mobile = mobile,
                None => problems.push(draft::mobile_problem(text)),
            }
        }
        if !is_known {
            // Without a userid the job number, else the mobile, is one: both are unique.
            let userid = row.get("userid").or(row.get("job_number"));
            userid
                .unwrap_or(&draft.mobile)
                .clone_into(&mut draft.userid);
        } else if let Some(userid) = row.get("userid")
            && !userid.eq_ignore_ascii_case(&draft.userid)
        {
            userid.clone_into(&mut draft.userid);
        }
        if let Some(text) = row.get("gender") {
            match Gender::of_text(text) {
                Some(gender) => draft.gender = gender,
                None => problems.push(text_problem("gender", "org.import.problem.gender", text)),
            }
        }
        if let Some(text) = row.get("direct_leader") {
            match resolve::person(&self.sight.directory, text) {
                Named::One(leader) => draft.direct_leader.clone_from(&leader.userid),
                Named::Several => {
                    problems.push(text_problem(
                        "direct_leader",
                        "org.import.problem.leaders",
                        text,
                    ));
                }
                // Perhaps in a row that is still to come.
                Named::Nothing if draft::is_userid(text) => {
                    text.clone_into(&mut draft.direct_leader)
                }
                Named::Nothing => problems.push(text_problem(
                    "direct_leader",
                    "org.import.problem.no_leader",
                    text,
                )),
            }
        }
    }

    /// Puts the departments of a row over a draft; gives those that would have to be made.
    fn places(
        &self,
        row: &Values<'_>,
        draft: &mut MemberDraft,
        problems: &mut Vec<Problem>,
    ) -> Vec<(u64, Vec<String>, bool)> {
        let leads = row.get("leads").map(|text| {
            let each = split(text).map(|t| is_yes(t).ok_or(t)).collect::<Vec<_>>();
            for wrong in each.iter().filter_map(|answer| answer.as_ref().err()) {
                problems.push(text_problem("leads", "org.import.problem.leads", wrong));
            }
            each.into_iter()
                .map(|a| a.unwrap_or(false))
                .collect::<Vec<_>>()
        });
        let leads_at = |at: usize| {
            let answers = leads.as_ref()?;
            answers.get(at).or(answers.last()).copied()
        };
        let Some(text) = row.get("dept") else {
            for (at, post) in draft.posts.iter_mut().enumerate() {
                post.is_leader = leads_at(at).unwrap_or(post.is_leader);
            }
            return Vec::new();
        };
        let old = std::mem::take(&mut draft.posts);
        let mut new = Vec::new();
        for (at, text) in split(text).enumerate() {
            match resolve::department(&self.tree, text) {
                Place::Known(number) => {
                    let had = old.iter().find(|post| post.department == number);
                    if self.reach.as_ref().is_some_and(|r| !r.contains(&number)) && had.is_none() {
                        problems.push(problem("dept", "org.problem.reach"));
                    }
                    draft.posts.retain(|post| post.department != number);
                    draft.posts.push(Post {
                        department: number,
                        is_leader: leads_at(at)
                            .unwrap_or_else(|| had.is_some_and(|post| post.is_leader)),
                        order: had.map_or(0, |post| post.order),
                    });
                }
                Place::New { below, names } if self.options.is_on("departments") => {
                    self.may_make(below, &names, problems);
                    new.push((below, names, leads_at(at).unwrap_or(false)));
                }
                Place::New { .. } => {
                    problems.push(text_problem("dept", "org.problem.no_department", text));
                }
                Place::Several => {
                    problems.push(text_problem("dept", "org.problem.departments", text));
                }
            }
        }
        draft.main_department = match draft
            .posts
            .iter()
            .any(|p| p.department == draft.main_department)
        {
            true => draft.main_department,
            false => draft.posts.first().map_or(0, |post| post.department),
        };
        new
    }

    fn may_make(&self, below: u64, names: &[String], problems: &mut Vec<Problem>) {
        if self
            .reach
            .as_ref()
            .is_some_and(|reach| !reach.contains(&below))
        {
            problems.push(problem("dept", "org.problem.reach"));
        }
        for name in names {
            let wanted = DepartmentDraft {
                name: name.clone(),
                ..DepartmentDraft::default()
            };
            let wrong = wanted.check().problems.into_iter();
            problems.extend(wrong.map(|p| Problem { field: "dept", ..p }));
        }
    }

    /// Two rows must not be about the same member, nor give two the same mobile or mail.
    fn said_before(&mut self, row: &Values<'_>, draft: &MemberDraft, problems: &mut Vec<Problem>) {
        let values = [
            ("userid", draft.userid.to_ascii_lowercase()),
            ("mobile", draft.mobile.clone()),
            ("email", draft.email.to_lowercase()),
        ];
        for (field, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
            let first = *self.said.entry((field, value)).or_insert(row.number);
            if first != row.number {
                problems.push(Problem {
                    field,
                    code: match field {
                        "userid" => "org.import.problem.same_userid",
                        "mobile" => "org.import.problem.same_mobile",
                        _ => "org.import.problem.same_email",
                    },
                    args: vec![("row", first.to_string())],
                });
            }
        }
    }

    fn diffs(
        &self,
        before: &MemberDraft,
        draft: &MemberDraft,
        new: &[(u64, Vec<String>, bool)],
        returns: Option<&Member>,
    ) -> Vec<Diff> {
        let gender = |gender: Gender| match gender {
            Gender::Unknown => "",
            Gender::Male => "♂",
            Gender::Female => "♀",
        };
        let posts = |posts: &[Post]| -> Vec<String> {
            let path = |post: &Post| {
                let path = resolve::path_text(&self.tree, post.department);
                match post.is_leader {
                    true => format!("{path} ★"),
                    false => path,
                }
            };
            posts.iter().map(path).collect()
        };
        let mut after = posts(&draft.posts);
        after.extend(new.iter().map(|(below, names, leads)| {
            let above = resolve::path_text(&self.tree, *below);
            let path = [&[above][..], names].concat();
            let path = path.iter().filter(|p| !p.is_empty()).cloned();
            let path = path.collect::<Vec<_>>().join("/");
            if *leads { format!("{path} ★") } else { path }
        }));
        let pairs = [
            ("org.column.name", before.name.clone(), draft.name.clone()),
            (
                "org.field.userid",
                before.userid.clone(),
                draft.userid.clone(),
            ),
            ("org.field.alias", before.alias.clone(), draft.alias.clone()),
            (
                "org.field.gender",
                gender(before.gender).into(),
                gender(draft.gender).into(),
            ),
            (
                "org.field.mobile",
                before.mobile.clone(),
                draft.mobile.clone(),
            ),
            ("org.field.email", before.email.clone(), draft.email.clone()),
            (
                "org.column.position",
                before.position.clone(),
                draft.position.clone(),
            ),
            (
                "org.field.job_number",
                before.job_number.clone(),
                draft.job_number.clone(),
            ),
            (
                "org.field.direct_leader",
                before.direct_leader.clone(),
                draft.direct_leader.clone(),
            ),
            (
                "org.field.departments",
                posts(&before.posts).join("; "),
                after.join("; "),
            ),
        ];
        let mut diffs: Vec<Diff> = pairs
            .into_iter()
            .filter(|(_, from, to)| from != to)
            .map(|(word, from, to)| Diff { word, from, to })
            .collect();
        if let Some(member) = returns {
            let left = member.left_at.map_or(String::new(), |at| at.to_rfc3339());
            diffs.push(Diff {
                word: "org.import.returns",
                from: left.chars().take(10).collect(),
                to: "✓".to_owned(),
            });
        }
        diffs
    }
}

/// Gives back to WeCom what is WeCom's, with a note for what the file says otherwise.
fn leave_to_wecom(known: &Member, draft: &mut MemberDraft, notes: &mut Vec<Problem>) {
    let own = standing::wecoms_own(known, draft);
    let before = MemberDraft::of(known);
    for field in &own {
        match *field {
            "userid" => draft.userid.clone_from(&before.userid),
            "name" => draft.name.clone_from(&before.name),
            "alias" => draft.alias.clone_from(&before.alias),
            "position" => draft.position.clone_from(&before.position),
            "mobile" => draft.mobile.clone_from(&before.mobile),
            "email" => draft.email.clone_from(&before.email),
            _ => {
                draft.posts.clone_from(&before.posts);
                draft.main_department = before.main_department;
            }
        }
    }
    draft.gender = before.gender;
    if !own.is_empty() {
        notes.push(problem("", "org.import.problem.kept"));
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([';', '；', '、', '\n', ',', '，']);
    parts.map(str::trim).filter(|part| !part.is_empty())
}

fn is_yes(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "是" | "1" | "y" | "yes" | "true" | "✓" | "√" | "负责人" => Some(true),
        "否" | "不是" | "0" | "n" | "no" | "false" | "无" | "-" => Some(false),
        _ => None,
    }
}
