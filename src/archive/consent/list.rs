//! The ledger of consent as a list: by what people said, or by who they are.

use std::collections::BTreeSet;

use crate::{
    customers::CustomerId,
    kit::{Cursor, Page, PageRequest},
    store::{Key, Read, StoreError, Walk},
};

use super::super::{
    model::{Answer, Chat, Consent, Towards},
    queries::{self, ArchiveSight},
    tables::{CONSENT_BY_ANSWER, CONSENT_BY_TOWARDS},
};

/// Counting stops here.
const COUNTED_MAX: usize = 10_000;
/// Rows that are looked at for customers.
const LOOKED_AT_MAX: usize = 50_000;
/// Lines of people who were searched for.
const FOUND_MAX: usize = 2_000;

/// Whether the place of a row is in scope: a member, or a room in which one takes part.
fn sees(r: &Read<'_>, sight: &ArchiveSight, towards: Towards) -> Result<bool, StoreError> {
    match towards {
        Towards::Member(no) => Ok(sight.sees_any(std::iter::once(no))),
        Towards::Room(no) => Ok(r.get::<Chat>(&no)?.is_some_and(|chat| sight.sees(&chat))),
    }
}

/// How many stand like this, and whether that is the true number.
pub fn count(
    r: &Read<'_>,
    sight: &ArchiveSight,
    answer: Answer,
) -> Result<(u64, bool), StoreError> {
    let walk = Walk::prefix(Key::new().with(answer as u8));
    let mut n = 0;
    for (looked_at, hit) in r.walk(&CONSENT_BY_ANSWER, &walk)?.enumerate() {
        if looked_at == COUNTED_MAX {
            return Ok((n, false));
        }
        let (_, towards) = hit?.key;
        n += u64::from(sees(r, sight, Towards::of_number(towards))?);
    }
    Ok((n, true))
}

/// Calls `take` with each in scope who stands like this, the newest word first, until it says
/// that it has enough.
pub fn each<E: From<StoreError>>(
    r: &Read<'_>,
    sight: &ArchiveSight,
    answer: Answer,
    mut take: impl FnMut(Consent) -> Result<bool, E>,
) -> Result<(), E> {
    let walk = Walk::prefix(Key::new().with(answer as u8));
    for hit in r.walk(&CONSENT_BY_ANSWER, &walk)? {
        let key = hit?.key;
        if sees(r, sight, Towards::of_number(key.1))?
            && let Some(consent) = r.get::<Consent>(&key)?
            && !take(consent)?
        {
            break;
        }
    }
    Ok(())
}

/// The customers in scope who stand like this towards somebody, each once, at most so many, and
/// whether there may be more. Only those for whom `is_meant` holds.
pub fn customers(
    r: &Read<'_>,
    sight: &ArchiveSight,
    answer: Answer,
    max: usize,
    mut is_meant: impl FnMut(CustomerId) -> Result<bool, StoreError>,
) -> Result<(Vec<CustomerId>, bool), StoreError> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    let walk = Walk::prefix(Key::new().with(answer as u8));
    for (looked_at, hit) in r.walk(&CONSENT_BY_ANSWER, &walk)?.enumerate() {
        if looked_at == LOOKED_AT_MAX {
            return Ok((found, true));
        }
        let (party, towards) = hit?.key;
        if !sees(r, sight, Towards::of_number(towards))? {
            continue;
        }
        let person = queries::person(r, &sight.sight, party)?;
        if let Some(customer) = person.customer
            && known.insert(customer)
            && is_meant(customer)?
        {
            if found.len() == max {
                return Ok((found, true));
            }
            found.push(customer);
        }
    }
    Ok((found, false))
}

/// A page of those in scope who stand like this, the newest word first.
pub fn lines(
    r: &Read<'_>,
    sight: &ArchiveSight,
    answer: Answer,
    request: &PageRequest,
) -> Result<Page<Consent>, StoreError> {
    let limit = request.limit();
    let is_back = request.after.is_none() && request.before.is_some();
    let from = request.after.as_ref().or(request.before.as_ref());
    let walk = Walk {
        after: from.map(|cursor| cursor.0.clone()),
        backwards: is_back,
        ..Walk::prefix(Key::new().with(answer as u8))
    };
    let mut found: Vec<(Vec<u8>, Consent)> = Vec::new();
    for hit in r.walk(&CONSENT_BY_ANSWER, &walk)? {
        let hit = hit?;
        if !sees(r, sight, Towards::of_number(hit.key.1))? {
            continue;
        }
        if let Some(consent) = r.get::<Consent>(&hit.key)? {
            found.push((hit.place, consent));
        }
        if found.len() > limit {
            break;
        }
    }
    let has_more = found.len() > limit;
    found.truncate(limit);
    if is_back {
        found.reverse();
    }
    let place = |row: Option<&(Vec<u8>, Consent)>| row.map(|(place, _)| Cursor(place.clone()));
    let has_next = is_back || has_more;
    let has_prev = if is_back { has_more } else { from.is_some() };
    let (total, total_exact) = count(r, sight, answer)?;
    Ok(Page {
        next: place(found.last()).filter(|_| has_next),
        prev: place(found.first()).filter(|_| has_prev),
        items: found.into_iter().map(|(_, consent)| consent).collect(),
        total,
        total_exact,
        offset: from.is_none().then_some(0),
    })
}

/// Where these people stand, and who stands towards them; in scope, the newest word first.
pub fn of_parties(
    r: &Read<'_>,
    sight: &ArchiveSight,
    parties: &[u32],
    answer: Option<Answer>,
) -> Result<Vec<Consent>, StoreError> {
    let mut found: Vec<Consent> = Vec::new();
    let mut take = |consent: Consent| {
        let is_asked = answer.is_none_or(|answer| consent.answer == answer);
        if is_asked && sees(r, sight, consent.towards)? && !found.contains(&consent) {
            found.push(consent);
        }
        Ok::<_, StoreError>(found.len() < FOUND_MAX)
    };
    for party in parties {
        for consent in r.all::<Consent>(Some(&(*party, 0)))? {
            let consent = consent?;
            if consent.party != *party || !take(consent)? {
                break;
            }
        }
        let towards = Key::new().with(Towards::Member(*party).number());
        for consent in r.list(&CONSENT_BY_TOWARDS, &Walk::prefix(towards))? {
            if !take(consent?)? {
                break;
            }
        }
    }
    found.sort_by_key(|consent| std::cmp::Reverse(consent.at));
    Ok(found)
}
