//! Reads of to-dos, through what the viewer sees.

use std::borrow::Cow;

use crate::{
    customers::{self, Customer, CustomerId, RelationId},
    error::{AppError, Result},
    identity::Viewer,
    kit::{Cursor, Page, PageRequest},
    org::{MemberId, Sight},
    outreach::{
        content::{Names, fill},
        rules::RuleId,
    },
    store::{Index, IndexHit, Key, Read, StoreError, Walk},
};

use super::{
    model::{Source, Todo, TodoId},
    tables::{BY_CUSTOMER, BY_MEMBER, BY_STATE, OPEN_OF_RULE, of_member},
};

/// Counting stops here.
const COUNTED_MAX: u64 = 1_000;
/// The number in the menu stops here.
const BADGE_MAX: usize = 99;

/// Which to-dos a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Only those of this member; otherwise of everybody in sight.
    pub of: Option<MemberId>,
    /// Done ones; otherwise open ones.
    pub is_done: bool,
}

/// A to-do as one viewer may see it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The to-do.
    pub todo: Todo,
    /// The customer, if known and in the viewer's sight.
    pub customer: Option<Customer>,
}

impl Seen {
    fn of(r: &Read<'_>, sight: &Sight, todo: Todo) -> Result<Self, StoreError> {
        let customer = match todo.customer {
            Some(id) => customers::queries::customer(r, sight, id)?,
            None => None,
        };
        Ok(Self {
            todo,
            customer: customer.map(|found| found.customer),
        })
    }

    /// What is to be done; `somebody` stands for a customer whose name the viewer may not know.
    pub fn words<'a>(&'a self, somebody: &'a str) -> Cow<'a, str> {
        if matches!(self.todo.source, Source::Person(_)) {
            return Cow::Borrowed(&self.todo.words);
        }
        let name = self
            .customer
            .as_ref()
            .map(|customer| customer.name.as_str());
        let names = Names {
            customer: name.filter(|name| !name.is_empty()).unwrap_or(somebody),
            ..Names::default()
        };
        Cow::Owned(fill(&self.todo.words, &names))
    }
}

/// A to-do whose member is in sight.
///
/// # Errors
/// [`AppError::NotFound`] for what is out of sight or absent, which look the same.
pub fn one(r: &Read<'_>, sight: &Sight, id: TodoId) -> Result<Seen> {
    let found = r.get::<Todo>(&id)?.filter(|todo| sight.sees(todo.member));
    let todo = found.ok_or(AppError::NotFound { what: "todo" })?;
    Ok(Seen::of(r, sight, todo)?)
}

/// A stretch of an index whose keys go on alike behind their beginning.
type Stretch = (&'static Index<Todo>, Key);

/// What a list is read from: one stretch for the whole firm, else one for each member.
fn stretches(sight: &Sight, asked: &Asked) -> Vec<Stretch> {
    let of = |member: MemberId| -> Stretch { (&BY_MEMBER, of_member(member, asked.is_done)) };
    match (asked.of, sight.members()) {
        (Some(member), _) if sight.sees(member) => vec![of(member)],
        (Some(_), _) => Vec::new(),
        (None, None) => vec![(&BY_STATE, Key::new().with(asked.is_done))],
        (None, Some(members)) => members.iter().map(|member| of(*member)).collect(),
    }
}

/// One stretch while it is being read.
struct Line<I> {
    hits: I,
    begins: usize,
    /// The next place behind the beginning, and what stands there.
    head: Option<(Vec<u8>, TodoId)>,
}

impl<I: Iterator<Item = Result<IndexHit<TodoId>, StoreError>>> Line<I> {
    fn step(&mut self) -> Result<(), StoreError> {
        let hit = self.hits.next().transpose()?;
        self.head = hit.map(|hit| (hit.place[self.begins..].to_vec(), hit.key));
        Ok(())
    }
}

/// The first so many of all stretches together, in the index's order, from a place on.
fn merged(
    r: &Read<'_>,
    stretches: Vec<Stretch>,
    from: Option<&Cursor>,
    backwards: bool,
    most: usize,
) -> Result<Vec<(Vec<u8>, TodoId)>, StoreError> {
    let mut lines = Vec::with_capacity(stretches.len());
    for (index, prefix) in stretches {
        let begins = prefix.as_bytes().len();
        let after = from.map(|place| [prefix.as_bytes(), &place.0].concat());
        let walk = Walk {
            prefix,
            after,
            backwards,
        };
        let hits = r.walk(index, &walk)?;
        let mut line = Line {
            hits,
            begins,
            head: None,
        };
        line.step()?;
        lines.push(line);
    }
    let mut found = Vec::new();
    while found.len() < most {
        let heads = lines.iter_mut().filter(|line| line.head.is_some());
        let next = match backwards {
            false => heads.min_by(|a, b| a.head.cmp(&b.head)),
            true => heads.max_by(|a, b| a.head.cmp(&b.head)),
        };
        let Some(line) = next else { break };
        found.extend(line.head.take());
        line.step()?;
    }
    Ok(found)
}

/// How many there are, and whether that is the true number.
fn counted(r: &Read<'_>, stretches: &[Stretch]) -> Result<(u64, bool), StoreError> {
    let mut n = 0;
    for (index, prefix) in stretches {
        for hit in r.walk(index, &Walk::prefix(prefix.clone()))? {
            hit?;
            if n == COUNTED_MAX {
                return Ok((n, false));
            }
            n += 1;
        }
    }
    Ok((n, true))
}

/// How many a list has; counting stops at a thousand.
pub fn count(r: &Read<'_>, sight: &Sight, asked: &Asked) -> Result<u64, StoreError> {
    Ok(counted(r, &stretches(sight, asked))?.0)
}

/// A page of to-dos: open ones by due day, those without one last; done ones newest first.
pub fn page(
    r: &Read<'_>,
    sight: &Sight,
    asked: &Asked,
    request: &PageRequest,
) -> Result<Page<Seen>, StoreError> {
    let stretches = stretches(sight, asked);
    let (total, total_exact) = counted(r, &stretches)?;
    let backwards = request.before.is_some();
    let from = request.before.as_ref().or(request.after.as_ref());
    let limit = request.limit();
    let mut found = merged(r, stretches, from, backwards, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    if backwards {
        found.reverse();
    }
    let cursor = |row: Option<&(Vec<u8>, TodoId)>| row.map(|(place, _)| Cursor(place.clone()));
    let (older, newer) = match backwards {
        true => (true, has_more),
        false => (has_more, request.after.is_some()),
    };
    let (next, prev) = (cursor(found.last()), cursor(found.first()));
    let mut items = Vec::with_capacity(found.len());
    for (_, id) in found {
        if let Some(todo) = r.get::<Todo>(&id)? {
            items.push(Seen::of(r, sight, todo)?);
        }
    }
    Ok(Page {
        items,
        total,
        total_exact,
        offset: from.is_none().then_some(0),
        next: next.filter(|_| older),
        prev: prev.filter(|_| newer),
    })
}

/// Open to-dos about a customer, of members in sight, by due day.
pub fn of_customer(
    r: &Read<'_>,
    sight: &Sight,
    customer: CustomerId,
    most: usize,
) -> Result<Vec<Seen>, StoreError> {
    let walk = Walk::prefix(Key::new().with(customer));
    let open = r.list(&BY_CUSTOMER, &walk)?;
    let seen = open.filter(|todo| todo.as_ref().map_or(true, |todo| sight.sees(todo.member)));
    seen.take(most)
        .map(|todo| Seen::of(r, sight, todo?))
        .collect()
}

/// The open to-do of a rule about a relation.
pub fn open_of_rule(
    r: &Read<'_>,
    rule: RuleId,
    relation: RelationId,
) -> Result<Option<TodoId>, StoreError> {
    r.find_key(&OPEN_OF_RULE, &Key::new().with(rule).with(relation))
}

/// How many open to-dos the viewer has, and whether there are more.
pub(super) fn open_own(r: &Read<'_>, viewer: &Viewer) -> Result<(u32, bool), StoreError> {
    let member = viewer.account().and_then(|account| account.member);
    let Some(member) = member else {
        return Ok((0, false));
    };
    let walk = Walk::prefix(of_member(member.cast(), false));
    let mut n = 0;
    for hit in r.walk(&BY_MEMBER, &walk)?.take(BADGE_MAX + 1) {
        hit?;
        n += 1;
    }
    let is_more = n > BADGE_MAX;
    let n = u32::try_from(n.min(BADGE_MAX)).unwrap_or(u32::MAX);
    Ok((n, is_more))
}
