//! The one list of slices.

use crate::{
    app::App, audit, compliance, customers, finder, identity, org, slice::Slice, store::TableSpec,
    sync, tags, work, work::JobKind,
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
        work::slice(),
        finder::slice(),
        org::slice(),
        tags::slice(),
        customers::slice(),
        sync::slice(),
        compliance::slice(),
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
