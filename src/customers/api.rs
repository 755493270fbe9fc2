//! Customers and groups as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    store::Read,
    tags,
    web::{Cx, ListQuery, Web},
};

use super::{
    CustomerId, Relation, customer_no,
    list::{self, Asked, SavedView},
    model::mask_phone,
    pages::list_act,
    queries::{self, VisibleCustomer},
};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerQuery {
    /// Words: name, remark, company, pinyin, phone.
    #[serde(default)]
    q: String,
    /// `new`, `mine`, `unassigned` or `lost`; all without it.
    #[serde(default)]
    view: String,
    /// Id of a tag.
    tag: Option<String>,
    /// Id of a member.
    owner: Option<String>,
    /// Customers wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A customer. Numbers are masked.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct CustomerItem {
    /// Id.
    id: String,
    /// Running number, e.g. KH-000042.
    no: String,
    /// Name.
    name: String,
    /// `wechat`, `wecom`, or `own` for a customer that only Qitai knows.
    kind: &'static str,
    /// The customer's own firm.
    corp_name: String,
    /// The relations in scope.
    relations: Vec<RelationItem>,
}

/// What one member knows of the customer.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct RelationItem {
    /// Id.
    id: String,
    /// Id of the member.
    member: String,
    /// The member's name.
    member_name: String,
    /// Remark.
    remark: String,
    /// Company as remarked.
    company: String,
    /// Masked phone numbers.
    phones: Vec<String>,
    /// Names of corp tags.
    tags: Vec<String>,
    /// WeCom's number for how the customer was added; 65535 for `own`.
    add_way: u16,
    /// When added, milliseconds since 1970.
    added_at: Timestamp,
    /// Whether the two are contacts.
    active: bool,
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<CustomerQuery>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Json<List<CustomerItem>>> {
    let query = query.into_inner();
    let asked = Asked {
        text: query.q.trim().to_owned(),
        view: SavedView::of_code(&query.view),
        tags: query.tag.iter().filter_map(|t| t.parse().ok()).collect(),
        owner: query.owner.as_deref().and_then(|o| o.parse().ok()),
        may_see_phones: viewer.may(Permission::CustomerReveal),
        ..Asked::default()
    };
    // The cursor is bound to the conditions, as on the page.
    let bound = ListQuery::new("/api/v1/customers")
        .with("q", &query.q)
        .with("view", &query.view)
        .with("tag", query.tag.as_deref().unwrap_or(""))
        .with("owner", query.owner.as_deref().unwrap_or(""));
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let (sight, tags, found) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerRead)?;
        let found = list::customers(r, &app.people, &sight, &asked, &paging.request, cx.now)?;
        Ok::<_, AppError>((sight, tags_of(r)?, found))
    })?;
    let act = list_act(&viewer, "customer.list", &asked, &found);
    app.write(act, |_| Ok(())).await?;
    let page = found.page.map(|row| item(&sight, &tags, &row.found));
    Ok(Json(paging.answer(page)))
}

pub(super) async fn one(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Json<CustomerItem>> {
    let missing = || AppError::NotFound { what: "customer" };
    let id: CustomerId = id.parse().map_err(|_| missing())?;
    let act = viewer.view("customer.view").about("customer", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::CustomerRead)?;
        queries::customer(&w.read(), &sight, id)?
            .ok_or_else(missing)
            .map(drop)
    })
    .await?;
    app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerRead)?;
        let found = queries::customer(r, &sight, id)?.ok_or_else(missing)?;
        Ok(Json(item(&sight, &tags_of(r)?, &found)))
    })
}

type Tags = std::collections::HashMap<tags::TagId, tags::Tag>;

fn tags_of(r: &Read<'_>) -> Result<Tags> {
    Ok(tags::queries::by_id(r)?)
}

fn item(sight: &Sight, tags: &Tags, found: &VisibleCustomer) -> CustomerItem {
    CustomerItem {
        id: found.customer.id.to_string(),
        no: customer_no(found.customer.no),
        name: found.customer.name.clone(),
        kind: found.customer.kind.code(),
        corp_name: found.customer.corp_name.clone(),
        relations: found
            .relations
            .iter()
            .map(|r| relation(sight, tags, r))
            .collect(),
    }
}

fn relation(sight: &Sight, tags: &Tags, relation: &Relation) -> RelationItem {
    let names = relation
        .tags
        .iter()
        .filter_map(|id| tags.get(id))
        .map(|t| t.name.clone());
    RelationItem {
        id: relation.id.to_string(),
        member: relation.member.to_string(),
        member_name: sight.name(relation.member).to_owned(),
        remark: relation.remark.clone(),
        company: relation.company.clone(),
        phones: relation.phones.iter().map(|p| mask_phone(p)).collect(),
        tags: names.collect(),
        add_way: relation.add_way.0,
        added_at: relation.added_at,
        active: relation.is_active(),
    }
}
