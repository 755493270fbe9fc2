//! What `qitai audit verify` says of an evidence package.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::audit::{
    evidence::verify::{FirstBad, Report, verify},
    verify::{Outside, Verdict},
};

use super::audit::{printable, words};

/// Verifies and prints; gives the exit code.
pub(super) fn run_verify(path: &Path, outside: &Outside, json: bool, out: &mut dyn Write) -> u8 {
    let report = verify(path, outside);
    let printed = match json {
        true => serde_json::to_writer_pretty(&mut *out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
        false => print(&report, out),
    };
    // Nobody is left to tell if the terminal is gone.
    drop(printed.and_then(|()| out.flush()));
    report.verdict as u8
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if let Some(why) = &report.unreadable {
        return writeln!(out, "无法读取 / unreadable: {}", printable(why));
    }
    let facts = &report.facts;
    writeln!(out, "日志 / log:            {}", printable(&facts.origin))?;
    writeln!(out, "案件 / case:           {}", printable(&facts.case))?;
    writeln!(
        out,
        "消息 / messages:       {} (选中 / chosen {})",
        facts.messages, facts.chosen
    )?;
    writeln!(
        out,
        "文件 / media:          {} (缺失 / missing {})",
        facts.media, facts.media_missing
    )?;
    writeln!(out, "检查点 / checkpoint:   {}", facts.checkpoint)?;
    writeln!(
        out,
        "清单 / manifest:       sha256 {}",
        facts.manifest_sha256
    )?;
    if let Some(bad) = &report.first_bad {
        name_bad(bad, out)?;
    }
    for problem in &report.problems {
        writeln!(out, "- {}: {}", problem.code, printable(&problem.place))?;
    }
    if facts.unproven > 0 {
        let n = facts.unproven;
        writeln!(
            out,
            "注意：{n} 条消息只由封存证明。 / Note: {n} messages are proved by the seal only."
        )?;
    }
    if report.verdict != Verdict::Good {
        return writeln!(out, "被改动 / ALTERED");
    }
    if !report.key_vouched {
        writeln!(
            out,
            "注意：没有给出 --vkey，无法确认签名密钥属于谁。 / Note: without --vkey nobody vouches for the key:\n  {}",
            facts.key
        )?;
    }
    writeln!(out, "完好 / good")
}

fn name_bad(bad: &FirstBad, out: &mut dyn Write) -> io::Result<()> {
    let (zh, en) = words(bad.fault);
    let mut place = printable(&bad.file);
    if bad.line > 0 {
        place = format!("{place}:{}", bad.line);
    }
    match (bad.message, bad.entry) {
        (Some(seq), _) => writeln!(
            out,
            "第一处问题 / first bad: {place} 消息 {seq} {zh} / message {seq} {en}"
        ),
        (None, Some(seq)) => writeln!(
            out,
            "第一处问题 / first bad: {place} 条目 #{seq} {zh} / entry {seq} {en}"
        ),
        (None, None) => writeln!(out, "第一处问题 / first bad: {place} {zh} / {en}"),
    }
}
