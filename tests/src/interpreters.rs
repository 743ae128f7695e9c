//! The interpreters of scripts, built when their tools are there.
//!
//! `WASMPOOL_INTERPRETERS` names those that have to be there, as in `javascript,python`: they are built, and without their
//! tools the tests fail. Others are taken when they are built already (`guest-sdk/interpreters/build`), JavaScript is built
//! when there is a clang with the headers of WASI; what is left out is named on standard error.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use wasmpool::{Limits, Pool, Script, ScriptLanguage};

use crate::{is_needed, kinds, languages, leave_out, project};

/// An interpreter and scripts for it.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// What it interprets.
    pub language: ScriptLanguage,
    /// The module, started.
    pub module: PathBuf,
}

impl Interpreter {
    /// The script that all languages have, `tests/scripts/tasks.*`, with this interpreter.
    ///
    /// # Errors
    /// It does not load.
    pub fn tasks(&self, pool: &Pool) -> anyhow::Result<Script> {
        let name = match self.language {
            ScriptLanguage::Python => "tasks.py",
            _ => "tasks.js",
        };
        let source = fs::read_to_string(project().join("tests/scripts").join(name))?;
        Ok(pool.load(&self.module)?.interpreter()?.script(name, source))
    }
}

/// Names what has to be there.
const NEEDED: &str = "WASMPOOL_INTERPRETERS";

/// All languages that scripts can be written in.
pub const LANGUAGES: [ScriptLanguage; 2] = [ScriptLanguage::JavaScript, ScriptLanguage::Python];

/// The interpreters that are there.
///
/// # Panics
/// One does not build, or tools are missing that have to be there.
pub fn all() -> &'static [Interpreter] {
    static ALL: std::sync::OnceLock<Vec<Interpreter>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for language in LANGUAGES {
            let name = language.name();
            match raw(language, is_needed(name, NEEDED)) {
                Ok(raw) => all.push(Interpreter {
                    language,
                    module: started(language, &raw),
                }),
                Err(missing) => leave_out(name, &missing, NEEDED),
            }
        }
        // Into the cache: they are large, and pools of tests have less patience.
        for interpreter in &all {
            let loaded = patient().load(&interpreter.module);
            loaded.expect("the interpreter loads");
        }
        all
    })
}

/// A pool that compiles and starts interpreters, however long that takes.
fn patient() -> Pool {
    let mut limits = Limits::default();
    limits.timeout = Some(Duration::from_secs(300));
    limits.compile_time = Duration::from_secs(300);
    let builder = kinds::builder().workers(1).limits(limits);
    builder.build().expect("there is a pool")
}

/// The module as cargo builds it; why not, when the tools are missing.
fn raw(language: ScriptLanguage, is_needed: bool) -> Result<PathBuf, String> {
    let name = language.name();
    let place = project().join(format!(
        "target/interpreters/wasm32-wasip1/release/{name}.wasm"
    ));
    if is_needed || (language == ScriptLanguage::JavaScript && languages::clang_can_build()) {
        let build = Command::new(project().join("guest-sdk/interpreters/build"))
            .arg(name)
            .output();
        let output = build.expect("there is a shell");
        if output.status.success() {
            return Ok(place);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // Where nothing can be fetched what it is made of may be missing.
        let tail: String = said.lines().rev().take(3).collect::<Vec<_>>().join(" / ");
        return Err(format!("it does not build: {tail}"));
    }
    if place.exists() {
        return Ok(place);
    }
    Err("it is not built; guest-sdk/interpreters/build does that".to_owned())
}

/// The module from where its start has left it, made anew when the module is newer.
fn started(language: ScriptLanguage, raw: &Path) -> PathBuf {
    // One at a time within a program; two programs put the same thing into the one place.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(concat!(env!("OUT_DIR"), "/interpreters"));
    fs::create_dir_all(folder).expect("the target directory can be written");
    let place = folder.join(format!("{}.wasm", language.name()));
    let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    if changed(&place).is_some_and(|made| changed(raw).is_some_and(|built| made > built)) {
        return place;
    }
    let pool = patient();
    let module = pool.load(raw).expect("the interpreter loads");
    let started = module
        .initialized("start", ())
        .expect("the interpreter starts");
    let unfinished = place.with_extension(std::process::id().to_string());
    fs::write(&unfinished, started.source()).expect("it can be written");
    fs::rename(&unfinished, &place).expect("it is in the same folder");
    place
}
