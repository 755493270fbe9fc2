//! The firm's logo: a picture of bounded size.

use crate::kit::picture;

/// Largest file, in bytes.
pub const LOGO_BYTES_MAX: usize = 256 * 1024;
/// Longest side, in pixels.
pub const LOGO_SIDE_MAX: u32 = 2048;

/// The media type of a picture that may be the logo; `None` for everything else.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > LOGO_BYTES_MAX {
        return None;
    }
    let found = picture::look(bytes)?;
    let fits = found.width <= LOGO_SIDE_MAX && found.height <= LOGO_SIDE_MAX;
    fits.then_some(found.media_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::picture::tests::{jpeg, png};

    #[test]
    fn only_pictures_of_bounded_size_are_logos() {
        assert_eq!(media_type(&png(64, 64)), Some("image/png"));
        assert_eq!(media_type(&jpeg(64)), Some("image/jpeg"));
        assert_eq!(media_type(&png(64, LOGO_SIDE_MAX + 1)), None);
        assert_eq!(media_type(&jpeg(4000)), None);
        assert_eq!(media_type(b"<script>"), None);
        assert_eq!(media_type(&vec![0; LOGO_BYTES_MAX + 1]), None);
    }
}
