//! Which plots there are.

use super::ROWS;
use super::measure::Measure;
use super::report::Report;
use super::series::Series;
use super::svg::{self, Line};

/// All plots of a report: the name of a file, and what belongs into it.
#[must_use]
pub fn all(report: &Report) -> Vec<(String, String)> {
    let mut names: Vec<&str> = Vec::new();
    for point in report.measures.iter().filter_map(|it| it.point.as_ref()) {
        if !names.contains(&point.curve.as_str()) {
            names.push(&point.curve);
        }
    }
    let curves = names
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), curve(report, name)?)));
    ratios(report)
        .map(|svg| ("ratios".to_owned(), svg))
        .into_iter()
        .chain(curves)
        .map(|(name, svg)| (format!("{}.svg", name.replace(' ', "-")), svg))
        .collect()
}

/// What stands for each row, as a multiple of floor and neighbour.
fn ratios(report: &Report) -> Option<String> {
    let rows: Vec<_> = ROWS
        .flat_map(|row| report.heads(row))
        .map(|it| {
            let ratios = vec![it.ours.ratio(&it.floor), it.ours.ratio(&it.neighbour)];
            (format!("{}  {}", it.row, it.what), ratios)
        })
        .filter(|(_, ratios)| ratios.iter().any(Option::is_some))
        .collect();
    let names = ["× floor", "× neighbour (left of the line: faster)"];
    svg::marks("What wasmpool takes, as a multiple", &names, &rows)
}

/// The lines of one curve: ours by their names, and what floor and neighbour take in the same places.
fn curve(report: &Report, name: &str) -> Option<String> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |name: &str, x: f64, series: &Series| {
        let Some(y) = series.median() else { return };
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push((x, y)),
            None => lines.push(Line {
                name: name.to_owned(),
                points: vec![(x, y)],
            }),
        }
    };
    let mut axes = None;
    let of_curve = |it: &&Measure| it.point.as_ref().is_some_and(|point| point.curve == name);
    for measure in report.measures.iter().filter(of_curve) {
        let Some(point) = &measure.point else {
            continue;
        };
        axes.get_or_insert((point.axis.as_str(), measure.unit.as_str()));
        add(&point.line, point.x, &measure.ours);
        add(measure.floor_name(), point.x, &measure.floor);
        add(measure.neighbour_name(), point.x, &measure.neighbour);
    }
    let (across, up) = axes?;
    svg::lines(&capital(name), across, up, &lines)
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
