//! The condition of the search that names a customer: found by name or pinyin among those in
//! scope who have ever written or received a message.

use crate::{
    app::{App, scope_filter},
    archive::{
        meant::look_up,
        names::Names,
        queries::{self, ArchiveSight},
    },
    customers::{self, CustomerId},
    error::Result,
    identity::Viewer,
    kit::limits,
    search::{Kind, is_phone_search},
    store::{Act, Read},
    web::{Cx, ListQuery},
};

/// The element that an answer to what is typed replaces.
pub(super) const PART: &str = "who";
/// Customers that are offered.
const OFFERED_MAX: usize = 20;
/// Customers that are looked at for them.
const LOOKED_AT: usize = 100;

/// A customer that can be chosen.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    /// What tells them from others of that name.
    pub(super) second: String,
    pub(super) is_on: bool,
}

/// The filter.
#[derive(Default)]
pub(super) struct CustomerField {
    /// What was typed.
    pub(super) text: String,
    /// The one who is chosen, then those who were found.
    pub(super) offered: Vec<Offered>,
}

impl CustomerField {
    /// The filter as the address has it.
    pub(super) fn of(
        app: &App,
        r: &Read<'_>,
        sight: &ArchiveSight,
        names: &Names<'_>,
        (cx, query): (&Cx, &ListQuery),
    ) -> Result<Self> {
        let text = query.get("who").unwrap_or("").trim();
        let text: String = text.chars().take(limits::QUERY_CHARS_MAX).collect();
        let mut offered = Vec::new();
        if let Some(id) = query.get("customer") {
            offered.push(Offered {
                id: id.to_owned(),
                name: name_of(cx, names, id)?,
                second: String::new(),
                is_on: true,
            });
        }
        let hits = match text.is_empty() || is_phone_search(&text) {
            true => Vec::new(),
            false => look_up(
                app,
                &text,
                Kind::Customer,
                scope_filter(&sight.sight),
                LOOKED_AT,
            )?,
        };
        for hit in hits {
            if offered.len() > OFFERED_MAX {
                break;
            }
            let id = CustomerId::from_bits(hit.object);
            let known = customers::queries::customer(r, &sight.sight, id)?;
            let takes_part = queries::party_of(r, id.cast())?.is_some();
            let id = id.to_string();
            if let Some(found) = known.filter(|_| takes_part)
                && offered.iter().all(|one| one.id != id)
            {
                let main = found.main();
                offered.push(Offered {
                    id,
                    second: match main.remark.is_empty() || main.remark == found.customer.name {
                        true => sight.sight.name(main.member).to_owned(),
                        false => main.remark.clone(),
                    },
                    name: found.customer.name,
                    is_on: false,
                });
            }
        }
        Ok(Self { text, offered })
    }

    /// The one who is chosen.
    pub(super) fn chosen(&self) -> Option<&str> {
        let on = self.offered.iter().find(|one| one.is_on);
        on.map(|one| one.name.as_str())
    }

    /// Whether somebody was looked for and nobody is chosen yet.
    pub(super) fn is_open(&self) -> bool {
        !self.text.is_empty() && self.chosen().is_none()
    }

    /// Whether nobody was found.
    pub(super) fn is_vain(&self) -> bool {
        !self.text.is_empty() && self.offered.iter().all(|one| one.is_on)
    }

    fn ids(&self) -> String {
        let ids: Vec<&str> = self.offered.iter().map(|one| one.id.as_str()).collect();
        ids.join(" ")
    }

    /// The act of looking for somebody.
    pub(super) fn act(&self, viewer: &Viewer) -> Act {
        viewer
            .view("archive.customers")
            .detail("query", self.text.as_str())
            .system_detail("ids", self.ids())
    }

    /// The same beside the act of a search.
    pub(super) fn beside(&self, act: Act) -> Act {
        match self.text.is_empty() {
            true => act,
            false => act.system_detail("customers", self.ids()),
        }
    }
}

/// What the customer of an address is called.
pub(super) fn name_of(cx: &Cx, names: &Names<'_>, id: &str) -> Result<String> {
    let name = match id.parse::<CustomerId>() {
        Ok(id) => names.customer(id)?,
        Err(_) => None,
    };
    Ok(name.unwrap_or_else(|| cx.t("archive.customer.unseen").into_owned()))
}
