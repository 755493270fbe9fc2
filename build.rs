//! Makes the traditional→simplified table: a build step, so that the program carries two
//! strings and no dictionary.

use std::{env, fmt::Write as _, fs, path::Path};

use ferrous_opencc::{OpenCC, config::BuiltinConfig};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let opencc = OpenCC::from_config(BuiltinConfig::T2s).expect("the table is part of the crate");
    let (mut from, mut to) = (String::new(), String::new());
    // CJK unified ideographs with extension A: one character for one character only, so that
    // folding never moves a position.
    for code in (0x3400..=0x4dbf).chain(0x4e00..=0x9fff) {
        let Some(traditional) = char::from_u32(code) else {
            continue;
        };
        let converted = opencc.convert(&traditional.to_string());
        let mut chars = converted.chars();
        if let (Some(simplified), None) = (chars.next(), chars.next())
            && simplified != traditional
        {
            from.push(traditional);
            to.push(simplified);
        }
    }
    let mut code = String::new();
    writeln!(code, "const TRADITIONAL: &str = {from:?};").expect("writing to memory");
    writeln!(code, "const SIMPLIFIED: &str = {to:?};").expect("writing to memory");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&out).join("simplified.rs"), code).expect("OUT_DIR is writable");
}
