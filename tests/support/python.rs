//! Independent clients in Python, in an environment of their own below `tests/.cache`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

/// What `tests/python/requirements.txt` names, installed once.
static PYTHON: LazyLock<Mutex<Option<PathBuf>>> = LazyLock::new(Mutex::default);

/// Runs a script of `tests/python` with what it needs; gives what it prints.
pub fn run(script: &str, args: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut python = PYTHON.lock().unwrap_or_else(PoisonError::into_inner);
    let python = python.get_or_insert_with(|| install(&root)).clone();
    let mut command = Command::new(python);
    command.arg(root.join("python").join(script)).args(args);
    let done = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let errors = text(&done.stderr);
    assert!(done.status.success(), "{script}: {errors}");
    text(&done.stdout)
}

/// The environment's interpreter; made anew when the requirements have changed.
fn install(root: &Path) -> PathBuf {
    let wanted = fs::read_to_string(root.join("python/requirements.txt")).unwrap();
    let venv = root.join(".cache/venv");
    let (python, stamp) = (venv.join("bin/python"), venv.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&venv)
        .status();
    assert!(made.unwrap().success(), "python3 -m venv");
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    let done = pip.arg(root.join("python/requirements.txt")).status();
    assert!(done.unwrap().success(), "pip install");
    fs::write(stamp, wanted).unwrap();
    python
}
