//! The PDF of a code: one page of real size, modules as one path.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{Art, Caption, Colour, Size, sheet::Line};

/// Points to the millimetre.
const POINTS: f64 = 72.0 / 25.4;
/// Width of any letter of Courier in parts of its size (PDF 32000-1, standard fonts).
const COURIER_WIDE: f64 = 0.6;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const DRAWING: Ref = Ref::new(4);
const FONT: Ref = Ref::new(5);
const LOGO: Ref = Ref::new(6);
const INFO: Ref = Ref::new(7);

const FONT_NAME: Name<'_> = Name(b"F");
const LOGO_NAME: Name<'_> = Name(b"L");

/// The text in the font's letters; `None` if one of its characters has none there.
pub(super) fn encoded(text: &str) -> Option<Vec<u8>> {
    // Where WinAnsiEncoding is Latin-1.
    let letter = |c: char| match c {
        ' '..='~' | '\u{a1}'..='\u{ff}' => u8::try_from(u32::from(c)).ok(),
        _ => None,
    };
    text.chars().map(letter).collect()
}

/// Lengths on paper are small; a point's hundred-thousandth is lost.
#[allow(clippy::cast_possible_truncation)]
fn points(mm: f64) -> f32 {
    (mm * POINTS) as f32
}

/// A whole document. The name is left out if the font has not all its characters.
pub(super) fn document(art: &Art, size: Size, caption: Option<&Caption>) -> Vec<u8> {
    let layout = size.layout(caption.is_some());
    let logo = art.inlay.as_ref().map(|inlay| &inlay.picture);
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(
        0.0,
        0.0,
        points(layout.width),
        points(layout.height),
    ));
    page.parent(PAGES).contents(DRAWING);
    let mut resources = page.resources();
    resources.fonts().pair(FONT_NAME, FONT);
    if logo.is_some() {
        resources.x_objects().pair(LOGO_NAME, LOGO);
    }
    resources.finish();
    page.finish();
    pdf.type1_font(FONT)
        .base_font(Name(b"Courier"))
        .encoding_predefined(Name(b"WinAnsiEncoding"));
    if let Some(picture) = logo {
        let colours = picture.over(art.paper);
        let bytes: Vec<u8> = colours.iter().flat_map(|colour| colour.0).collect();
        let packed = packed(&bytes);
        let mut image = pdf.image_xobject(LOGO, &packed);
        image.filter(Filter::FlateDecode);
        image.bits_per_component(8);
        image.width(pixels(picture.width()));
        image.height(pixels(picture.height()));
        image.color_space().device_rgb();
    }
    if let Some(caption) = caption {
        pdf.document_info(INFO).title(TextStr(&caption.name));
    }
    let drawing = packed(&drawing(art, size, caption));
    pdf.stream(DRAWING, &drawing).filter(Filter::FlateDecode);
    pdf.finish()
}

/// Pictures here have bounded sides.
fn pixels(side: usize) -> i32 {
    i32::try_from(side).unwrap_or(i32::MAX)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    let done = packer.write_all(bytes).and_then(|()| packer.finish());
    done.expect("memory takes every byte")
}

fn fill(content: &mut Content, colour: Colour) {
    let [r, g, b] = colour.parts();
    content.set_fill_rgb(r, g, b);
}

/// What is drawn, from the page's lower left corner upwards.
fn drawing(art: &Art, size: Size, caption: Option<&Caption>) -> Vec<u8> {
    let layout = size.layout(caption.is_some());
    let mut content = Content::new();
    fill(&mut content, art.paper);
    content.rect(0.0, 0.0, points(layout.width), points(layout.height));
    content.fill_nonzero();
    fill(&mut content, art.ink);
    let module = layout.side / art.symbol.width_f64();
    let at = |modules: usize| u16::try_from(modules).map_or(0.0, f64::from) * module;
    let top = layout.height - layout.top;
    for outline in art.symbol.outlines() {
        for (n, &(x, y)) in outline.iter().enumerate() {
            let (x, y) = (points(layout.left + at(x)), points(top - at(y)));
            if n == 0 {
                content.move_to(x, y);
            } else {
                content.line_to(x, y);
            }
        }
        content.close_path();
    }
    content.fill_nonzero();
    if let Some(inlay) = &art.inlay {
        let (width, height) = inlay.picture.share_of(inlay.modules * module);
        let left = layout.left + (layout.side - width) / 2.0;
        let low = top - (layout.side + height) / 2.0;
        content.save_state();
        content.transform([
            points(width),
            0.0,
            0.0,
            points(height),
            points(left),
            points(low),
        ]);
        content.x_object(LOGO_NAME);
        content.restore_state();
    }
    if let Some(caption) = caption {
        let mut text = |line: Line, text: &str| {
            let Some(letters) = encoded(text).filter(|letters| !letters.is_empty()) else {
                return;
            };
            let size = line.size_within(text, layout.width * 0.92);
            let wide = COURIER_WIDE * size * u16::try_from(letters.len()).map_or(0.0, f64::from);
            content.begin_text();
            content.set_font(FONT_NAME, points(size));
            content.next_line(
                points((layout.width - wide) / 2.0),
                points(layout.height - line.baseline),
            );
            content.show(Str(&letters));
            content.end_text();
        };
        text(layout.name, &caption.name);
        text(layout.number, &caption.number);
    }
    content.finish().into_vec()
}
