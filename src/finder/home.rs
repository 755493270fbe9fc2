//! `/`: the workspace (工作台). What there is, what needs somebody, what was asked for last;
//! every number leads to the list that makes it, and everything is within scope.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{self, alarm::Alarm},
    audit::query::{self, Filter},
    customers::{
        list::{self, Asked, SavedView},
        queries::{self, GroupFilter},
    },
    error::Result,
    identity::{Permission, Viewer},
    kit::{PageRequest, Timestamp},
    org::Sight,
    outreach::{broadcasts, moments},
    search::Sort,
    store::{Act, Read},
    sync, view,
    web::{
        Cx, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind, Link},
    },
    work::{JobState, jobs, pages::JobCard},
};

/// Customers shown as added last.
const NEWEST: usize = 6;
/// Jobs of one's own that are shown.
const JOBS: usize = 3;
/// Counting entries of the trail stops here.
const ENTRIES_MAX: u64 = 1000;
/// What the compliance officer looks for first, by act and word.
const WATCHED: [(&str, &str); 4] = [
    ("customer.reveal_phone", "home.watched.reveals"),
    ("customer.export.begin", "home.watched.exports"),
    ("route.open", "home.watched.denied"),
    ("session.sign_in_failed", "home.watched.sign_ins"),
];

/// A number with the list that makes it.
struct Tile {
    word: &'static str,
    href: String,
    n: u64,
    /// Whether counting stopped there.
    more: bool,
}

/// Something that needs somebody.
pub(super) struct Task {
    pub(super) icon: &'static str,
    /// `a`, `warn` or `bad`.
    pub(super) tone: &'static str,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) href: &'static str,
    pub(super) n: Option<u64>,
}

/// A customer added lately.
struct Newcomer {
    id: String,
    name: String,
    owner: String,
    href: String,
    added_at: Timestamp,
}

/// The page.
#[derive(Template)]
#[template(path = "finder/home.html", blocks = ["title"])]
pub(super) struct HomePage {
    tiles: Vec<Tile>,
    watched: Vec<Tile>,
    tasks: Vec<Task>,
    newcomers: Option<Vec<Newcomer>>,
    jobs: Vec<JobCard>,
    empty: Empty,
    nobody: Option<Empty>,
}
view!(HomePage);

/// Shows the workspace. Its entry, which names the customers on it, joins the next batch.
pub(super) async fn home(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<HomePage>> {
    let maker = Maker {
        app: &app,
        viewer: &viewer,
        cx: &cx,
    };
    let (page, act) = app.read(|r| maker.page(r))?;
    app.note(act).await?;
    Ok(Shown::of(page))
}

/// Puts the page together.
pub(super) struct Maker<'a> {
    pub(super) app: &'a App,
    pub(super) viewer: &'a Viewer,
    pub(super) cx: &'a Cx,
}

impl Maker<'_> {
    fn page(&self, r: &Read<'_>) -> Result<(HomePage, Act)> {
        let mut act = self.viewer.view("home.view");
        let (mut tiles, mut tasks, mut newcomers) = (Vec::new(), Vec::new(), None);
        if self.viewer.may(Permission::CustomerRead) {
            let sight = self.app.sight(r, self.viewer, Permission::CustomerRead)?;
            self.customers(&sight, &mut tiles, &mut tasks)?;
            let newest = self.newcomers(r, &sight)?;
            let ids: Vec<&str> = newest.iter().map(|n| n.id.as_str()).collect();
            act = act.system_detail("ids", ids.join(" "));
            newcomers = Some(newest);
        }
        if self.viewer.may(Permission::GroupRead) {
            self.groups(r, &mut tiles, &mut tasks)?;
        }
        let may_approve = self.viewer.may(Permission::BroadcastApprove);
        if may_approve && self.viewer.may(Permission::OutreachRead) {
            self.approvals(r, &mut tasks)?;
        }
        tasks.extend(self.chats(r)?);
        if self.viewer.may(Permission::SyncRun) {
            tasks.extend(self.sync(r)?);
        }
        if self.viewer.may(Permission::SettingsManage) {
            tasks.extend(self.archive(r)?);
        }
        if self.viewer.may(Permission::AuditRead) {
            tasks.extend(self.trail());
        }
        let page = HomePage {
            watched: self.watched(r)?,
            tiles,
            tasks,
            jobs: self.jobs(r)?,
            empty: self.calm(),
            nobody: newcomers
                .as_ref()
                .filter(|n: &&Vec<Newcomer>| n.is_empty())
                .map(|_| self.nobody()),
            newcomers,
        };
        Ok((page, act))
    }

    fn customers(&self, sight: &Sight, tiles: &mut Vec<Tile>, tasks: &mut Vec<Task>) -> Result<()> {
        let counts = list::view_counts(&self.app.people, sight, self.cx.now)?;
        for (view, n) in SavedView::ALL.into_iter().zip(counts) {
            let word = match view {
                SavedView::All => "customers.view.all",
                SavedView::New => "customers.view.new",
                SavedView::Mine if sight.own().is_some() => "customers.view.mine",
                SavedView::Mine => continue,
                SavedView::Unassigned => {
                    tasks.extend((n > 0).then(|| self.unassigned(n)));
                    "customers.view.unassigned"
                }
                SavedView::Lost => "customers.view.lost",
            };
            let list = ListQuery::new("/customers").with("view", view.code());
            tiles.push(Tile {
                word,
                href: list.to_string(),
                n,
                more: false,
            });
        }
        Ok(())
    }

    fn unassigned(&self, n: u64) -> Task {
        Task {
            icon: "transfer",
            tone: "warn",
            title: self.cx.t("home.unassigned").into_owned(),
            why: self.cx.t("home.unassigned_why").into_owned(),
            href: "/customers?view=unassigned",
            n: Some(n),
        }
    }

    fn groups(&self, r: &Read<'_>, tiles: &mut Vec<Tile>, tasks: &mut Vec<Task>) -> Result<()> {
        let sight = self.app.sight(r, self.viewer, Permission::GroupRead)?;
        let groups = queries::groups(r, &sight, &GroupFilter::default())?;
        let of_state = |code: &str| groups.iter().filter(|g| g.state.code() == code).count();
        let living = groups.len() - of_state("gone");
        tiles.push(Tile {
            word: "groups.title",
            href: "/groups".to_owned(),
            n: living as u64,
            more: false,
        });
        let orphans = of_state("owner_left");
        if orphans > 0 {
            tasks.push(Task {
                icon: "group",
                tone: "warn",
                title: self.cx.t("home.orphans").into_owned(),
                why: self.cx.t("home.orphans_why").into_owned(),
                href: "/groups?state=owner_left",
                n: Some(orphans as u64),
            });
        }
        Ok(())
    }

    /// What others want to send and the viewer may let go.
    fn approvals(&self, r: &Read<'_>, tasks: &mut Vec<Task>) -> Result<()> {
        let sight = self
            .app
            .sight(r, self.viewer, Permission::BroadcastApprove)?;
        let own = self.viewer.account_id().map(|account| account.cast());
        let broadcasts = broadcasts::queries::waiting(r, &sight, own)?;
        let moments = moments::queries::waiting(r, &sight, own)?;
        for (n, word, href) in [
            (broadcasts, "home.broadcasts", "/broadcasts?view=active"),
            (moments, "home.moments", "/moments?view=active"),
        ] {
            if n > 0 {
                tasks.push(Task {
                    icon: "send",
                    tone: "warn",
                    title: self.cx.t(word).into_owned(),
                    why: self.cx.t("home.approve_why").into_owned(),
                    href,
                    n: Some(n as u64),
                });
            }
        }
        Ok(())
    }

    /// The last full sync did not go through.
    fn sync(&self, r: &Read<'_>) -> Result<Option<Task>> {
        let newest = jobs::latest(r, sync::KIND)?;
        let failed = newest.filter(|job| job.failure.is_some() && job.state != JobState::Done);
        Ok(failed.map(|job| Task {
            icon: "refresh",
            tone: "bad",
            title: self.cx.t("home.sync_failed").into_owned(),
            why: JobCard::of(&job, self.cx)
                .trouble
                .map_or(String::new(), |trouble| trouble.title),
            href: "/org/sync",
            n: None,
        }))
    }

    /// Archived messages or files will be lost unless somebody acts.
    fn archive(&self, r: &Read<'_>) -> Result<Vec<Task>> {
        let outlook = archive::standing::outlook(self.app, r, self.cx.now)?;
        let task = |alarm: Alarm| Task {
            icon: "archive",
            tone: "bad",
            title: self.cx.t("archive_alarm.title").into_owned(),
            why: self
                .cx
                .tf(alarm.word(), (("hours", alarm.hours()), ("n", alarm.n())))
                .into_owned(),
            href: "/settings/archive",
            n: None,
        };
        Ok(outlook.alarms(self.cx.now).into_iter().map(task).collect())
    }

    /// The audit trail is damaged, or nobody has had it checked since the start.
    fn trail(&self) -> Option<Task> {
        let (tone, title, why) = match self.app.last_verdict() {
            Some((_, true)) => return None,
            Some((_, false)) => ("bad", "home.trail_damaged", "home.trail_damaged_why"),
            None => ("warn", "home.trail_unchecked", "home.trail_unchecked_why"),
        };
        Some(Task {
            icon: "shield",
            tone,
            title: self.cx.t(title).into_owned(),
            why: self.cx.t(why).into_owned(),
            href: "/compliance/audit",
            n: None,
        })
    }

    /// What happened within seven days that somebody should look at.
    fn watched(&self, r: &Read<'_>) -> Result<Vec<Tile>> {
        if !self.viewer.may(Permission::AuditRead) {
            return Ok(Vec::new());
        }
        let since = self.cx.now.plus_ms(-7 * 86_400_000);
        let tile = |(act, word): (&str, &'static str)| {
            let filter = Filter {
                act: Some(act.to_owned()),
                since: Some(since),
                ..Filter::default()
            };
            let n = query::count(r, &filter, ENTRIES_MAX)?;
            let list = ListQuery::new("/compliance/audit")
                .with("action", act)
                .with("range", "7d");
            Ok(Tile {
                word,
                href: list.to_string(),
                n,
                more: n == ENTRIES_MAX,
            })
        };
        WATCHED.into_iter().map(tile).collect()
    }

    fn newcomers(&self, r: &Read<'_>, sight: &Sight) -> Result<Vec<Newcomer>> {
        let asked = Asked {
            sort: Sort::NewestAdded,
            ..Asked::default()
        };
        let request = PageRequest {
            limit: Some(NEWEST),
            ..PageRequest::default()
        };
        let found = list::customers(r, &self.app.people, sight, &asked, &request, self.cx.now)?;
        let newcomer = |row: list::CustomerRow| {
            let main = row.found.main();
            let page = ListQuery::new(&format!("/customers/{}", row.id()));
            Newcomer {
                id: row.id().to_string(),
                name: row.found.customer.name.clone(),
                owner: sight.name(main.member).to_owned(),
                href: page
                    .with("from", "/customers?view=all&sort=-added")
                    .to_string(),
                added_at: main.added_at,
            }
        };
        Ok(found.page.items.into_iter().map(newcomer).collect())
    }

    /// The jobs that the viewer asked for last.
    fn jobs(&self, r: &Read<'_>) -> Result<Vec<JobCard>> {
        let Some(account) = self.viewer.account() else {
            return Ok(Vec::new());
        };
        let own = jobs::of_creator(r, Some(account.subject_id()), JOBS)?;
        Ok(own.iter().map(|job| JobCard::of(job, self.cx)).collect())
    }

    fn calm(&self) -> Empty {
        Empty {
            kind: EmptyKind::NothingYet,
            title: self.cx.t("home.calm.title").into_owned(),
            hint: self.cx.t("home.calm.hint").into_owned(),
            action: None,
            other: None,
        }
    }

    /// No customer is there yet: because WeCom is not connected, or not read yet.
    fn nobody(&self) -> Empty {
        let connected = self.app.wecom().is_some();
        let may_sync = self.viewer.may(Permission::SyncRun);
        let hint = match connected {
            true => "customers.empty.sync",
            false => "customers.empty.connect",
        };
        Empty {
            kind: match connected {
                true => EmptyKind::NothingYet,
                false => EmptyKind::NotConnected,
            },
            title: self.cx.t("customers.empty.none").into_owned(),
            hint: self.cx.t(hint).into_owned(),
            action: (may_sync && connected).then(|| Link {
                label: self.cx.t("customers.empty.to_sync").into_owned(),
                href: "/org/sync".to_owned(),
            }),
            other: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_workspace_renders_empty_with_one_many_and_hostile_names() {
        let empty = || Empty {
            kind: EmptyKind::NotConnected,
            title: HOSTILE.into(),
            hint: HOSTILE.into(),
            action: None,
            other: None,
        };
        for n in [0u8, 1, 6] {
            let tile = |i: u8| Tile {
                word: "customers.view.all",
                href: "/customers?view=all".into(),
                n: u64::from(i) * 100_000,
                more: i == 1,
            };
            let task = |i: u8| Task {
                icon: "shield",
                tone: if i == 0 { "warn" } else { "bad" },
                title: HOSTILE.into(),
                why: HOSTILE.into(),
                href: "/compliance/audit",
                n: (i > 0).then_some(3),
            };
            let newcomer = |i: u8| Newcomer {
                id: format!("c{i}"),
                name: HOSTILE.into(),
                owner: HOSTILE.into(),
                href: "/customers/a".into(),
                added_at: Timestamp::from_ms(0),
            };
            check_page(&HomePage {
                tiles: (0..n).map(tile).collect(),
                watched: (0..n).map(tile).collect(),
                tasks: (0..n).map(task).collect(),
                newcomers: (n != 1).then(|| (0..n).map(newcomer).collect()),
                jobs: Vec::new(),
                empty: empty(),
                nobody: (n == 0).then(empty),
            });
        }
    }
}
