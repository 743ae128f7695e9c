//! `wasmpool doctor`: what this machine offers, in plain words.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use wasmpool::doctor::{self, Finding, State, Topic};

use super::{
    failure::Failure,
    guest::{self, Found},
    interrupt::Interrupt,
    options::Common,
    report,
};

/// Tell what this machine offers: start methods, walls, cache, tools of languages
#[derive(Args, Debug)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        Interrupt::install()?;
        let findings = doctor::examine();
        let text = if common.json {
            format!("{}\n", machine(&findings, &guest::found()))
        } else {
            people(&findings, &guest::found())
        };
        report::print(text.as_bytes())?;
        if doctor::works(&findings) {
            Ok(())
        } else {
            Err(Failure::NoPool)
        }
    }
}

/// The parts of the report, in order, each with what its lines are about.
const PARTS: [(Topic, &str, &str); 3] = [
    (Topic::Start, "start", "Starting workers"),
    (Topic::Wall, "wall", "Walls around every worker"),
    (Topic::Comfort, "comfort", "Speed and room"),
];

fn word(state: State) -> &'static str {
    match state {
        State::Yes => "yes",
        State::No => "no",
        // Also what a later version of the library may add.
        _ => "unseen",
    }
}

/// What the tools of languages are called in JSON.
const LANGUAGE: &str = "language";

fn machine(findings: &[Finding], tools: &[Found]) -> Value {
    let part = |topic| PARTS.iter().find(|part| part.0 == topic).map(|part| part.1);
    let finding = |finding: &Finding| {
        json!({
            "topic": part(finding.topic),
            "name": finding.name,
            "state": word(finding.state),
            "seen": finding.seen,
            "meaning": finding.meaning,
        })
    };
    let tool = |tool: &Found| {
        json!({
            "topic": LANGUAGE,
            "name": tool.name,
            "state": tool_word(tool),
            "seen": tool.seen,
            "meaning": tool.meaning,
        })
    };
    let all: Vec<_> = findings.iter().map(finding).collect();
    let all: Vec<_> = all.into_iter().chain(tools.iter().map(tool)).collect();
    json!({"version": env!("CARGO_PKG_VERSION"), "system": system(), "findings": all})
}

fn tool_word(tool: &Found) -> &'static str {
    word(match tool.there {
        true => State::Yes,
        false => State::No,
    })
}

fn people(findings: &[Finding], tools: &[Found]) -> String {
    let mut text = format!("wasmpool {} on {}\n", env!("CARGO_PKG_VERSION"), system());
    for (topic, _, title) in PARTS {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{title}");
        for finding in findings.iter().filter(|finding| finding.topic == topic) {
            let Finding {
                name,
                seen,
                meaning,
                ..
            } = finding;
            append(&mut text, word(finding.state), name, seen, meaning);
        }
    }
    let _ = writeln!(
        text,
        "\nTools of languages, which make modules; none is needed to run them"
    );
    for tool in tools {
        append(
            &mut text,
            tool_word(tool),
            &tool.name,
            &tool.seen,
            &tool.meaning,
        );
    }
    text
}

fn append(text: &mut String, word: &str, name: &str, seen: &str, meaning: &str) {
    let _ = writeln!(text, "  {word:<6}  {name:<24}  {meaning}");
    if !seen.is_empty() {
        let _ = writeln!(text, "  {:<6}  {:<24}  ({seen})", "", "");
    }
}

/// The kernel, the processor and its cores.
fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = if cores == 1 {
        "1 core".to_owned()
    } else {
        format!("{cores} cores")
    };
    format!(
        "Linux {}, {}, {cores}",
        release.trim(),
        std::env::consts::ARCH
    )
}
