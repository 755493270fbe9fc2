//! What an address of the archive asks for, and the filters that change it.

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use crate::{
    archive::{find::Asked, queries::ArchiveSight, standing},
    kit::{Id, Timestamp, limits},
    org::Sight,
    search::MessageOrder,
    web::{
        Cx, Lang, ListQuery,
        parts::{Chip, Choice, Filter, Tab},
    },
    wecom::archive::Kind,
};

use super::picker::Picker;

/// The names of all conditions.
pub(super) const CONDITIONS: [&str; 10] = [
    "q", "staff", "dept", "customer", "sort", "room", "from", "to", "type", "flag",
];

/// The mark of messages with an alert.
pub(super) const ALERTED: &str = "sensitive";
/// The mark of what nobody can read yet.
pub(super) const UNDECRYPTED: &str = "undecrypted";

/// The sorts of conversation: code, and whether it is a room.
const SORTS: [(&str, bool); 2] = [("one", false), ("room", true)];

/// The types that a search can be narrowed to, as people group them: code, and what it stands
/// for. Each type is in one of them.
pub(super) const TYPES: [(&str, &[Kind]); 17] = [
    ("text", &[Kind::Text, Kind::Markdown]),
    ("markdown", &[Kind::Markdown]),
    ("image", &[Kind::Image, Kind::Emotion]),
    ("voice", &[Kind::Voice]),
    ("video", &[Kind::Video]),
    ("file", &[Kind::File, Kind::QyDiskFile, Kind::Doc]),
    ("link", &[Kind::Link, Kind::News, Kind::SphFeed]),
    ("weapp", &[Kind::WeApp]),
    ("record", &[Kind::ChatRecord, Kind::Mixed, Kind::Note]),
    (
        "call",
        &[Kind::VoipText, Kind::MeetingVoiceCall, Kind::VoipDocShare],
    ),
    ("money", &[Kind::RedPacket, Kind::ExternalRedPacket]),
    ("location", &[Kind::Location, Kind::Card]),
    (
        "meeting",
        &[Kind::Meeting, Kind::MeetingNotification, Kind::Calendar],
    ),
    (
        "form",
        &[Kind::Todo, Kind::Vote, Kind::Collect, Kind::Solitaire],
    ),
    ("consent", &[Kind::Agree, Kind::Disagree]),
    ("event", &[Kind::Revoke, Kind::Switch]),
    ("unknown", &[Kind::Unknown]),
];

/// How hits are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Time,
    Relevance,
    Chat,
}

impl By {
    const ALL: [Self; 3] = [Self::Time, Self::Relevance, Self::Chat];

    fn code(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Relevance => "relevance",
            Self::Chat => "chat",
        }
    }

    pub(super) fn of(query: &ListQuery) -> Self {
        let code = query.get("by").unwrap_or("");
        Self::ALL
            .into_iter()
            .find(|by| by.code() == code)
            .unwrap_or(Self::Time)
    }
}

/// What the address asks for.
pub(in crate::archive) fn asked(query: &ListQuery, zone: &TimeZone) -> Asked {
    let day = |name| query.get(name).and_then(|text| text.parse::<Date>().ok());
    let text: String = query.get("q").unwrap_or("").trim().to_owned();
    Asked {
        text: text.chars().take(limits::QUERY_CHARS_MAX).collect(),
        staff: query.get("staff").and_then(|id| id.parse().ok()),
        department: query.get("dept").and_then(|number| number.parse().ok()),
        customer: query.get("customer").and_then(|id| id.parse().ok()),
        chat: query.get("room").and_then(|id| id.parse().ok()),
        in_room: SORTS
            .into_iter()
            .find(|(code, _)| query.get("sort") == Some(code))
            .map(|(_, in_room)| in_room),
        kinds: query.all("type").flat_map(kinds_of).collect(),
        from: day("from").and_then(|day| begin(day, zone)),
        to: day("to")
            .and_then(|day| day.checked_add(1.day()).ok())
            .and_then(|day| begin(day, zone)),
        recalled: query.has("flag", "recalled"),
        alerted: query.has("flag", ALERTED),
        undecrypted: query.has("flag", UNDECRYPTED),
        order: match By::of(query) {
            By::Relevance => MessageOrder::Relevance,
            By::Time | By::Chat => MessageOrder::Newest,
        },
    }
}

/// Conditions that an address names and nobody can read, as they stand there. They narrow
/// nothing, which whoever reads the hits has to know.
pub(super) fn unread(query: &ListQuery) -> Vec<String> {
    let is_id = |id: &str| id.parse::<Id<()>>().is_ok();
    let is_day = |text: &str| text.parse::<Date>().is_ok();
    let is_read = |name: &str, value: &str| match name {
        "staff" | "customer" | "room" => is_id(value),
        "dept" => value.parse::<u64>().is_ok(),
        "from" | "to" => is_day(value),
        "sort" => SORTS.iter().any(|(code, _)| *code == value),
        "type" => !kinds_of(value).is_empty(),
        "flag" => ["recalled", ALERTED, UNDECRYPTED].contains(&value),
        _ => true,
    };
    let named = CONDITIONS
        .into_iter()
        .flat_map(|name| query.all(name).map(move |value| (name, value)));
    named
        .filter(|(name, value)| !value.is_empty() && !is_read(name, value))
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// The types behind a code: a group of [`TYPES`], or one of WeCom's.
pub(in crate::archive) fn kinds_of(code: &str) -> Vec<Kind> {
    match TYPES.iter().find(|(known, _)| *known == code) {
        Some((_, kinds)) => kinds.to_vec(),
        None => single(code).into_iter().collect(),
    }
}

/// The type of WeCom's with a code that no group has.
fn single(code: &str) -> Option<Kind> {
    let is_group = TYPES.iter().any(|(known, _)| *known == code);
    Some(Kind::from_code(code)).filter(|kind| !is_group && *kind != Kind::Unknown)
}

/// When a day of the firm's begins.
fn begin(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let begin = day.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_ms(begin.timestamp().as_millisecond()))
}

/// Time, relevance, or by conversation.
pub(super) fn tabs(cx: &Cx, query: &ListQuery) -> Vec<Tab> {
    let is_ranked = query.get("q").is_some();
    let now = By::of(query);
    By::ALL
        .into_iter()
        .filter(|by| *by != By::Relevance || is_ranked)
        .map(|by| Tab {
            label: cx.t(&format!("archive.by.{}", by.code())).into_owned(),
            href: match by {
                By::Time => query.without("by").to_string(),
                _ => query.with("by", by.code()).to_string(),
            },
            count: None,
            is_current: by == now,
        })
        .collect()
}

/// The filters that are lists.
pub(super) fn filters(cx: &Cx, query: &ListQuery, archive: &ArchiveSight) -> Vec<Filter> {
    let sight = &archive.sight;
    let choice = |name: &str, value: String, label: String| Choice {
        is_on: query.has(name, &value),
        value,
        label,
        count: None,
    };
    let mut staff: Vec<_> = sight
        .directory
        .members()
        .filter(|m| sight.sees(m.id))
        .collect();
    staff.sort_by_key(|m| (!m.is_here(), !m.serves_customers, m.name.clone()));
    let staff: Vec<Choice> = staff
        .into_iter()
        .map(|m| choice("staff", m.id.to_string(), m.name.clone()))
        .collect();
    let groups = TYPES.iter().map(|(code, _)| {
        let label = cx.t(&format!("archive.type.{code}")).into_owned();
        choice("type", (*code).to_owned(), label)
    });
    // One of WeCom's own, as an address may name it.
    let singles = query.all("type").filter_map(|code| {
        let kind = single(code)?;
        let label = cx.t(&format!("archive.kind.{}", kind.code()));
        Some(choice("type", code.to_owned(), label.into_owned()))
    });
    let types: Vec<Choice> = groups.chain(singles).collect();
    let mut flags = vec!["recalled"];
    if archive.judges() {
        flags.push(ALERTED);
    }
    if standing::sees_firm(archive) {
        flags.push(UNDECRYPTED);
    }
    let flags = flags.into_iter().map(|flag| {
        let label = cx.t(&format!("archive.flag.{flag}")).into_owned();
        choice("flag", flag.to_owned(), label)
    });
    let filter = |name, word: &str, choices: Vec<Choice>, many| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many,
    };
    let sorts = SORTS.map(|(code, _)| {
        let label = cx.t(&format!("archive.sort_of.{code}")).into_owned();
        choice("sort", code.to_owned(), label)
    });
    let mut filters = vec![
        filter("sort", "archive.filter.sort", sorts.to_vec(), false),
        filter("type", "archive.filter.type", types, true),
        filter("flag", "archive.filter.flag", flags.collect(), true),
    ];
    // Whoever sees only their own has nobody to choose.
    if staff.len() > 1 {
        filters.insert(0, filter("staff", "archive.filter.staff", staff, false));
        let departments = departments(cx, sight).map(|(number, name)| choice("dept", number, name));
        let departments = departments.collect();
        filters.insert(1, filter("dept", "archive.filter.dept", departments, false));
    }
    filters
}

/// The departments with somebody in scope: number, and name set in by depth.
fn departments<'a>(cx: &'a Cx, sight: &'a Sight) -> impl Iterator<Item = (String, String)> + 'a {
    let english = cx.lang() == Lang::En;
    let directory = &sight.directory;
    let all = directory.tree.flat().into_iter();
    let seen = all.filter(|(_, department)| {
        let under = directory.member_ids_under(department.wecom_id);
        under.into_iter().any(|id| sight.sees(id))
    });
    seen.map(move |(depth, department)| {
        let name = format!("{}{}", "　".repeat(depth), department.name_in(english));
        (department.wecom_id.to_string(), name)
    })
}

/// A chip for each condition.
pub(super) fn chips(
    cx: &Cx,
    query: &ListQuery,
    filters: &[Filter],
    pickers: &[&Picker],
) -> Vec<Chip> {
    let chip = |word: &str, value: String, remove: ListQuery| Chip {
        label: cx.t(word).into_owned(),
        value,
        remove: remove.to_string(),
    };
    let mut chips = Vec::new();
    if let Some(text) = query.get("q").filter(|q| !q.trim().is_empty()) {
        chips.push(chip(
            "archive.filter.text",
            text.to_owned(),
            query.without("q"),
        ));
    }
    for picker in pickers {
        if let Some(name) = picker.chosen() {
            let rest = query.without(picker.sort.name).without(picker.sort.part);
            chips.push(chip(picker.sort.label, name.to_owned(), rest));
        }
    }
    for filter in filters {
        let on = filter.choices.iter().filter(|choice| choice.is_on);
        chips.extend(on.map(|choice| Chip {
            label: filter.label.clone(),
            value: choice.label.clone(),
            remove: query.without_value(filter.name, &choice.value).to_string(),
        }));
    }
    for (name, word) in [("from", "archive.filter.from"), ("to", "archive.filter.to")] {
        if let Some(day) = query.get(name) {
            chips.push(chip(word, day.to_owned(), query.without(name)));
        }
    }
    chips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_group_or_one_of_wecoms() {
        assert_eq!(kinds_of("voice"), [Kind::Voice]);
        assert_eq!(kinds_of("link"), [Kind::Link, Kind::News, Kind::SphFeed]);
        assert_eq!(kinds_of("vote"), [Kind::Vote]);
        assert_eq!(kinds_of("markdown"), [Kind::Markdown]);
        assert_eq!(kinds_of("unknown"), [Kind::Unknown]);
        assert_eq!(kinds_of("nonsense"), []);
    }

    #[test]
    fn a_condition_that_nobody_can_read_is_named() {
        let unread = |query: &str| unread(&ListQuery::parse("/archive", query));
        let bad = "from=abc&to=2026-13-45&dept=x&flag=zzz&staff=zzz&type=nonsense&sort=x&room=1";
        let named = unread(bad);
        assert_eq!(named.len(), 8, "{named:?}");
        assert!(named.contains(&"to=2026-13-45".to_owned()));
        let good =
            "q=%E9%80%80%E6%AC%BE&from=2026-11-01&to=&dept=3&flag=recalled&type=vote&sort=room";
        assert_eq!(unread(good), [] as [String; 0]);
        assert_eq!(unread("flag=recalled&flag=x"), ["flag=x"]);
    }

    #[test]
    fn every_type_can_be_picked() {
        for kind in Kind::ALL.iter().chain([&Kind::Unknown]) {
            let groups = TYPES.iter().filter(|(_, kinds)| kinds.contains(kind));
            assert!(groups.count() > 0, "{kind:?} is in no group");
            // And alone, as the API calls it.
            assert!(kinds_of(kind.code()).contains(kind), "{kind:?}");
        }
    }
}
