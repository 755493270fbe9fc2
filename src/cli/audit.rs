//! `qitai audit verify`: an exported package against itself, a key, and anchors; offline.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::audit::{
    note::{Checkpoint, VerifierKey},
    verify::{Fault, Outside, Report, Verdict, parse_anchor, verify},
};

/// Bytes of a key's or an anchor's file that are looked at.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// `qitai audit …`.
#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// 离线校验审计证据包 / Verify an exported audit package, offline.
    Verify(VerifyArgs),
}

/// `qitai audit verify …`. Exit code 0: good; 1: altered; 2: unreadable.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// 证据包 / The package.
    pub file: PathBuf,
    /// 日志的公钥或其文件 / The log's verifier key, or a file with it.
    #[arg(long, value_name = "KEY")]
    pub vkey: Option<String>,
    /// 另处保存的检查点，可多次给出 / A checkpoint kept elsewhere; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub anchor: Vec<PathBuf>,
    /// 以 JSON 输出 / Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs `qitai audit …` as far as it needs no data folder.
pub fn run(command: &AuditCommand) -> ExitCode {
    match command {
        AuditCommand::Verify(args) => ExitCode::from(run_verify(args, &mut io::stdout())),
    }
}

/// Verifies and prints; gives the exit code. Bad arguments count as unreadable.
fn run_verify(args: &VerifyArgs, out: &mut dyn Write) -> u8 {
    let report = match outside(args) {
        Ok(outside) => verify(&args.file, &outside),
        Err(why) => {
            // Nobody is left to tell if the terminal is gone.
            drop(writeln!(io::stderr(), "{why}"));
            return Verdict::Unreadable as u8;
        }
    };
    let printed = if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        print(&report, out)
    };
    drop(printed.and_then(|()| out.flush()));
    report.verdict as u8
}

fn outside(args: &VerifyArgs) -> Result<Outside, String> {
    let key = match &args.vkey {
        None => None,
        Some(given) => Some(vkey(given)?),
    };
    let anchors: Result<Vec<Checkpoint>, String> = args.anchor.iter().map(|p| anchor(p)).collect();
    Ok(Outside {
        key,
        anchors: anchors?,
    })
}

/// A key as text has a plus sign; anything else names a file.
fn vkey(given: &str) -> Result<VerifierKey, String> {
    let text = if given.contains('+') {
        given.to_owned()
    } else {
        read_text(Path::new(given))?
    };
    VerifierKey::parse(&text).ok_or_else(|| "--vkey: 不是公钥 / not a verifier key".to_owned())
}

fn anchor(path: &Path) -> Result<Checkpoint, String> {
    parse_anchor(&read_text(path)?)
        .ok_or_else(|| format!("--anchor {}: 不是检查点 / not a checkpoint", path.display()))
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if let Some(why) = &report.unreadable {
        return writeln!(out, "无法读取 / unreadable: {}", printable(why));
    }
    let facts = &report.facts;
    writeln!(out, "日志 / log:            {}", printable(&facts.origin))?;
    writeln!(
        out,
        "条目 / entries:        {} (明文 / shown {})",
        facts.entries, facts.clear
    )?;
    writeln!(out, "检查点 / checkpoints:  {}", facts.checkpoints)?;
    writeln!(
        out,
        "清单 / manifest:       sha256 {}",
        facts.manifest_sha256
    )?;
    if let Some(bad) = &report.first_bad {
        let (zh, en) = words(bad.fault);
        let seq = bad.seq;
        writeln!(
            out,
            "第一条有问题的条目 / first bad entry: #{seq} {zh} / entry {seq} {en}"
        )?;
        if !bad.exact {
            let (from, to) = (bad.from, bad.to);
            writeln!(
                out,
                "  首处改动在 #{from}–#{to} 之间 / the first change lies within entries {from} to {to}"
            )?;
        }
    }
    for problem in &report.problems {
        writeln!(out, "- {}: {}", problem.code, printable(&problem.place))?;
    }
    if report.verdict != Verdict::Good {
        return writeln!(out, "被改动 / ALTERED");
    }
    if !report.key_vouched {
        writeln!(
            out,
            "注意：没有给出 --vkey，无法确认签名密钥属于谁。 / Note: without --vkey nobody vouches for the key:\n  {}",
            facts.genesis
        )?;
    }
    writeln!(out, "完好 / good")
}

/// Text from a package, without what could steer a terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// What happened to an entry, in both languages; completes `#7 …` and `entry 7 …`.
fn words(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Altered => ("被改动", "was altered"),
        Fault::Missing => ("缺失", "is missing"),
        Fault::Added => ("是多出来的", "was added"),
        Fault::Reordered => ("顺序被调换", "was moved"),
        Fault::Malformed => ("格式不符", "is malformed"),
        Fault::Time => ("时间早于前一条", "has a time before the one before it"),
        Fault::Opening => ("的原值与承诺不符", "has an opening that does not fit"),
        Fault::Withheld => ("应为明文却只给出哈希", "is promised in clear but withheld"),
        Fault::Unproven => (
            "起没有有效检查点覆盖",
            "and those behind it are covered by no good checkpoint",
        ),
    }
}
