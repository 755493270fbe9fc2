//! The filters of templates. Import as `use crate::web::filters;` beside a page struct.
//!
//! `{{ "customers.title"|t }}` words · `{{ "list.count"|tf(("n", n)) }}` with arguments ·
//! `{{ k|tm(args) }}` the same with `**bold**` · `{{ ()|cx }}` the request's [`Cx`] ·
//! `{{ "home"|icon }}` · `{{ "app.css"|asset }}` · `{{ at|when }}`, `date`, `exact`, `ago`,
//! `clock` · `{{ n|count }}`, `count_short`, `bytes`, `duration`, `phone`, `phone_masked`.

#![expect(
    missing_docs,
    reason = "the attribute writes structs that cannot carry a comment"
)]

use std::{borrow::Cow, fmt::Display};

use askama::{Result, Values, filters::Safe, get_value};

use super::{
    Cx, assets, format,
    words::{self, ToArgs},
};
use crate::kit::Timestamp;

fn context(values: &dyn Values) -> Result<&Cx> {
    get_value::<Cx>(values, "cx")
}

/// The request's context; the input is ignored.
#[askama::filter_fn]
pub fn cx<T>(_: T, values: &dyn Values) -> Result<Cx> {
    context(values).cloned()
}

/// Words.
#[askama::filter_fn]
pub fn t(key: impl AsRef<str>, values: &dyn Values) -> Result<Cow<'static, str>> {
    Ok(context(values)?.t(key.as_ref()))
}

/// Words with arguments.
#[askama::filter_fn]
pub fn tf<A: ToArgs>(
    key: impl AsRef<str>,
    values: &dyn Values,
    args: A,
) -> Result<Cow<'static, str>> {
    Ok(context(values)?.tf(key.as_ref(), args))
}

/// Words with arguments and `**bold**`; all else is escaped.
#[askama::filter_fn]
pub fn tm<A: ToArgs>(key: impl AsRef<str>, values: &dyn Values, args: A) -> Result<Safe<String>> {
    Ok(Safe(words::fill_html(
        context(values)?.lang(),
        key.as_ref(),
        args,
    )))
}

/// An icon of the sprite, 16 px, hidden from screen readers: it always stands beside a word
/// or in an element with a label.
#[askama::filter_fn]
pub fn icon(name: impl Display, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(assets::icon(&name.to_string(), "")))
}

/// An icon with further classes, e.g. `i--s` or `i--l`.
#[askama::filter_fn]
pub fn icon_as(name: impl Display, _: &dyn Values, class: &str) -> Result<Safe<String>> {
    Ok(Safe(assets::icon(&name.to_string(), class)))
}

/// The address of an asset with its content hash.
#[askama::filter_fn]
pub fn asset(name: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(assets::url(name.as_ref()))
}

/// Date and time as people say it.
#[askama::filter_fn]
pub fn when(at: &Timestamp, values: &dyn Values) -> Result<String> {
    let cx = context(values)?;
    Ok(format::when(*at, cx.now, &cx.zone, cx.lang()))
}

/// How long ago.
#[askama::filter_fn]
pub fn ago(at: &Timestamp, values: &dyn Values) -> Result<String> {
    let cx = context(values)?;
    Ok(format::ago(*at, cx.now, &cx.zone, cx.lang()))
}

/// The day.
#[askama::filter_fn]
pub fn date(at: &Timestamp, values: &dyn Values) -> Result<String> {
    let cx = context(values)?;
    Ok(format::date(*at, &cx.zone, cx.lang()))
}

/// Hours and minutes.
#[askama::filter_fn]
pub fn clock(at: &Timestamp, values: &dyn Values) -> Result<String> {
    Ok(format::clock(*at, &context(values)?.zone, false))
}

/// With seconds and zone.
#[askama::filter_fn]
pub fn exact(at: &Timestamp, values: &dyn Values) -> Result<String> {
    Ok(format::exact(*at, &context(values)?.zone))
}

/// `<time>` with the exact moment as title and machine form.
#[askama::filter_fn]
pub fn time(at: &Timestamp, values: &dyn Values) -> Result<Safe<String>> {
    let cx = context(values)?;
    Ok(Safe(format!(
        "<time datetime=\"{}\" title=\"{}\">{}</time>",
        at.to_rfc3339(),
        format::exact(*at, &cx.zone),
        words::escape(&format::when(*at, cx.now, &cx.zone, cx.lang())),
    )))
}

/// Digits in groups of three.
#[askama::filter_fn]
pub fn count(n: impl Count, _: &dyn Values) -> Result<String> {
    Ok(format::count(n.to_u64()))
}

/// A count for a tile.
#[askama::filter_fn]
pub fn count_short(n: impl Count, values: &dyn Values) -> Result<String> {
    Ok(format::count_short(n.to_u64(), context(values)?.lang()))
}

/// A size of a file.
#[askama::filter_fn]
pub fn bytes(n: impl Count, _: &dyn Values) -> Result<String> {
    Ok(format::bytes(n.to_u64()))
}

/// Milliseconds as a duration.
#[askama::filter_fn]
pub fn duration(ms: &i64, values: &dyn Values) -> Result<String> {
    Ok(format::duration(*ms, context(values)?.lang()))
}

/// A phone number in groups.
#[askama::filter_fn]
pub fn phone(number: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(format::phone(number.as_ref()))
}

/// A phone number, masked.
#[askama::filter_fn]
pub fn phone_masked(number: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(format::phone_masked(number.as_ref()))
}

/// Numbers that can be counted.
pub trait Count {
    /// As 64 bits.
    fn to_u64(&self) -> u64;
}
macro_rules! counts {
    ($($t:ty),*) => {$(
        impl Count for $t {
            fn to_u64(&self) -> u64 { u64::try_from(*self).unwrap_or(u64::MAX) }
        }
    )*};
}
counts!(u8, u16, u32, u64, usize);
impl<T: Count> Count for &T {
    fn to_u64(&self) -> u64 {
        T::to_u64(self)
    }
}

/// The hue of a person without a picture.
#[askama::filter_fn]
pub fn hue(id: impl Display, _: &dyn Values) -> Result<u8> {
    Ok(super::parts::hue(&id.to_string()))
}

/// The letter of an avatar.
#[askama::filter_fn]
pub fn initial(name: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(super::parts::initial(name.as_ref()))
}

/// The sentence of what is wrong with a field.
#[askama::filter_fn]
pub fn problem(problem: &crate::error::Problem, values: &dyn Values) -> Result<String> {
    Ok(context(values)?.problem(problem))
}

/// The toasts of the page.
#[askama::filter_fn]
pub fn toasts<T>(_: T, values: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(super::shown::page_toasts(context(values)?)?))
}
