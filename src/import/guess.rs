//! From any layout to fields: which row has the headings, and which column is what.

use aws_lc_rs::digest;

use crate::{search::fold, sheet::SheetRow};

use super::model::Field;

/// Rows among which the headings are looked for: exports begin with titles and notes.
const HEAD_ROWS: usize = 20;

/// The place of the row with the headings: the one in which most fields are recognized; the
/// first one with two cells if there is none.
pub(super) fn head_row(rows: &[SheetRow], fields: &[Field]) -> Option<usize> {
    let first = rows.iter().take(HEAD_ROWS);
    let known = |row: &SheetRow| {
        map(&row.cells, fields)
            .iter()
            .filter(|f| !f.is_empty())
            .count()
    };
    let scores: Vec<usize> = first.map(known).collect();
    let best = scores.iter().copied().max().unwrap_or(0);
    let found = scores.iter().position(|score| *score == best && best > 0);
    let wide = |row: &SheetRow| row.cells.iter().filter(|c| !c.is_empty()).count() > 1;
    found.or_else(|| rows.iter().take(HEAD_ROWS).position(wide))
}

/// The field of each heading; empty for none. No field stands twice: the better fit has it.
pub(super) fn map(headings: &[String], fields: &[Field]) -> Vec<String> {
    let mut mapping = vec![String::new(); headings.len()];
    for is_exact in [true, false] {
        for (column, heading) in headings.iter().enumerate() {
            let heading = bare(heading);
            if heading.is_empty() || !mapping[column].is_empty() {
                continue;
            }
            let mut free = fields
                .iter()
                .filter(|f| !mapping.iter().any(|m| m == f.code));
            let fits = |name: &&str| {
                let name = bare(name);
                match is_exact {
                    true => heading == name,
                    false => name.chars().count() > 1 && heading.contains(&name),
                }
            };
            if let Some(field) = free.find(|field| field.names.iter().any(fits)) {
                field.code.clone_into(&mut mapping[column]);
            }
        }
    }
    mapping
}

/// A heading without what people decorate it with: `* 手机号（必填）` is `手机号`.
fn bare(heading: &str) -> String {
    let folded = fold(heading);
    let mut depth = 0u32;
    let kept = folded.chars().filter(|c| {
        match c {
            '(' | '[' | '【' => depth += 1,
            ')' | ']' | '】' => depth = depth.saturating_sub(1),
            _ => return depth == 0 && c.is_alphanumeric(),
        }
        false
    });
    kept.collect()
}

/// Files with the same headings have the same signature.
pub(super) fn signature(kind: &str, headings: &[String]) -> String {
    let text = headings.join("\u{1f}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    format!("{kind}:{}", hex::encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        field("name", &["姓名", "name"]),
        field("userid", &["账号", "帐号"]),
        field("mobile", &["手机", "手机号", "电话"]),
        field("dept", &["部门"]),
        field("leads", &["部门负责人"]),
    ];

    const fn field(code: &'static str, names: &'static [&'static str]) -> Field {
        Field {
            code,
            word: "org.column.name",
            names,
            required: false,
            example: "",
        }
    }

    fn row(number: u32, cells: &[&str]) -> SheetRow {
        SheetRow {
            number,
            cells: cells.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    #[test]
    fn headings_are_recognized_however_they_are_decorated() {
        let head = [
            "* 姓名（必填）",
            "帐号",
            "联系手机",
            "备注",
            "部门负责人",
            "所在部门",
            "电话",
        ];
        let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
        let mapping = map(&head, FIELDS);
        assert_eq!(
            mapping,
            ["name", "userid", "", "", "leads", "dept", "mobile"]
        );
    }

    #[test]
    fn the_headings_are_found_below_titles_and_notes() {
        let rows = [
            row(1, &["员工名单"]),
            row(2, &["填写须知：手机号与邮箱至少填一项"]),
            row(4, &["姓名", "账号", "手机"]),
            row(5, &["王芳", "wangfang", "13800136021"]),
        ];
        assert_eq!(head_row(&rows, FIELDS), Some(2));
        let unknown = [row(1, &["x"]), row(2, &["a", "b"]), row(3, &["1", "2"])];
        assert_eq!(head_row(&unknown, FIELDS), Some(1));
        assert_eq!(head_row(&[], FIELDS), None);
    }
}
