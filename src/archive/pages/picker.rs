//! A condition of the search that is found by what is typed: one of those offered is chosen.

use crate::{
    error::Result,
    identity::Viewer,
    kit::limits,
    store::Act,
    web::{Cx, ListQuery},
};

/// Those that are offered at once.
pub(super) const OFFERED_MAX: usize = 20;

/// One that can be chosen.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    /// What tells it from others of that name.
    pub(super) second: String,
    pub(super) is_on: bool,
}

/// What one condition is called, in addresses and in the catalogue.
pub(super) struct Sort {
    /// The field of who or what is chosen.
    pub(super) name: &'static str,
    /// The field of what is typed, and the element that an answer to it replaces.
    pub(super) part: &'static str,
    pub(super) label: &'static str,
    /// What can be typed.
    pub(super) find: &'static str,
    /// Said where nothing is typed and nothing offered.
    pub(super) hint: &'static str,
    /// Said where nothing was found.
    pub(super) none: &'static str,
    /// The action of looking.
    pub(super) action: &'static str,
    /// The detail that has the numbers of what was shown.
    pub(super) detail: &'static str,
}

impl Sort {
    /// Whether an answer to what is typed in it is wanted, and nothing else.
    pub(super) fn is_asked(&self, cx: &Cx) -> bool {
        cx.is_fragment && cx.target.as_deref() == Some(self.part)
    }
}

/// The condition as the address has it.
pub(super) struct Picker {
    pub(super) sort: &'static Sort,
    /// What was typed.
    pub(super) text: String,
    /// The chosen one, then those that were found.
    pub(super) offered: Vec<Offered>,
    /// How many were looked through, where that is not all.
    pub(super) cut: Option<usize>,
}

impl Picker {
    /// With nothing offered yet.
    pub(super) fn new(sort: &'static Sort, query: &ListQuery) -> Self {
        let text = query.get(sort.part).unwrap_or("").trim();
        Self {
            sort,
            text: text.chars().take(limits::QUERY_CHARS_MAX).collect(),
            offered: Vec::new(),
            cut: None,
        }
    }

    /// With the one alone that is chosen; `name_of` tells what an id of the address is called.
    pub(super) fn chosen_of(
        sort: &'static Sort,
        query: &ListQuery,
        name_of: impl FnOnce(&str) -> Result<String>,
    ) -> Result<Self> {
        let mut picker = Self::new(sort, query);
        if let Some(id) = query.get(sort.name) {
            picker.offered.push(Offered {
                id: id.to_owned(),
                name: name_of(id)?,
                second: String::new(),
                is_on: true,
            });
        }
        Ok(picker)
    }

    /// Whether nothing is looked for: what is offered stands outside of the part of the page
    /// that is replaced.
    pub(super) fn is_outside(&self, cx: &Cx) -> bool {
        cx.is_fragment && !self.sort.is_asked(cx)
    }

    /// With what is chosen alone.
    pub(super) fn closed(mut self) -> Self {
        self.text.clear();
        self
    }

    /// Whether there is room for another one.
    pub(super) fn has_room(&self) -> bool {
        self.offered.len() <= OFFERED_MAX
    }

    /// Whether this one is there already.
    pub(super) fn has(&self, id: &str) -> bool {
        self.offered.iter().any(|one| one.id == id)
    }

    /// The one who is chosen.
    pub(super) fn chosen(&self) -> Option<&str> {
        let on = self.offered.iter().find(|one| one.is_on);
        on.map(|one| one.name.as_str())
    }

    /// Whether something was looked for and nothing is chosen yet.
    pub(super) fn is_open(&self) -> bool {
        !self.text.is_empty() && self.chosen().is_none()
    }

    /// Whether nothing was found.
    pub(super) fn is_vain(&self) -> bool {
        !self.text.is_empty() && self.offered.iter().all(|one| one.is_on)
    }

    fn ids(&self) -> String {
        let ids: Vec<&str> = self.offered.iter().map(|one| one.id.as_str()).collect();
        ids.join(" ")
    }

    /// The act of looking, where anything was typed.
    pub(super) fn act(&self, viewer: &Viewer) -> Option<Act> {
        let act = || {
            let act = viewer.view(self.sort.action);
            let act = act.detail("query", self.text.as_str());
            act.system_detail("ids", self.ids())
        };
        (!self.text.is_empty()).then(act)
    }

    /// The same beside the act of a search.
    pub(super) fn beside(&self, act: Act) -> Act {
        match self.text.is_empty() {
            true => act,
            false => act.system_detail(self.sort.detail, self.ids()),
        }
    }
}
