//! The SVG of a code. One path for all modules; no reference to anything outside.

use std::fmt::Write;

use base64::Engine as _;

use super::{
    Art, Caption, Size,
    sheet::{Layout, Line},
};

/// Text as it stands in SVG: nothing in it is markup, and nothing a parser refuses.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not characters of XML (XML 1.0, section 2.2).
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A file as an address within a document.
pub fn data_url(media_type: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("data:{media_type};base64,{text}")
}

/// A whole document in real size.
pub(super) fn document(art: &Art, size: Size, caption: Option<&Caption>) -> String {
    let layout = size.layout(caption.is_some());
    let (width, height) = (layout.width, layout.height);
    let title = caption.map_or("QR", |caption| caption.name.as_str());
    let paper = art.paper;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.2}mm\" height=\"{height:.2}mm\" \
         viewBox=\"0 0 {width:.2} {height:.2}\" role=\"img\"><title>{}</title>\
         <rect width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{paper}\"/>",
        escape(title)
    );
    out.push_str(&elements(art, layout.left, layout.top, layout.side));
    if let Some(caption) = caption {
        let text = |line, text| line_of(&layout, line, text, &art.ink.to_string());
        out.push_str(&text(layout.name, &caption.name));
        out.push_str(&text(layout.number, &caption.number));
    }
    out.push_str("</svg>");
    out
}

fn line_of(layout: &Layout, line: Line, text: &str, fill: &str) -> String {
    let size = line.size_within(text, layout.width * 0.92);
    format!(
        "<text x=\"{:.2}\" y=\"{:.2}\" font-size=\"{size:.2}\" text-anchor=\"middle\" \
         font-family=\"sans-serif\" fill=\"{fill}\">{}</text>",
        layout.width / 2.0,
        line.baseline,
        escape(text)
    )
}

/// Ground, modules and logo within a square.
pub(super) fn elements(art: &Art, x: f64, y: f64, side: f64) -> String {
    let width = art.symbol.width();
    let scale = side / art.symbol.width_f64();
    let (ink, paper) = (art.ink, art.paper);
    let mut out = format!(
        "<g transform=\"translate({x:.3} {y:.3}) scale({scale:.6})\">\
         <rect width=\"{width}\" height=\"{width}\" fill=\"{paper}\"/>\
         <path fill=\"{ink}\" shape-rendering=\"crispEdges\" d=\"{}\"/>",
        path(art)
    );
    if let Some(inlay) = &art.inlay {
        let picture = &inlay.picture;
        let at = (art.symbol.width_f64() - inlay.modules) / 2.0;
        let _ = write!(
            out,
            "<image x=\"{at:.3}\" y=\"{at:.3}\" width=\"{side:.3}\" height=\"{side:.3}\" \
             href=\"{}\"/>",
            data_url("image/png", &picture.png()),
            side = inlay.modules,
        );
    }
    out.push_str("</g>");
    out
}

/// The outlines as path data, in modules.
fn path(art: &Art) -> String {
    let mut out = String::new();
    for outline in art.symbol.outlines() {
        let mut from = (0, 0);
        for (n, &(x, y)) in outline.iter().enumerate() {
            let _ = match n {
                0 => write!(out, "M{x} {y}"),
                _ if y == from.1 => write!(out, "H{x}"),
                _ => write!(out, "V{y}"),
            };
            from = (x, y);
        }
        out.push('z');
    }
    out
}
