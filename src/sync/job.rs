//! The job: one phase after the other, each step one write.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use crate::{
    app::App,
    customers::{self, GroupState},
    error::{AppError, Result},
    org,
    org::MemberId,
    store::{Act, Read, StoreError, Write},
    tags,
    wecom::{Client, quota::Urgency},
    work::{Job, JobContext, JobEnd},
};

use super::{Part, Target, mapping, pilot::Pilot, place::Place, pull, repairs};

/// The job's kind.
pub const KIND: &str = "sync.full";
/// Members applied in one write.
const MEMBERS_A_WRITE: usize = 50;
/// Members whose customers are read in one go. WeCom takes up to 100; fewer make less to read
/// again after a cut.
const MEMBERS_A_STRETCH: usize = 25;

/// Runs the job over these parts, one after the other.
pub(super) async fn run(
    app: Arc<App>,
    context: JobContext,
    parts: &'static [Part],
) -> Result<JobEnd> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    let mut repairs = Vec::new();
    for part in parts {
        if app.read(|r| part.was_complete(r))? {
            repairs.push(*part);
        }
    }
    let pass = Pass {
        app,
        client: client.at(Urgency::Bulk),
        context,
        parts,
        repairs,
    };
    loop {
        if pass.context.should_stop()? {
            return Ok(JobEnd::Paused);
        }
        let job = pass.context.job()?;
        let place = match &job.cursor {
            Some(cursor) => Place::of(cursor).map_err(AppError::internal)?,
            None => parts.first().map_or(Place::Finished, |p| p.beginning()),
        };
        match place {
            Place::Directory => pass.directory().await?,
            Place::Tags => pass.tags().await?,
            Place::Customers { from_userid } => pass.customers(from_userid).await?,
            Place::Groups { after_chat_id } => pass.groups(after_chat_id).await?,
            Place::Finished => return Ok(JobEnd::Done),
        }
    }
}

/// One run over the firm.
struct Pass {
    app: Arc<App>,
    client: Client,
    context: JobContext,
    parts: &'static [Part],
    /// The parts of which a complete pass was made before: what changes is a repair.
    repairs: Vec<Part>,
}

impl Pass {
    /// One write of the sync: the change and where it leaves the job.
    async fn step<T, F>(&self, code: &'static str, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>, &mut Job) -> Result<T> + Send + 'static,
    {
        let is_repair = |place: Option<&Place>| {
            place
                .and_then(Place::part)
                .is_some_and(|part| self.repairs.contains(&part))
        };
        let job = self.context.job()?;
        let place = match &job.cursor {
            Some(cursor) => Place::of(cursor).ok(),
            None => self.parts.first().map(|part| part.beginning()),
        };
        let is_repair = is_repair(place.as_ref());
        let step = move |w: &mut Write<'_>, job: &mut Job| {
            let before = w.changed();
            let value = verb(w, job)?;
            if is_repair {
                repairs::note(w, job, before)?;
            }
            Ok(value)
        };
        self.context.step(Act::by_system(code, "sync"), step).await
    }

    /// Moves on from a part: to the next one, or to the end.
    async fn end(&self, part: Part) -> Result<()> {
        let next = self.parts.iter().find(|next| **next > part);
        self.go_to(next.map_or(Place::Finished, |next| next.beginning()))
            .await
    }

    /// Moves to the next phase.
    async fn go_to(&self, place: Place) -> Result<()> {
        self.step("sync.progress", move |_, job| {
            job.progress.phase = place.phase().to_owned();
            job.progress.done = 0;
            job.progress.total = 0;
            job.cursor = Some(place.to_cursor());
            Ok(())
        })
        .await
    }

    async fn directory(&self) -> Result<()> {
        let asked = self.app.sync.freshness.asking();
        let departments = mapping::departments(self.client.departments().await?);
        let numbers: Vec<u64> = departments.iter().map(|d| d.wecom_id).collect();
        let app = self.app.clone();
        self.step("sync.departments", move |w, job| {
            job.progress.phase = Place::Directory.phase().to_owned();
            if !app.sync.freshness.is_stale(&Target::Departments, asked) {
                let changed = org::sync::apply_departments(w, &departments, true)?;
                job.progress.count("departments", changed as u64);
                app.sync.freshness.applied(&Target::Departments, asked);
            }
            Ok(())
        })
        .await?;
        let seen = self.members(&numbers).await?;
        self.departures(&seen).await?;
        let serving = self.client.follow_users().await?;
        self.step("sync.follow_users", move |w, _| {
            Ok(org::sync::apply_follow_users(w, &serving)?)
        })
        .await?;
        self.end(Part::Directory).await
    }

    /// Everybody in these departments; gives the userids seen, lower-cased.
    async fn members(&self, departments: &[u64]) -> Result<HashSet<String>> {
        let mut seen = HashSet::new();
        let total = departments.len() as u64;
        for (done, department) in departments.iter().enumerate() {
            let asked = self.app.sync.freshness.asking();
            let members = mapping::members(self.client.members(*department).await?);
            // A member of several departments is told of in each; once is enough.
            let fresh: Vec<_> = members
                .into_iter()
                .filter(|m| seen.insert(m.userid.to_ascii_lowercase()))
                .collect();
            for part in fresh.chunks(MEMBERS_A_WRITE) {
                let (mut part, app) = (part.to_vec(), self.app.clone());
                self.step("sync.members", move |w, job| {
                    let freshness = &app.sync.freshness;
                    part.retain(|m| !freshness.is_stale(&Target::member(&m.userid), asked));
                    let changed = org::sync::apply_members(w, &part)?;
                    job.progress.count("members", changed as u64);
                    job.progress.done = done as u64 + 1;
                    job.progress.total = total;
                    Ok(())
                })
                .await?;
            }
        }
        Ok(seen)
    }

    /// Members no department mentions: WeCom is asked about each.
    async fn departures(&self, seen: &HashSet<String>) -> Result<()> {
        let missing = self
            .app
            .store
            .read(|r| org::sync::missing_members(r, seen))?;
        let mut left = Vec::new();
        for userid in missing {
            match self.client.member(&userid).await? {
                // Not in any department we see, but still with the firm: moved out of sight.
                Some(_) => {}
                None => left.push(userid),
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        self.step("sync.departures", move |w, job| {
            let changed = org::sync::mark_left(w, &left)?;
            job.progress.count("left", changed as u64);
            Ok(())
        })
        .await
    }

    async fn tags(&self) -> Result<()> {
        let asked = self.app.sync.freshness.asking();
        let groups = mapping::tag_groups(self.client.corp_tags().await?);
        let app = self.app.clone();
        self.step("sync.tags", move |w, job| {
            if !app.sync.freshness.is_stale(&Target::Tags, asked) {
                let changed = tags::sync::apply(w, &groups)?;
                job.progress.count("tags", changed as u64);
                app.sync.freshness.applied(&Target::Tags, asked);
            }
            Ok(())
        })
        .await?;
        self.end(Part::Tags).await
    }

    /// The customers of one stretch of members.
    async fn customers(&self, from_userid: String) -> Result<()> {
        let mut userids = self.client.follow_users().await?;
        self.app.store.read(|r| only_pilot(r, &mut userids))?;
        userids.sort();
        let start = userids.partition_point(|userid| *userid < from_userid);
        let stretch: Vec<String> = userids[start..]
            .iter()
            .take(MEMBERS_A_STRETCH)
            .cloned()
            .collect();
        let (done, total) = (start as u64, userids.len() as u64);
        if stretch.is_empty() {
            return self.end(Part::Customers).await;
        }
        let members = Arc::new(self.app.store.read(org::sync::members_by_userid)?);
        let seen = self.read_stretch(&stretch, &members, done, total).await?;
        let Some(seen) = seen else { return Ok(()) };
        self.ask_about_missing(&stretch, &members, &seen).await?;
        let next = userids.get(start + stretch.len()).cloned();
        let Some(from_userid) = next else {
            return self.end(Part::Customers).await;
        };
        let place = Place::Customers { from_userid };
        let reached = done + stretch.len() as u64;
        self.step("sync.progress", move |_, job| {
            job.progress.phase = place.phase().to_owned();
            job.progress.done = reached;
            job.progress.total = total;
            job.cursor = Some(place.to_cursor());
            Ok(())
        })
        .await
    }

    /// All pages of a stretch. Gives (userid, external_userid) of everything seen; `None` if
    /// it had to stop before the last page.
    async fn read_stretch(
        &self,
        stretch: &[String],
        members: &Arc<BTreeMap<String, MemberId>>,
        done: u64,
        total: u64,
    ) -> Result<Option<HashSet<(String, String)>>> {
        let mut seen = HashSet::new();
        let is_asked_for = |userid: &str| {
            stretch
                .iter()
                .any(|asked| asked.eq_ignore_ascii_case(userid))
        };
        let freshness = &self.app.sync.freshness;
        let mut pages = self.client.customers_of(stretch);
        let mut asked = freshness.asking();
        while let Some(page) = pages.next().await? {
            if self.context.should_stop()? {
                return Ok(None);
            }
            let mut page = mapping::customers(page);
            // Nobody but those asked for, whatever the answer holds.
            page.retain(|(_, relation)| is_asked_for(&relation.userid));
            for (customer, relation) in &page {
                let userid = relation.userid.to_ascii_lowercase();
                seen.insert((userid, customer.external_userid.clone()));
            }
            let (members, app) = (members.clone(), self.app.clone());
            let asked_for = std::mem::replace(&mut asked, freshness.asking());
            self.step("sync.customers", move |w, job| {
                let freshness = &app.sync.freshness;
                let mut page = page;
                page.retain(|(c, _)| !freshness.is_row_stale(&c.external_userid, asked_for));
                freshness.applied_page(asked_for);
                let applied = customers::sync::apply_page(w, &members, &page)?;
                let progress = &mut job.progress;
                progress.count("customers_new", applied.new_customers);
                progress.count("relations_new", applied.new_relations);
                progress.count("changed", applied.changed);
                progress.count("unknown_members", applied.unknown_members);
                progress.count("relations_read", page.len() as u64);
                (progress.done, progress.total) = (done, total);
                Ok(())
            })
            .await?;
        }
        Ok(Some(seen))
    }

    /// Relations the stretch did not mention: WeCom is asked about each customer.
    async fn ask_about_missing(
        &self,
        stretch: &[String],
        members: &BTreeMap<String, MemberId>,
        seen: &HashSet<(String, String)>,
    ) -> Result<()> {
        let mut missing = HashSet::new();
        for userid in stretch.iter().map(|u| u.to_ascii_lowercase()) {
            let Some(member) = members.get(&userid) else {
                continue;
            };
            let of_member: HashSet<String> = seen
                .iter()
                .filter(|(u, _)| *u == userid)
                .map(|(_, c)| c.clone())
                .collect();
            let of_member =
                |r: &Read<'_>| customers::sync::missing_customers(r, *member, &of_member);
            missing.extend(self.app.store.read(of_member)?);
        }
        for external_userid in missing {
            self.pull(Target::Customer(external_userid)).await?;
        }
        Ok(())
    }

    /// Asks about one thing the listing did not mention, and applies the answer.
    async fn pull(&self, target: Target) -> Result<()> {
        let asked = self.app.sync.freshness.asking();
        let pulled = pull::ask(&self.app, &self.client, &target).await?;
        let app = self.app.clone();
        self.step("sync.repair", move |w, job| {
            // Otherwise an event about it was dealt with meanwhile, and knows better.
            if !app.sync.freshness.is_stale(&target, asked) {
                let before = w.changed();
                pull::apply(w, &pulled)?;
                job.progress
                    .count("repaired", (w.changed() - before) as u64);
                app.sync.freshness.applied(&target, asked);
            }
            Ok(())
        })
        .await
    }

    async fn groups(&self, after_chat_id: String) -> Result<()> {
        let owners = self.app.store.read(|r| Pilot::load(r)?.owners(r))?;
        let mut listed = match &owners {
            Some(owners) => self.client.groups_of(owners).await?,
            None => self.client.groups().await?,
        };
        listed.sort_by(|a, b| a.chat_id.cmp(&b.chat_id));
        let members = Arc::new(self.app.store.read(org::sync::members_by_userid)?);
        let total = listed.len() as u64;
        for (done, entry) in listed.iter().enumerate() {
            if entry.chat_id <= after_chat_id {
                continue;
            }
            if self.context.should_stop()? {
                return Ok(());
            }
            let target = Target::Group(entry.chat_id.clone());
            let asked = self.app.sync.freshness.asking();
            let Some(group) = self.client.group(&entry.chat_id).await? else {
                continue;
            };
            let facts = mapping::group(group, GroupState::from_wecom(entry.status));
            let (members, app) = (members.clone(), self.app.clone());
            self.step("sync.group", move |w, job| {
                if !app.sync.freshness.is_stale(&target, asked) {
                    let changed = customers::sync::apply_group(w, &members, &facts)?;
                    job.progress.count("changed", changed);
                    app.sync.freshness.applied(&target, asked);
                }
                job.progress.count("groups_read", 1);
                (job.progress.done, job.progress.total) = (done as u64 + 1, total);
                let after_chat_id = facts.chat_id;
                job.cursor = Some(Place::Groups { after_chat_id }.to_cursor());
                Ok(())
            })
            .await?;
        }
        let seen: HashSet<String> = listed.into_iter().map(|g| g.chat_id).collect();
        for chat_id in self.app.store.read(|r| missing_groups(r, &seen))? {
            self.pull(Target::Group(chat_id)).await?;
        }
        self.end(Part::Groups).await
    }
}

/// Leaves those out who do not take part in the pilot: their customers are not asked for.
fn only_pilot(r: &Read<'_>, userids: &mut Vec<String>) -> std::result::Result<(), StoreError> {
    let pilot = Pilot::load(r)?;
    let mut kept = Vec::with_capacity(userids.len());
    for userid in userids.drain(..) {
        if pilot.has_userid(r, &userid)? {
            kept.push(userid);
        }
    }
    *userids = kept;
    Ok(())
}

/// Groups the listing did not mention, of those it was to mention.
fn missing_groups(
    r: &Read<'_>,
    seen: &HashSet<String>,
) -> std::result::Result<Vec<String>, StoreError> {
    let pilot = Pilot::load(r)?;
    let mut missing = customers::sync::missing_groups(r, seen)?;
    if pilot.is_limited() {
        let mut kept = Vec::new();
        for chat_id in missing {
            let owner = customers::sync::group_by_chat_id(r, &chat_id)?.and_then(|g| g.owner);
            if let Some(owner) = owner
                && pilot.has_member(r, owner)?
            {
                kept.push(chat_id);
            }
        }
        missing = kept;
    }
    Ok(missing)
}
