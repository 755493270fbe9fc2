//! The form in which content and audience are written.

use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    app::{App, scope_filter},
    archive::{Answer, consent, queries::ArchiveSight},
    customers::{self, CustomerId, customer_no, views},
    error::{AppError, Invalid, Problem, Result},
    identity::Viewer,
    kit::{Id, Timestamp},
    org::Sight,
    outreach::{
        broadcasts::{
            audience::{Audience, GroupChoice, LISTED_MAX, Target},
            model::Broadcast,
        },
        form as content_form,
    },
    search::{Filters, From, Kind, PeopleQuery, Sort},
    store::Read,
    tags,
    web::{Cx, FormState, Lang, ListQuery, parts::Choice},
};

use super::group_form;

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::broadcasts) struct DraftFields {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) attachment: Vec<String>,
    #[serde(default)]
    q: String,
    #[serde(default)]
    tag: Vec<String>,
    #[serde(default)]
    all_tags: bool,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    dept: Vec<String>,
    #[serde(default)]
    owner: Vec<String>,
    #[serde(default)]
    added_from: String,
    #[serde(default)]
    added_to: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    listed: String,
    /// `groups` for customer groups.
    #[serde(default)]
    to: String,
    /// Words in the names of groups.
    #[serde(default)]
    group_name: String,
    /// Groups that are ticked.
    #[serde(default)]
    group: Vec<String>,
    /// A pasted list of groups.
    #[serde(default)]
    groups: String,
}

pub(super) fn parsed<T: std::str::FromStr>(values: &[String]) -> Vec<T> {
    values.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The beginning of a day in the firm's zone, so many days later; none if empty.
fn day(field: &'static str, text: &str, later: i64, cx: &Cx) -> Result<Option<Timestamp>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |_| AppError::field(field, "broadcasts.bad_day");
    let date: Date = text.trim().parse().map_err(wrong)?;
    let date = date.checked_add(jiff::Span::new().days(later));
    let start = date.and_then(|date| date.to_zoned(cx.zone.clone()));
    let start = start.map_err(wrong)?.timestamp().as_millisecond();
    Ok(Some(Timestamp::from_ms(start)))
}

impl DraftFields {
    /// The audience that the form describes.
    pub(super) fn audience(
        &self,
        app: &App,
        r: &Read<'_>,
        sight: &Sight,
        cx: &Cx,
    ) -> Result<Audience> {
        if self.to == Target::Groups.code() {
            return self.group_audience(r, sight);
        }
        Ok(Audience {
            text: self.q.trim().chars().take(100).collect(),
            tags: parsed(&self.tag),
            all_tags: self.all_tags,
            without_tags: parsed(&self.without),
            departments: parsed(&self.dept),
            owners: parsed(&self.owner),
            added_from: day("added_from", &self.added_from, 0, cx)?,
            // The last day is meant with it.
            added_before: day("added_to", &self.added_to, 1, cx)?,
            channel: self.channel.trim().to_owned(),
            listed: listed(app, r, sight, &self.listed)?,
            groups: None,
        })
    }

    fn group_audience(&self, r: &Read<'_>, sight: &Sight) -> Result<Audience> {
        let listed = group_form::listed(r, sight, &self.group, &self.groups)?;
        Ok(Audience {
            text: self.group_name.trim().chars().take(100).collect(),
            departments: parsed(&self.dept),
            owners: parsed(&self.owner),
            groups: Some(GroupChoice { listed }),
            ..Audience::default()
        })
    }
}

/// The customers of a pasted list; none if it is empty.
fn listed(app: &App, r: &Read<'_>, sight: &Sight, text: &str) -> Result<Option<Vec<CustomerId>>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    if lines.is_empty() {
        return Ok(None);
    }
    if lines.len() > LISTED_MAX {
        return Err(AppError::field("listed", "broadcasts.list_length"));
    }
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for line in lines {
        match one(app, r, sight, line)? {
            Some(id) => found.push(id),
            None => lost.push(line),
        }
    }
    if let Some(first) = lost.first() {
        let problem = Problem {
            field: "listed",
            code: "broadcasts.list_unknown",
            args: vec![("line", (*first).to_owned()), ("n", lost.len().to_string())],
        };
        return Err(AppError::Invalid(Invalid {
            problems: vec![problem],
        }));
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

/// The one customer that a line names: by number, name or phone.
fn one(app: &App, r: &Read<'_>, sight: &Sight, line: &str) -> Result<Option<CustomerId>> {
    let number = line.strip_prefix("KH-").unwrap_or(line);
    if let Ok(no) = number.parse::<u32>()
        && number.len() <= 8
    {
        let found = customers::queries::customer_by_no(r, sight, no)?;
        return Ok(found.map(|found| found.customer.id));
    }
    let query = PeopleQuery {
        text: line.to_owned(),
        kind: Kind::Customer,
        scope: scope_filter(sight),
        filters: Filters::default(),
        sort: Sort::Relevance,
        may_see_phones: false,
    };
    // Best match first: of several that have it in their name, one may be called just so.
    let hits = app.people.search(&query, From::Start, 2)?;
    let mut whole = Vec::new();
    for hit in &hits.items {
        let id = CustomerId::from_bits(hit.object);
        let found = customers::queries::customer(r, sight, id)?;
        let is_it = |name: &str| hits.total == 1 || name == line;
        whole.extend(found.filter(|f| is_it(&f.customer.name)).map(|_| id));
    }
    Ok(match whole[..] {
        [only] => Some(only),
        _ => None,
    })
}

/// The form of a draft.
pub(super) fn of_draft(r: &Read<'_>, draft: &Broadcast, cx: &Cx) -> Result<FormState> {
    let date = |at: Timestamp, back_ms: i64| {
        let at = at.plus_ms(-back_ms).to_jiff().to_zoned(cx.zone.clone());
        at.date().to_string()
    };
    let audience = &draft.audience;
    let target = audience.target();
    let words = match target {
        Target::Customers => "q",
        Target::Groups => "group_name",
    };
    let mut values = vec![
        ("name", draft.name.clone()),
        ("to", target.code().to_owned()),
        (words, audience.text.clone()),
        ("channel", audience.channel.clone()),
    ];
    let groups = audience.groups.iter().flat_map(|choice| &choice.listed);
    let groups = groups.flatten().map(|id| ("group", id.to_string()));
    values.extend(groups);
    values.extend(content_form::filled(&draft.content));
    values.extend(audience.tags.iter().map(|tag| ("tag", tag.to_string())));
    let without = audience.without_tags.iter();
    values.extend(without.map(|tag| ("without", tag.to_string())));
    values.extend(audience.departments.iter().map(|d| ("dept", d.to_string())));
    values.extend(audience.owners.iter().map(|o| ("owner", o.to_string())));
    values.extend(audience.all_tags.then(|| ("all_tags", "on".to_owned())));
    values.extend(audience.added_from.map(|at| ("added_from", date(at, 0))));
    values.extend(audience.added_before.map(|at| ("added_to", date(at, 1))));
    if let Some(listed) = &audience.listed {
        let mut lines = Vec::with_capacity(listed.len());
        for id in listed {
            let customer = r.get::<customers::Customer>(id)?;
            // Whoever is gone is named so that saving asks about them: nobody left would mean all.
            lines.push(customer.map_or_else(|| id.to_string(), |found| customer_no(found.no)));
        }
        values.push(("listed", lines.join("\n")));
    }
    Ok(FormState::with_values(values))
}

/// A new form, for the audience that an address names: the conditions of the list of customers,
/// or the id of a saved view of it.
pub(super) fn of_address(
    r: &Read<'_>,
    viewer: &Viewer,
    sight: &Sight,
    cx: &Cx,
) -> Result<FormState> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    if query.get("to") == Some(Target::Groups.code()) {
        return Ok(group_form::of_address(&query));
    }
    let wanted = query.get("audience").unwrap_or("");
    let mut conditions = wanted.to_owned();
    if let (Ok(id), Some(account)) = (wanted.parse::<Id<views::NamedView>>(), viewer.account_id()) {
        let mut known = views::own(r, account)?;
        known.extend(views::shared(r, sight, account)?);
        let view = known.into_iter().find(|view| view.id == id);
        conditions = view.map(|view| view.query).unwrap_or_default();
    }
    let conditions = conditions.strip_prefix("/customers").unwrap_or(&conditions);
    let list = ListQuery::parse("/customers", conditions.trim_start_matches('?'));
    let mut values = vec![("to", Target::Customers.code().to_owned())];
    for name in ["q", "tag", "dept", "owner"] {
        values.extend(list.all(name).map(|value| (name, value.to_owned())));
    }
    let added = match list.get("view") {
        Some("new") => Some("30d"),
        _ => list.get("added"),
    };
    let added = added.unwrap_or("");
    if let Some((from, to)) = added.split_once("..") {
        values.extend([("added_from", from.to_owned()), ("added_to", to.to_owned())]);
    } else if let Some(days) = added.strip_suffix('d').and_then(|n| n.parse::<i64>().ok()) {
        let today = cx.now.to_jiff().to_zoned(cx.zone.clone()).date();
        let first = today.saturating_sub(jiff::Span::new().days(days.clamp(1, 3_660) - 1));
        values.push(("added_from", first.to_string()));
    }
    if let (Some("mine"), Some(own)) = (list.get("view"), sight.own()) {
        values.push(("owner", own.to_string()));
    }
    Ok(FormState::with_values(values))
}

/// A new form for those who have not agreed to being archived (同意存档): they are told of it and
/// asked to agree. Whether there are more of them than one broadcast takes.
pub(super) fn of_notice(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    sight: &Sight,
    cx: &Cx,
    answer: Answer,
) -> Result<(FormState, bool)> {
    let archive = ArchiveSight::of(app, r, viewer)?;
    let mut lines = Vec::new();
    let (_, has_more) = consent::customers(r, &archive, answer, LISTED_MAX, |id| {
        let found = customers::queries::customer(r, sight, id)?;
        let is_there = found.is_some();
        lines.extend(found.map(|found| customer_no(found.customer.no)));
        Ok(is_there)
    })?;
    lines.truncate(LISTED_MAX);
    // Filled in when it is sent.
    let firm = match cx.lang() {
        Lang::Zh => "{企业}",
        Lang::En => "{firm}",
    };
    let text = cx.tf("broadcasts.notice.text", ("firm", firm));
    let form = FormState::with_values([
        ("name", cx.t("broadcasts.notice.name").into_owned()),
        ("text", text.into_owned()),
        ("listed", lines.join("\n")),
    ]);
    Ok((form, has_more))
}

/// Tags of one group to choose from: value and name.
pub(in crate::outreach) struct TagGroup {
    pub(in crate::outreach) name: String,
    pub(in crate::outreach) tags: Vec<(String, String)>,
}

/// What there is to choose from.
pub(in crate::outreach) struct Choices {
    pub(in crate::outreach) tags: Vec<TagGroup>,
    pub(in crate::outreach) departments: Vec<Choice>,
    pub(in crate::outreach) owners: Vec<Choice>,
}

impl Choices {
    pub(in crate::outreach) fn load(r: &Read<'_>, sight: &Sight, cx: &Cx) -> Result<Self> {
        let tags = tags::queries::groups(r)?.into_iter().map(|group| TagGroup {
            name: group.group.name.clone(),
            tags: group
                .tags
                .iter()
                .map(|tag| (tag.id.to_string(), tag.name.clone()))
                .collect(),
        });
        let choice = |value: String, label: String| Choice {
            value,
            label,
            count: None,
            is_on: false,
        };
        let english = cx.lang() == Lang::En;
        let departments = customers::list::departments_in_scope(sight).into_iter();
        let departments = departments.map(|(depth, d)| {
            let indent = "\u{3000}".repeat(depth);
            let name = d.name_in(english);
            choice(d.wecom_id.to_string(), format!("{indent}{name}"))
        });
        let members = sight.directory.members();
        let able = members.filter(|m| sight.sees(m.id) && m.serves_customers && m.is_here());
        let mut owners: Vec<_> = able.collect();
        owners.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        let owners = owners.into_iter();
        Ok(Self {
            tags: tags.filter(|group| !group.tags.is_empty()).collect(),
            departments: departments.collect(),
            owners: owners
                .map(|m| choice(m.id.to_string(), m.name.clone()))
                .collect(),
        })
    }
}
