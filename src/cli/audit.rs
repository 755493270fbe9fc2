//! `qitai audit …`: verify an exported package offline; export one; print what outsiders need.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    audit::{
        checkpoints, evidence,
        export::{Wanted, export_to_file},
        note::{Checkpoint, VerifierKey},
        verify::{Fault, Outside, Report, Verdict, parse_anchor, verify},
    },
    config::Config,
    error,
    store::{Act, Channel, Origin},
};

use super::{CommandResult, control, control::ControlRequest};

/// Bytes of a key's or an anchor's file that are looked at.
const FILE_BYTES_MAX: u64 = 64 << 10;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Verifies an exported package of the log or of evidence, offline: exit code 0 good,
    /// 1 altered, 2 unreadable
    Verify(VerifyArgs),
    /// Writes a package for auditors, also while the server runs
    Export(ExportArgs),
    /// Prints the key that verifies this log, to be handed to outsiders
    Key,
    /// Prints a fresh signed checkpoint; kept elsewhere, it is an anchor
    Checkpoint,
}

#[derive(clap::Args)]
struct ExportArgs {
    /// The file to write; it appears only when it is whole
    file: PathBuf,
    /// First entry to show; of the others only their hashes are exported
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One behind the last entry to show (default: all there are)
    #[arg(long)]
    to: Option<u64>,
}

#[derive(clap::Args)]
struct VerifyArgs {
    /// The package
    file: PathBuf,
    /// The log's verifier key, or a file with it, from somebody who vouches for it
    #[arg(long, value_name = "KEY")]
    vkey: Option<String>,
    /// A checkpoint kept elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// The exit code if the command needs neither configuration nor data folder.
    pub(super) fn run_offline(&self) -> Option<ExitCode> {
        match &self.command {
            Command::Verify(args) => Some(ExitCode::from(run_verify(args, &mut io::stdout()))),
            _ => None,
        }
    }
}

/// What a server does for `qitai audit …`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "audit", rename_all = "snake_case")]
pub(super) enum AuditRequest {
    /// A package to this absolute path.
    Export {
        path: PathBuf,
        from: u64,
        to: Option<u64>,
    },
    /// The newest checkpoint, signed now.
    Head,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuditAnswer {
    Exported {
        entries: u64,
        shown: u64,
        sha256: String,
    },
    Head {
        key: String,
        note: Option<String>,
    },
}

/// Has the request done.
pub(super) fn perform(app: &App, request: AuditRequest) -> error::Result<AuditAnswer> {
    match request {
        AuditRequest::Export { path, from, to } => {
            let mut who = Act::by_system("audit.export", "console");
            who.origin = Origin::local(Channel::Cli, "");
            let wanted = Wanted {
                from,
                to,
                ..Wanted::default()
            };
            let exported = export_to_file(&app.store, &who, &wanted, &path)?;
            Ok(AuditAnswer::Exported {
                entries: exported.manifest.size,
                shown: exported.manifest.clear,
                sha256: exported.manifest_sha256,
            })
        }
        AuditRequest::Head => Ok(AuditAnswer::Head {
            key: checkpoints::verifier_key(app.store.vault()).text(),
            note: checkpoints::sign_head(&app.store)?.map(|stored| stored.note),
        }),
    }
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let request = match &args.command {
        Command::Verify(args) => return Ok(ExitCode::from(run_verify(args, &mut io::stdout()))),
        Command::Export(args) => AuditRequest::Export {
            path: std::path::absolute(&args.file)?,
            from: args.from,
            to: args.to,
        },
        Command::Key | Command::Checkpoint => AuditRequest::Head,
    };
    let answer = control::ask(config, &ControlRequest::Audit { request })?;
    match (serde_json::from_value(answer)?, &args.command) {
        (
            AuditAnswer::Exported {
                entries,
                shown,
                sha256,
            },
            Command::Export(args),
        ) => {
            println!("{}: {entries} entries, {shown} shown", args.file.display());
            println!("manifest sha256 {sha256}");
            println!("Check it with: qitai audit verify {}", args.file.display());
        }
        (AuditAnswer::Head { key, .. }, Command::Key) => println!("{key}"),
        (
            AuditAnswer::Head {
                note: Some(note), ..
            },
            _,
        ) => print!("{note}"),
        _ => return Err("the log has no entries yet".into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies and prints; gives the exit code. Bad arguments count as unreadable.
fn run_verify(args: &VerifyArgs, out: &mut dyn Write) -> u8 {
    let outside = match outside(args) {
        Ok(outside) => outside,
        Err(why) => {
            // Nobody is left to tell if the terminal is gone.
            drop(writeln!(io::stderr(), "{why}"));
            return Verdict::Unreadable as u8;
        }
    };
    if evidence::verify::is_evidence(&args.file) {
        return super::evidence::run_verify(&args.file, &outside, args.json, out);
    }
    let report = verify(&args.file, &outside);
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
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// What happened to an entry, in both languages; completes `#7 …` and `entry 7 …`.
pub(super) fn words(fault: Fault) -> (&'static str, &'static str) {
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
