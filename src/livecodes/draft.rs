//! What a form says about a code, and what is wrong with it.

use crate::{
    error::{Invalid, Problem},
    kit::Timestamp,
    org::DepartmentId,
    outreach::Content,
    tags::TagId,
};

use super::{
    AutoRoom, ChannelId, CodeKind, LiveCode, Room, Seat, Window,
    model::{NAME_MAX, PREFIX_MAX, ROOM_MAX, ROOMS_MAX, SEATS_MAX, WEIGHT_MAX, WINDOWS_MAX},
};

/// Characters of what the names of new groups begin with, at WeCom.
const GROUP_NAME_MAX: usize = 40;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// Everything about a code that people decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDraft {
    /// What it leads to.
    pub kind: CodeKind,
    /// Name.
    pub name: String,
    /// The department that owns it.
    pub unit: Option<DepartmentId>,
    /// Channel.
    pub channel: Option<ChannelId>,
    /// Tags for whoever comes.
    pub tags: Vec<TagId>,
    /// What remarks begin with.
    pub remark_prefix: String,
    /// What whoever comes is greeted with.
    pub welcome: Option<Content>,
    /// Leads nowhere from then on.
    pub expires_at: Option<Timestamp>,
    /// Members.
    pub seats: Vec<Seat>,
    /// Without the member's consent.
    pub skip_verify: bool,
    /// Who is there when.
    pub schedule: Vec<Window>,
    /// Groups.
    pub rooms: Vec<Room>,
    /// New groups behind the last one.
    pub auto_room: Option<AutoRoom>,
}

impl CodeDraft {
    /// As a code is now.
    pub fn of(code: &LiveCode) -> Self {
        let code = code.clone();
        Self {
            kind: code.kind,
            name: code.name,
            unit: code.unit,
            channel: code.channel,
            tags: code.tags,
            remark_prefix: code.remark_prefix,
            welcome: code.welcome,
            expires_at: code.expires_at,
            seats: code.seats,
            skip_verify: code.skip_verify,
            schedule: code.schedule,
            rooms: code.rooms,
            auto_room: code.auto_room,
        }
    }

    /// Puts it into a code; what is not for its kind stays out.
    pub(super) fn apply(self, code: &mut LiveCode) {
        let is_staff = self.kind == CodeKind::Staff;
        code.kind = self.kind;
        code.name = self.name.trim().to_owned();
        code.unit = self.unit;
        code.channel = self.channel;
        code.tags = self.tags;
        self.remark_prefix
            .trim()
            .clone_into(&mut code.remark_prefix);
        code.welcome = self.welcome.filter(|welcome| !welcome.is_empty());
        code.expires_at = self.expires_at;
        if is_staff {
            code.seats = self.seats;
            code.skip_verify = self.skip_verify;
            code.schedule = self.schedule;
        } else {
            code.rooms = self.rooms;
            code.auto_room = self.auto_room;
        }
    }

    /// What is wrong with it, field by field. The welcome message is judged where assets are
    /// known.
    pub fn check(&self) -> Invalid {
        let mut wrong = Invalid::default();
        let mut say = |field, code, args: Vec<(&'static str, String)>| {
            wrong.problems.push(Problem { field, code, args });
        };
        let max = |max: usize| vec![("max", max.to_string())];
        match self.name.trim().chars().count() {
            0 => say("name", "livecodes.problem.no_name", Vec::new()),
            n if n > NAME_MAX => say("name", "livecodes.problem.long_name", max(NAME_MAX)),
            _ => {}
        }
        if self.remark_prefix.trim().chars().count() > PREFIX_MAX {
            let code = "livecodes.problem.long_prefix";
            say("remark_prefix", code, max(PREFIX_MAX));
        }
        match self.kind {
            CodeKind::Staff => self.check_staff(&mut say),
            CodeKind::Group => self.check_groups(&mut say),
        }
        wrong
    }

    fn check_staff(&self, say: &mut impl FnMut(&'static str, &'static str, Args)) {
        let max = |max: usize| vec![("max", max.to_string())];
        if self.seats.is_empty() {
            say("staff", "livecodes.problem.no_staff", Vec::new());
        }
        if self.seats.len() > SEATS_MAX {
            say("staff", "livecodes.problem.many_staff", max(SEATS_MAX));
        }
        if has_twins(self.seats.iter().map(|seat| seat.member)) {
            say("staff", "livecodes.problem.staff_twice", Vec::new());
        }
        let is_good = |weight: u8| (1..=WEIGHT_MAX).contains(&weight);
        if self.seats.iter().any(|seat| !is_good(seat.weight)) {
            say(
                "weight",
                "livecodes.problem.weight",
                max(usize::from(WEIGHT_MAX)),
            );
        }
        if self.seats.iter().any(|seat| seat.daily_cap == Some(0)) {
            say("cap", "livecodes.problem.cap", Vec::new());
        }
        if self.schedule.len() > WINDOWS_MAX {
            say("day", "livecodes.problem.windows", max(WINDOWS_MAX));
        }
        for window in &self.schedule {
            if window.days & 0x7f == 0 {
                say("day", "livecodes.problem.no_day", Vec::new());
            }
            if window.from >= DAY_MINUTES || window.until > DAY_MINUTES {
                say("from", "livecodes.problem.time", Vec::new());
            }
            let on_code = |member| self.seats.iter().any(|seat| seat.member == member);
            if !window.members.iter().all(|member| on_code(*member)) {
                say("who", "livecodes.problem.not_on_code", Vec::new());
            }
        }
    }

    fn check_groups(&self, say: &mut impl FnMut(&'static str, &'static str, Args)) {
        if self.rooms.is_empty() {
            say("group", "livecodes.problem.no_group", Vec::new());
        }
        if self.rooms.len() > ROOMS_MAX {
            let args = vec![("max", ROOMS_MAX.to_string())];
            say("group", "livecodes.problem.many_groups", args);
        }
        if has_twins(self.rooms.iter().map(|room| room.group)) {
            say("group", "livecodes.problem.group_twice", Vec::new());
        }
        let is_good = |threshold: u32| (1..=ROOM_MAX).contains(&threshold);
        if self.rooms.iter().any(|room| !is_good(room.threshold)) {
            let args = vec![("max", ROOM_MAX.to_string())];
            say("threshold", "livecodes.problem.threshold", args);
        }
        if let Some(auto) = &self.auto_room {
            match auto.name.trim().chars().count() {
                0 => say("auto_name", "livecodes.problem.no_group_name", Vec::new()),
                n if n > GROUP_NAME_MAX => {
                    let args = vec![("max", GROUP_NAME_MAX.to_string())];
                    say("auto_name", "livecodes.problem.long_group_name", args);
                }
                _ => {}
            }
        }
    }
}

type Args = Vec<(&'static str, String)>;

fn has_twins<T: Ord>(of: impl Iterator<Item = T>) -> bool {
    let mut all: Vec<T> = of.collect();
    let n = all.len();
    all.sort_unstable();
    all.dedup();
    all.len() < n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{customers::GroupId, org::MemberId};

    fn draft(kind: CodeKind) -> CodeDraft {
        CodeDraft {
            kind,
            name: "收银台".to_owned(),
            unit: None,
            channel: None,
            tags: Vec::new(),
            remark_prefix: String::new(),
            welcome: None,
            expires_at: None,
            seats: vec![Seat {
                member: MemberId::from_bits(1),
                weight: 1,
                daily_cap: None,
                is_spare: false,
            }],
            skip_verify: true,
            schedule: Vec::new(),
            rooms: vec![Room {
                group: GroupId::from_bits(1),
                threshold: 190,
            }],
            auto_room: None,
        }
    }

    fn wrong(draft: &CodeDraft) -> Vec<&'static str> {
        draft.check().problems.iter().map(|p| p.field).collect()
    }

    #[test]
    fn each_problem_stands_at_its_field() {
        assert!(wrong(&draft(CodeKind::Staff)).is_empty());
        assert!(wrong(&draft(CodeKind::Group)).is_empty());
        let mut bad = draft(CodeKind::Staff);
        bad.name = "长".repeat(NAME_MAX + 1);
        bad.remark_prefix = "长".repeat(PREFIX_MAX + 1);
        bad.seats.push(bad.seats[0].clone());
        bad.seats[0].weight = 0;
        bad.seats[0].daily_cap = Some(0);
        bad.schedule = vec![Window {
            days: 0,
            from: 1440,
            until: 0,
            members: vec![MemberId::from_bits(9)],
        }];
        let fields = [
            "name",
            "remark_prefix",
            "staff",
            "weight",
            "cap",
            "day",
            "from",
            "who",
        ];
        assert_eq!(wrong(&bad), fields);
        let mut bad = draft(CodeKind::Group);
        bad.name = "  ".to_owned();
        bad.rooms.push(bad.rooms[0].clone());
        bad.rooms[0].threshold = 201;
        bad.auto_room = Some(AutoRoom {
            name: String::new(),
            first_no: 1,
        });
        assert_eq!(wrong(&bad), ["name", "group", "threshold", "auto_name"]);
    }
}
