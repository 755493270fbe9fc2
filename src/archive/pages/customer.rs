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
    search::{Kind, is_phone_search},
    store::Read,
    web::{Cx, ListQuery},
};

use super::picker::{Offered, Picker, Sort};

/// Customers that are looked at for those that are offered.
const LOOKED_AT: usize = 100;

/// The condition.
pub(super) const CUSTOMER: Sort = Sort {
    name: "customer",
    part: "who",
    label: "archive.filter.customer",
    find: "archive.customer.find",
    hint: "archive.customer.hint",
    none: "archive.customer.nobody",
    action: "archive.customers",
    detail: "customers",
};

/// The condition with the one alone who is chosen.
pub(super) fn chosen(names: &Names<'_>, cx: &Cx, query: &ListQuery) -> Result<Picker> {
    Picker::chosen_of(&CUSTOMER, query, |id| name_of(cx, names, id))
}

/// The condition as the address has it.
pub(super) fn picker(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    names: &Names<'_>,
    (cx, query): (&Cx, &ListQuery),
) -> Result<Picker> {
    let mut picker = chosen(names, cx, query)?;
    if picker.is_outside(cx) {
        return Ok(picker.closed());
    }
    if picker.text.is_empty() || is_phone_search(&picker.text) {
        return Ok(picker);
    }
    let scope = scope_filter(&sight.sight);
    for hit in look_up(app, &picker.text, Kind::Customer, scope, LOOKED_AT)? {
        if !picker.has_room() {
            break;
        }
        let id = CustomerId::from_bits(hit.object);
        let known = customers::queries::customer(r, &sight.sight, id)?;
        let takes_part = queries::party_of(r, id.cast())?.is_some();
        let id = id.to_string();
        if let Some(found) = known.filter(|_| takes_part && !picker.has(&id)) {
            let main = found.main();
            picker.offered.push(Offered {
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
    Ok(picker)
}

/// What the customer of an address is called.
fn name_of(cx: &Cx, names: &Names<'_>, id: &str) -> Result<String> {
    let name = match id.parse::<CustomerId>() {
        Ok(id) => names.customer(id)?,
        Err(_) => None,
    };
    Ok(name.unwrap_or_else(|| cx.t("archive.customer.unseen").into_owned()))
}
