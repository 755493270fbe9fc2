//! The list of customers: what is asked, the search that answers it, and the rows shown.
//!
//! List and search are one path: a list is a search without words. The engine applies scope
//! and filters before it counts; the rows are then read from the store through the same
//! sight, so that nothing a viewer may not see can be on a page even while the index lags.

use std::collections::BTreeSet;

use crate::{
    app::scope_filter,
    error::Result,
    kit::{Cursor, Page, PageRequest, Timestamp},
    org::{Department, MemberId, MemberState, Sight},
    search::{Filters, From, Hits, Kind, People, PeopleQuery, Place, ScopeFilter, Sort},
    store::Read,
    tags::TagId,
};

use super::{
    CustomerId, CustomerKind, documents,
    queries::{self, VisibleCustomer},
};

const DAY_MS: i64 = 86_400_000;

/// The ready-made views of the list, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SavedView {
    /// All customers.
    #[default]
    All,
    /// Added within the last 30 days.
    New,
    /// With a relation of the viewer's own.
    Mine,
    /// Followed by somebody who has left: to be handed over.
    Unassigned,
    /// Whose relations have all ended.
    Lost,
}

impl SavedView {
    /// All of them in order.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::New,
        Self::Mine,
        Self::Unassigned,
        Self::Lost,
    ];

    /// The value of `view=`.
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::New => "new",
            Self::Mine => "mine",
            Self::Unassigned => "unassigned",
            Self::Lost => "lost",
        }
    }

    /// From the value of `view=`; anything unknown is the first.
    pub fn of_code(code: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|view| view.code() == code)
            .unwrap_or_default()
    }
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What was typed.
    pub text: String,
    /// The ready-made view.
    pub view: SavedView,
    /// One of these tags.
    pub tags: Vec<TagId>,
    /// Followed by this member.
    pub owner: Option<MemberId>,
    /// Followed by somebody in this department (WeCom's number) or below.
    pub department: Option<u64>,
    /// Added in one of these ways.
    pub ways: Vec<u16>,
    /// Kind of customer.
    pub kind: Option<CustomerKind>,
    /// Added at or after.
    pub added_from: Option<Timestamp>,
    /// Added before.
    pub added_before: Option<Timestamp>,
    /// Order.
    pub sort: Sort,
    /// Whether any part of a phone number may be searched.
    pub may_see_phones: bool,
}

impl Asked {
    /// As the engine takes it.
    fn query(&self, sight: &Sight, now: Timestamp) -> PeopleQuery {
        PeopleQuery {
            text: self.text.clone(),
            kind: Kind::Customer,
            scope: scope_filter(sight),
            filters: self.filters(sight, now),
            sort: self.sort,
            may_see_phones: self.may_see_phones,
        }
    }

    fn filters(&self, sight: &Sight, now: Timestamp) -> Filters {
        let mut filters = view_filters(self.view, sight, now);
        filters.tags = self.tags.iter().map(|tag| tag.bits()).collect();
        filters.ways = self.ways.iter().map(|way| u64::from(*way)).collect();
        filters.customer_kind = self.kind.map(documents::kind_number);
        filters.added_from = filters.added_from.max(self.added_from);
        filters.added_before = self.added_before;
        if let Some(owner) = self.owner {
            narrow(&mut filters, BTreeSet::from([owner.bits()]));
        }
        if let Some(department) = self.department {
            let members = sight.directory.member_ids_under(department);
            narrow(
                &mut filters,
                members.into_iter().map(|m| m.bits()).collect(),
            );
        }
        filters
    }
}

/// Leaves only those owners that are also in `owners`.
fn narrow(filters: &mut Filters, owners: BTreeSet<u64>) {
    let both = match filters.owners.take() {
        Some(known) => known.intersection(&owners).copied().collect(),
        None => owners,
    };
    filters.owners = Some(both);
}

/// The conditions of a ready-made view.
fn view_filters(view: SavedView, sight: &Sight, now: Timestamp) -> Filters {
    let mut filters = Filters::default();
    match view {
        SavedView::All => {}
        // Whole days, so that the same list is asked for all day long.
        SavedView::New => {
            let day = now.ms() - now.ms().rem_euclid(DAY_MS) - 30 * DAY_MS;
            filters.added_from = Some(Timestamp::from_ms(day));
        }
        SavedView::Mine => {
            filters.owners = Some(sight.own().map(|own| own.bits()).into_iter().collect());
        }
        SavedView::Unassigned => {
            let left = sight
                .directory
                .members()
                .filter(|m| m.state == MemberState::Left);
            filters.owners = Some(left.map(|m| m.id.bits()).collect());
            filters.ended = Some(false);
        }
        SavedView::Lost => filters.lost = true,
    }
    filters
}

/// A customer in a list, with what the row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRow {
    /// The customer with the relations in scope.
    pub found: VisibleCustomer,
}

impl CustomerRow {
    /// The customer's id.
    pub fn id(&self) -> CustomerId {
        self.found.customer.id
    }
}

/// A page of customers with the number of relations behind it.
#[derive(Debug, Clone)]
pub struct CustomerPage {
    /// The page; its total counts customers.
    pub page: Page<CustomerRow>,
    /// Relations in all.
    pub relations: u64,
}

/// A page of the customers the viewer sees and asked for.
pub fn customers(
    r: &Read<'_>,
    people: &People,
    sight: &Sight,
    asked: &Asked,
    request: &PageRequest,
    now: Timestamp,
) -> Result<CustomerPage> {
    let query = asked.query(sight, now);
    let limit = request.limit();
    let hits = people.search(&query, from(request), limit)?;
    let mut items = Vec::with_capacity(hits.items.len());
    for hit in &hits.items {
        let id = CustomerId::from_bits(hit.object);
        items.extend(queries::customer(r, sight, id)?.map(|found| CustomerRow { found }));
    }
    Ok(CustomerPage {
        relations: hits.rows,
        page: page_of(hits, items),
    })
}

/// Ids of everybody asked for, in order, up to `limit`: for exports.
pub fn customer_ids(
    people: &People,
    sight: &Sight,
    asked: &Asked,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<CustomerId>> {
    let hits = people.search(&asked.query(sight, now), From::Start, limit)?;
    Ok(hits
        .items
        .iter()
        .map(|hit| CustomerId::from_bits(hit.object))
        .collect())
}

/// Where a customer stands in a list, and who stands next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// Number in the list, from 1.
    pub number: u64,
    /// Customers in the list.
    pub total: u64,
    /// The customer before.
    pub prev: Option<CustomerId>,
    /// The customer behind.
    pub next: Option<CustomerId>,
}

/// Where a customer stands among everybody asked for; `None` if not among them.
pub fn around(
    people: &People,
    sight: &Sight,
    asked: &Asked,
    id: CustomerId,
    now: Timestamp,
) -> Result<Option<Around>> {
    let found = people.around(&asked.query(sight, now), id.bits())?;
    Ok(found.map(|found| Around {
        number: found.offset + 1,
        total: found.total,
        prev: found.prev.map(CustomerId::from_bits),
        next: found.next.map(CustomerId::from_bits),
    }))
}

/// How many customers a list has.
pub fn count(people: &People, sight: &Sight, asked: &Asked, now: Timestamp) -> Result<u64> {
    if asked.text.is_empty() {
        let filters = [asked.filters(sight, now)];
        let counts = people.counts(Kind::Customer, &scope_filter(sight), &filters)?;
        return Ok(counts.first().copied().unwrap_or(0));
    }
    Ok(people
        .search(&asked.query(sight, now), From::Start, 1)?
        .total)
}

/// How many customers each ready-made view has for this viewer.
pub fn view_counts(people: &People, sight: &Sight, now: Timestamp) -> Result<Vec<u64>> {
    let filters: Vec<Filters> = SavedView::ALL
        .iter()
        .map(|view| view_filters(*view, sight, now))
        .collect();
    Ok(people.counts(Kind::Customer, &scope_filter(sight), &filters)?)
}

/// The departments a viewer may filter by: those with somebody in scope.
pub fn departments_in_scope(sight: &Sight) -> Vec<(usize, &Department)> {
    let seen = |d: &Department| {
        sight.members().is_none_or(|members| {
            let under = sight.directory.member_ids_under(d.wecom_id);
            under.iter().any(|id| members.contains(id))
        })
    };
    sight
        .directory
        .tree
        .flat()
        .into_iter()
        .filter(|(_, d)| seen(d))
        .collect()
}

/// Whether a scope sees nothing at all.
pub fn sees_nobody(sight: &Sight) -> bool {
    matches!(scope_filter(sight), ScopeFilter::Members(members) if members.is_empty())
}

fn page_of<T>(hits: Hits, items: Vec<T>) -> Page<T> {
    let last = hits.items.last().map(|hit| hit.place);
    let first = hits.items.first().map(|hit| hit.place);
    Page {
        items,
        total: hits.total,
        total_exact: true,
        offset: Some(hits.offset),
        next: last.filter(|_| hits.has_next).map(cursor),
        prev: first.filter(|_| hits.offset > 0).map(cursor),
    }
}

/// A place as a cursor: key and number, big-endian.
fn cursor(place: Place) -> Cursor {
    Cursor([&place.key.to_be_bytes()[..], &place.no.to_be_bytes()[..]].concat())
}

fn place(cursor: &Cursor) -> Option<Place> {
    let (key, no) = cursor.0.split_first_chunk::<8>()?;
    let no = u32::from_be_bytes(no.try_into().ok()?);
    Some(Place {
        key: u64::from_be_bytes(*key),
        no,
    })
}

fn from(request: &PageRequest) -> From {
    let after = request.after.as_ref().and_then(place).map(From::After);
    let before = request.before.as_ref().and_then(place).map(From::Before);
    after.or(before).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_the_first_page() {
        let at = Place { key: 7, no: 9 };
        assert_eq!(place(&cursor(at)), Some(at));
        let after = |bytes: Vec<u8>| PageRequest {
            after: Some(Cursor(bytes)),
            ..PageRequest::default()
        };
        assert_eq!(from(&after(vec![1, 2])), From::Start);
    }
}
