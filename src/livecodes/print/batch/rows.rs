//! What a row says, judged against what is there; and the code that it makes.

use std::collections::{HashMap, HashSet};

use crate::{
    error::{Problem, Result},
    identity::Viewer,
    import::{Diff, Judged, Options, Values, Verdict},
    org::{DepartmentId, MemberId, Sight},
    search::fold,
    store::Write,
    tags::{TagId, queries::GroupWithTags},
};

use super::super::{
    super::{
        CHANNEL_DEPTH, ChannelId, CodeKind, LiveCode, Seat,
        actions::{self, MakeChannel, SaveCode},
        draft::CodeDraft,
        model::NAME_MAX,
    },
    model::Look,
    queries,
};

/// Rows of one file that make codes: WeCom is told of each of them.
const CODES_MAX: usize = 1_000;

/// What rows are judged against, and what earlier rows said.
pub(in crate::livecodes::print) struct Book {
    pub(super) options: Options,
    pub(super) sight: Sight,
    pub(super) groups: Vec<GroupWithTags>,
    /// The department that owns what is made; none: the firm.
    pub(super) unit: Option<DepartmentId>,
    /// Channels by their path, folded.
    pub(super) channels: HashMap<String, ChannelId>,
    /// Name and members of codes that are there.
    pub(super) there: HashSet<(String, Vec<MemberId>)>,
    /// Rows that make codes so far.
    pub(super) made: usize,
}

/// A row thought through.
pub(super) struct Plan {
    pub(super) judged: Judged,
    pub(super) draft: CodeDraft,
    /// Names of the channel from the top down.
    pub(super) channel: Vec<String>,
}

/// What tells a code from others for whoever brings the same sheet again.
pub(super) fn mark(name: &str, mut members: Vec<MemberId>) -> (String, Vec<MemberId>) {
    members.sort_unstable();
    (fold(name.trim()), members)
}

pub(super) fn members(seats: &[Seat]) -> Vec<MemberId> {
    seats.iter().map(|seat| seat.member).collect()
}

pub(super) fn problem(field: &'static str, code: &'static str) -> Problem {
    Problem {
        field,
        code,
        args: Vec::new(),
    }
}

fn about(field: &'static str, code: &'static str, text: &str) -> Problem {
    Problem {
        field,
        code,
        args: vec![("text", text.to_owned())],
    }
}

/// Several things in one cell.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([';', '；', ',', '，', '、', '|', '\n']);
    parts.map(str::trim).filter(|part| !part.is_empty())
}

impl Book {
    pub(super) fn plan(&self, row: &Values<'_>) -> Plan {
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        let name = row.get("name").unwrap_or("").trim().to_owned();
        let seats = self.seats(row.get("staff").unwrap_or(""), &mut problems);
        let tags = self.tags(row.get("tags").unwrap_or(""), &mut notes);
        let channel = self.channel(row.get("channel").unwrap_or(""), &mut problems);
        let draft = CodeDraft {
            kind: CodeKind::Staff,
            name: name.clone(),
            unit: self.unit,
            channel: channel.1,
            tags,
            remark_prefix: String::new(),
            welcome: None,
            expires_at: None,
            seats,
            skip_verify: !self.options.is_on("verify"),
            schedule: Vec::new(),
            rooms: Vec::new(),
            auto_room: None,
        };
        let is_named = |wanted: &Problem| problems.iter().any(|p| p.field == wanted.field);
        let further = draft.check().problems.into_iter();
        let further: Vec<Problem> = further.filter(|p| !is_named(p)).collect();
        problems.extend(further);
        let is_there = self.there.contains(&mark(&name, members(&draft.seats)));
        if problems.is_empty() && !is_there && self.made >= CODES_MAX {
            let mut many = problem("", "print.batch.problem.many");
            many.args = vec![("max", CODES_MAX.to_string())];
            problems.push(many);
        }
        let verdict = match (problems.is_empty(), is_there) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::Same,
            (true, false) => Verdict::Create,
        };
        Plan {
            judged: Judged {
                verdict,
                title: name,
                diffs: self.diffs(&draft, &channel.0),
                problems,
                notes,
            },
            draft,
            channel: channel.0,
        }
    }

    /// Remembers a row for those that follow.
    pub(super) fn note(&mut self, plan: &Plan) {
        if plan.judged.verdict == Verdict::Create {
            self.made += 1;
            let draft = &plan.draft;
            self.there.insert(mark(&draft.name, members(&draft.seats)));
        }
    }

    /// The members that a cell names, by userid or by a name that one alone has.
    fn seats(&self, text: &str, problems: &mut Vec<Problem>) -> Vec<Seat> {
        let directory = &self.sight.directory;
        let mut seats: Vec<Seat> = Vec::new();
        for text in split(text) {
            let by_userid = directory.by_userid(text);
            let mut named = directory.named(text).filter(|m| m.is_here());
            let found = match (by_userid, named.next(), named.next()) {
                (Some(member), ..) | (None, Some(member), None) => member,
                (None, Some(_), Some(_)) => {
                    problems.push(about("staff", "print.batch.problem.several", text));
                    continue;
                }
                (None, None, _) => {
                    problems.push(about("staff", "print.batch.problem.nobody", text));
                    continue;
                }
            };
            if !self.sight.sees(found.id) || !found.is_here() {
                problems.push(about("staff", "print.batch.problem.nobody", text));
            } else if !seats.iter().any(|seat| seat.member == found.id) {
                seats.push(Seat {
                    member: found.id,
                    weight: 1,
                    daily_cap: None,
                    is_spare: false,
                });
            }
        }
        seats
    }

    /// The tags that a cell names. One that is not there is left out and noted.
    fn tags(&self, text: &str, notes: &mut Vec<Problem>) -> Vec<TagId> {
        let mut found: Vec<TagId> = Vec::new();
        for text in split(text) {
            let name = fold(text);
            let all = self.groups.iter().flat_map(|group| &group.tags);
            let mut named = all.filter(|tag| fold(&tag.name) == name);
            match (named.next(), named.next()) {
                (Some(tag), None) if found.contains(&tag.id) => {}
                (Some(tag), None) => found.push(tag.id),
                (None, _) => notes.push(about("tags", "print.batch.problem.no_tag", text)),
                _ => notes.push(about("tags", "print.batch.problem.tags", text)),
            }
        }
        found
    }

    /// Names from the top down, and the channel if it is there.
    fn channel(&self, text: &str, problems: &mut Vec<Problem>) -> (Vec<String>, Option<ChannelId>) {
        let names = text.split(['/', '／', '>', '›']).map(str::trim);
        let names: Vec<String> = names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let found = self.channels.get(&path_key(&names)).copied();
        if names.is_empty() || found.is_some() {
            return (names, found);
        }
        if !self.options.is_on("channels") {
            problems.push(about("channel", "print.batch.problem.no_channel", text));
        } else if names.len() > CHANNEL_DEPTH {
            problems.push(problem("channel", "livecodes.problem.deep"));
        } else if names.iter().any(|name| name.chars().count() > NAME_MAX) {
            let mut long = problem("channel", "livecodes.problem.long_channel");
            long.args = vec![("max", NAME_MAX.to_string())];
            problems.push(long);
        }
        (names, found)
    }

    fn diffs(&self, draft: &CodeDraft, channel: &[String]) -> Vec<Diff> {
        let names = draft.seats.iter();
        let names = names.map(|seat| self.sight.directory.name(seat.member));
        let all = self.groups.iter().flat_map(|group| &group.tags);
        let tags = all.filter(|tag| draft.tags.contains(&tag.id));
        let tags: Vec<&str> = tags.map(|tag| tag.name.as_str()).collect();
        let diff = |word, to: String| Diff {
            word,
            from: String::new(),
            to,
        };
        let diffs = [
            diff("print.batch.staff", names.collect::<Vec<_>>().join("、")),
            diff("print.batch.channel", channel.join(" / ")),
            diff("print.batch.tags", tags.join("、")),
        ];
        diffs
            .into_iter()
            .filter(|diff| !diff.to.is_empty())
            .collect()
    }

    /// Makes what a row asks for, with the channels that are still missing.
    pub(super) fn make(
        &mut self,
        w: &mut Write<'_>,
        viewer: &Viewer,
        plan: Plan,
        row: u32,
    ) -> Result<LiveCode> {
        let mut draft = plan.draft;
        draft.channel = self.channel_of(w, viewer, &plan.channel)?;
        let save = SaveCode {
            code: None,
            seen: None,
            draft,
            directory: self.sight.directory.clone(),
        };
        let allowed = viewer.allow(w, save)?;
        let code = actions::save(w, allowed)?;
        let look = Look {
            row: Some(row),
            ..queries::look(&w.read(), code.id)?
        };
        w.put(&look)?;
        Ok(code)
    }

    fn channel_of(
        &mut self,
        w: &mut Write<'_>,
        viewer: &Viewer,
        names: &[String],
    ) -> Result<Option<ChannelId>> {
        let mut parent = None;
        for depth in 1..=names.len() {
            let key = path_key(&names[..depth]);
            let known = self.channels.get(&key).copied();
            let channel = match known {
                Some(channel) => channel,
                None => {
                    let name = names[depth - 1].clone();
                    let allowed = viewer.allow(w, MakeChannel { name, parent })?;
                    let made = actions::make_channel(w, allowed)?;
                    self.channels.insert(key, made.id);
                    made.id
                }
            };
            parent = Some(channel);
        }
        Ok(parent)
    }
}

/// A path as channels are found by it.
fn path_key(names: &[String]) -> String {
    fold(&names.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_cannot_be_made_is_told_before_anything_is() {
        let there = ["很长".repeat(NAME_MAX)];
        let book = Book {
            options: Options(vec![("channels".to_owned(), "1".to_owned())]),
            sight: Sight::everything_for_test(),
            groups: Vec::new(),
            unit: None,
            channels: HashMap::from([(path_key(&there), ChannelId::from_bits(1))]),
            there: HashSet::new(),
            made: 0,
        };
        let wrong = |text: &str| {
            let mut problems = Vec::new();
            book.channel(text, &mut problems);
            let codes = problems.iter().map(|p| (p.field, p.code));
            codes.collect::<Vec<_>>()
        };
        assert_eq!(wrong("线下/门店/静安/收银台"), []);
        assert_eq!(wrong(&there[0]), [], "it is there");
        let deep = wrong("线下/门店/静安/收银台/左边");
        assert_eq!(deep, [("channel", "livecodes.problem.deep")]);
        let long = wrong(&format!("线下/{}", "长".repeat(NAME_MAX + 1)));
        assert_eq!(long, [("channel", "livecodes.problem.long_channel")]);
    }
}
