//! Words on a poster: set without knowing the fonts, so with room to spare.

use std::fmt::Write;

use super::super::sheet::ems;
use super::{FONTS, escape};

/// Lines that a text may take.
const LINES_MAX: usize = 2;

/// The largest of these sizes with which a text fits, and its lines.
pub(super) fn set(text: &str, sizes: &[f64], width: f64) -> (f64, Vec<String>) {
    let words = words(text);
    for size in sizes {
        let lines = broken(&words, width / size);
        let fits = |line: &String| ems(line) * size <= width;
        if lines.len() <= LINES_MAX && lines.iter().all(fits) {
            return (*size, lines);
        }
    }
    let size = sizes.last().copied().unwrap_or(1.0);
    let mut lines = broken(&words, width / size);
    // What is left beyond is small enough to be squeezed into the last line.
    if lines.len() > LINES_MAX {
        let rest = lines.split_off(LINES_MAX - 1).concat();
        lines.push(rest);
    }
    let size = lines
        .iter()
        .fold(size, |size, line| fitting(line, size, width));
    (size, lines)
}

/// A size, or the smaller one with which a line fits.
pub(super) fn fitting(line: &str, size: f64, width: f64) -> f64 {
    size.min(width / ems(line).max(1.0))
}

/// Where a line may end: behind a word of Latin letters, behind any other character.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for c in text.trim().chars() {
        let is_letter = c.is_ascii() && !c.is_ascii_whitespace();
        let is_mark = matches!(
            c,
            '，' | '。' | '、' | '！' | '？' | '：' | '；' | '」' | '》' | '）'
        );
        match words.last_mut() {
            // No line begins with what ends a sentence.
            Some(word) if is_mark || c.is_whitespace() || (is_letter && is_open) => word.push(c),
            _ => words.push(c.to_string()),
        }
        is_open = is_letter;
    }
    words
}

fn broken(words: &[String], ems_max: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if ems(line) + ems(word.trim_end()) <= ems_max => line.push_str(word),
            _ => lines.push(word.clone()),
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// Writes a line.
pub(super) fn line(
    out: &mut String,
    (x, y): (f64, f64),
    anchor: &str,
    size: f64,
    weight: u16,
    fill: &str,
    words: &str,
) {
    if words.trim().is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size:.2}\" font-weight=\"{weight}\" \
         text-anchor=\"{anchor}\" font-family=\"{FONTS}\" fill=\"{fill}\">{}</text>",
        escape(words)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_characters_but_not_within_words() {
        let (size, lines) = set("添加茶艺顾问", &[20.0, 10.0], 166.0);
        assert_eq!((size, lines.len()), (20.0, 1));
        let (size, lines) = set(
            "添加企业微信领取二零一六年寿眉茶样一份，今天就到",
            &[20.0, 10.0],
            166.0,
        );
        assert!(size < 20.0, "{size} {lines:?}");
        let (_, lines) = set(
            "Ask our tea advisor about aged white tea",
            &[20.0, 12.0],
            166.0,
        );
        assert_eq!(lines, ["Ask our tea advisor", "about aged white tea"]);
        assert!(set("", &[20.0], 166.0).1.is_empty());
    }

    #[test]
    fn a_text_without_end_still_fits() {
        let (size, lines) = set(&"长".repeat(200), &[20.0, 10.0], 166.0);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| ems(line) * size <= 166.1));
        let (size, lines) = set(&"x".repeat(200), &[20.0, 10.0], 166.0);
        assert!(lines.iter().all(|line| ems(line) * size <= 166.1), "{size}");
    }

    #[test]
    fn no_line_begins_with_what_ends_a_sentence() {
        for n in 1..40 {
            let text = format!("{}，好。", "茶".repeat(n));
            let (_, lines) = set(&text, &[20.0, 10.0, 5.0], 166.0);
            assert!(
                lines.iter().all(|line| !line.starts_with(['，', '。'])),
                "{lines:?}"
            );
        }
    }
}
