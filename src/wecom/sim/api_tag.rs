//! `externalcontact/get_corp_tag_list`.

use serde_json::{Value, json};

use super::{
    check::{Call, Fail},
    firm::{CorpTag, TagGroup},
    routes::Route,
    state::World,
    tokens::App,
};

const READERS: &[App] = &[App::Own, App::Contact];

pub(super) const ROUTES: &[Route] =
    &[Route::post("externalcontact/get_corp_tag_list", READERS, list).empty(&["tag_group"])];

/// `get_corp_tag_list`: all live tags, or those asked for by id, deleted ones too. Group ids
/// win over tag ids.
fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let group_ids = call.fields().texts("group_id")?;
    let tag_ids = call.fields().texts("tag_id")?;
    Ok(json!({ "tag_group": select(&world.tags, &group_ids, &tag_ids) }))
}

/// The groups asked for, the highest first; all live ones when nothing is asked for.
pub(super) fn select(library: &[TagGroup], group_ids: &[&str], tag_ids: &[&str]) -> Vec<Value> {
    let mut groups: Vec<Value> = Vec::new();
    let mut sorted: Vec<&TagGroup> = library.iter().collect();
    sorted.sort_by_key(|g| std::cmp::Reverse(g.order));
    for group in sorted {
        let whole = group_ids.contains(&group.id.as_str());
        let by_tag = |t: &&CorpTag| tag_ids.contains(&t.id.as_str());
        let tags: Vec<&CorpTag> = if !group_ids.is_empty() {
            group.tags.iter().filter(|_| whole).collect()
        } else if !tag_ids.is_empty() {
            group.tags.iter().filter(by_tag).collect()
        } else {
            group.tags.iter().filter(|t| !t.deleted).collect()
        };
        if !tags.is_empty() {
            groups.push(group_value(group, tags));
        }
    }
    groups
}

pub(super) fn group_value(group: &TagGroup, mut tags: Vec<&CorpTag>) -> Value {
    tags.sort_by_key(|t| std::cmp::Reverse(t.order));
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|t| {
            json!({
                "id": t.id, "name": t.name, "create_time": t.create_time, "order": t.order,
                "deleted": t.deleted,
            })
        })
        .collect();
    json!({
        "group_id": group.id, "group_name": group.name, "create_time": group.create_time,
        "order": group.order, "deleted": group.deleted, "tag": tags,
    })
}
