//! Names of files that people read, on any system.

use std::collections::HashMap;

/// Characters of a name that are kept, before its end.
const CHARS_MAX: usize = 60;

/// A name as a part of a file's: without what separates folders, what some system refuses, and
/// what cannot be seen. Never empty.
pub fn clean(name: &str) -> String {
    let kept = name.chars().map(|c| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    });
    let seen = kept.filter(|c| !c.is_control() && !is_invisible(*c));
    let short: String = seen.take(CHARS_MAX).collect();
    let trimmed = short.trim_matches([' ', '.', '-']);
    match trimmed {
        "" => "code".to_owned(),
        name if is_reserved(name) => format!("_{name}"),
        name => name.to_owned(),
    }
}

/// Marks that turn text around or stand for nothing: a name could look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Names that are devices on Windows, whatever follows their first full stop.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = |device: &str| {
        let rest = stem.strip_prefix(device);
        rest.is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// Names the files of a list: by place, so that they stand in its order, and by name.
#[derive(Debug)]
pub struct Namer {
    digits: usize,
    at: usize,
    seen: HashMap<String, usize>,
}

impl Namer {
    /// For a list of so many.
    pub fn of(total: usize) -> Self {
        Self {
            digits: total.to_string().len().max(3),
            at: 0,
            seen: HashMap::new(),
        }
    }

    /// The name of the next one's file: `001-静安店.png`, and `002-静安店-2.png` for another
    /// of that name.
    pub fn next(&mut self, name: &str, ending: &str) -> String {
        self.at += 1;
        let name = clean(name);
        let times = self.seen.entry(name.to_lowercase()).or_default();
        *times += 1;
        let again = if *times > 1 {
            format!("-{times}")
        } else {
            String::new()
        };
        format!(
            "{:0digits$}-{name}{again}.{ending}",
            self.at,
            digits = self.digits
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_people_read_and_lose_what_systems_refuse() {
        for (name, cleaned) in [
            ("静安大悦城门店立牌", "静安大悦城门店立牌"),
            ("A/B\\C: *?\"<>|", "A-B-C"),
            ("../../etc/passwd", "etc-passwd"),
            ("  收银台\t小票 ", "收银台 小票"),
            ("a\u{0}b\u{202e}gnp", "abgnp"),
            ("...", "code"),
            ("", "code"),
            ("con", "_con"),
            ("LPT1.x", "_LPT1.x"),
            ("COMA", "COMA"),
        ] {
            assert_eq!(clean(name), cleaned, "{name:?}");
        }
        assert_eq!(clean(&"长".repeat(500)).chars().count(), CHARS_MAX);
    }

    #[test]
    fn a_list_is_named_by_place_and_doubles_are_told_apart() {
        let mut namer = Namer::of(300);
        assert_eq!(namer.next("静安店", "png"), "001-静安店.png");
        assert_eq!(namer.next("徐汇店", "png"), "002-徐汇店.png");
        assert_eq!(namer.next("静安店", "png"), "003-静安店-2.png");
        assert_eq!(namer.next("静安店/", "png"), "004-静安店-3.png");
        assert_eq!(Namer::of(1000).next("x", "svg"), "0001-x.svg");
    }
}
