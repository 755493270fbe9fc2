//! Customers of the firm's own from a spreadsheet: insert or update. What WeCom tells of a
//! customer no spreadsheet changes.

use std::collections::HashMap;

use crate::{
    app::App,
    error::{AppError, Problem, Result},
    identity::{Permission, Viewer},
    import::{
        Applied, Diff, Field, Importable, Judged, Missing, Options, Paths, Setting, SettingKind,
        Values, Verdict,
    },
    org::{Gender, MemberId, Sight},
    search::fold,
    store::{Read, StoreError, Write},
    tags::{self, TagId, queries::GroupWithTags},
};

use minicbor::{Decode, Encode};

use super::{
    Customer, CustomerId, Relation, customer_no,
    draft::{self, OwnDraft},
    model::mask_phone,
    own::{self, Own, PutBackOwn, SaveOwn},
};

/// Spreadsheets of customers.
pub struct OwnCustomers;

const fn field(
    code: &'static str,
    word: &'static str,
    names: &'static [&'static str],
    example: &'static str,
) -> Field {
    Field {
        code,
        word,
        names,
        required: false,
        example,
    }
}

const FIELDS: &[Field] = &[
    Field {
        required: true,
        ..field(
            "name",
            "customers.column.name",
            &[
                "姓名",
                "客户姓名",
                "客户名称",
                "名称",
                "联系人",
                "客户",
                "name",
                "full name",
                "customer",
                "contact",
                "contact name",
            ],
            "赵晓雯",
        )
    },
    field(
        "phone",
        "customers.column.phone",
        &[
            "手机号",
            "手机",
            "手机号码",
            "联系电话",
            "联系方式",
            "电话",
            "电话号码",
            "mobile",
            "phone",
            "phone number",
            "tel",
        ],
        "13800138000",
    ),
    field(
        "more_phones",
        "customers.own.more_phones",
        &[
            "其他电话",
            "备用电话",
            "手机号2",
            "手机2",
            "电话2",
            "固定电话",
            "座机",
            "other phone",
            "phone 2",
            "second phone",
        ],
        "0532-5550100",
    ),
    field(
        "company",
        "customers.column.company",
        &[
            "公司",
            "公司名称",
            "企业",
            "企业名称",
            "单位",
            "工作单位",
            "company",
            "organization",
            "account name",
        ],
        "海川贸易",
    ),
    field(
        "position",
        "customers.field.position",
        &["职务", "职位", "岗位", "title", "job title", "position"],
        "采购经理",
    ),
    field(
        "gender",
        "customers.field.gender",
        &["性别", "gender", "sex"],
        "女",
    ),
    field(
        "owner",
        "customers.column.owner",
        &[
            "跟进人",
            "负责人",
            "归属人",
            "所有人",
            "跟进成员",
            "销售",
            "业务员",
            "客户经理",
            "owner",
            "sales",
            "salesperson",
            "assigned to",
        ],
        "liming",
    ),
    field(
        "tags",
        "customers.column.tags",
        &["标签", "企业标签", "客户标签", "tags", "tag", "labels"],
        "重点客户；已到店",
    ),
    field(
        "remark",
        "customers.column.remark",
        &["备注", "备注名", "remark", "nickname", "alias"],
        "赵姐-海川",
    ),
    field(
        "description",
        "customers.field.description",
        &[
            "描述",
            "说明",
            "备注信息",
            "详细说明",
            "跟进记录",
            "description",
            "notes",
            "note",
            "comment",
        ],
        "每月 5 日后下单",
    ),
    field(
        "no",
        "customers.column.no",
        &[
            "客户编号",
            "客户号",
            "编号",
            "customer no",
            "customer number",
        ],
        "",
    ),
];

const SETTINGS: &[Setting] = &[Setting {
    code: "match",
    word: "customers.import.match",
    kind: SettingKind::Choice(&[
        ("phone", "customers.column.phone"),
        ("name", "customers.import.by_name"),
        ("no", "customers.column.no"),
    ]),
}];

/// What rows are judged against, and what earlier rows said.
pub struct Book {
    options: Options,
    sight: Sight,
    groups: Vec<GroupWithTags>,
    /// The firm's own customers in reach.
    own: HashMap<CustomerId, Own>,
    by_phone: HashMap<String, Vec<CustomerId>>,
    by_name: HashMap<String, Vec<CustomerId>>,
    by_no: HashMap<u32, CustomerId>,
    /// Names of WeCom's customers in reach, by phone.
    wecoms: HashMap<String, String>,
    /// What told earlier rows apart, with the row's number.
    said: HashMap<String, u32>,
}

/// What undoing a change takes.
#[derive(Encode, Decode)]
struct Back {
    #[n(0)]
    before: Option<Own>,
    #[n(1)]
    changed: Own,
}

/// A row thought through.
struct Plan {
    judged: Judged,
    customer: Option<CustomerId>,
    draft: OwnDraft,
    member: Option<MemberId>,
}

/// Whom a row is about.
enum Found {
    /// Nobody who is here.
    Nobody,
    /// A customer of the firm's own.
    Own(CustomerId),
    /// A customer that WeCom tells of, by name.
    Wecoms(String),
}

impl Importable for OwnCustomers {
    const NAME: &'static str = "customers";
    const NEEDS: Permission = Permission::CustomerEdit;
    const PATHS: Paths = Paths {
        start: "/customers/import",
        template: "/customers/import/template",
        one: "/customers/import/{id}",
        columns: "/customers/import/{id}/columns",
        check: "/customers/import/{id}/check",
        errors: "/customers/import/{id}/errors",
        run: "/customers/import/{id}/run",
        undo: "/customers/import/{id}/undo",
        list: "/customers",
    };
    const JOB: &'static str = "customers.import";
    const UNDO_JOB: &'static str = "customers.import_undo";
    const FIELDS: &'static [Field] = FIELDS;
    const SETTINGS: &'static [Setting] = SETTINGS;
    type Book = Book;

    fn defaults(fields: &[&str]) -> Options {
        let key = ["no", "phone"].into_iter().find(|key| fields.contains(key));
        Options(vec![("match".to_owned(), key.unwrap_or("name").to_owned())])
    }

    fn book(app: &App, viewer: &Viewer, options: &Options) -> Result<Book> {
        app.read(|r| {
            let sight = app.sight(r, viewer, Permission::CustomerEdit)?;
            let mut book = Book {
                options: options.clone(),
                groups: tags::queries::groups(r)?,
                own: HashMap::new(),
                by_phone: HashMap::new(),
                by_name: HashMap::new(),
                by_no: HashMap::new(),
                wecoms: HashMap::new(),
                said: HashMap::new(),
                sight,
            };
            for relation in r.all::<Relation>(None)? {
                book.note(r, relation?)?;
            }
            Ok(book)
        })
    }

    fn judge(book: &mut Book, row: &Values<'_>) -> Judged {
        let known = |book: &Book, id| Ok(book.own.get(&id).cloned());
        book.plan(row, known)
            .map(|plan| plan.judged)
            .unwrap_or_else(|error| Judged {
                verdict: Verdict::Wrong,
                title: String::new(),
                diffs: Vec::new(),
                problems: problems_of(&error),
                notes: Vec::new(),
            })
    }

    /// Whoever is in no row stays: a list of customers is seldom the whole one.
    fn missing(_book: &Book) -> Vec<Missing> {
        Vec::new()
    }

    fn apply(
        w: &mut Write<'_>,
        viewer: &Viewer,
        book: &mut Book,
        row: &Values<'_>,
    ) -> Result<Applied> {
        let plan = book.plan(row, |_, id| Ok(own::own(&w.read(), id)?))?;
        let (verdict, member) = match (plan.judged.verdict, plan.member) {
            (verdict @ (Verdict::Create | Verdict::Change), Some(member)) => (verdict, member),
            (Verdict::Wrong, _) => return Ok(Applied::refused(plan.judged.problems)),
            (verdict, _) => {
                return Ok(Applied {
                    verdict,
                    ..Applied::refused(Vec::new())
                });
            }
        };
        let save = SaveOwn {
            customer: plan.customer,
            seen: None,
            draft: plan.draft,
            member,
            directory: book.sight.directory.clone(),
        };
        let saved = viewer
            .allow(w, save)
            .and_then(|allowed| own::save(w, allowed));
        match saved {
            Ok((before, changed)) => {
                let back = minicbor::to_vec(Back { before, changed });
                Ok(Applied {
                    verdict,
                    undo: vec![back.map_err(AppError::internal)?],
                    ..Applied::refused(Vec::new())
                })
            }
            Err(error) => Ok(Applied::refused(told(error)?)),
        }
    }

    fn apply_missing(
        _w: &mut Write<'_>,
        _viewer: &Viewer,
        _book: &mut Book,
        _id: &str,
    ) -> Result<Applied> {
        Err(AppError::NotFound { what: "customer" })
    }

    fn undo(w: &mut Write<'_>, viewer: &Viewer, book: &mut Book, before: &[u8]) -> Result<bool> {
        let back: Back = minicbor::decode(before).map_err(AppError::internal)?;
        let put = PutBackOwn {
            changed: back.changed,
            before: back.before,
            directory: book.sight.directory.clone(),
        };
        let undone = viewer
            .allow(w, put)
            .and_then(|allowed| own::put_back(w, allowed));
        match undone {
            Err(AppError::NotFound { .. }) => Ok(false),
            undone => undone,
        }
    }
}

fn problem(field: &'static str, code: &'static str) -> Problem {
    Problem {
        field,
        code,
        args: Vec::new(),
    }
}

fn about(field: &'static str, code: &'static str, name: &'static str, text: &str) -> Problem {
    Problem {
        field,
        code,
        args: vec![(name, text.to_owned())],
    }
}

fn problems_of(error: &AppError) -> Vec<Problem> {
    match error {
        AppError::Invalid(invalid) => invalid.problems.clone(),
        AppError::NotFound { .. } => vec![problem("owner", "customers.own.problem.reach")],
        _ => vec![problem("", "customers.import.problem.failed")],
    }
}

/// What a row is refused for; other errors end the job.
fn told(error: AppError) -> Result<Vec<Problem>> {
    match error {
        AppError::Invalid(_) | AppError::NotFound { .. } => Ok(problems_of(&error)),
        other => Err(other),
    }
}

/// What tells customers without a number apart.
fn name_key(name: &str, company: &str) -> String {
    format!("{}\u{1f}{}", fold(name), fold(company))
}

impl Book {
    fn note(&mut self, r: &Read<'_>, relation: Relation) -> Result<(), StoreError> {
        let is_plain = relation.phones.is_empty() && relation.add_way != super::AddWay::OWN;
        if is_plain || !self.sight.sees(relation.member) {
            return Ok(());
        }
        let Some(customer) = r.get::<Customer>(&relation.customer)? else {
            return Ok(());
        };
        let phones = relation.phones.iter();
        let phones: Vec<String> = phones
            .map(|p| draft::phone(p).unwrap_or_else(|| p.clone()))
            .collect();
        if !customer.is_own() {
            for phone in phones {
                self.wecoms.insert(phone, customer.name.clone());
            }
            return Ok(());
        }
        let id = customer.id;
        for phone in phones {
            self.by_phone.entry(phone).or_default().push(id);
        }
        let key = name_key(&customer.name, &relation.company);
        self.by_name.entry(key).or_default().push(id);
        self.by_no.insert(customer.no, id);
        self.own.insert(id, Own { customer, relation });
        Ok(())
    }

    fn plan(
        &mut self,
        row: &Values<'_>,
        stored: impl Fn(&Self, CustomerId) -> Result<Option<Own>>,
    ) -> Result<Plan> {
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        let phones = phones_of(row, &mut problems);
        let found = self.find(row, &phones, &mut problems);
        let known = match &found {
            Found::Own(id) => stored(self, *id)?,
            _ => None,
        };
        let before = known.as_ref().map(|own| own.relation.member);
        let old = known.as_ref().map_or_else(OwnDraft::default, |own| {
            OwnDraft::of(&own.customer, &own.relation)
        });
        let mut draft = old.clone();
        fill(row, &mut draft, &mut problems);
        for phone in phones {
            if !draft.phones.contains(&phone) {
                draft.phones.push(phone);
            }
        }
        self.put_tags(row, &mut draft, &mut notes);
        let member = self.owner(row, before, &mut problems);
        if let Found::Wecoms(name) = &found {
            notes = vec![about("", "customers.import.problem.wecoms", "name", name)];
            problems.clear();
        } else {
            problems.extend(draft.check().problems);
        }
        let diffs = self.diffs(&old, &draft, before, member);
        let verdict = match (&found, problems.is_empty()) {
            (Found::Wecoms(_), _) => Verdict::Same,
            (_, false) => Verdict::Wrong,
            _ if known.is_none() => Verdict::Create,
            _ if diffs.is_empty() => Verdict::Same,
            _ => Verdict::Change,
        };
        let title = match draft.name.is_empty() {
            true => row.get("phone").unwrap_or("").to_owned(),
            false => draft.name.clone(),
        };
        Ok(Plan {
            judged: Judged {
                verdict,
                title,
                diffs: if let Found::Wecoms(_) = found {
                    Vec::new()
                } else {
                    diffs
                },
                problems,
                notes,
            },
            customer: known.map(|own| own.customer.id),
            draft,
            member,
        })
    }

    /// The customer that a row is about. Two rows must not be about the same one.
    fn find(&mut self, row: &Values<'_>, phones: &[String], problems: &mut Vec<Problem>) -> Found {
        let (field, keys, ids): (_, Vec<String>, Vec<CustomerId>) = match self.options.get("match")
        {
            "no" => {
                let Some(text) = row.get("no") else {
                    return Found::Nobody;
                };
                let no = text.trim_start_matches(|c: char| !c.is_ascii_digit());
                let id = no.parse().ok().and_then(|no: u32| self.by_no.get(&no));
                let Some(id) = id else {
                    problems.push(about("no", "customers.import.problem.no", "text", text));
                    return Found::Nobody;
                };
                ("no", vec![customer_no(self.own[id].customer.no)], vec![*id])
            }
            "name" => {
                let (name, company) = (row.get("name"), row.get("company"));
                let key = name_key(name.unwrap_or(""), company.unwrap_or(""));
                let ids = self.by_name.get(&key).cloned().unwrap_or_default();
                ("name", vec![key], ids)
            }
            _ => {
                if phones.is_empty() {
                    problems.push(problem("phone", "customers.import.problem.no_phone"));
                    return Found::Nobody;
                }
                let ids = phones.iter().filter_map(|phone| self.by_phone.get(phone));
                ("phone", phones.to_vec(), ids.flatten().copied().collect())
            }
        };
        let first = keys
            .iter()
            .map(|key| *self.said.entry(key.clone()).or_insert(row.number));
        if let Some(first) = first.filter(|first| *first != row.number).min() {
            let code = match field {
                "no" => "customers.import.problem.same_no",
                "name" => "customers.import.problem.same_name",
                _ => "customers.import.problem.same_phone",
            };
            problems.push(about(field, code, "row", &first.to_string()));
        }
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        match ids[..] {
            [id] => return Found::Own(id),
            [] => {}
            _ => problems.push(problem(field, "customers.import.problem.several")),
        }
        let told = phones.iter().find_map(|phone| self.wecoms.get(phone));
        told.map_or(Found::Nobody, |name| Found::Wecoms(name.clone()))
    }

    /// Who looks after the customer: as the row says, else as it is, else whoever imports.
    fn owner(
        &self,
        row: &Values<'_>,
        before: Option<MemberId>,
        problems: &mut Vec<Problem>,
    ) -> Option<MemberId> {
        let directory = &self.sight.directory;
        let Some(text) = row.get("owner") else {
            let own = before.or(self.sight.own());
            if own.is_none() {
                problems.push(problem("owner", "customers.own.problem.no_owner"));
            }
            return own;
        };
        let mut named: Vec<_> = match directory.by_userid(text).or(directory.by_mobile(text)) {
            Some(member) => vec![member],
            None => directory.named(text).collect(),
        };
        if named.len() > 1 {
            named.retain(|member| self.sight.sees(member.id));
        }
        let problem_of = |code| about("owner", code, "text", text);
        match named[..] {
            [] => problems.push(problem_of("customers.import.problem.no_member")),
            [member] if !self.sight.sees(member.id) => {
                problems.push(problem("owner", "customers.own.problem.reach"));
            }
            [member] if !member.is_here() && before != Some(member.id) => {
                problems.push(problem("owner", "customers.own.problem.owner_left"));
            }
            [member] => return Some(member.id),
            _ => problems.push(problem_of("customers.import.problem.members")),
        }
        None
    }

    /// Puts a row's tags over a draft: by name, or by group and name. Tags are added, none is
    /// taken off; what is no tag is left out.
    fn put_tags(&self, row: &Values<'_>, draft: &mut OwnDraft, notes: &mut Vec<Problem>) {
        for text in row.get("tags").into_iter().flat_map(draft::split) {
            match self.tag(text)[..] {
                [tag] if draft.tags.contains(&tag) => {}
                [tag] => draft.tags.push(tag),
                [] => notes.push(about("tags", "customers.import.problem.tag", "text", text)),
                _ => notes.push(about("tags", "customers.import.problem.tags", "text", text)),
            }
        }
        draft.tags.sort_unstable();
    }

    fn tag(&self, text: &str) -> Vec<TagId> {
        let (group, name) = match text.split_once([':', '：']) {
            Some((group, name)) => (Some(fold(group.trim())), fold(name.trim())),
            None => (None, fold(text)),
        };
        let groups = self.groups.iter();
        let groups = groups.filter(|g| group.as_ref().is_none_or(|n| fold(&g.group.name) == *n));
        let tags = groups.flat_map(|g| &g.tags);
        tags.filter(|tag| fold(&tag.name) == name)
            .map(|tag| tag.id)
            .collect()
    }

    fn diffs(
        &self,
        old: &OwnDraft,
        new: &OwnDraft,
        before: Option<MemberId>,
        after: Option<MemberId>,
    ) -> Vec<Diff> {
        let gender = |gender: Gender| match gender {
            Gender::Unknown => "",
            Gender::Male => "♂",
            Gender::Female => "♀",
        };
        let phones = |draft: &OwnDraft| {
            let masked: Vec<String> = draft.phones.iter().map(|p| mask_phone(p)).collect();
            masked.join("; ")
        };
        let tags = |draft: &OwnDraft| {
            let all = self.groups.iter().flat_map(|g| &g.tags);
            let on = all.filter(|tag| draft.tags.contains(&tag.id));
            on.map(|tag| tag.name.as_str())
                .collect::<Vec<_>>()
                .join("; ")
        };
        let owner = |id: Option<MemberId>| id.map_or("", |id| self.sight.name(id)).to_owned();
        let pairs = [
            ("customers.column.name", old.name.clone(), new.name.clone()),
            (
                "customers.field.gender",
                gender(old.gender).into(),
                gender(new.gender).into(),
            ),
            ("customers.column.phone", phones(old), phones(new)),
            (
                "customers.column.company",
                old.company.clone(),
                new.company.clone(),
            ),
            (
                "customers.field.position",
                old.position.clone(),
                new.position.clone(),
            ),
            (
                "customers.column.remark",
                old.remark.clone(),
                new.remark.clone(),
            ),
            (
                "customers.field.description",
                old.description.clone(),
                new.description.clone(),
            ),
            ("customers.column.tags", tags(old), tags(new)),
            ("customers.column.owner", owner(before), owner(after)),
        ];
        let differs = pairs.into_iter().filter(|(_, from, to)| from != to);
        differs
            .map(|(word, from, to)| Diff { word, from, to })
            .collect()
    }
}

/// The phones of a row, those of its second column behind those of the first.
fn phones_of(row: &Values<'_>, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut all = Vec::new();
    for field in ["phone", "more_phones"] {
        match draft::phones(row.get(field).unwrap_or("")) {
            Ok(phones) => all.extend(phones),
            Err(text) => {
                problems.push(about(field, "customers.import.problem.phone", "text", text))
            }
        }
    }
    let mut phones: Vec<String> = Vec::new();
    for phone in all {
        if !phones.contains(&phone) {
            phones.push(phone);
        }
    }
    phones
}

/// Puts the plain fields of a row over a draft.
fn fill(row: &Values<'_>, draft: &mut OwnDraft, problems: &mut Vec<Problem>) {
    let put = |field: &str, into: &mut String| {
        if let Some(text) = row.get(field) {
            text.trim().clone_into(into);
        }
    };
    put("name", &mut draft.name);
    put("company", &mut draft.company);
    put("position", &mut draft.position);
    put("remark", &mut draft.remark);
    put("description", &mut draft.description);
    if let Some(text) = row.get("gender") {
        match Gender::of_text(text) {
            Some(gender) => draft.gender = gender,
            None => problems.push(about("gender", "org.import.problem.gender", "text", text)),
        }
    }
}
