//! The test of the corpus: what stops each case is lifted, and the case gets through. What comes of it is the table in
//! SECURITY.md, which is held against it here; `just lifted` prints it.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use anyhow::{Context, Result, ensure};
use wasmpool::{Isolation, StartMethod};
use wasmpool_tests::corpus::{Lift, Pools, cases, markdown, run_lifted, summary};
use wasmpool_tests::kinds::Kind;
use wasmpool_tests::project;

/// Cases at a time.
const THREADS: usize = 4;
/// What comes before the table in SECURITY.md, and after it.
const BEGIN: &str = "<!-- the corpus: written by `just lifted` -->\n";
const END: &str = "<!-- the end of the corpus -->\n";

#[test]
fn what_stops_a_case_is_what_its_row_names() -> Result<()> {
    let kind = Kind {
        start_method: StartMethod::ForkServer,
        isolation: Isolation::Task,
        workers: THREADS,
    };
    let pools = Pools::new(
        kind,
        env!("CARGO_BIN_EXE_hijacked"),
        env!("CARGO_BIN_EXE_liar"),
    );
    let cases = cases();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let through = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Relaxed)) {
                    let said = match run_lifted(&pools, case) {
                        Ok(None) => continue,
                        Ok(Some((comes, came))) if comes.is(&came) => {
                            through.fetch_add(1, Relaxed);
                            continue;
                        }
                        Ok(Some((comes, came))) => {
                            format!("{}: {came:?}, not {comes:?}", case.name)
                        }
                        Err(error) => format!("{}: {error:#}", case.name),
                    };
                    wrong.lock().expect("no panic").push(said);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    ensure!(wrong.is_empty(), "{wrong:#?}");
    let liftable = cases
        .iter()
        .filter(|case| !matches!(case.lifted, Lift::Not(_)));
    ensure!(through.into_inner() == liftable.count());
    Ok(())
}

/// With `WASMPOOL_WRITE_CORPUS` set it writes the table instead. Some attacks are there on one processor only, so that the table
/// is that of x86-64.
#[test]
fn the_table_in_the_documentation_is_this_one() -> Result<()> {
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: the table is that of another processor");
        return Ok(());
    }
    let path = project().join("SECURITY.md");
    let document = fs::read_to_string(&path)?;
    let (before, rest) = document.split_once(BEGIN).context("no beginning")?;
    let (shown, after) = rest.split_once(END).context("no end")?;
    let cases = cases();
    let table = format!("\n{}\n{}\n", summary(&cases), markdown(&cases));
    println!("{table}");
    if std::env::var_os("WASMPOOL_WRITE_CORPUS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))?;
        return Ok(());
    }
    ensure!(
        shown == table,
        "SECURITY.md has another table: `just lifted` writes it"
    );
    Ok(())
}
