//! Writing corp tags, and the tags of rule groups.
//!
//! Source: WeCom documentation, 管理企业标签, 管理企业规则组下的客户标签.

use serde_json::{Value, json};

use super::{APPS, EMPTY, OUT_OF_RANGE, State, order, owns};
use crate::wecom::sim::{
    api_tag,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::{CorpTag, Rng, TagGroup},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

/// Corp and strategy tags of the firm together.
const TAGS_MAX: usize = 10_000;
const UNKNOWN: Code = (40068, "invalid tag id");
const TAKEN: Code = (40071, "tag name existed");
const LENGTH: Code = (40072, "tag name length out of range");
const TOO_MANY: Code = (40126, "corp tags over limit");
/// A rule group that is not there, or of another app; it has no errcode of its own.
const UNKNOWN_STRATEGY: Code = PARAM;

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_corp_tag", APPS, add),
    Route::write("externalcontact/edit_corp_tag", APPS, edit),
    Route::write("externalcontact/del_corp_tag", APPS, delete),
    Route::post("externalcontact/get_strategy_tag_list", APPS, strategy_list).empty(&["tag_group"]),
    Route::write("externalcontact/add_strategy_tag", APPS, strategy_add),
    Route::write("externalcontact/edit_strategy_tag", APPS, strategy_edit),
    Route::write("externalcontact/del_strategy_tag", APPS, strategy_delete),
];

/// What `add_*_tag` asks for.
struct Wanted<'b> {
    group_id: Option<&'b str>,
    group_name: &'b str,
    order: u64,
    /// Names, each once, with their order.
    tags: Vec<(&'b str, u64)>,
}

impl<'b> Wanted<'b> {
    fn read(fields: Fields<'b>) -> Result<Self, Fail> {
        let group_id = fields.text("group_id")?.filter(|id| !id.is_empty());
        let group_name = fields.chars("group_name", 30, LENGTH)?.unwrap_or_default();
        ensure(group_id.is_some() || !group_name.is_empty(), EMPTY)?;
        let mut tags: Vec<(&str, u64)> = Vec::new();
        for tag in fields.objects("tag")? {
            tag.filled("name", LENGTH)?;
            let name = tag.chars("name", 30, LENGTH)?.unwrap_or_default();
            let order = order(tag)?.unwrap_or(0);
            if tags.iter().all(|(known, _)| *known != name) {
                tags.push((name, order));
            }
        }
        ensure(!tags.is_empty(), EMPTY)?;
        Ok(Self {
            group_id,
            group_name,
            order: order(fields)?.unwrap_or(0),
            tags,
        })
    }

    /// Position of the group the tags go to; `None` for a new one.
    fn group(&self, library: &[TagGroup]) -> Result<Option<usize>, Fail> {
        let mut live = library.iter();
        let at = match self.group_id {
            Some(id) => {
                let at = live.position(|g| g.id == id && !g.deleted);
                Some(at.ok_or(UNKNOWN)?)
            }
            None => live.position(|g| g.name == self.group_name && !g.deleted),
        };
        if let Some(group) = at.and_then(|at| library.get(at)) {
            let taken = |t: &CorpTag| !t.deleted && self.tags.iter().any(|w| w.0 == t.name);
            ensure(!group.tags.iter().any(taken), TAKEN)?;
        }
        Ok(at)
    }

    /// Makes them; answers the group with the new tags alone.
    fn make(
        &self,
        library: &mut Vec<TagGroup>,
        at: Option<usize>,
        rng: &mut Rng,
        prefix: &str,
        now_s: i64,
    ) -> TagGroup {
        let made: Vec<CorpTag> = self
            .tags
            .iter()
            .map(|(name, order)| CorpTag {
                id: rng.id(prefix, 22),
                name: (*name).to_owned(),
                order: *order,
                create_time: now_s,
                deleted: false,
            })
            .collect();
        let at = at.unwrap_or_else(|| {
            library.push(TagGroup {
                id: rng.id(prefix, 22),
                name: self.group_name.to_owned(),
                order: self.order,
                create_time: now_s,
                tags: Vec::new(),
                deleted: false,
            });
            library.len() - 1
        });
        let group = &mut library[at];
        group.tags.extend(made.iter().cloned());
        TagGroup {
            tags: made,
            ..group.clone()
        }
    }
}

/// Group and tags as the calls that make them answer.
fn answer(group: &TagGroup) -> Value {
    let mut value = api_tag::group_value(group, group.tags.iter().collect());
    if let Some(group) = value.as_object_mut() {
        group.remove("deleted");
        let tags = group.get_mut("tag").and_then(Value::as_array_mut);
        for tag in tags.into_iter().flatten().filter_map(Value::as_object_mut) {
            tag.remove("deleted");
        }
    }
    value
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let wanted = Wanted::read(call.fields())?;
    let at = wanted.group(&world.tags)?;
    world.room_for(wanted.tags.len())?;
    let mut rng = world.fresh();
    let made = wanted.make(&mut world.tags, at, &mut rng, "etQd7hCgAA", call.now_s);
    let makers = &mut world.contact.tag_makers;
    if at.is_none() {
        makers.insert(made.id.clone(), call.app);
    }
    makers.extend(made.tags.iter().map(|tag| (tag.id.clone(), call.app)));
    Ok(json!({ "tag_group": answer(&made) }).into())
}

/// What `edit_*_tag` asks for.
struct Change<'b> {
    id: &'b str,
    name: Option<&'b str>,
    order: Option<u64>,
}

impl<'b> Change<'b> {
    fn read(fields: Fields<'b>) -> Result<Self, Fail> {
        let id = fields.filled("id", UNKNOWN)?;
        let name = fields.chars("name", 30, LENGTH)?;
        ensure(name.is_none_or(|name| !name.is_empty()), LENGTH)?;
        let order = order(fields)?;
        Ok(Self { id, name, order })
    }

    /// Checks that the tag or group is there and its name free.
    fn check(&self, library: &[TagGroup]) -> Result<(), Fail> {
        let named = |name: &str| self.name == Some(name);
        let groups = || library.iter().filter(|g| !g.deleted);
        if groups().any(|g| g.id == self.id) {
            let twin = groups().any(|g| g.id != self.id && named(&g.name));
            return ensure(!twin, TAKEN);
        }
        let mut with_tag = groups().map(|g| g.tags.iter().filter(|t| !t.deleted));
        let siblings = with_tag.find(|tags| tags.clone().any(|t| t.id == self.id));
        let mut siblings = siblings.ok_or(UNKNOWN)?;
        ensure(!siblings.any(|t| t.id != self.id && named(&t.name)), TAKEN)
    }

    fn make(&self, library: &mut [TagGroup]) {
        for group in library {
            if group.id == self.id {
                self.apply(&mut group.name, &mut group.order);
            }
            for tag in group.tags.iter_mut().filter(|t| t.id == self.id) {
                self.apply(&mut tag.name, &mut tag.order);
            }
        }
    }

    fn apply(&self, name: &mut String, order: &mut u64) {
        if let Some(new) = self.name {
            new.clone_into(name);
        }
        *order = self.order.unwrap_or(*order);
    }
}

fn edit(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let change = Change::read(call.fields())?;
    ensure(known(&world.tags, change.id), UNKNOWN)?;
    ensure(world.contact.owns_tag(call.app, change.id), OUT_OF_RANGE)?;
    change.check(&world.tags)?;
    change.make(&mut world.tags);
    Ok(Wrote::only("ok"))
}

/// Tag and group ids of `del_*_tag`.
fn doomed<'b>(fields: Fields<'b>) -> Result<(Vec<&'b str>, Vec<&'b str>), Fail> {
    let tags = fields.texts("tag_id")?;
    let groups = fields.texts("group_id")?;
    ensure(!tags.is_empty() || !groups.is_empty(), EMPTY)?;
    Ok((tags, groups))
}

/// Whether a live tag or group has this id.
fn known(library: &[TagGroup], id: &str) -> bool {
    let mut groups = library.iter().filter(|g| !g.deleted);
    groups.any(|g| g.id == id || g.tags.iter().any(|t| t.id == id && !t.deleted))
}

/// Deletes them; a group goes with its last tag, and its tags with it.
fn drop_all(library: &mut [TagGroup], tags: &[&str], groups: &[&str]) {
    for group in library.iter_mut().filter(|g| !g.deleted) {
        let whole = groups.contains(&group.id.as_str());
        for tag in &mut group.tags {
            tag.deleted |= whole || tags.contains(&tag.id.as_str());
        }
        group.deleted = group.tags.iter().all(|tag| tag.deleted);
    }
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (tags, groups) = doomed(call.fields())?;
    for id in tags.iter().chain(&groups) {
        ensure(known(&world.tags, id), UNKNOWN)?;
        ensure(world.contact.owns_tag(call.app, id), OUT_OF_RANGE)?;
    }
    drop_all(&mut world.tags, &tags, &groups);
    Ok(Wrote::only("ok"))
}

impl State {
    fn owns_tag(&self, app: App, id: &str) -> bool {
        owns(app, self.tag_makers.get(id).copied())
    }
}

impl World {
    /// Checks that the firm may have so many tags more.
    fn room_for(&self, more: usize) -> Result<(), Fail> {
        let strategy = self.contact.strategy_tags.values().flatten();
        let live = self.tags.iter().chain(strategy).filter(|g| !g.deleted);
        let live: usize = live
            .map(|g| g.tags.iter().filter(|t| !t.deleted).count())
            .sum();
        ensure(live + more <= TAGS_MAX, TOO_MANY)
    }

    /// Whether a call may put this tag of a rule group on customers of the member: only who
    /// made the rule group, and only in its range.
    pub(super) fn may_mark(&self, call: &Call<'_>, userid: &str, tag: &str) -> bool {
        let mut libraries = self.contact.strategy_tags.iter();
        let found = libraries.find(|(_, library)| known(library, tag));
        found.is_some_and(|(strategy, library)| {
            library.iter().all(|group| group.id != tag)
                && self.contact.strategies.allows(call, *strategy)
                && self.in_strategy(*strategy, userid)
        })
    }

    /// A live tag of a rule group, with its group.
    pub fn live_strategy_tag(&self, id: &str) -> Option<(&TagGroup, &CorpTag)> {
        let groups = self.contact.strategy_tags.values().flatten();
        groups.filter(|g| !g.deleted).find_map(|group| {
            let tag = group.tags.iter().find(|t| t.id == id && !t.deleted)?;
            Some((group, tag))
        })
    }
}

fn strategy_list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let only = fields.number("strategy_id")?.filter(|id| *id != 0);
    let tags = fields.texts("tag_id")?;
    let groups = fields.texts("group_id")?;
    if let Some(id) = only {
        ensure(world.contact.strategies.allows(call, id), UNKNOWN_STRATEGY)?;
    }
    let mut found = Vec::new();
    for (id, library) in &world.contact.strategy_tags {
        let wanted = only.is_none_or(|only| only == *id);
        if wanted && world.contact.strategies.allows(call, *id) {
            for mut group in api_tag::select(library, &groups, &tags) {
                group["strategy_id"] = json!(id);
                found.push(group);
            }
        }
    }
    Ok(json!({ "tag_group": found }))
}

fn strategy_add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let id = fields.number("strategy_id")?;
    let id = id.ok_or_else(|| Fail::param("strategy_id"))?;
    let wanted = Wanted::read(fields)?;
    let strategies = &world.contact.strategies;
    ensure(strategies.allows(call, id), UNKNOWN_STRATEGY)?;
    ensure(strategies.at_top(id), PARAM)?;
    let none = Vec::new();
    let library = world.contact.strategy_tags.get(&id).unwrap_or(&none);
    let at = wanted.group(library)?;
    world.room_for(wanted.tags.len())?;
    let mut rng = world.fresh();
    let library = world.contact.strategy_tags.entry(id).or_default();
    let made = wanted.make(library, at, &mut rng, "stQd7hCgAA", call.now_s);
    Ok(json!({ "tag_group": answer(&made) }).into())
}

/// The rule group whose tags have this id, if the app may change them.
fn library_of(world: &World, call: &Call<'_>, id: &str) -> Result<u64, Fail> {
    let mut libraries = world.contact.strategy_tags.iter();
    let found = libraries.find(|(_, library)| known(library, id));
    let strategy = found.map(|(strategy, _)| *strategy).ok_or(UNKNOWN)?;
    ensure(world.contact.strategies.allows(call, strategy), UNKNOWN)?;
    Ok(strategy)
}

fn strategy_edit(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let change = Change::read(call.fields())?;
    let strategy = library_of(world, call, change.id)?;
    let library = world.contact.strategy_tags.entry(strategy).or_default();
    change.check(library)?;
    change.make(library);
    Ok(Wrote::only("ok"))
}

fn strategy_delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (tags, groups) = doomed(call.fields())?;
    for id in tags.iter().chain(&groups) {
        library_of(world, call, id)?;
    }
    for library in world.contact.strategy_tags.values_mut() {
        drop_all(library, &tags, &groups);
    }
    Ok(Wrote::only("ok"))
}
