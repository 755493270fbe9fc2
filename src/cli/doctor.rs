//! `qitai doctor`: everything the connection and the machine depend on.
//!
//! Exit codes: 0 all is well, 1 something to look after, 2 something is broken.

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    config::Config,
    rollout::doctor::{self, Finding, Level},
    web::Lang,
};

use super::{CommandResult, control, control::ControlRequest};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// A finding on its way from the server to the terminal.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    topic: String,
    code: String,
    level: String,
    what: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    fix: String,
}

impl Told {
    fn of(finding: &Finding, lang: Lang) -> Self {
        Self {
            topic: finding.topic().to_owned(),
            code: finding.kind().code().to_owned(),
            level: finding.level().code().to_owned(),
            what: finding.what(lang),
            fix: finding.fix(lang),
        }
    }
}

pub(super) fn run(config: &Config, args: &Args) -> CommandResult {
    let lang = terminal_lang();
    let request = ControlRequest::Doctor {
        lang: lang.tag().to_owned(),
    };
    // A folder that cannot be opened is a finding, not the end of the examination.
    let told: Vec<Told> = match control::ask(config, &request) {
        Ok(value) => serde_json::from_value(value)?,
        Err(why) => {
            let closed = doctor::examine_closed(config, why.to_string());
            tell(&runtime()?.block_on(closed), lang)
        }
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        report(&told);
    }
    let worst = told.iter().map(|t| t.level.as_str());
    Ok(worst.map(exit_code).max().unwrap_or(0).into())
}

fn exit_code(level: &str) -> u8 {
    if level == Level::Bad.code() {
        2
    } else {
        u8::from(level == Level::Warn.code())
    }
}

/// What a server answers to the command: its own findings, in the terminal's language.
pub(super) fn perform(
    app: &App,
    lang: &str,
    is_serving: bool,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let lang = Lang::of_tag(lang).unwrap_or(Lang::En);
    let found = runtime()?.block_on(doctor::examine(app, is_serving))?;
    Ok(serde_json::to_value(tell(&found, lang))?)
}

fn tell(found: &[Finding], lang: Lang) -> Vec<Told> {
    found.iter().map(|f| Told::of(f, lang)).collect()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// The language that the terminal is set to.
fn terminal_lang() -> Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let tag = set.iter().find_map(|name| std::env::var(name).ok());
    tag.and_then(|tag| Lang::of_tag(&tag)).unwrap_or(Lang::En)
}

fn report(told: &[Told]) {
    for one in told {
        let mark = match one.level.as_str() {
            "ok" => "ok  ",
            "warn" => "warn",
            _ => "BAD ",
        };
        println!("{mark}  {}", one.what);
        if !one.fix.is_empty() {
            println!("      → {}", one.fix);
        }
    }
}
