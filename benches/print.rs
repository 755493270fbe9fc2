//! Many printed codes: `QITAI_BENCH_CODES` (1,000) codes, each drawn, read back and put into one
//! ZIP, beside encoding alone. Codes per second, and CPU seconds for each second on the wall.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "support/mod.rs"]
mod support;

use std::{io::Cursor, time::Instant};

use qitai::livecodes::print::{
    Item,
    render::{Art, Caption, Colour, Fault, Size, Symbol},
    write_zip,
};

fn address(at: usize) -> String {
    format!("https://qitai.example.com/c/{at:013}")
}

fn art(at: usize) -> Result<Art, Fault> {
    Art::new(&address(at), (Colour::BLACK, Colour::WHITE), None)
}

fn report(what: &str, codes: usize, work: impl FnOnce() -> usize) {
    let cpu = support::process_cpu_s(std::process::id());
    let begin = Instant::now();
    let bytes = work();
    let wall = begin.elapsed().as_secs_f64();
    let cpu = support::process_cpu_s(std::process::id()) - cpu;
    println!(
        "{what}: {:.0} codes/s, {:.2} CPU s per wall s, {} KiB",
        codes as f64 / wall,
        cpu / wall,
        bytes / 1024
    );
}

fn main() {
    if support::is_debug("print") {
        return;
    }
    let codes = support::size("QITAI_BENCH_CODES", 1_000);
    let names: Vec<Caption> = (0..codes)
        .map(|at| Caption {
            name: format!("门店 {at}"),
            number: format!("{at:013}"),
        })
        .collect();
    report("encoding alone", codes, || {
        let symbols = (0..codes).map(|at| Symbol::of(&address(at), false).unwrap());
        symbols.map(|symbol| symbol.side()).sum()
    });
    for (what, item) in [
        ("PNG of 512 pixels", Item::Png(512)),
        ("PNG of 1024 pixels", Item::Png(1024)),
        ("SVG of 50 mm", Item::Svg(Size::Mm50)),
        ("PDF of 50 mm", Item::Pdf(Size::Mm50)),
    ] {
        report(what, codes, || {
            let out =
                write_zip(Cursor::new(Vec::new()), item, &names, true, art, || false).unwrap();
            out.into_inner().len()
        });
    }
}
