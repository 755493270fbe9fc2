//! Build step: nothing yet but the rule when to run again.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
