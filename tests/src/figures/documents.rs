//! The tables that stand in the documents: written by the bench, and by nobody else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::ROWS;
use super::plots;
use super::report::Report;
use super::table;
pub use crate::project;

/// Where a table of the bench begins in a document, and what kind of table it is.
const BEGIN: &str = "<!-- figures: ";
const END: &str = "<!-- end of figures -->";

/// The documents with such tables, below the project's folder.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/speed.md"];
/// The run that they show.
const FIGURES: &str = "docs/figures.json";
const PLOTS: &str = "docs/plots";

/// Shows a report in the documents, with its figures and its plots beside them.
///
/// # Errors
/// When it is no whole run, or a file cannot be read or written.
pub fn show(report: &Report) -> Result<()> {
    check_report(report)?;
    check_plots(report)?;
    let project = project();
    report.write(&project.join(FIGURES))?;
    write_plots(report, &project.join(PLOTS))?;
    for document in DOCUMENTS {
        let path = project.join(document);
        let text = fs::read_to_string(&path).context(document)?;
        fs::write(&path, with_tables(&text, report).context(document)?).context(document)?;
    }
    Ok(())
}

/// Writes all plots into a folder, which is made.
///
/// # Errors
/// When that cannot be done.
pub fn write_plots(report: &Report, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    for (name, svg) in plots::all(report) {
        let path = folder.join(name);
        fs::write(&path, svg).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// That the documents show the run whose figures lie beside them, all of it and nothing else.
///
/// # Errors
/// What is not so.
pub fn check() -> Result<()> {
    let project = project();
    let report = Report::read(&project.join(FIGURES))?;
    check_report(&report).context(FIGURES)?;
    for document in DOCUMENTS {
        let text = fs::read_to_string(project.join(document)).context(document)?;
        ensure!(
            with_tables(&text, &report).context(document)? == text,
            "{document} does not show the figures of {FIGURES}: `just bench-readme` writes them"
        );
    }
    check_plots(&report)?;
    for (name, svg) in plots::all(&report) {
        let path = project.join(PLOTS).join(&name);
        let text = fs::read_to_string(&path).with_context(|| format!("{PLOTS}/{name}"))?;
        ensure!(text == svg, "{PLOTS}/{name} is of another run");
    }
    Ok(())
}

/// Rounds below which a median says nothing.
const FEWEST_ROUNDS: usize = 3;

/// It was a whole run, and nothing failed.
fn check_report(report: &Report) -> Result<()> {
    ensure!(!report.quick, "a quick run has rough figures");
    ensure!(
        report.rounds >= FEWEST_ROUNDS,
        "{} rounds have no median",
        report.rounds
    );
    ensure!(report.failed.is_empty(), "failed: {:?}", report.failed);
    for row in ROWS {
        let measured = report.measures.iter().any(|it| it.row == row);
        ensure!(measured, "row {row} was not measured");
    }
    Ok(())
}

/// Every plot that the documents show is one of this report.
fn check_plots(report: &Report) -> Result<()> {
    let plots = plots::all(report);
    for document in DOCUMENTS {
        let text = fs::read_to_string(project().join(document)).context(document)?;
        for shown in text.split("(plots/").skip(1) {
            let name = shown.split(')').next().unwrap_or_default();
            ensure!(
                plots.iter().any(|(plot, _)| plot == name),
                "{document} shows the plot {name}, which this run has not"
            );
        }
    }
    Ok(())
}

/// A document with this report's tables between its marks.
///
/// # Errors
/// When a mark is missing or says something else.
pub fn with_tables(document: &str, report: &Report) -> Result<String> {
    let mut text = String::new();
    let mut rest = document;
    let mut tables = 0;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (what, after) = after.split_once(" -->").context("a mark has no end")?;
        let (_, after) = after.split_once(END).context("a table has no end")?;
        text.push_str(before);
        text.push_str(BEGIN);
        text.push_str(what);
        text.push_str(" -->\n");
        text.push_str(&table_of(what, report)?);
        text.push_str(END);
        rest = after;
        tables += 1;
    }
    ensure!(tables > 0, "there is no place for a table");
    text.push_str(rest);
    Ok(text)
}

/// The table that a mark asks for: `heads`, or the rows of a few numbers, whole.
fn table_of(what: &str, report: &Report) -> Result<String> {
    let (rows, whole): (Vec<u32>, bool) = match what.strip_prefix("rows ") {
        Some(rows) => {
            let rows = rows.split(' ').map(str::parse).collect::<Result<_, _>>();
            (
                rows.with_context(|| format!("what rows are {what:?}?"))?,
                true,
            )
        }
        None => {
            ensure!(what == "heads", "what figures are {what:?}?");
            (ROWS.collect(), false)
        }
    };
    let caption = format!(
        "{} on {}. {}.",
        format_args!(
            "Medians of {} rounds, of fewer where one takes long,",
            report.rounds
        ),
        report.day(),
        report.machine.words()
    );
    let table = if whole {
        let of_rows = |it: &&super::measure::Measure| rows.contains(&it.row);
        table::of_measures(report.measures.iter().filter(of_rows))
    } else {
        table::of_heads(report, rows)
    };
    let skipped: String = report
        .skipped
        .iter()
        .map(|it| format!("\nNot measured: {it}.\n"))
        .collect();
    Ok(format!(
        "\n{caption}\n\n{table}{}\n",
        if whole { "" } else { &skipped }
    ))
}

#[cfg(test)]
mod tests {
    use super::{ROWS, check_report, with_tables};
    use crate::figures::machine::Machine;
    use crate::figures::report::{Measure, Report};
    use crate::figures::series::Series;

    fn report() -> Report {
        let measure = |row| {
            let mut measure = Measure::new(row, format!("work {row}"), "µs");
            measure.ours = Series(vec![1.5, 2.5, 2.0]);
            measure
        };
        Report {
            date: "2026-01-31T12:00:00Z".to_owned(),
            machine: Machine {
                processor: "A processor".to_owned(),
                cores: 2,
                memory: 16 << 10,
                kernel: "6.1".to_owned(),
                versions: [("wasmpool".to_owned(), "0.1.0".to_owned())].into(),
            },
            rounds: 3,
            quick: false,
            seconds: 1.0,
            measures: ROWS.map(measure).collect(),
            failed: Vec::new(),
            skipped: vec!["beside loky: it is not installed".to_owned()],
        }
    }

    #[test]
    fn the_table_stands_between_its_marks_and_nothing_else_changes() -> anyhow::Result<()> {
        let document = "before\n<!-- figures: heads -->\nold\n<!-- end of figures -->\nafter\n\
                        <!-- figures: rows 2 7 --><!-- end of figures -->";
        let written = with_tables(document, &report())?;
        assert!(
            written.starts_with("before\n<!-- figures: heads -->\n\nMedians of 3 rounds, of fewer")
        );
        assert!(written.contains("long, on 2026-01-31. A processor, 2 cores"));
        assert!(written.contains("\nafter\n") && !written.contains("old"));
        assert_eq!(written.matches("| work ").count(), ROWS.count() + 2);
        assert_eq!(written.matches("beside loky").count(), 1);
        // Written again it is the same.
        assert_eq!(with_tables(&written, &report())?, written);
        for wrong in [
            "no mark",
            "<!-- figures: heads -->",
            "<!-- figures: all --><!-- end of figures -->",
        ] {
            assert!(with_tables(wrong, &report()).is_err(), "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn what_was_not_measured_is_named_and_what_failed_is_not_shown() -> anyhow::Result<()> {
        let mut report = report();
        report.measures.retain(|it| it.row != 5);
        let written = with_tables("<!-- figures: heads --><!-- end of figures -->", &report)?;
        assert!(written.contains("\n| 5 | not measured |"));
        assert!(check_report(&report).is_err());
        let mut report = self::report();
        assert!(check_report(&report).is_ok());
        report.rounds = 2;
        assert!(check_report(&report).is_err());
        report.rounds = 3;
        report.failed.push((6, "a wrong answer".to_owned()));
        assert!(check_report(&report).is_err());
        Ok(())
    }

    #[test]
    fn a_row_that_misses_an_aim_shows_that_in_its_one_line() -> anyhow::Result<()> {
        let mut report = report();
        let good = report.measures[3].clone().aim_at_most(5.0).head();
        let bad = Measure {
            what: "the bad one".to_owned(),
            ..good.clone().aim_at_most(1.0)
        };
        report.measures.retain(|it| it.row != 4);
        report.measures.extend([good.clone(), bad, good]);
        let written = with_tables("<!-- figures: heads --><!-- end of figures -->", &report)?;
        let line: Vec<&str> = written
            .lines()
            .filter(|it| it.starts_with("| 4 |"))
            .collect();
        assert_eq!(line.len(), 1, "{written}");
        assert!(
            line[0].contains("the bad one") && line[0].contains("3 figures with an aim 1 miss)")
        );
        Ok(())
    }

    #[test]
    fn figures_survive_being_written() -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        report().write(file.path())?;
        assert_eq!(Report::read(file.path())?, report());
        Ok(())
    }
}
