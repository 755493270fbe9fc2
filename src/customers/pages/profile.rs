//! `/customers/{id}`: who, what happened, who follows.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{self, names::Names, queries::ArchiveSight},
    audit::log,
    customers::{
        AddWay, Customer, CustomerId, CustomerKind, Relation, RelationId, customer_no,
        list::{self, Around},
        model::mask_phone,
        queries::{self, VisibleCustomer},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    store::Read,
    tags::{self, queries::GroupWithTags},
    view,
    web::{Cx, Form, ListQuery, Shown, filters, local, parts::Tab},
    work::{effects::Effect, outbox},
};

use super::{
    asked,
    ledger::Ledger,
    list::{name_of, tag_names, way_name},
    origin::{Origins, channel_name},
    todos::TodoCard,
};

/// How many changes the page shows.
const CHANGES_SHOWN: usize = 50;
/// How many conversations the page shows.
const CHATS_SHOWN: usize = 8;

/// A member who follows, with what the member remarked.
struct Follower {
    id: String,
    name: String,
    department: String,
    has_left: bool,
    is_active: bool,
    /// The customer has deleted the member, who still sees the customer.
    is_deleted: bool,
    added_at: Timestamp,
}

/// A masked number and where to ask for it.
struct Masked {
    element: String,
    shown: String,
    href: String,
    by: String,
}

/// What one member says of the customer.
struct Remarks {
    by: String,
    remark: String,
    description: String,
    company: String,
}

/// What is on its way to WeCom, or failed on it.
struct Pending {
    sentence: String,
    /// Catalogue key and tone.
    state: (&'static str, &'static str),
    trouble: String,
}

/// A relation that the viewer may change.
struct Editable {
    by: String,
    tags_href: String,
    remark_href: String,
}

/// One entry of the activity.
struct Event {
    at: Timestamp,
    icon: &'static str,
    word: &'static str,
    who: String,
    detail: String,
}

/// What happened on one day, newest first.
struct Day {
    name: String,
    events: Vec<Event>,
}

/// An archived conversation of the customer's.
struct Conversation {
    href: String,
    title: String,
    icon: &'static str,
    /// Messages, and when the newest was sent, where all of them are visible.
    known: Option<(u64, Timestamp)>,
}

/// Where the customer stands in the list one came from, and the way to the next.
struct Place {
    number: u64,
    total: u64,
    prev: Option<String>,
    next: Option<String>,
}

/// One audited change.
struct Change {
    at: Timestamp,
    seq: u64,
    actor: String,
    fields: Vec<(String, String, String)>,
}

/// The page.
#[derive(Template)]
#[template(path = "customers/profile.html", blocks = ["title", "tab"])]
pub(in crate::customers) struct ProfilePage {
    customer: Customer,
    number: String,
    remarks: Vec<Remarks>,
    followers: Vec<Follower>,
    hidden: usize,
    phones: Vec<Masked>,
    may_reveal: bool,
    tag_lines: Vec<(String, Vec<(String, &'static str)>)>,
    personal_tags: Vec<String>,
    groups: Vec<(String, String, Timestamp, u32)>,
    /// None if the viewer may not read conversations.
    chats: Option<Vec<Conversation>>,
    tabs: Vec<Tab>,
    tab: &'static str,
    days: Vec<Day>,
    changes: Vec<Change>,
    touches: Option<Ledger>,
    back: String,
    place: Option<Place>,
    is_lost: bool,
    pending: Vec<Pending>,
    editable: Vec<Editable>,
    todos: TodoCard,
}
view!(ProfilePage, "tab" => as_tab);

/// What the address asks of the page.
struct Wanted {
    tab: &'static str,
    /// The list one came from.
    from: Option<String>,
}

impl Wanted {
    fn of(cx: &Cx) -> Self {
        let query = ListQuery::parse(&cx.path, &cx.query);
        let tabs = ["groups", "touches", "changes"];
        let tab = query.get("tab").unwrap_or("");
        Self {
            tab: tabs.into_iter().find(|t| *t == tab).unwrap_or("activity"),
            from: query.get("from").and_then(local).map(str::to_owned),
        }
    }
}

/// Shows a customer. The entry of it is durable before anything is.
pub(in crate::customers) async fn profile(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ProfilePage>> {
    let id: CustomerId = id
        .parse()
        .map_err(|_| AppError::NotFound { what: "customer" })?;
    let act = viewer.view("customer.view").about("customer", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::CustomerRead)?;
        visible(&w.read(), &sight, id).map(drop)
    })
    .await?;
    let wanted = Wanted::of(&cx);
    let page = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerRead)?;
        let may_reveal = viewer.may(Permission::CustomerReveal);
        let maker = Maker {
            r,
            sight: &sight,
            cx: &cx,
            may_reveal,
            may_edit: viewer.may(Permission::CustomerEdit),
        };
        let may_edit = maker.may_edit;
        let around = around(&app, &viewer, &sight, &cx, &wanted, id)?;
        let mut page = maker.page(visible(r, &sight, id)?, &wanted, around)?;
        if wanted.tab == "touches" {
            let seen = (&sight, &Origins::of(&app, r, &viewer)?);
            page.touches = Some(Ledger::of(r, seen, id, may_edit)?);
        }
        if viewer.may(Permission::ArchiveRead) && !cx.is_fragment {
            page.chats = Some(conversations(&app, r, &viewer, &cx, id)?);
        }
        Ok::<_, AppError>(page)
    })?;
    Ok(Shown::of(page))
}

/// The customer's archived conversations that the viewer may open.
fn conversations(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    id: CustomerId,
) -> Result<Vec<Conversation>> {
    let sight = ArchiveSight::of(app, r, viewer)?;
    let names = Names::new(r, &sight.sight, cx);
    let chats = archive::queries::chats_of(r, &sight, id.cast())?;
    let shown = chats.iter().take(CHATS_SHOWN).map(|chat| {
        Ok(Conversation {
            href: format!("/archive/{}", chat.id),
            title: names.title(chat)?,
            icon: if chat.is_room() { "group" } else { "user" },
            known: sight
                .sees_all_of(chat)
                .then_some((chat.messages, chat.last_at)),
        })
    });
    shown.collect()
}

/// Where the customer stands in the list that `from` names; nowhere if it names none, or if
/// only a tab is asked for.
fn around(
    app: &App,
    viewer: &Viewer,
    sight: &Sight,
    cx: &Cx,
    wanted: &Wanted,
    id: CustomerId,
) -> Result<Option<Around>> {
    let from = wanted.from.as_deref().filter(|_| !cx.is_fragment);
    match from.and_then(|from| asked::of_address(from, viewer, cx)) {
        Some(asked) => list::around(&app.people, sight, &asked, id, cx.now),
        None => Ok(None),
    }
}

/// A tab of a customer's page, with the list one came from.
fn tab_address(id: CustomerId, tab: &str, back: &str) -> String {
    ListQuery::new(&format!("/customers/{id}"))
        .with("tab", if tab == "activity" { "" } else { tab })
        .with("from", back)
        .to_string()
}

fn visible(r: &Read<'_>, sight: &Sight, id: CustomerId) -> Result<VisibleCustomer> {
    queries::customer(r, sight, id)?.ok_or(AppError::NotFound { what: "customer" })
}

/// Puts the page together.
struct Maker<'a> {
    r: &'a Read<'a>,
    sight: &'a Sight,
    cx: &'a Cx,
    may_reveal: bool,
    may_edit: bool,
}

impl Maker<'_> {
    fn page(
        &self,
        mut found: VisibleCustomer,
        wanted: &Wanted,
        around: Option<Around>,
    ) -> Result<ProfilePage> {
        found.customer.name = name_of(self.cx, &found.customer).into_owned();
        let groups = tags::queries::groups(self.r)?;
        let in_groups = queries::groups_of(self.r, self.sight, found.customer.id)?;
        let tab = wanted.tab;
        let changes = if tab == "changes" {
            self.changes(&found, &groups)?
        } else {
            Vec::new()
        };
        let back = wanted
            .from
            .clone()
            .unwrap_or_else(|| asked::LIST.to_owned());
        let mut events = self.events(&found)?;
        events.extend(in_groups.iter().map(|(group, place)| Event {
            at: place.joined_at,
            icon: "group",
            word: "customers.event.joined",
            who: self.group_name(&group.name),
            detail: String::new(),
        }));
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        let place = around.map(|around| {
            let href = |id: CustomerId| tab_address(id, tab, &back);
            Place {
                number: around.number,
                total: around.total,
                prev: around.prev.map(href),
                next: around.next.map(href),
            }
        });
        Ok(ProfilePage {
            number: customer_no(found.customer.no),
            remarks: self.remarks(&found),
            followers: found.relations.iter().map(|r| self.follower(r)).collect(),
            hidden: found.hidden_relations,
            phones: self.phones(&found),
            may_reveal: self.may_reveal,
            tag_lines: tag_lines(&found, &groups),
            personal_tags: found
                .relations
                .iter()
                .flat_map(|r| r.personal_tags.clone())
                .collect(),
            tabs: self.tabs(&found, tab, &back, in_groups.len()),
            groups: in_groups
                .into_iter()
                .map(|(g, p)| {
                    let people = g.member_count + g.external_count;
                    (
                        g.id.to_string(),
                        self.group_name(&g.name),
                        p.joined_at,
                        people,
                    )
                })
                .collect(),
            chats: None,
            tab,
            days: self.days(events),
            changes,
            touches: None,
            back,
            place,
            pending: self.pending(&found)?,
            editable: self.editable(&found),
            todos: TodoCard::of(self.r, self.sight, self.cx, &found, self.may_edit)?,
            is_lost: !found.relations.iter().any(Relation::is_active),
            customer: found.customer,
        })
    }

    fn pending(&self, found: &VisibleCustomer) -> Result<Vec<Pending>> {
        let effects = queries::pending(self.r, found.customer.id)?;
        // What another member has asked for is visible with that relation only.
        let is_visible = |effect: &&Effect| {
            let pair = crate::customers::effects::pair_of(effect);
            pair.is_some_and(|pair| found.relations.iter().any(|r| r.id == pair.relation))
        };
        let shown = effects.iter().filter(is_visible).map(|effect| {
            Ok(Pending {
                sentence: outbox::in_words(self.r, self.cx, effect)?.sentence,
                state: outbox::state_words(effect.state),
                trouble: match &effect.failure {
                    Some(failure) => outbox::trouble(self.cx, failure),
                    None => String::new(),
                },
            })
        });
        shown.collect()
    }

    fn editable(&self, found: &VisibleCustomer) -> Vec<Editable> {
        let relations = found.relations.iter();
        let may = |r: &&Relation| self.may_edit && r.is_active();
        relations
            .filter(may)
            .map(|r| Editable {
                by: self.sight.name(r.member).to_owned(),
                tags_href: format!("/customers/relations/{}/tags", r.id),
                remark_href: format!("/customers/relations/{}/remark", r.id),
            })
            .collect()
    }

    fn group_name(&self, name: &str) -> String {
        if name.is_empty() {
            self.cx.t("customers.group.unnamed").into_owned()
        } else {
            name.to_owned()
        }
    }

    fn follower(&self, relation: &Relation) -> Follower {
        let member = self.sight.directory.member(relation.member);
        let department = member.and_then(|m| self.sight.directory.department_of(m));
        Follower {
            id: relation.member.to_string(),
            name: self.sight.name(relation.member).to_owned(),
            department: department.map(|d| d.name.clone()).unwrap_or_default(),
            has_left: member.is_some_and(|m| !m.is_here()),
            is_active: relation.is_active(),
            is_deleted: relation.is_deleted_by_customer(),
            added_at: relation.added_at,
        }
    }

    fn remarks(&self, found: &VisibleCustomer) -> Vec<Remarks> {
        let says = |r: &&Relation| {
            !(r.remark.is_empty() && r.description.is_empty() && r.company.is_empty())
        };
        let remarks = |r: &Relation| Remarks {
            by: self.sight.name(r.member).to_owned(),
            remark: r.remark.clone(),
            description: r.description.clone(),
            company: r.company.clone(),
        };
        found.relations.iter().filter(says).map(remarks).collect()
    }

    fn phones(&self, found: &VisibleCustomer) -> Vec<Masked> {
        let mut phones = Vec::new();
        for relation in &found.relations {
            phones.extend((0..).zip(&relation.phones).map(|(place, phone)| {
                let by = self.sight.name(relation.member);
                masked(relation.id, place, phone, by)
            }));
        }
        phones
    }

    /// Events with their days as headings.
    fn days(&self, events: Vec<Event>) -> Vec<Day> {
        let mut days: Vec<Day> = Vec::new();
        for event in events {
            let name = crate::web::format::date(event.at, &self.cx.zone, self.cx.lang());
            match days.last_mut().filter(|day| day.name == name) {
                Some(day) => day.events.push(event),
                None => days.push(Day {
                    name,
                    events: vec![event],
                }),
            }
        }
        days
    }

    fn tabs(&self, found: &VisibleCustomer, tab: &str, back: &str, groups: usize) -> Vec<Tab> {
        let make = |code: &str, word: &str, count| Tab {
            label: self.cx.t(word).into_owned(),
            href: tab_address(found.customer.id, code, back),
            count,
            is_current: tab == code,
        };
        vec![
            make("activity", "customers.tab.activity", None),
            make("groups", "customers.tab.groups", Some(groups as u64)),
            make("touches", "touches.title", None),
            make("changes", "customers.tab.changes", None),
        ]
    }

    /// What is known to have happened, from the relations in scope.
    fn events(&self, found: &VisibleCustomer) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for relation in &found.relations {
            let who = self.sight.name(relation.member).to_owned();
            let mut detail = way_name(self.cx, relation.add_way);
            if !relation.channel.is_empty() {
                detail = format!("{detail} · {}", channel_name(self.r, &relation.channel)?);
            }
            events.push(Event {
                at: relation.added_at,
                icon: "plus",
                word: "customers.event.added",
                who: who.clone(),
                detail,
            });
            if let crate::customers::RelationState::Ended { at } = relation.state {
                let detail = String::new();
                events.push(Event {
                    at,
                    icon: "x",
                    word: "customers.event.ended",
                    who: who.clone(),
                    detail,
                });
            }
            if let Some(word) = relation.last_word.filter(|word| word.is_deleted) {
                events.push(Event {
                    at: word.at,
                    icon: "x",
                    word: "customers.event.deleted",
                    who,
                    detail: String::new(),
                });
            }
        }
        Ok(events)
    }

    /// The audited changes of the customer and of the relations in scope, newest first.
    fn changes(&self, found: &VisibleCustomer, groups: &[GroupWithTags]) -> Result<Vec<Change>> {
        let mut things = vec![format!("customer:{}", found.customer.id)];
        things.extend(found.relations.iter().map(|r| format!("relation:{}", r.id)));
        let mut seqs = std::collections::BTreeSet::new();
        for thing in &things {
            let by = log::Dimension::Object;
            for seq in log::found_by(self.r, by, thing, None)?.take(CHANGES_SHOWN) {
                seqs.insert(seq?);
            }
        }
        let mut changes = Vec::new();
        for seq in seqs.into_iter().rev() {
            if changes.len() == CHANGES_SHOWN {
                break;
            }
            changes.extend(self.change(seq, &things, groups)?);
        }
        Ok(changes)
    }

    /// What an entry changed of these things; `None` if it only showed them.
    fn change(
        &self,
        seq: u64,
        things: &[String],
        groups: &[GroupWithTags],
    ) -> Result<Option<Change>> {
        let line = log::line(self.r, seq)?;
        let Some(leaf) = line.and_then(|line| crate::audit::Leaf::parse(&line)) else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        for opening in log::openings(self.r, seq)?
            .iter()
            .filter(|o| things.contains(&o.f))
        {
            fields.extend(diff_fields(&opening.v, self.cx, self.sight, groups));
        }
        let at = leaf
            .t
            .parse::<jiff::Timestamp>()
            .map_or(0, |t| t.as_millisecond());
        let change = Change {
            at: Timestamp::from_ms(at),
            seq,
            actor: self.actor(&leaf.actor)?,
            fields,
        };
        Ok(Some(change).filter(|change| !change.fields.is_empty()))
    }
}

impl Maker<'_> {
    /// Who made a change: a colleague by name, or WeCom.
    fn actor(&self, actor: &str) -> Result<String> {
        let account = actor
            .strip_prefix("account:")
            .and_then(|id| id.parse().ok());
        let name = match account {
            Some(id) => identity::queries::account_name(self.r, id)?,
            None => None,
        };
        let word = match account {
            Some(_) => "customers.change.by_person",
            None if actor == "system:import" => "customers.change.by_import",
            None => "customers.change.by_sync",
        };
        Ok(name.unwrap_or_else(|| self.cx.t(word).into_owned()))
    }
}

/// The fields of a diff in the reader's words: name, before, after.
fn diff_fields(
    diff: &str,
    cx: &Cx,
    sight: &Sight,
    groups: &[GroupWithTags],
) -> Vec<(String, String, String)> {
    let Ok(fields) =
        serde_json::from_str::<std::collections::BTreeMap<String, [serde_json::Value; 2]>>(diff)
    else {
        return Vec::new();
    };
    // What points elsewhere says nothing to a reader.
    let told = |name: &str, before: &serde_json::Value| match name {
        "customer" | "avatar" => false,
        // Whose the relation is says something only where it has changed.
        "member" => !before.is_null(),
        _ => true,
    };
    let fields = fields
        .into_iter()
        .filter(|(name, [before, _])| told(name, before));
    fields
        .map(|(name, [before, after])| {
            let text = |v| value_text(&name, v, cx, sight, groups);
            let label = cx.t(&format!("customers.field.{name}")).into_owned();
            (label, text(&before), text(&after))
        })
        // What was never filled in is no change.
        .filter(|(_, before, after)| !(before.is_empty() && after.is_empty()))
        .collect()
}

fn value_text(
    name: &str,
    value: &serde_json::Value,
    cx: &Cx,
    sight: &Sight,
    groups: &[GroupWithTags],
) -> String {
    use serde_json::Value;
    match (name, value) {
        (_, Value::Null) => String::new(),
        ("tags", Value::Array(ids)) => {
            let ids: Vec<tags::TagId> = ids
                .iter()
                .filter_map(|id| id.as_str()?.parse().ok())
                .collect();
            let names: Vec<String> = tag_names(&ids, groups)
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            names.join("、")
        }
        ("add_way", Value::Number(n)) => {
            let way = n
                .as_u64()
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or_default();
            way_name(cx, AddWay(way))
        }
        ("added_at", Value::Number(n)) => {
            let at = Timestamp::from_ms(n.as_i64().unwrap_or(0));
            crate::web::format::exact(at, &cx.zone)
        }
        ("member", Value::String(id)) => {
            let name = id.parse().map(|id| sight.name(id).to_owned());
            name.unwrap_or_default()
        }
        ("gender", Value::String(code)) => cx.t(code).into_owned(),
        ("kind", Value::String(code)) => cx.t(&format!("customers.kind.{code}")).into_owned(),
        ("deleted_by_customer", Value::Bool(true)) => cx.t("customers.state.deleted").into_owned(),
        ("deleted_by_customer", Value::Bool(false)) => String::new(),
        ("active", Value::Bool(active)) => cx
            .t(if *active {
                "customers.state.active"
            } else {
                "customers.state.lost"
            })
            .into_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join("、")
        }
        (_, other) => other.to_string(),
    }
}

/// Tags by group, groups without one left out.
fn tag_lines(
    found: &VisibleCustomer,
    groups: &[GroupWithTags],
) -> Vec<(String, Vec<(String, &'static str)>)> {
    let ids: Vec<tags::TagId> = found
        .relations
        .iter()
        .flat_map(|r| r.tags.iter().copied())
        .collect();
    let names = tag_names(&ids, groups);
    let line = |group: &GroupWithTags| {
        let own = |name: &str| group.tags.iter().any(|t| t.name == name);
        let tags: Vec<_> = names
            .iter()
            .filter(|(name, _)| own(name))
            .cloned()
            .collect();
        (group.group.name.clone(), tags)
    };
    groups
        .iter()
        .map(line)
        .filter(|(_, tags)| !tags.is_empty())
        .collect()
}

fn masked(relation: RelationId, place: usize, phone: &str, by: &str) -> Masked {
    Masked {
        element: format!("phone-{relation}-{place}"),
        shown: mask_phone(phone),
        href: format!("/customers/relations/{relation}/phones/{place}"),
        by: by.to_owned(),
    }
}

/// One number, masked or shown.
#[derive(Template)]
#[template(path = "customers/phone.html", blocks = ["title", "phone"])]
pub(in crate::customers) struct PhonePage {
    phone: Masked,
    value: Option<String>,
    back: String,
    element: String,
}

impl crate::web::View for PhonePage {
    fn page(&self, cx: &Cx) -> askama::Result<String> {
        self.render_with_values(cx)
    }
    fn title(&self, cx: &Cx) -> askama::Result<String> {
        self.as_title().render_with_values(cx)
    }
    fn block(&self, id: &str, cx: &Cx) -> Option<askama::Result<String>> {
        (id == self.element).then(|| self.as_phone().render_with_values(cx))
    }
}

/// The form that asks for a number has no fields of its own.
#[derive(Deserialize)]
pub(in crate::customers) struct NoFields {}

/// Shows a number. Its entry is durable before it is shown.
pub(in crate::customers) async fn reveal_phone(
    viewer: Viewer,
    path: Path<(String, usize)>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<PhonePage>> {
    let (relation, place) = phone_path(&path)?;
    let act = viewer
        .view("customer.reveal_phone")
        .about("relation", relation);
    let checking = app.clone();
    let page = app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &viewer, Permission::CustomerReveal)?;
        let found = queries::phone(&w.read(), &sight, relation, place)?;
        let (found, phone) = found.ok_or(AppError::NotFound { what: "phone" })?;
        w.act_mut().objects.push(crate::store::ObjectRef {
            kind: "customer",
            id: found.customer.to_string(),
        });
        Ok(phone_page(&sight, &found, place, &phone, true))
    });
    Ok(Shown::of(page.await?))
}

/// The same number masked again.
pub(in crate::customers) async fn show_masked_phone(
    viewer: Viewer,
    path: Path<(String, usize)>,
    app: Data<App>,
) -> Result<Shown<PhonePage>> {
    let (relation, place) = phone_path(&path)?;
    let page = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerReveal)?;
        let found = queries::phone(r, &sight, relation, place)?;
        let (found, phone) = found.ok_or(AppError::NotFound { what: "phone" })?;
        Ok::<_, AppError>(phone_page(&sight, &found, place, &phone, false))
    });
    Ok(Shown::of(page?))
}

fn phone_path(path: &(String, usize)) -> Result<(RelationId, usize)> {
    let relation = path
        .0
        .parse()
        .map_err(|_| AppError::NotFound { what: "phone" })?;
    Ok((relation, path.1))
}

fn phone_page(
    sight: &Sight,
    relation: &Relation,
    place: usize,
    phone: &str,
    shown: bool,
) -> PhonePage {
    let masked = masked(relation.id, place, phone, sight.name(relation.member));
    PhonePage {
        element: masked.element.clone(),
        value: shown.then(|| crate::web::format::phone(phone)),
        back: format!("/customers/{}", relation.customer),
        phone: masked,
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
