//! Saved views (保存的视图): conditions of the list of customers under a name, private or
//! shared with a department, and the view each role begins with.
//!
//! A view is only an address: whoever opens it sees what their own scope holds.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    identity::{Account, Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    org::{Directory, Sight},
    store::{AuditView, Class, Entity, Index, Key, Read, StoreError, SubjectId, Walk, Write},
};

/// See [`NamedView`].
pub type NamedViewId = Id<NamedView>;

/// Views that one account may keep; each is counted whenever the list is shown.
pub const VIEWS_MAX: usize = 20;
/// Characters of a view's name.
const NAME_CHARS_MAX: usize = 20;
/// Bytes of a view's conditions.
const QUERY_BYTES_MAX: usize = 2000;
/// The roles that may begin with a view of their own, by code.
pub const ROLES: [&str; 3] = ["super_admin", "department_admin", "staff"];

/// customer-views: view → conditions under a name. Under the key of whoever saved it: words
/// searched for may name people.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NamedView {
    /// Ours.
    #[n(0)]
    pub id: NamedViewId,
    /// Who saved it, and alone may change it.
    #[n(1)]
    pub owner: Id<Account>,
    /// What it is called.
    #[n(2)]
    pub name: String,
    /// The conditions as they stand in the list's address, without `?` and without paging.
    #[n(3)]
    pub query: String,
    /// WeCom's number of the department whose people, and those below it, see it too.
    #[n(4)]
    pub shared_with: Option<u64>,
    /// Smaller stands first among the owner's views.
    #[n(5)]
    pub order: u32,
    /// When it was saved.
    #[n(6)]
    pub saved_at: Timestamp,
}

/// customer-default-views: role → the conditions its people begin with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DefaultView {
    /// The role's code.
    #[n(0)]
    pub role: String,
    /// The conditions; empty for all customers.
    #[n(1)]
    pub query: String,
}

const BY_OWNER: Index<NamedView> = Index::new("customer-views-1.by_owner", |view, _| {
    vec![Key::new().with(view.owner)]
});

const BY_DEPARTMENT: Index<NamedView> = Index::new("customer-views-1.by_department", |view, _| {
    view.shared_with
        .map(|number| Key::new().with(number))
        .into_iter()
        .collect()
});

impl Entity for NamedView {
    const KIND: &'static str = "customer_view";
    const TABLE: &'static str = "customer-views-1";
    const CLASS: Class = Class::Record;
    type Key = NamedViewId;

    fn key(&self) -> NamedViewId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.owner.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_OWNER, BY_DEPARTMENT]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("owner", self.owner.to_string().into()),
            ("name", self.name.as_str().into()),
            ("query", self.query.as_str().into()),
            ("shared_with", self.shared_with.into()),
            ("order", self.order.into()),
        ]
    }
}

impl Entity for DefaultView {
    const KIND: &'static str = "customer_default_view";
    const TABLE: &'static str = "customer-default-views-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        self.role.clone()
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("role", self.role.as_str().into()),
            ("query", self.query.as_str().into()),
        ]
    }
}

/// The views an account has saved, in its order.
pub fn own(r: &Read<'_>, owner: Id<Account>) -> Result<Vec<NamedView>, StoreError> {
    let walk = Walk::prefix(Key::new().with(owner));
    let mut views: Vec<NamedView> = r.list(&BY_OWNER, &walk)?.collect::<Result<_, _>>()?;
    views.sort_by_key(|view| (view.order, view.saved_at, view.id));
    Ok(views)
}

/// The views that others share with the departments the viewer is in, by name.
pub fn shared(
    r: &Read<'_>,
    sight: &Sight,
    but_of: Id<Account>,
) -> Result<Vec<NamedView>, StoreError> {
    let tree = &sight.directory.tree;
    let member = sight.own().and_then(|id| sight.directory.member(id));
    let posts = member.map_or(&[][..], |m| m.posts.as_slice());
    let above = posts.iter().flat_map(|post| tree.path(post.department));
    let numbers: std::collections::BTreeSet<u64> = above.map(|d| d.wecom_id).collect();
    let mut views = Vec::new();
    for number in numbers {
        for view in r.list(&BY_DEPARTMENT, &Walk::prefix(Key::new().with(number)))? {
            let view = view?;
            if view.owner != but_of {
                views.push(view);
            }
        }
    }
    views.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
    Ok(views)
}

/// The conditions a role begins with; empty for all customers.
pub fn default_of(r: &Read<'_>, role: &str) -> Result<String, StoreError> {
    let found = r.get::<DefaultView>(&role.to_owned())?;
    Ok(found.map_or(String::new(), |view| view.query))
}

/// Whether a view may be shared with a department: everybody in it is in scope.
pub fn may_share_with(sight: &Sight, number: u64) -> bool {
    let Some(department) = sight.directory.tree.get(number) else {
        return false;
    };
    sight.members().is_none_or(|members| {
        let under = sight.directory.member_ids_under(department.wecom_id);
        !under.is_empty() && under.is_subset(members)
    })
}

/// 保存当前视图, or changes a view's name and with whom it is shared.
#[derive(Debug, Clone)]
pub struct SaveView {
    /// The view to be changed; none makes a new one.
    pub view: Option<NamedViewId>,
    /// Its name.
    pub name: String,
    /// Its conditions; a view that is there keeps its own.
    pub query: String,
    /// The department to share it with.
    pub shared_with: Option<u64>,
}

/// Moves a view one place up or down among its owner's.
#[derive(Debug, Clone, Copy)]
pub struct MoveView {
    /// Which one.
    pub view: NamedViewId,
    /// Towards the first.
    pub up: bool,
}

/// Removes a view.
#[derive(Debug, Clone, Copy)]
pub struct DeleteView {
    /// Which one.
    pub view: NamedViewId,
}

/// Decides what a role begins with.
#[derive(Debug, Clone)]
pub struct SetDefaultView {
    /// The role's code, one of [`ROLES`].
    pub role: String,
    /// The conditions; empty for all customers.
    pub query: String,
}

/// Whose a view is, [`owned`] says: a command does not know who gives it.
macro_rules! about_views {
    ($($command:ty: $view:expr),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::CustomerRead);
            const WHAT: &'static str = "view";
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                let view: fn(&$command) -> Option<NamedViewId> = $view;
                view(self).map_or(Ok(true), |id| r.exists::<NamedView>(&id))
            }
        }
    )*};
}
about_views!(
    SaveView: |c| c.view,
    MoveView: |c| Some(c.view),
    DeleteView: |c| Some(c.view)
);

impl Command for SetDefaultView {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && ROLES.contains(&self.role.as_str()))
    }
}

fn owner_of<C>(allowed: &Allowed<C>) -> Result<Id<Account>> {
    allowed.by().ok_or(AppError::Unauthenticated)
}

/// A view of the asking account; one of somebody else is not there.
fn owned<C>(w: &Write<'_>, allowed: &Allowed<C>, id: NamedViewId) -> Result<NamedView> {
    let owner = owner_of(allowed)?;
    let view = w.get::<NamedView>(&id)?.filter(|v| v.owner == owner);
    view.ok_or(AppError::NotFound { what: "view" })
}

/// Saves a view.
pub fn save_view(w: &mut Write<'_>, allowed: Allowed<SaveView>) -> Result<NamedView> {
    let command = allowed.command().clone();
    let name = new_name(&command.name)?;
    let owner = owner_of(&allowed)?;
    let mine = own(&w.read(), owner)?;
    let is_taken = |view: &NamedView| Some(view.id) != command.view && view.name == name;
    if mine.iter().any(is_taken) {
        return Err(AppError::field("name", "views.taken"));
    }
    if let Some(number) = command.shared_with {
        let directory = Arc::new(Directory::load(&w.read())?);
        if !may_share_with(&Sight::new(directory, allowed.scope()), number) {
            return Err(AppError::field("share", "views.foreign"));
        }
    }
    let view = match command.view {
        Some(id) => NamedView {
            name,
            shared_with: command.shared_with,
            ..owned(w, &allowed, id)?
        },
        None => {
            if command.query.is_empty() || command.query.len() > QUERY_BYTES_MAX {
                return Err(AppError::field("", "views.nothing"));
            }
            if mine.len() >= VIEWS_MAX {
                return Err(AppError::field("", "views.too_many"));
            }
            NamedView {
                id: w.new_id()?,
                owner,
                name,
                query: command.query,
                shared_with: command.shared_with,
                order: mine.last().map_or(0, |view| view.order + 1),
                saved_at: w.now(),
            }
        }
    };
    w.put(&view)?;
    Ok(view)
}

fn new_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(AppError::field("name", "form.required"));
    }
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(AppError::field("name", "views.shape"));
    }
    Ok(name.to_owned())
}

/// Moves a view. The first one cannot go up, nor the last one down; then nothing changes.
pub fn move_view(w: &mut Write<'_>, allowed: Allowed<MoveView>) -> Result<()> {
    let command = *allowed.command();
    let moving = owned(w, &allowed, command.view)?;
    let mut mine = own(&w.read(), moving.owner)?;
    let Some(at) = mine.iter().position(|view| view.id == moving.id) else {
        return Ok(());
    };
    let to = if command.up {
        at.checked_sub(1)
    } else {
        Some(at + 1)
    };
    let Some(to) = to.filter(|to| *to < mine.len()) else {
        return Ok(());
    };
    mine.swap(at, to);
    for (order, mut view) in (0..).zip(mine) {
        view.order = order;
        w.put(&view)?;
    }
    Ok(())
}

/// Removes a view; gives it as it was.
pub fn delete_view(w: &mut Write<'_>, allowed: Allowed<DeleteView>) -> Result<NamedView> {
    let view = owned(w, &allowed, allowed.command().view)?;
    w.delete::<NamedView>(&view.id)?;
    Ok(view)
}

/// Keeps what a role begins with.
pub fn set_default_view(w: &mut Write<'_>, allowed: Allowed<SetDefaultView>) -> Result<()> {
    let SetDefaultView { role, query } = allowed.into_command();
    if query.is_empty() {
        w.delete::<DefaultView>(&role)?;
        return Ok(());
    }
    if query.len() > QUERY_BYTES_MAX {
        return Err(AppError::field("", "views.nothing"));
    }
    Ok(w.put(&DefaultView { role, query })?)
}
