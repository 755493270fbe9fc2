//! Pictures of tea for the made-up firm's assets, drawn by rule.

use png::{BitDepth, ColorType, Encoder};

/// Width and height in pixels; moments take no picture whose shorter side is above 1,080.
const SIZE: (u32, u32) = (960, 720);

/// What a picture shows: the colours of its ground, of the cup, and of the tea in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    ground: [u8; 3],
    cup: [u8; 3],
    tea: [u8; 3],
}

/// 白茶, 普洱 and 龙井.
pub(super) const LOOKS: [Look; 3] = [
    Look {
        ground: [236, 228, 212],
        cup: [250, 248, 242],
        tea: [214, 168, 92],
    },
    Look {
        ground: [88, 66, 52],
        cup: [226, 214, 198],
        tea: [120, 44, 26],
    },
    Look {
        ground: [206, 221, 200],
        cup: [248, 250, 246],
        tea: [176, 192, 96],
    },
];

/// A cup from above, as a PNG.
pub(super) fn cup(look: Look) -> Vec<u8> {
    let (width, height) = SIZE;
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| pixel(look, x, y)))
        .collect();
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    // Nothing fails that goes into memory and has the size it says.
    debug_assert!(written.is_ok(), "{written:?}");
    out
}

fn pixel(look: Look, x: u32, y: u32) -> [u8; 3] {
    let (width, height) = SIZE;
    let (across, down) = (x.abs_diff(width / 2), y.abs_diff(height / 2));
    // Squares of distances, so that nothing has to be rounded.
    let far = across * across + down * down;
    match far {
        0..=40_000 => shaded(look.tea, far / 2_600),
        40_001..=57_600 => shaded(look.cup, (far - 40_001) / 1_200),
        57_601..=62_500 => shaded(look.ground, 40),
        _ => shaded(look.ground, y / 24),
    }
}

fn shaded(colour: [u8; 3], by: u32) -> [u8; 3] {
    let by = u8::try_from(by).unwrap_or(u8::MAX);
    colour.map(|part| part.saturating_sub(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_whole_picture_of_its_own() {
        let all = LOOKS.map(cup);
        for (n, picture) in all.iter().enumerate() {
            let seen = crate::kit::picture::look(picture).expect("it is a picture");
            assert_eq!((seen.width, seen.height), SIZE);
            assert!(all[..n].iter().all(|other| other != picture));
        }
    }
}
