use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{super::render::Colour, *};

fn captions(n: usize) -> Vec<Caption> {
    let name = |n: usize| match n % 3 {
        0 => "静安店".to_owned(),
        1 => format!("../门店/{n}"),
        _ => format!("Store {n}"),
    };
    let caption = |n| Caption {
        name: name(n),
        number: format!("{n:013}"),
    };
    (0..n).map(caption).collect()
}

fn address(at: usize) -> String {
    format!("https://qitai.example.com/c/{at:013}")
}

fn art(at: usize) -> Result<Art, Fault> {
    Art::new(&address(at), (Colour::BLACK, Colour::WHITE), None)
}

/// What a PNG of one bit says.
fn said(png: &[u8]) -> String {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (frame.width as usize, frame.height as usize);
    let grey = |x, y| pixels[(y * width + x) * 3];
    let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let found = seen.detect_grids();
    found[0].decode().unwrap().1
}

#[test]
fn three_hundred_come_in_order_with_names_of_their_own() {
    let names = captions(300);
    let out = write_zip(
        Cursor::new(Vec::new()),
        Item::Png(256),
        &names,
        true,
        art,
        || false,
    )
    .unwrap();
    let mut zip = ZipArchive::new(out).unwrap();
    assert_eq!(zip.len(), 300);
    let mut seen = std::collections::HashSet::new();
    for at in 0..300 {
        let mut file = zip.by_index(at).unwrap();
        let name = file.name().unwrap().into_owned();
        assert!(name.starts_with(&format!("{:03}-", at + 1)), "{name}");
        assert!(
            !name.contains(['/', '\\']) && !name.contains(".."),
            "{name}"
        );
        assert!(seen.insert(name.to_lowercase()), "{name}");
        let mut png = Vec::new();
        file.read_to_end(&mut png).unwrap();
        if at % 25 == 0 {
            assert_eq!(said(&png), address(at));
        }
    }
    assert_eq!(zip.by_index(0).unwrap().name().unwrap(), "001-静安店.png");
    assert_eq!(zip.by_index(3).unwrap().name().unwrap(), "004-静安店-2.png");
    assert_eq!(
        zip.by_index(297).unwrap().name().unwrap(),
        "298-静安店-100.png"
    );
}

#[test]
fn every_kind_of_file_can_be_in_it() {
    let names = captions(3);
    for (item, head) in [
        (Item::Svg(Size::Mm30), &b"<svg"[..]),
        (Item::Pdf(Size::Mm30), b"%PDF"),
    ] {
        let out = write_zip(Cursor::new(Vec::new()), item, &names, true, art, || false).unwrap();
        let mut zip = ZipArchive::new(out).unwrap();
        let mut bytes = Vec::new();
        zip.by_index(2).unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes.starts_with(head));
    }
    let none = write_zip(
        Cursor::new(Vec::new()),
        Item::Png(256),
        &[],
        true,
        art,
        || false,
    );
    let none = none.unwrap();
    assert_eq!(ZipArchive::new(none).unwrap().len(), 0);
}

#[test]
fn one_that_cannot_be_read_ends_it_and_is_named() {
    let names = captions(120);
    let art = |at| match at {
        57 => Art::new(&address(at), (Colour::BLACK, Colour::BLACK), None),
        _ => art(at),
    };
    let made = write_zip(
        Cursor::new(Vec::new()),
        Item::Png(256),
        &names,
        true,
        art,
        || false,
    );
    match made {
        Err(BundleError::Fault(57, Fault::Colours(_))) => {}
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn what_nobody_waits_for_is_drawn_no_further() {
    let (names, drawn) = (captions(300), AtomicUsize::new(0));
    let art = |at| {
        drawn.fetch_add(1, Ordering::Relaxed);
        art(at)
    };
    let is_stopped = || drawn.load(Ordering::Relaxed) >= 20;
    let out = Cursor::new(Vec::new());
    let made = write_zip(out, Item::Png(256), &names, true, art, is_stopped);
    assert!(matches!(made, Err(BundleError::Stopped)));
    let drawn = drawn.load(Ordering::Relaxed);
    assert!((20..20 + THREADS_MAX).contains(&drawn), "{drawn}");
}
