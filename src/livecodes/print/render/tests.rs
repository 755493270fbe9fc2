use super::*;

const ADDRESS: &str = "https://qitai.example.com/c/0h5mz7k2vq9xd";

/// Ground and modules that people choose.
const COLOURS: [(&str, &str); 5] = [
    ("#000000", "#ffffff"),
    ("#1d4f9e", "#ffffff"),
    ("#1f2a37", "#f5f1e6"),
    ("#767676", "#ffffff"),
    ("#8a1f1f", "#fff4d6"),
];

fn colours((ink, paper): (&str, &str)) -> (Colour, Colour) {
    (Colour::parse(ink).unwrap(), Colour::parse(paper).unwrap())
}

/// Logos that disturb as well as they can: stripes dark and light, with holes.
fn logos() -> Vec<Arc<Picture>> {
    let striped = |width: u32, height: u32| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgba);
        let pixels = (0..width * height).flat_map(|n| match (n % width / 7 + n / width / 5) % 3 {
            0 => [0, 0, 0, 255],
            1 => [255, 255, 255, 255],
            _ => [200, 30, 30, 0],
        });
        let pixels: Vec<u8> = pixels.collect();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        Arc::new(Picture::read(&bytes, LOGO_LIMITS).unwrap().kept())
    };
    vec![striped(256, 256), striped(300, 90), striped(40, 120)]
}

fn unlabelled(size: Size, art: &Art) -> String {
    art.svg(size, None).unwrap()
}

#[test]
fn every_size_in_every_colour_with_any_logo_is_read_back() {
    let labels = Size::ALL.map(Size::proof_pixels);
    let mut sizes = [&labels[..], &[PIXELS_MIN, 300, 511, 777, 1024]].concat();
    sizes.sort_unstable();
    sizes.dedup();
    let logos = logos();
    for (n, pair) in COLOURS.into_iter().enumerate() {
        // Each size with each colour, and each logo and share with some of both.
        for (m, pixels) in sizes.iter().enumerate() {
            let share = Share::ALL[(n + m) % 3];
            let logo = logos[m % logos.len()].clone();
            for logo in [None, Some((logo, share))] {
                let has_logo = logo.is_some();
                let art = Art::new(ADDRESS, colours(pair), logo).unwrap();
                let read = art.proved(*pixels).map(drop);
                assert_eq!(read, Ok(()), "{pair:?} {pixels} {has_logo} {share:?}");
            }
        }
    }
}

#[test]
fn the_largest_picture_is_read_back() {
    let logo = Some((logos().remove(0), Share::Large));
    let art = Art::new(ADDRESS, colours(COLOURS[1]), logo).unwrap();
    assert_eq!(art.proved(PIXELS_MAX).map(drop), Ok(()));
}

#[test]
fn the_png_has_the_pixels_that_were_read_back() {
    let logo = logos().remove(0);
    for logo in [None, Some((logo, Share::Large))] {
        let art = Art::new(ADDRESS, colours(COLOURS[1]), logo).unwrap();
        let raster = art.proved(300).unwrap();
        let bytes = art.png(300).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (300, 300));
        assert_eq!(frame.color_type, png::ColorType::Rgb);
        for (n, pixel) in pixels.chunks_exact(3).enumerate() {
            assert_eq!(pixel, raster.pixel(n % 300, n / 300).0, "{n}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_not_handed_out() {
    let plain = |address: &str| Art::new(address, colours(COLOURS[0]), None);
    // More modules than pixels.
    let long = plain(&format!("{ADDRESS}?{}", "x".repeat(2_000))).unwrap();
    let refused = long.png(64).unwrap_err();
    assert_eq!(refused, Fault::Unreadable { has_logo: false });
    let too_long = plain(&"x".repeat(3_000)).unwrap_err();
    assert_eq!(too_long, Fault::AddressTooLong);
    // A logo that covers what level H cannot lose.
    let mut art = Art::new(
        ADDRESS,
        colours(COLOURS[0]),
        Some((logos().remove(0), Share::Large)),
    )
    .unwrap();
    art.symbol.clear_middle(25.0);
    let refused = art.svg(Size::Mm50, None).unwrap_err();
    assert_eq!(refused, Fault::Unreadable { has_logo: true });
    assert!(art.pdf(Size::A4, None).is_err());
    let inverted = Art::new(ADDRESS, (Colour::WHITE, Colour::BLACK), None);
    assert_eq!(inverted.unwrap_err(), Fault::Colours(Faint::Inverted));
}

#[test]
fn an_svg_is_one_path_in_real_size_and_refers_to_nothing() {
    let art = Art::new(ADDRESS, colours(COLOURS[0]), None).unwrap();
    let svg = unlabelled(Size::Mm50, &art);
    assert!(svg.starts_with("<svg xmlns="), "{svg}");
    assert!(svg.contains("width=\"50.00mm\" height=\"50.00mm\""));
    assert_eq!(svg.matches("<path").count(), 1);
    assert!(!svg.contains("<image") && !svg.contains("style") && !svg.contains("<?xml"));
    assert_eq!(svg.matches("http").count(), 1, "only the namespace");
    let art = Art::new(
        ADDRESS,
        colours(COLOURS[0]),
        Some((logos().remove(1), Share::Small)),
    )
    .unwrap();
    let svg = unlabelled(Size::Mm50, &art);
    assert_eq!(svg.matches("<path").count(), 1);
    assert_eq!(svg.matches("href=\"data:image/png;base64,").count(), 1);
}

#[test]
fn a_name_stays_a_name() {
    let art = Art::new(ADDRESS, colours(COLOURS[0]), None).unwrap();
    let caption = Caption {
        name: "<script>\"&'\u{1}\u{ffff}静安店".to_owned(),
        number: "lc0h5mz7k2vq9xd".to_owned(),
    };
    let svg = art.svg(Size::A5, Some(&caption)).unwrap();
    let name = "&lt;script&gt;&quot;&amp;&#39; 静安店";
    assert_eq!(svg.matches(name).count(), 2, "title and text");
    assert!(!svg.contains("<script") && svg.contains("lc0h5mz7k2vq9xd"));
}

/// A reader of the few things a PDF's frame consists of.
mod frame {
    /// Offsets in the table of references, which must be whole.
    pub fn offsets(pdf: &[u8]) -> Vec<usize> {
        let text = String::from_utf8_lossy(pdf);
        let tail = text.rsplit_once("startxref\n").unwrap().1;
        let (at, end) = tail.split_once('\n').unwrap();
        assert_eq!(end.trim(), "%%EOF");
        let table = &pdf[at.trim().parse::<usize>().unwrap()..];
        let table = String::from_utf8_lossy(table);
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("xref"));
        let (first, count) = lines.next().unwrap().split_once(' ').unwrap();
        assert_eq!(first, "0");
        let entries = lines.take(count.trim().parse().unwrap());
        let used = entries.filter(|line| line.trim_end().ends_with('n'));
        used.map(|line| line[..10].parse().unwrap()).collect()
    }

    /// The bytes between `stream` and `endstream` of the object at an offset, unpacked.
    pub fn stream(pdf: &[u8], offset: usize) -> Option<Vec<u8>> {
        let object = &pdf[offset..];
        let end = find(object, b"endobj")?;
        let object = &object[..end];
        let start = find(object, b"stream\n")? + 7;
        let mut out = Vec::new();
        let mut reader = flate2::read::ZlibDecoder::new(&object[start..]);
        std::io::Read::read_to_end(&mut reader, &mut out).ok()?;
        Some(out)
    }

    fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
        bytes.windows(part.len()).position(|window| window == part)
    }
}

/// The drawing of a PDF and its page, which say what they should.
fn opened(pdf: &[u8]) -> (String, String) {
    assert!(pdf.starts_with(b"%PDF-1."));
    let offsets = frame::offsets(pdf);
    for (n, offset) in offsets.iter().enumerate() {
        let object = String::from_utf8_lossy(&pdf[*offset..]);
        let (number, _) = object.split_once(" 0 obj").unwrap();
        assert!(number.parse::<usize>().is_ok(), "{n}: {number}");
    }
    let texts: Vec<String> = offsets
        .iter()
        .map(|at| String::from_utf8_lossy(&pdf[*at..]).into_owned())
        .collect();
    let page = texts.iter().find(|text| {
        let object = text.split("endobj").next().unwrap();
        object.contains("/Type /Page\n") || object.contains("/Type/Page/")
    });
    let page = page.unwrap().split("endobj").next().unwrap().to_owned();
    let drawing = offsets.iter().find_map(|at| {
        let text = String::from_utf8(frame::stream(pdf, *at)?).ok()?;
        text.contains(" rg").then_some(text)
    });
    (page, drawing.unwrap())
}

#[test]
fn a_pdf_opens_in_real_size_with_modules_as_lines() {
    let caption = Caption {
        name: "Jing'an store".to_owned(),
        number: "lc0h5mz7k2vq9xd".to_owned(),
    };
    let art = Art::new(
        ADDRESS,
        colours(COLOURS[1]),
        Some((logos().remove(0), Share::Medium)),
    )
    .unwrap();
    for (size, wide) in [(Size::Mm50, "141.7"), (Size::A4, "595.2")] {
        let (page, drawing) = opened(&art.pdf(size, Some(&caption)).unwrap());
        assert!(page.contains(wide), "{page}");
        // An outline each, closed, and one filling besides the ground's.
        let outlines = art.symbol.outlines().len();
        assert_eq!(drawing.matches("\nh").count(), outlines);
        assert_eq!(drawing.matches("\nf\n").count(), 2, "{drawing}");
        assert!(drawing.contains("/L Do"));
        assert!(drawing.contains("(lc0h5mz7k2vq9xd) Tj"), "{drawing}");
        assert!(drawing.contains("store) Tj"), "{drawing}");
    }
    let plain = Art::new(ADDRESS, colours(COLOURS[0]), None).unwrap();
    let caption = Caption {
        name: "静安大悦城门店立牌".to_owned(),
        ..caption
    };
    assert!(!pdf_can_write(&caption.name));
    let (_, drawing) = opened(&plain.pdf(Size::Mm20, Some(&caption)).unwrap());
    assert_eq!(drawing.matches(" Tj").count(), 1, "the number alone");
}
