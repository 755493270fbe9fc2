//! Finds entries: by who, what, which thing, when, from where, and how it ended.

use std::{fmt, net::IpAddr};

use crate::{
    kit::Timestamp,
    store::{Read, StoreError},
};

use super::{
    leaf::{Leaf, Objects},
    log::{self, Dimension},
};

/// An entry as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its exact bytes.
    pub line: Vec<u8>,
    /// The same, read.
    pub leaf: Leaf,
}

/// Conditions that an entry must all meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Who, as in the entry: `account:<id>`, `system:<reason>`, `nobody`.
    pub actor: Option<String>,
    /// The act's code.
    pub act: Option<String>,
    /// A thing as `kind:id`.
    pub object: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// The peer's address; found through the openings, therefore not for erased people.
    pub ip: Option<IpAddr>,
    /// `ok` or `denied`.
    pub outcome: Option<String>,
}

impl Filter {
    /// Each condition as `name: value`, for the manifest of an export.
    pub fn conditions(&self) -> Vec<String> {
        let named = [
            ("actor", self.actor.clone()),
            ("act", self.act.clone()),
            ("object", self.object.clone()),
            ("since", self.since.map(Timestamp::to_rfc3339)),
            ("until", self.until.map(Timestamp::to_rfc3339)),
            ("ip", self.ip.map(|ip| ip.to_string())),
            ("outcome", self.outcome.clone()),
        ];
        named
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", value?)))
            .collect()
    }

    /// Whether an entry meets all conditions. A thing that the entry only counts is looked up
    /// in the index.
    pub fn matches(&self, read: &Read<'_>, entry: &Entry) -> Result<bool, StoreError> {
        let leaf = &entry.leaf;
        let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|w| w == is);
        let since = self.since.is_none_or(|since| leaf.t >= since.to_rfc3339());
        let until = self.until.is_none_or(|until| leaf.t < until.to_rfc3339());
        if !(since
            && until
            && same(&self.actor, &leaf.actor)
            && same(&self.act, &leaf.act)
            && same(&self.outcome, &leaf.outcome))
        {
            return Ok(false);
        }
        if let Some(object) = &self.object
            && !names(read, leaf, object)?
        {
            return Ok(false);
        }
        match self.ip {
            Some(ip) => came_from(read, leaf, ip),
            None => Ok(true),
        }
    }

    /// The index to go by: the one that promises the fewest entries.
    fn dimension(&self) -> Option<(Dimension, &str)> {
        let object = self.object.as_deref().map(|o| (Dimension::Object, o));
        let actor = self.actor.as_deref().map(|a| (Dimension::Actor, a));
        let act = self.act.as_deref().map(|a| (Dimension::Act, a));
        object.or(actor).or(act)
    }
}

fn names(read: &Read<'_>, leaf: &Leaf, object: &str) -> Result<bool, StoreError> {
    match &leaf.obj {
        Objects::Listed(list) => Ok(list.iter().any(|listed| listed == object)),
        Objects::Counted { .. } => log::is_found_by(read, Dimension::Object, object, leaf.seq),
    }
}

fn came_from(read: &Read<'_>, leaf: &Leaf, ip: IpAddr) -> Result<bool, StoreError> {
    if !leaf.c.contains_key("ip") {
        return Ok(false);
    }
    let openings = log::openings(read, leaf.seq)?;
    let text = ip.to_string();
    Ok(openings.iter().any(|o| o.f == "ip" && o.v == text))
}

/// One entry. Fails with [`StoreError::Damaged`] if it is not there or not a line of the log.
pub fn entry(read: &Read<'_>, seq: u64) -> Result<Entry, StoreError> {
    let line = log::leaf_bytes(read, seq)?;
    let leaf = Leaf::parse(&line).filter(|leaf| leaf.seq == seq);
    let leaf = leaf.ok_or_else(|| log::damaged_line(seq))?;
    Ok(Entry { line, leaf })
}

/// Entries that meet the filter, newest first, below `before`. Lazy: who takes few, reads
/// few; who filters by address only should bound how many are looked at with `take_while`.
pub fn find<'a>(
    read: &Read<'a>,
    filter: &Filter,
    before: Option<u64>,
) -> Result<impl Iterator<Item = Result<Entry, StoreError>> + use<'a>, StoreError> {
    let size = log::size(read)?;
    let end = match filter.until {
        Some(until) => first_at(read, size, until)?,
        None => size,
    };
    let end = before.map_or(end, |before| end.min(before));
    let start = match filter.since {
        Some(since) => first_at(read, size, since)?,
        None => 0,
    };
    let by_index = match filter.dimension() {
        Some((dimension, text)) => Some(log::found_by(read, dimension, text, Some(end))?),
        None => None,
    };
    let all = by_index.is_none().then(|| (start..end).rev().map(Ok));
    let places = by_index
        .into_iter()
        .flatten()
        .chain(all.into_iter().flatten());
    let (read, filter) = (*read, filter.clone());
    Ok(places
        .take_while(move |place| place.as_ref().map_or(true, |seq| *seq >= start))
        .map(move |place| {
            let entry = entry(&read, place?)?;
            Ok(filter.matches(&read, &entry)?.then_some(entry))
        })
        .filter_map(Result::transpose))
}

/// How many entries meet the filter, but not more than `max` are counted. Exact and quick
/// without conditions other than time.
pub fn count(read: &Read<'_>, filter: &Filter, max: u64) -> Result<u64, StoreError> {
    let only_time = Filter {
        since: filter.since,
        until: filter.until,
        ..Filter::default()
    };
    if *filter == only_time {
        let size = log::size(read)?;
        let at = |time: Option<Timestamp>, otherwise| match time {
            Some(time) => first_at(read, size, time),
            None => Ok(otherwise),
        };
        return Ok(at(filter.until, size)?.saturating_sub(at(filter.since, 0)?));
    }
    let mut counted = 0;
    for entry in find(read, filter, None)? {
        entry?;
        counted += 1;
        if counted == max {
            break;
        }
    }
    Ok(counted)
}

/// The first entry not before `time`; times never decrease, so it is found by halving.
fn first_at(read: &Read<'_>, size: u64, time: Timestamp) -> Result<u64, StoreError> {
    let time = time.to_rfc3339();
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        if entry(read, middle)?.leaf.t < time {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The filter box of the trail: `actor:沈佳怡 action:customer.view 王`; a value with blanks
/// stands in quotes. What the words mean is for the page to say; here they are only taken
/// apart and put together again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextQuery {
    /// `actor:` or `操作人:`.
    pub actor: Option<String>,
    /// `action:` or `动作:`.
    pub action: Option<String>,
    /// `object:` or `对象:`.
    pub object: Option<String>,
    /// `ip:`.
    pub ip: Option<String>,
    /// `outcome:` or `结果:`.
    pub outcome: Option<String>,
    /// `range:` or `时间:`.
    pub range: Option<String>,
    /// `from:` or `从:`.
    pub from: Option<String>,
    /// `to:` or `至:`.
    pub to: Option<String>,
    /// Everything else, single blanks between.
    pub rest: String,
}

impl TextQuery {
    /// Takes a text apart; of a filter given twice the last counts.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let mut rest = Vec::new();
        for word in words_of(text) {
            let (name, value) = word
                .split_once([':', '：'])
                .map(|(name, value)| (name, value.trim_matches('"')))
                .filter(|(_, value)| !value.trim().is_empty())
                .unwrap_or_default();
            let field = match name {
                "actor" | "操作人" => &mut query.actor,
                "action" | "动作" => &mut query.action,
                "object" | "对象" => &mut query.object,
                "ip" | "IP" | "来源IP" => &mut query.ip,
                "outcome" | "结果" => &mut query.outcome,
                "range" | "时间" => &mut query.range,
                "from" | "从" => &mut query.from,
                "to" | "至" => &mut query.to,
                _ => {
                    rest.push(word);
                    continue;
                }
            };
            *field = Some(value.to_owned());
        }
        query.rest = rest.join(" ");
        query
    }
}

/// The words of a text: blanks part them, except within quotes.
fn words_of(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let words = text.split(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    words.filter(|word| !word.is_empty()).collect()
}

impl fmt::Display for TextQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("ip", &self.ip),
            ("outcome", &self.outcome),
            ("range", &self.range),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let write = |(name, value): (&str, &Option<String>)| {
            let value = value.as_ref()?.replace('"', "");
            Some(match value.contains(char::is_whitespace) {
                true => format!("{name}:\"{value}\""),
                false => format!("{name}:{value}"),
            })
        };
        let mut words: Vec<String> = named.into_iter().filter_map(write).collect();
        if !self.rest.is_empty() {
            words.push(self.rest.clone());
        }
        f.write_str(&words.join(" "))
    }
}
