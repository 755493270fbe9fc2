//! Phone numbers as people write them in messages.

use crate::search::fold;

/// Digits of a mobile number (中国大陆手机号).
const PHONE_DIGITS: usize = 11;
/// How many of them stand together behind the first three: 138 0013 8000, 138-00138000.
const PHONE_PARTS: [&[usize]; 2] = [&[4, 4], &[8]];

/// Whether a text holds a mobile number: eleven digits that begin with 13 to 19, with or without
/// the country's +86, 86 or 0086. They stand alone: digits directly beside them make another
/// number of them, a blank or hyphen does not. Parted as people do it they may have other digits
/// behind such a gap; parted in any other way they are all that there is.
pub fn has_phone(text: &str) -> bool {
    let folded = fold(text);
    let digits = folded.split(|c: char| !c.is_ascii_digit() && !is_gap(c));
    digits
        .filter(|digits| digits.len() >= PHONE_DIGITS)
        .any(|digits| {
            let groups: Vec<&str> = digits.split(is_gap).filter(|g| !g.is_empty()).collect();
            is_mobile(&groups.concat()) || (0..groups.len()).any(|at| begins_phone(&groups[at..]))
        })
}

/// What people put between the digits of one number; a number copied from a list of contacts
/// has blanks and hyphens at which no line breaks.
fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{a0}' | '\u{2011}')
}

/// Without the country, which no mobile number begins with.
fn national(digits: &str) -> &str {
    let rest = digits.strip_prefix("00").unwrap_or(digits);
    rest.strip_prefix("86").unwrap_or(digits)
}

fn is_mobile(digits: &str) -> bool {
    let digits = national(digits);
    let second = digits.as_bytes().get(1);
    digits.len() == PHONE_DIGITS
        && digits.starts_with('1')
        && second.is_some_and(|d| (b'3'..=b'9').contains(d))
}

/// Whether the first of these groups are a number as people write it.
fn begins_phone(groups: &[&str]) -> bool {
    let Some((first, rest)) = groups.split_first() else {
        return false;
    };
    is_mobile(first)
        || PHONE_PARTS.iter().any(|parts| {
            let lengths = rest.iter().take(parts.len()).map(|group| group.len());
            lengths.eq(parts.iter().copied()) && is_mobile(&groups[..=parts.len()].concat())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_is_one_however_it_is_spaced() {
        for text in [
            "13800138000",
            "打我 138-0013-8000 谢谢",
            "１３８００１３８０００",
            "电话:19912345678。",
            "+86 13800138002",
            "＋８６－138－0013－8000",
            "8613800138003 加我",
            "0086-13800138000",
            "0086 138 0013 8000",
            "+86138 0013 8000 转 10",
            "13800138004 13900139005",
            "138 0013 8004 139 0013 9005",
            "13800138006 10点打",
            "138-00138006 10点打",
            "3 号楼 302 138 0013 8006",
            "138 8613 8006 或 10",
            "138\u{a0}0013\u{a0}8000",
            "1 3 8 0 0 1 3 8 0 0 0",
        ] {
            assert!(has_phone(text), "{text}");
        }
        for text in [
            "",
            "1380013800",
            "138001380001",
            "订单 12800138000",
            "单号2026112600001",
            // Of a person, of cards with 16 to 19 digits, of parcels.
            "110101199003071234",
            "130102 19900307 1234",
            "1301 0219 9003 0712 34",
            "6222021380013800",
            "6222 0213 8001 3800",
            "62220213800138001",
            "622202138001380013",
            "6222021380013800138",
            "6222 0213 8001 3800 138",
            "1380 0138 0001 3800 138",
            "13800138000138001380",
            "1380013800 0138001380",
            "1380 0138 0001 3800 1380",
            "86138001380001",
            "+86 12800138000",
            "0755-26001380 13:00",
        ] {
            assert!(!has_phone(text), "{text}");
        }
    }
}
