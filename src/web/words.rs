//! The words: one catalogue with Chinese and English side by side.
//!
//! Each slice has a file in `src/web/words/`. A leaf is a table with exactly `zh` and `en`;
//! `en` may be a table with `one` and `other`, chosen by the argument `n`. `{name}` is
//! replaced by an argument. Sentences are whole: nothing is glued from parts.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _, sync::LazyLock};

use super::format;

/// The languages, Chinese first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Lang {
    /// Simplified Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Both, for tests and menus.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// The value of the HTML attribute `lang`, also the cookie's value.
    pub const fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The language of a tag such as `zh`, `zh-CN`, `en-GB`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.trim() {
            "zh" | "ZH" => Some(Lang::Zh),
            "en" | "EN" => Some(Lang::En),
            _ => None,
        }
    }
}

/// A value for a placeholder, already written out for the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// The text to insert.
    pub text: String,
    /// The number behind it, if it is one: chooses the plural.
    pub number: Option<u64>,
}

/// Values that can stand in a sentence: text as it is, counts in groups of three.
pub trait ToArg {
    /// The value, written out.
    fn to_arg(&self) -> Arg;
}

macro_rules! counts_to_arg {
    ($($t:ty),*) => {$(
        impl ToArg for $t {
            fn to_arg(&self) -> Arg {
                let n = u64::try_from(*self).unwrap_or(u64::MAX);
                Arg { text: format::count(n), number: Some(n) }
            }
        }
    )*};
}
counts_to_arg!(u8, u16, u32, u64, usize);

macro_rules! text_to_arg {
    ($($t:ty),*) => {$(
        impl ToArg for $t {
            fn to_arg(&self) -> Arg {
                Arg { text: self.to_string(), number: None }
            }
        }
    )*};
}
text_to_arg!(str, String, Cow<'_, str>);

impl ToArg for Arg {
    fn to_arg(&self) -> Arg {
        self.clone()
    }
}
impl<T: ToArg + ?Sized> ToArg for &T {
    fn to_arg(&self) -> Arg {
        T::to_arg(self)
    }
}

/// Named arguments, in any order.
pub type Args = Vec<(&'static str, Arg)>;

/// Anything that can be given as named arguments: a pair, a tuple of pairs, [`Args`].
pub trait ToArgs {
    /// The arguments.
    fn to_args(&self) -> Args;
}

impl ToArgs for () {
    fn to_args(&self) -> Args {
        Args::new()
    }
}
impl ToArgs for Args {
    fn to_args(&self) -> Args {
        self.clone()
    }
}
impl<T: ToArgs + ?Sized> ToArgs for &T {
    fn to_args(&self) -> Args {
        T::to_args(self)
    }
}
impl<V: ToArg> ToArgs for (&'static str, V) {
    fn to_args(&self) -> Args {
        vec![(self.0, self.1.to_arg())]
    }
}
macro_rules! tuples_to_args {
    ($($v:ident $i:tt),+) => {
        impl<$($v: ToArg),+> ToArgs for ($((&'static str, $v),)+) {
            fn to_args(&self) -> Args {
                vec![$((self.$i.0, self.$i.1.to_arg())),+]
            }
        }
    };
}
tuples_to_args!(A 0);
tuples_to_args!(A 0, B 1);
tuples_to_args!(A 0, B 1, C 2);
tuples_to_args!(A 0, B 1, C 2, D 3);
tuples_to_args!(A 0, B 1, C 2, D 3, E 4);

/// The text of `key`. An unknown key shows itself, and a test of the catalogue names it.
pub fn text(lang: Lang, key: &str) -> Cow<'static, str> {
    match CATALOGUE.get(key) {
        Some(word) => Cow::Borrowed(word.of(lang, None)),
        None => unknown(key),
    }
}

/// The text of `key` with its placeholders filled.
pub fn fill(lang: Lang, key: &str, args: impl ToArgs) -> Cow<'static, str> {
    let args = args.to_args();
    let number = args.iter().find(|a| a.0 == "n").and_then(|a| a.1.number);
    match CATALOGUE.get(key) {
        Some(word) => {
            substitute(word.of(lang, number), &args, |out, text| out.push_str(text)).into()
        }
        None => unknown(key),
    }
}

/// Like [`fill`] for HTML: text and arguments are escaped, `**…**` becomes `<b>…</b>`.
pub fn fill_html(lang: Lang, key: &str, args: impl ToArgs) -> String {
    let args = args.to_args();
    let number = args.iter().find(|a| a.0 == "n").and_then(|a| a.1.number);
    let pattern = match CATALOGUE.get(key) {
        Some(word) => Cow::Borrowed(word.of(lang, number)),
        None => unknown(key),
    };
    let mut marked = String::new();
    for (i, piece) in escape(&pattern).split("**").enumerate() {
        if i > 0 {
            marked.push_str(if i % 2 == 1 {
                "<b class=\"num\">"
            } else {
                "</b>"
            });
        }
        marked.push_str(piece);
    }
    substitute(&marked, &args, |out, text| out.push_str(&escape(text)))
}

/// Whether the catalogue has `key`.
pub fn known(key: &str) -> bool {
    CATALOGUE.contains_key(key)
}

/// All keys, for the tests of the catalogue.
pub fn keys() -> impl Iterator<Item = &'static str> {
    CATALOGUE.keys().map(String::as_str)
}

fn unknown(key: &str) -> Cow<'static, str> {
    #[cfg(test)]
    panic!("no words for {key}");
    #[cfg(not(test))]
    {
        tracing::error!(key, "no words for this key");
        key.to_owned().into()
    }
}

fn substitute(pattern: &str, args: &Args, put: impl Fn(&mut String, &str)) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let tail = &rest[start + 1..];
        let Some(end) = tail.find('}') else {
            out.push_str(&rest[start..]);
            return out;
        };
        match args.iter().find(|(name, _)| *name == &tail[..end]) {
            Some((_, arg)) => put(&mut out, &arg.text),
            None => {
                let _ = write!(out, "{{{}}}", &tail[..end]);
            }
        }
        rest = &tail[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Escapes for HTML text and attribute values.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

struct Word {
    zh: String,
    en: English,
}

enum English {
    Always(String),
    Counted { one: String, other: String },
}

impl Word {
    fn of(&self, lang: Lang, number: Option<u64>) -> &str {
        match (lang, &self.en) {
            (Lang::Zh, _) => &self.zh,
            (Lang::En, English::Always(text)) => text,
            (Lang::En, English::Counted { one, other }) => {
                if number == Some(1) {
                    one
                } else {
                    other
                }
            }
        }
    }
}

#[derive(rust_embed::RustEmbed)]
#[folder = "src/web/words/"]
struct Files;

static CATALOGUE: LazyLock<HashMap<String, Word>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for name in Files::iter() {
        let file = Files::get(&name).expect("an embedded file that is listed can be read");
        if let Err(why) = read_file(&file.data, &mut words) {
            panic!("words/{name}: {why}");
        }
    }
    words
});

fn read_file(bytes: &[u8], words: &mut HashMap<String, Word>) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    read_table("", &table, words)
}

fn read_table(
    prefix: &str,
    table: &toml::Table,
    words: &mut HashMap<String, Word>,
) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let toml::Value::Table(inner) = value else {
            return Err(format!("{key} is not a table"));
        };
        if inner.get("zh").is_some_and(toml::Value::is_str) {
            let word = read_word(inner).ok_or_else(|| format!("{key} needs exactly zh and en"))?;
            if words.insert(key.clone(), word).is_some() {
                return Err(format!("{key} stands twice"));
            }
        } else {
            read_table(&key, inner, words)?;
        }
    }
    Ok(())
}

fn read_word(table: &toml::Table) -> Option<Word> {
    let zh = table.get("zh")?.as_str()?.to_owned();
    let en = match table.get("en")? {
        toml::Value::String(text) => English::Always(text.clone()),
        toml::Value::Table(forms) if forms.len() == 2 => English::Counted {
            one: forms.get("one")?.as_str()?.to_owned(),
            other: forms.get("other")?.as_str()?.to_owned(),
        },
        _ => return None,
    };
    (table.len() == 2).then_some(Word { zh, en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_plurals_chosen() {
        assert_eq!(
            fill(
                Lang::Zh,
                "list.range",
                (("from", 1u32), ("to", 20u32), ("total", "1,553"))
            ),
            "第 1–20 条，共 1,553 条"
        );
        assert_eq!(fill(Lang::En, "batch.selected", ("n", 1u32)), "1 selected");
    }

    #[test]
    fn arguments_are_escaped_in_html_and_stars_become_bold() {
        let html = substitute(
            "<b>{who}</b>",
            &("who", "<script>alert(1)</script>{n}").to_args(),
            |out, text| out.push_str(&escape(text)),
        );
        assert_eq!(html, "<b>&lt;script&gt;alert(1)&lt;/script&gt;{n}</b>");
    }

    #[test]
    fn both_languages_have_the_same_placeholders() {
        let names = |text: &str| {
            let mut names: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|t| t.split_once('}').map(|(n, _)| n.to_owned()))
                .collect();
            names.sort();
            names.dedup();
            names
        };
        for (key, word) in CATALOGUE.iter() {
            let en = match &word.en {
                English::Always(text) => text,
                English::Counted { other, .. } => other,
            };
            assert_eq!(names(&word.zh), names(en), "{key}");
        }
    }
}
