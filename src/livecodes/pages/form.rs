//! What the form of a code sends, and what it means.
//!
//! Members and groups are typed with a list of suggestions, so that a firm of any size works
//! without script; what is typed is looked up by its label, or by a name that is one of a kind.

use jiff::{civil, tz::TimeZone};
use serde::Deserialize;

use crate::{
    customers::{Group, GroupId, GroupState},
    error::{Invalid, Problem},
    kit::Timestamp,
    livecodes::{
        AutoRoom, CodeKind, LiveCode, Room, Seat, Window, draft::CodeDraft, model::ROOM_THRESHOLD,
    },
    org::{Directory, Member, MemberId, Sight},
    outreach::Content,
};

/// What the form sends. Lists of the same rows are of the same length.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::livecodes) struct CodeForm {
    pub kind: String,
    pub name: String,
    pub unit: String,
    pub channel: String,
    pub tag: Vec<String>,
    pub remark_prefix: String,
    pub expires: String,
    pub text: String,
    pub attachment: Vec<String>,
    pub skip_verify: bool,
    /// A department all of whose members come onto the code.
    pub everybody: String,
    pub staff: Vec<String>,
    pub weight: Vec<String>,
    pub cap: Vec<String>,
    pub role: Vec<String>,
    /// Row and day, e.g. `0-6` for Sunday in the first row.
    pub day: Vec<String>,
    pub from: Vec<String>,
    pub until: Vec<String>,
    pub who: Vec<String>,
    pub group: Vec<String>,
    pub threshold: Vec<String>,
    pub auto: bool,
    pub auto_name: String,
    pub auto_first: String,
    pub seen: String,
}

/// Members and groups by the labels under which they are offered.
pub(super) struct Labels {
    members: Vec<(MemberId, String)>,
    groups: Vec<(GroupId, String)>,
}

impl Labels {
    /// Of everybody and every group in sight, and of those on the code already.
    pub fn of(sight: &Sight, groups: Vec<Group>, known: Option<&LiveCode>) -> Self {
        let directory = &*sight.directory;
        let is_on = |id| known.is_some_and(|code| code.seat(id).is_some());
        let mut members: Vec<&Member> = directory
            .members()
            .filter(|m| is_on(m.id) || (m.is_here() && sight.sees(m.id)))
            .collect();
        // Who may add customers stands first under a label that two have.
        members.sort_by_cached_key(|m| (!m.serves_customers, m.name.clone(), m.no));
        let members = members
            .into_iter()
            .map(|m| (m.id, label(directory, m)))
            .collect();
        let groups = groups
            .into_iter()
            .filter(|group| !matches!(group.state, GroupState::Gone { .. }))
            .map(|group| {
                let owner = group.owner.map_or("", |owner| directory.name(owner));
                (group.id, format!("#{} {} · {owner}", group.no, group.name))
            })
            .collect();
        Self { members, groups }
    }

    /// What is offered of members: those who may add customers.
    pub fn offered(&self, directory: &Directory) -> Vec<String> {
        let serves = |id: MemberId| directory.member(id).is_some_and(|m| m.serves_customers);
        let offered = self.members.iter().filter(|(id, _)| serves(*id));
        offered.map(|(_, label)| label.clone()).collect()
    }

    /// What is offered of groups.
    pub fn groups(&self) -> Vec<String> {
        self.groups.iter().map(|(_, label)| label.clone()).collect()
    }

    fn member_label(&self, id: MemberId) -> String {
        let found = self.members.iter().find(|(known, _)| *known == id);
        found.map_or(String::new(), |(_, label)| label.clone())
    }

    fn member(&self, typed: &str) -> Option<MemberId> {
        let exact = self.members.iter().find(|(_, label)| label == typed);
        let name = |label: &str| label.split(" · ").next() == Some(typed);
        let mut named = self.members.iter().filter(|(_, label)| name(label));
        let only = named.next().filter(|_| named.next().is_none());
        exact.or(only).map(|(id, _)| *id)
    }

    fn group_label(&self, id: GroupId) -> String {
        let found = self.groups.iter().find(|(known, _)| *known == id);
        found.map_or(String::new(), |(_, label)| label.clone())
    }

    fn group(&self, typed: &str) -> Option<GroupId> {
        let exact = self.groups.iter().find(|(_, label)| label == typed);
        let number = typed.split(' ').next().filter(|no| no.starts_with('#'));
        let by_number = || {
            let prefix = format!("{} ", number?);
            self.groups
                .iter()
                .find(|(_, label)| label.starts_with(&prefix))
        };
        exact.or_else(by_number).map(|(id, _)| *id)
    }
}

/// A name with the department that it is shown with.
fn label(directory: &Directory, member: &Member) -> String {
    match directory.department_of(member) {
        Some(department) => format!("{} · {}", member.name, department.name),
        None => member.name.clone(),
    }
}

/// Reads forms in the firm's zone.
pub(super) struct Reader<'a> {
    pub labels: &'a Labels,
    pub sight: &'a Sight,
    pub zone: &'a TimeZone,
}

impl Reader<'_> {
    /// What was typed, and what of it means nothing.
    pub fn draft(&self, form: &CodeForm, kind: CodeKind) -> (CodeDraft, Invalid) {
        let mut wrong = Invalid::default();
        let draft = CodeDraft {
            kind,
            name: form.name.trim().to_owned(),
            unit: form.unit.parse().ok(),
            channel: form.channel.parse().ok(),
            tags: form.tag.iter().filter_map(|id| id.parse().ok()).collect(),
            remark_prefix: form.remark_prefix.trim().to_owned(),
            welcome: Some(Content {
                text: form.text.trim().replace("\r\n", "\n"),
                attachments: form
                    .attachment
                    .iter()
                    .filter_map(|id| id.parse().ok())
                    .collect(),
            }),
            expires_at: self.expiry(&form.expires, &mut wrong),
            seats: match kind {
                CodeKind::Staff => self.seats(form, &mut wrong),
                CodeKind::Group => Vec::new(),
            },
            skip_verify: form.skip_verify,
            schedule: match kind {
                CodeKind::Staff => self.schedule(form, &mut wrong),
                CodeKind::Group => Vec::new(),
            },
            rooms: match kind {
                CodeKind::Staff => Vec::new(),
                CodeKind::Group => self.rooms(form, &mut wrong),
            },
            auto_room: form.auto.then(|| AutoRoom {
                name: form.auto_name.trim().to_owned(),
                first_no: form.auto_first.trim().parse().unwrap_or(1),
            }),
        };
        (draft, wrong)
    }

    /// The end of the day that was typed.
    fn expiry(&self, typed: &str, wrong: &mut Invalid) -> Option<Timestamp> {
        let typed = typed.trim();
        if typed.is_empty() {
            return None;
        }
        let day: Option<civil::Date> = typed.parse().ok();
        let end = day.and_then(|day| {
            let next = day.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
            Some(Timestamp::from_ms(next.timestamp().as_millisecond()))
        });
        if end.is_none() {
            say(wrong, "expires", "livecodes.problem.date", Vec::new());
        }
        end
    }

    fn seats(&self, form: &CodeForm, wrong: &mut Invalid) -> Vec<Seat> {
        let mut seats: Vec<Seat> = Vec::new();
        for (at, typed) in form.staff.iter().enumerate() {
            let typed = typed.trim();
            if typed.is_empty() {
                continue;
            }
            let member = self.labels.member(typed);
            let weight = number(&form.weight, at).unwrap_or(Ok(1));
            let daily_cap = number(&form.cap, at);
            let args = || vec![("text", typed.to_owned())];
            if member.is_none() {
                say(wrong, "staff", "livecodes.problem.unknown_member", args());
            }
            if weight.is_err() || daily_cap.is_some_and(|cap| cap.is_err()) {
                say(wrong, "staff", "livecodes.problem.numbers", args());
            }
            let Some(member) = member else {
                continue;
            };
            seats.push(Seat {
                member,
                weight: u8::try_from(weight.unwrap_or(1)).unwrap_or(u8::MAX),
                daily_cap: daily_cap.and_then(Result::ok),
                is_spare: form.role.get(at).is_some_and(|role| role == "spare"),
            });
        }
        for member in self.everybody(&form.everybody) {
            if !seats.iter().any(|seat| seat.member == member) {
                seats.push(Seat {
                    member,
                    weight: 1,
                    daily_cap: None,
                    is_spare: false,
                });
            }
        }
        seats
    }

    /// The members of a department who may add customers.
    fn everybody(&self, department: &str) -> Vec<MemberId> {
        let tree = &self.sight.directory.tree;
        let department = department.parse().ok().and_then(|id| tree.find(id));
        let Some(department) = department else {
            return Vec::new();
        };
        let directory = &self.sight.directory;
        let able = |id: &MemberId| {
            let member = directory.member(*id);
            member.is_some_and(|m| m.is_here() && m.serves_customers) && self.sight.sees(*id)
        };
        let below = directory.member_ids_under(department.wecom_id);
        below.into_iter().filter(able).collect()
    }

    fn schedule(&self, form: &CodeForm, wrong: &mut Invalid) -> Vec<Window> {
        let mut windows = Vec::new();
        for (at, (from, until)) in form.from.iter().zip(&form.until).enumerate() {
            let own = format!("{at}-");
            let days = form.day.iter().filter_map(|day| day.strip_prefix(&own));
            let days = days.filter_map(|day| day.parse::<u8>().ok());
            let days = days
                .filter(|day| *day < 7)
                .fold(0, |all, day| all | 1 << day);
            let who = form.who.get(at).map_or("", |who| who.trim());
            if days == 0 && from.trim().is_empty() && until.trim().is_empty() && who.is_empty() {
                continue;
            }
            let from = minute(from, "00:00");
            let until = minute(until, "24:00");
            if from.is_none() || until.is_none() {
                say(wrong, "from", "livecodes.problem.time", Vec::new());
            }
            windows.push(Window {
                days,
                from: from.unwrap_or(0),
                until: until.unwrap_or(0),
                members: self.named(who, wrong),
            });
        }
        windows
    }

    /// Members named one after the other.
    fn named(&self, typed: &str, wrong: &mut Invalid) -> Vec<MemberId> {
        let names = typed.split(['、', ',', '，', ';', '；', '\n']);
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        let mut members = Vec::new();
        for name in names {
            match self.labels.member(name) {
                Some(member) => members.push(member),
                None => {
                    let args = vec![("text", name.to_owned())];
                    say(wrong, "who", "livecodes.problem.unknown_member", args);
                }
            }
        }
        members
    }

    fn rooms(&self, form: &CodeForm, wrong: &mut Invalid) -> Vec<Room> {
        let mut rooms = Vec::new();
        for (at, typed) in form.group.iter().enumerate() {
            let typed = typed.trim();
            if typed.is_empty() {
                continue;
            }
            let Some(group) = self.labels.group(typed) else {
                let args = vec![("text", typed.to_owned())];
                say(wrong, "group", "livecodes.problem.unknown_group", args);
                continue;
            };
            let threshold = number(&form.threshold, at).unwrap_or(Ok(ROOM_THRESHOLD));
            // What is no number is judged like one that is too large.
            let threshold = threshold.unwrap_or(u32::MAX);
            rooms.push(Room { group, threshold });
        }
        rooms
    }
}

fn say(
    wrong: &mut Invalid,
    field: &'static str,
    code: &'static str,
    args: Vec<(&'static str, String)>,
) {
    wrong.problems.push(Problem { field, code, args });
}

/// A number in a row; none if nothing was typed.
fn number(column: &[String], row: usize) -> Option<Result<u32, ()>> {
    let typed = column.get(row)?.trim();
    (!typed.is_empty()).then(|| typed.parse().map_err(drop))
}

/// Minute of the day of `9:30`; `24:00` is the end of it.
fn minute(typed: &str, empty: &str) -> Option<u16> {
    let typed = match typed.trim() {
        "" => empty,
        typed => typed,
    };
    let (hours, minutes) = typed.split_once([':', '：'])?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_good = minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0));
    is_good.then_some(hours * 60 + minutes)
}

/// `09:30`.
pub(super) fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The form of a code as it is.
pub(super) fn filled(code: &LiveCode, labels: &Labels, zone: &TimeZone) -> CodeForm {
    let welcome = code.welcome.clone().unwrap_or_default();
    let text = |n: u32| n.to_string();
    let days = code.schedule.iter().enumerate().flat_map(|(at, window)| {
        let on = (0..7).filter(|day| window.days >> day & 1 == 1);
        on.map(move |day: u8| format!("{at}-{day}"))
    });
    let names = |members: &[MemberId]| {
        let names = members.iter().map(|id| labels.member_label(*id));
        names.collect::<Vec<_>>().join("、")
    };
    CodeForm {
        kind: code.kind.code().to_owned(),
        name: code.name.clone(),
        unit: code.unit.map_or(String::new(), |id| id.to_string()),
        channel: code.channel.map_or(String::new(), |id| id.to_string()),
        tag: code.tags.iter().map(ToString::to_string).collect(),
        remark_prefix: code.remark_prefix.clone(),
        expires: code.expires_at.map_or(String::new(), |at| {
            let last = at.plus_ms(-1).to_jiff().to_zoned(zone.clone());
            last.date().to_string()
        }),
        text: welcome.text,
        attachment: welcome
            .attachments
            .iter()
            .map(ToString::to_string)
            .collect(),
        skip_verify: code.skip_verify,
        everybody: String::new(),
        staff: code
            .seats
            .iter()
            .map(|s| labels.member_label(s.member))
            .collect(),
        weight: code
            .seats
            .iter()
            .map(|s| text(u32::from(s.weight)))
            .collect(),
        cap: code
            .seats
            .iter()
            .map(|s| s.daily_cap.map_or(String::new(), text))
            .collect(),
        role: code
            .seats
            .iter()
            .map(|s| if s.is_spare { "spare" } else { "" }.to_owned())
            .collect(),
        day: days.collect(),
        from: code.schedule.iter().map(|w| clock(w.from)).collect(),
        until: code.schedule.iter().map(|w| clock(w.until)).collect(),
        who: code.schedule.iter().map(|w| names(&w.members)).collect(),
        group: code
            .rooms
            .iter()
            .map(|r| labels.group_label(r.group))
            .collect(),
        threshold: code.rooms.iter().map(|r| text(r.threshold)).collect(),
        auto: code.auto_room.is_some(),
        auto_name: code
            .auto_room
            .as_ref()
            .map_or(String::new(), |a| a.name.clone()),
        auto_first: code
            .auto_room
            .as_ref()
            .map_or(String::new(), |a| text(a.first_no)),
        seen: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_told_about_its_name_and_its_numbers_at_once() {
        let (labels, sight) = (
            Labels {
                members: Vec::new(),
                groups: Vec::new(),
            },
            Sight::everything_for_test(),
        );
        let reader = Reader {
            labels: &labels,
            sight: &sight,
            zone: &TimeZone::UTC,
        };
        let form = CodeForm {
            staff: vec!["没有这个人".to_owned(), String::new()],
            weight: vec!["x".to_owned(), "y".to_owned()],
            ..CodeForm::default()
        };
        let (draft, wrong) = reader.draft(&form, CodeKind::Staff);
        let codes: Vec<&str> = wrong.problems.iter().map(|p| p.code).collect();
        assert_eq!(
            codes,
            [
                "livecodes.problem.unknown_member",
                "livecodes.problem.numbers"
            ]
        );
        assert!(draft.seats.is_empty());
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (typed, minutes) in [("9:30", 570), ("09:30", 570), ("24:00", 1440), ("", 0)] {
            assert_eq!(minute(typed, "00:00"), Some(minutes), "{typed}");
        }
        for odd in ["24:01", "9", "9:60", "x:10", "-1:00"] {
            assert_eq!(minute(odd, ""), None, "{odd}");
        }
        assert_eq!(clock(570), "09:30");
    }
}
