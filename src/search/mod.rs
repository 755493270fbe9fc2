//! Search: the only place that names tantivy.
//!
//! One index of people: customers (a document for each relation, so that what one member
//! remarked is found only by who sees that member's customers), members, and groups. Exact
//! «contains» semantics for every script, pinyin with all readings, phone numbers as far as
//! masking shows them. Scope is applied inside the engine, before anything is counted.

mod best;
mod bits;
mod fields;
mod fold;
mod grams;
mod highlight;
mod people;
mod pinyin;
mod query;
mod select;
mod spelling;
mod view;

pub use fields::{Kind, ObjectDocs, RowDoc};
pub use fold::fold;
pub use highlight::{Piece, highlight};
pub use people::{People, SearchError};
pub use query::{
    Around, Filters, From, Hit, Hits, PeopleQuery, Place, ScopeFilter, Sort, is_phone_search,
};

#[cfg(test)]
mod tests;
