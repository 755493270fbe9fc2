//! materials: asset in its newest version · material-versions: asset and number → as it was ·
//! material-folders: folder · material-uses: kind and id of what sends assets → these · material-media: file and
//! purpose → what WeCom calls it.

use crate::store::{AuditView, Class, Entity, Index, Key, TableSpec};

use super::model::{Body, Folder, FolderId, Material, MaterialId, MediaId, Stored, Uses, Version};

/// The tables.
pub(super) const TABLES: [TableSpec; 5] = [
    TableSpec::of::<Material>(),
    TableSpec::of::<Version>(),
    TableSpec::of::<Folder>(),
    TableSpec::of::<Uses>(),
    TableSpec::of::<MediaId>(),
];

/// What uses an asset: asset, kind of user, its id.
pub(super) const USES_OF: Index<Uses> = Index::unique("material-uses-1.by_material", |uses, _| {
    let key = |material: &MaterialId| {
        Key::new()
            .with(*material)
            .with(uses.by.as_str())
            .with(uses.of.as_str())
    };
    uses.materials.iter().map(key).collect()
});

fn body_view(body: &Body) -> AuditView {
    let file = |stored: &Stored| serde_json::Value::from(hex::encode(stored.sha256));
    let mut view: AuditView = vec![("kind", body.kind().code().into())];
    match body {
        Body::Text(text) => view.push(("text", text.as_str().into())),
        Body::Link { url, desc, .. } => {
            view.push(("url", url.as_str().into()));
            view.push(("desc", desc.as_str().into()));
        }
        Body::MiniProgram { appid, page, .. } => {
            view.push(("appid", appid.as_str().into()));
            view.push(("page", page.as_str().into()));
        }
        Body::Image(_) | Body::File(_) | Body::Video(_) => {}
    }
    if let Some(stored) = body.stored() {
        view.push(("file", file(stored)));
        view.push(("file_name", stored.name.as_str().into()));
    }
    view
}

impl Entity for Material {
    const KIND: &'static str = "material";
    const TABLE: &'static str = "materials-1";
    const CLASS: Class = Class::Record;
    type Key = MaterialId;

    fn key(&self) -> MaterialId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        let mut view = vec![
            ("title", self.title.as_str().into()),
            ("folder", self.folder.map(|id| id.to_string()).into()),
            ("version", self.version.into()),
            ("archived", self.is_archived().into()),
        ];
        view.extend(body_view(&self.body));
        view
    }
}

impl Entity for Version {
    const KIND: &'static str = "material_version";
    const TABLE: &'static str = "material-versions-1";
    /// The asset's own entry says what the newest version is.
    const CLASS: Class = Class::Machinery;
    type Key = (u64, u32);

    fn key(&self) -> (u64, u32) {
        (self.material.bits(), self.version)
    }
}

impl Entity for Folder {
    const KIND: &'static str = "material_folder";
    const TABLE: &'static str = "material-folders-1";
    const CLASS: Class = Class::Record;
    type Key = FolderId;

    fn key(&self) -> FolderId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("parent", self.parent.map(|id| id.to_string()).into()),
            ("unit", self.unit.map(|id| id.to_string()).into()),
        ]
    }
}

impl Entity for Uses {
    const KIND: &'static str = "material_uses";
    const TABLE: &'static str = "material-uses-1";
    /// What sends an asset says so itself.
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        uses_key(&self.by, &self.of)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[USES_OF]
    }
}

/// The key of what one message, code or broadcast uses.
pub(super) fn uses_key(by: &str, of: &str) -> String {
    format!("{by}/{of}")
}

impl Entity for MediaId {
    const KIND: &'static str = "material_media";
    const TABLE: &'static str = "material-media-1";
    const CLASS: Class = Class::Machinery;
    type Key = ([u8; 32], u8);

    fn key(&self) -> ([u8; 32], u8) {
        (self.sha256, self.purpose as u8)
    }
}
