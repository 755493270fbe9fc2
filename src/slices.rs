//! The one list of slices.

use crate::{
    app::App, archive, audit, compliance, custody, customers, finder, identity, import, livecodes,
    org, outreach, rollout, scim, slice::Listener, slice::Slice, slice::Worker, store,
    store::TableSpec, sync, tags, todos, work, work::JobKind, work::effects::EffectKind,
};

/// Everything that has tables, routes, a place in the menu or jobs.
pub fn all() -> Vec<Slice> {
    vec![
        identity::pages::slice(),
        Slice {
            name: "audit",
            tables: audit::checkpoints::TABLES.to_vec(),
            ..Slice::default()
        },
        Slice {
            name: "store",
            tables: store::operation::TABLES.to_vec(),
            ..Slice::default()
        },
        custody::slice(),
        work::slice(),
        finder::slice(),
        import::slice(),
        org::slice(),
        scim::slice(),
        tags::slice(),
        customers::slice(),
        livecodes::slice(),
        outreach::slice(),
        todos::slice(),
        sync::slice(),
        archive::slice(),
        compliance::slice(),
        rollout::slice(),
    ]
}

/// The tables of all slices.
pub fn tables() -> Vec<TableSpec> {
    all().into_iter().flat_map(|slice| slice.tables).collect()
}

/// The jobs of all slices.
pub fn jobs() -> Vec<JobKind<App>> {
    all().into_iter().flat_map(|slice| slice.jobs).collect()
}

/// What all slices keep doing in the background.
pub fn workers() -> Vec<Worker> {
    all().into_iter().flat_map(|slice| slice.workers).collect()
}

/// What all slices do the moment WeCom tells of something.
pub fn listeners() -> Vec<Listener> {
    all()
        .into_iter()
        .flat_map(|slice| slice.listeners)
        .collect()
}

/// What all slices do outside.
pub fn effects() -> Vec<EffectKind<App>> {
    all().into_iter().flat_map(|slice| slice.effects).collect()
}
