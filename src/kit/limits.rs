//! Bounds that more than one module must agree on. Each name ends in its unit.

/// Rows of a list page unless asked otherwise.
pub const PAGE_ROWS: usize = 20;
/// Rows of a list page at most.
pub const PAGE_ROWS_MAX: usize = 200;
/// Bytes of an ordinary form.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a file that somebody uploads.
pub const UPLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Characters of a search box that are looked at.
pub const QUERY_CHARS_MAX: usize = 200;
/// Objects an audit entry names one by one; above, a count and a commitment stand for them.
pub const AUDIT_OBJECTS_MAX: usize = 100;

/// The beginning of a text that has at most so many bytes; no character is cut in two.
pub fn at_most_bytes(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
