//! What the firm's WeCom quotas are, and what of them is used up: kept across restarts.
//!
//! Counting is the governor's (`wecom::quota`). Its counters are written along with the
//! effects they belong to and every few seconds otherwise; a penalty at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    slice::WorkerFuture,
    store::{
        Act, AuditView, Class, Entity, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec,
        Write,
    },
    wecom::quota::{Governor, Kept, KeptPeople, Overrides, Unit, Window, rule_named},
    work::effects::{EffectSpec, Outside, Priority},
};

/// How often counters are written that no effect has written.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// No limit is larger.
const LIMIT_MAX: u64 = 100_000_000;

impl Entity for Kept {
    const KIND: &'static str = "quota_use";
    const TABLE: &'static str = "quota-use-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        self.budget.clone()
    }
}

impl Entity for KeptPeople {
    const KIND: &'static str = "quota_people";
    const TABLE: &'static str = "quota-people-1";
    const CLASS: Class = Class::Machinery;
    type Key = u64;

    fn key(&self) -> u64 {
        self.shard.into()
    }
    /// Hashes of people, and how often each was written to.
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
}

/// quota-settings: limits that differ from the documented ones. One row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct QuotaSettings {
    /// The limits that differ.
    #[n(0)]
    pub limits: Vec<OwnLimit>,
}

/// A limit that differs from the documented one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OwnLimit {
    /// The budget's name.
    #[n(0)]
    pub budget: String,
    /// What is counted: a code of [`Unit`].
    #[n(1)]
    pub unit: String,
    /// Within what time.
    #[n(2)]
    pub window: Window,
    /// How many.
    #[n(3)]
    pub max: u64,
}

/// The key of the one row.
const FIRM: &str = "firm";

impl QuotaSettings {
    /// As they are.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
    }

    fn overrides(&self) -> Overrides {
        let unit = |code: &str| {
            [Unit::Call, Unit::Person, Unit::EachPerson]
                .into_iter()
                .find(|unit| unit.code() == code)
        };
        let limits = self.limits.iter();
        limits
            .filter_map(|l| {
                let key = (l.budget.clone(), unit(&l.unit)?.code(), l.window);
                Some((key, l.max))
            })
            .collect::<BTreeMap<_, _>>()
    }
}

impl Entity for QuotaSettings {
    const KIND: &'static str = "quota_settings";
    const TABLE: &'static str = "quota-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        let text =
            |l: &OwnLimit| format!("{} {}/{} = {}", l.budget, l.unit, l.window.code(), l.max);
        let limits: Vec<String> = self.limits.iter().map(text).collect();
        vec![("limits", limits.into())]
    }
}

/// The tables.
pub(super) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Kept>(),
    TableSpec::of::<KeptPeople>(),
    TableSpec::of::<QuotaSettings>(),
];

/// Changes the limits.
#[derive(Debug, Clone)]
pub struct SaveQuotas {
    /// The limits that are to differ from the documented ones; all others are as documented.
    pub settings: QuotaSettings,
}

impl Command for SaveQuotas {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the limits. They are in force once [`apply`] has run.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveQuotas>) -> Result<()> {
    let settings = allowed.into_command().settings;
    let is_good = |l: &OwnLimit| {
        (1..=LIMIT_MAX).contains(&l.max)
            && (rule_named(&l.budget).is_some() || l.budget.contains('/'))
    };
    if !settings.limits.iter().all(is_good) {
        return Err(AppError::field("max", "quota.wrong_limit"));
    }
    Ok(w.put(&settings)?)
}

/// Brings the stored limits into force.
pub fn apply(r: &Read<'_>, governor: &Governor) -> Result<(), StoreError> {
    governor.set_overrides(QuotaSettings::load(r)?.overrides());
    Ok(())
}

/// Goes on from what was kept before the restart.
pub fn restore(r: &Read<'_>, governor: &Governor) -> Result<(), StoreError> {
    let kept: Vec<Kept> = r.all::<Kept>(None)?.collect::<Result<_, _>>()?;
    governor.restore(kept);
    let people: Vec<KeptPeople> = r.all::<KeptPeople>(None)?.collect::<Result<_, _>>()?;
    governor.restore_people(people);
    apply(r, governor)
}

/// Writes what has changed.
pub fn keep(w: &mut Write<'_>, governor: &Governor) -> Result<(), StoreError> {
    for kept in governor.to_keep() {
        w.put(&kept)?;
    }
    for kept in governor.people_to_keep() {
        w.put(&kept)?;
    }
    Ok(())
}

impl Outside for App {
    fn not_before(&self, spec: &EffectSpec, priority: Priority) -> Option<Timestamp> {
        if self.wecom().is_none() {
            // Looked at again at the next turn.
            return Some(self.store.clock().now().plus_ms(1_000));
        }
        let held = self.sync.quota.held(spec.call, priority.into());
        held.map(|held| held.until)
    }

    fn keep(&self, w: &mut Write<'_>) -> Result<()> {
        Ok(keep(w, &self.sync.quota)?)
    }
}

/// Writes counters as long as the process runs.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        loop {
            tokio::select! {
                () = app.sync.quota.penalized() => {}
                () = tokio::time::sleep(KEEP_EVERY) => {}
                () = app.stopped() => {}
            }
            let (kept, people) = (app.sync.quota.to_keep(), app.sync.quota.people_to_keep());
            if !kept.is_empty() || !people.is_empty() {
                let names: Vec<String> = kept.iter().map(|k| k.budget.clone()).collect();
                let shards: Vec<u32> = people.iter().map(|k| k.shard).collect();
                let write = app.write(Act::by_system("sync.quota", "quota"), move |w| {
                    for kept in kept {
                        w.put(&kept)?;
                    }
                    for kept in people {
                        w.put(&kept)?;
                    }
                    Ok(())
                });
                write.await.inspect_err(|_| {
                    app.sync.quota.not_kept(names);
                    app.sync.quota.people_not_kept(shards);
                })?;
            }
            if app.is_stopping() {
                return Ok(());
            }
        }
    })
}
