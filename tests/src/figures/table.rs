//! The figures as a table for people, on a terminal and in Markdown.

use std::fmt::Write;

use super::measure::Measure;
use super::report::Report;
use super::series::Series;

/// The whole report for a terminal.
#[must_use]
pub fn terminal(report: &Report) -> String {
    let widest = report
        .measures
        .iter()
        .map(|it| it.what.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!(
        "{}\n{}\nmedian of {} rounds (smallest – largest), in {:.0} s{}\n",
        report.date,
        report.machine.words(),
        report.rounds,
        report.seconds,
        if report.quick {
            ": a quick look, rough figures"
        } else {
            ""
        }
    );
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{:>3} {:widest$} {:>9}  {:<26} {:<26} {:<26} {:>8} {:>8}  aims",
        "row", "what", "unit", "ours", "floor", "neighbour", "×floor", "×neighb."
    );
    for measure in &report.measures {
        let mut told = vec![measure.verdict()];
        told.extend(measure.floor_is.iter().map(|it| format!("floor: {it}")));
        told.extend(measure.beside.iter().map(|it| format!("beside {it}")));
        told.extend(measure.notes.iter().cloned());
        told.retain(|it| !it.is_empty());
        let _ = writeln!(
            text,
            "{:>3} {:widest$} {:>9}  {:<26} {:<26} {:<26} {:>8} {:>8}  {}",
            measure.row,
            measure.what,
            measure.unit,
            spread(&measure.ours),
            spread(&measure.floor),
            spread(&measure.neighbour),
            number(measure.ours.ratio(&measure.floor)),
            number(measure.ours.ratio(&measure.neighbour)),
            told.join("; ")
        );
    }
    for skipped in &report.skipped {
        let _ = writeln!(text, "skipped: {skipped}");
    }
    for (row, why) in &report.failed {
        let _ = writeln!(text, "FAILED: row {row}: {why}");
    }
    text
}

/// One line for each row, as a table in Markdown: its head figure, or one that misses its aim where there is any, so that no
/// row looks better than it is. A row that was not measured says so.
#[must_use]
pub fn of_heads(report: &Report, rows: impl IntoIterator<Item = u32>) -> String {
    let mut text = HEADER.to_owned();
    for row in rows {
        let of_row = report.measures.iter().filter(|it| it.row == row);
        let missed = of_row.clone().filter(|it| it.misses()).count();
        let judged = of_row.filter(|it| !it.aims.is_empty()).count();
        let heads = report.heads(row);
        let shown = heads.iter().find(|it| it.misses()).or(heads.first());
        let Some(measure) = shown else {
            let _ = writeln!(text, "| {row} | not measured | – | – | – | – | – | |");
            continue;
        };
        let beside = match (missed, judged) {
            (0, _) | (_, 0..=1) => String::new(),
            _ => format!(" (of the row's {judged} figures with an aim {missed} miss)"),
        };
        text.push_str(line(measure).trim_end_matches(" |\n"));
        text.push_str(&beside);
        text.push_str(" |\n");
    }
    text
}

/// These as a table in Markdown.
pub fn of_measures<'a>(measures: impl IntoIterator<Item = &'a Measure>) -> String {
    let mut text = HEADER.to_owned();
    text.extend(measures.into_iter().map(line));
    text
}

const HEADER: &str = "| row | what | wasmpool | floor | neighbour | × floor | × neighbour | aim |
|--:|---|--:|--:|--:|--:|--:|---|
";

fn line(measure: &Measure) -> String {
    let with = |series: &Series, name: &Option<String>| {
        let figure = series.median().map_or("–".to_owned(), |median| {
            format!("{} {}", number(Some(median)), measure.unit)
        });
        match name {
            Some(name) if !series.0.is_empty() => format!("{figure} ({name})"),
            _ => figure,
        }
    };
    let mut what = measure.what.clone();
    for note in &measure.notes {
        what.push_str("; ");
        what.push_str(note);
    }
    format!(
        "| {} | {what} | {} | {} | {} | {} | {} | {} |\n",
        measure.row,
        with(&measure.ours, &None),
        with(&measure.floor, &measure.floor_is),
        with(&measure.neighbour, &measure.beside),
        number(measure.ours.ratio(&measure.floor)),
        number(measure.ours.ratio(&measure.neighbour)),
        measure.verdict()
    )
}

fn spread(series: &Series) -> String {
    match series.spread() {
        Some((smallest, largest)) => {
            format!(
                "{} ({} – {})",
                number(series.median()),
                number(Some(smallest)),
                number(Some(largest))
            )
        }
        None => "–".to_owned(),
    }
}

/// The digits that count, whatever the size.
#[must_use]
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 0.1 || value == 0.0 => format!("{value:.2}"),
        Some(value) if value.abs() >= 0.001 => format!("{value:.4}"),
        Some(value) => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_keep_the_digits_that_count() {
        let shown = [123.4, 12.34, 1.234, 0.1234, 0.0123, 0.000_012].map(|it| number(Some(it)));
        assert_eq!(shown, ["123", "12.3", "1.23", "0.12", "0.0123", "1.2e-5"]);
        assert_eq!(number(None), "–");
    }
}
