use super::*;
use flate2::Crc;

const BLUE: [u8; 4] = [20, 60, 180, 255];

fn flat(width: usize, height: usize) -> Picture {
    Picture {
        width,
        height,
        rgba: vec![BLUE; width * height],
    }
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG that says it is this large, with next to nothing in it.
fn head_of(width: u32, height: u32) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = chunk(b"IHDR", &[&sides[..], &[8, 6, 0, 0, 0]].concat());
    let data = chunk(b"IDAT", &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]);
    let start = b"\x89PNG\r\n\x1a\n";
    [&start[..], &head, &data, &chunk(b"IEND", b"")].concat()
}

/// A JPEG that says it is this large.
fn jpeg_head_of(width: u16, height: u16) -> Vec<u8> {
    let ([w1, w2], [h1, h2]) = (width.to_be_bytes(), height.to_be_bytes());
    let frame = [
        0xff, 0xc0, 0, 17, 8, h1, h2, w1, w2, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
    ];
    let scan = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0];
    [&[0xff, 0xd8][..], &frame, &scan, &[0xff, 0xd9]].concat()
}

fn fault(bytes: &[u8]) -> PictureFault {
    Picture::read(bytes, LOGO_LIMITS).unwrap_err()
}

#[test]
fn what_was_written_is_read_again() {
    let mut picture = flat(3, 2);
    picture.rgba[1] = [255, 0, 0, 128];
    let again = Picture::read(&picture.png(), LOGO_LIMITS).unwrap();
    assert_eq!(again, picture);
}

#[test]
fn every_kind_of_png_becomes_colours() {
    let sorts: [(ColorType, BitDepth, &[u8], [u8; 4]); 5] = [
        (ColorType::Grayscale, BitDepth::Eight, &[7], [7, 7, 7, 255]),
        (
            ColorType::GrayscaleAlpha,
            BitDepth::Eight,
            &[7, 9],
            [7, 7, 7, 9],
        ),
        (ColorType::Rgb, BitDepth::Eight, &[1, 2, 3], [1, 2, 3, 255]),
        (
            ColorType::Rgba,
            BitDepth::Sixteen,
            &[1, 0, 2, 0, 3, 0, 4, 0],
            [1, 2, 3, 4],
        ),
        (ColorType::Indexed, BitDepth::One, &[0x80], [9, 8, 7, 255]),
    ];
    for (colour, depth, data, expected) in sorts {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![0, 0, 0, 9, 8, 7]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        let read = Picture::read(&bytes, LOGO_LIMITS).unwrap();
        assert_eq!(read.rgba, [expected], "{colour:?}");
    }
}

#[test]
fn what_is_no_picture_is_named() {
    for bytes in [
        &b""[..],
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<script>",
        b"\x00\x00\x00",
    ] {
        assert_eq!(fault(bytes), PictureFault::Kind);
    }
    assert_eq!(fault(b"\x89PNG\r\n\x1a\n"), PictureFault::Damaged);
    assert_eq!(fault(b"\xff\xd8\xff\xe0"), PictureFault::Damaged);
    let large = vec![0; LOGO_LIMITS.bytes_max + 1];
    assert_eq!(fault(&large), PictureFault::Bytes);
}

#[test]
fn a_head_that_claims_too_much_is_believed_and_refused() {
    for (width, height) in [(0, 5), (5, 0), (2049, 1), (1, 2049), (60_000, 60_000)] {
        let expected = PictureFault::Sides(width, height);
        let png = fault(&head_of(width, height));
        // The library itself refuses a side of nothing.
        let is_refused = png == expected || (width.min(height) == 0);
        assert!(is_refused, "{png:?}");
    }
    let huge = fault(&head_of(0x7fff_ffff, 0x7fff_ffff));
    assert!(matches!(
        huge,
        PictureFault::Sides(..) | PictureFault::Damaged
    ));
    assert_eq!(
        fault(&jpeg_head_of(65_000, 65_000)),
        PictureFault::Sides(65_000, 65_000)
    );
    // Of a size it may have, but without the pixels.
    assert_eq!(fault(&head_of(2048, 2048)), PictureFault::Damaged);
    assert_eq!(fault(&jpeg_head_of(2000, 2000)), PictureFault::Damaged);
}

#[test]
fn no_part_of_a_picture_is_a_picture() {
    let whole = flat(40, 30).png();
    // The last four bytes are a checksum of nothing but the mark of the end.
    for length in 0..whole.len() - 12 {
        assert!(
            Picture::read(&whole[..length], LOGO_LIMITS).is_err(),
            "{length}"
        );
    }
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    assert_eq!(fault(&damaged), PictureFault::Damaged);
}

#[test]
fn small_and_large_pictures_are_fitted_with_their_shape() {
    let small = flat(100, 50);
    assert_eq!(small.clone().kept(), small);
    let kept = flat(2048, 512).kept();
    assert_eq!((kept.width(), kept.height()), (256, 64));
    assert!(kept.rgba.iter().all(|pixel| *pixel == BLUE));
    let thin = flat(2000, 1).kept();
    assert_eq!((thin.width(), thin.height()), (256, 1));
    let grown = flat(3, 2).scaled(30, 20);
    assert!(grown.rgba.iter().all(|pixel| *pixel == BLUE));
}

#[test]
fn a_ground_becomes_a_bounded_jpeg_that_is_read_again() {
    let jpeg = flat(3000, 1500).ground_jpeg().unwrap();
    assert!(jpeg.len() < 100_000);
    let again = Picture::read(&jpeg, GROUND_LIMITS).unwrap();
    assert_eq!((again.width(), again.height()), (1754, 877));
    let near = |one: u8, other: u8| one.abs_diff(other) < 8;
    assert!(again.rgba.iter().all(|pixel| {
        near(pixel[0], BLUE[0]) && near(pixel[1], BLUE[1]) && near(pixel[2], BLUE[2])
    }));
    // No part of a JPEG is one.
    for length in (0..jpeg.len() - 2).step_by(97) {
        assert!(
            Picture::read(&jpeg[..length], GROUND_LIMITS).is_err(),
            "{length}"
        );
    }
}

#[test]
fn what_is_transparent_gives_no_colour() {
    let mut picture = flat(2, 1);
    picture.rgba[0] = [255, 255, 255, 0];
    let one = picture.scaled(1, 1);
    assert_eq!(one.rgba, [[20, 60, 180, 128]]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(
        mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        kind in 0..4usize,
    ) {
        let heads = [b"\xff\xd8\xff".to_vec(), head_of(9, 9), jpeg_head_of(9, 9), flat(9, 9).png()];
        let head = &heads[kind];
        let place = bytes.len() % head.len();
        bytes = [&head[..place], &bytes, &head[place..]].concat();
        let _ = Picture::read(&bytes, LOGO_LIMITS);
    }
}
