//! imports: ImportId → Import · import-blocks and import-outcomes: import and number → rows ·
//! import-mappings: hash of headings → columns. All sealed, none audited: what an import does
//! to records is.

use crate::store::{
    Class, Desc, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec, Walk,
};

use super::model::{Block, Import, ImportId, Outcome, Remembered};

/// Imports of somebody, newest first.
pub(super) const IMPORT_BY_CREATOR: Index<Import> = Index::new("imports-1.by_creator", |i, _| {
    vec![
        Key::new()
            .with(i.created_by.unwrap_or(SYSTEM_SUBJECT))
            .with(Desc(i.created_at)),
    ]
});

/// Outcomes of an import.
pub(super) const OUTCOME_BY_IMPORT: Index<Outcome> =
    Index::new("import-outcomes-1.by_import", |o, _| {
        vec![Key::new().with(o.import).with(o.no)]
    });

/// Import and number as one key.
pub(super) fn place(import: ImportId, no: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&import.bits().to_be_bytes());
    key[8..].copy_from_slice(&no.to_be_bytes());
    key
}

impl Entity for Import {
    const KIND: &'static str = "import";
    const TABLE: &'static str = "imports-1";
    const CLASS: Class = Class::Machinery;
    type Key = ImportId;
    fn key(&self) -> ImportId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[IMPORT_BY_CREATOR]
    }
}

impl Entity for Block {
    const KIND: &'static str = "import_block";
    const TABLE: &'static str = "import-blocks-1";
    const CLASS: Class = Class::Machinery;
    type Key = [u8; 12];
    fn key(&self) -> [u8; 12] {
        place(self.import, self.no)
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
}

impl Entity for Outcome {
    const KIND: &'static str = "import_outcome";
    const TABLE: &'static str = "import-outcomes-1";
    const CLASS: Class = Class::Machinery;
    type Key = [u8; 12];
    fn key(&self) -> [u8; 12] {
        place(self.import, self.no)
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[OUTCOME_BY_IMPORT]
    }
}

impl Entity for Remembered {
    const KIND: &'static str = "import_mapping";
    const TABLE: &'static str = "import-mappings-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;
    fn key(&self) -> String {
        self.signature.clone()
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
}

/// All outcomes of an import, in the order of the rows.
pub(super) fn outcomes<'a>(
    r: &Read<'a>,
    import: ImportId,
) -> Result<impl Iterator<Item = Result<Outcome, StoreError>> + use<'a>, StoreError> {
    r.list(&OUTCOME_BY_IMPORT, &Walk::prefix(Key::new().with(import)))
}

/// The number of the next outcome.
pub(super) fn next_outcome(r: &Read<'_>, import: ImportId) -> Result<u32, StoreError> {
    let walk = Walk {
        prefix: Key::new().with(import),
        backwards: true,
        ..Walk::default()
    };
    let last = r.list(&OUTCOME_BY_IMPORT, &walk)?.next().transpose()?;
    Ok(last.map_or(0, |outcome| outcome.no + 1))
}

/// The module's tables.
pub(super) const TABLES: [TableSpec; 4] = [
    TableSpec::of::<Import>(),
    TableSpec::of::<Block>(),
    TableSpec::of::<Outcome>(),
    TableSpec::of::<Remembered>(),
];
