//! The figures as a table for people and as JSON for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::series::Series;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    row: u32,
    what: String,
    unit: &'static str,
    /// What the pool takes.
    pub(crate) ours: Series,
    /// What the machine allows.
    pub(crate) floor: Series,
    /// What `multiprocessing` takes; empty when it is not installed.
    pub(crate) neighbour: Series,
    /// At most so many times the floor.
    aim_floor: Option<f64>,
    /// At most so many times the neighbour.
    aim_neighbour: Option<f64>,
    /// At most so much more than the floor.
    aim_beyond: Option<f64>,
    /// At most so much, whatever the others take.
    aim_at_most: Option<f64>,
}

impl Measure {
    /// Nothing measured yet, nothing aimed for.
    pub(crate) fn new(row: u32, what: String, unit: &'static str) -> Self {
        Self {
            row,
            what,
            unit,
            ours: Series::default(),
            floor: Series::default(),
            neighbour: Series::default(),
            aim_floor: None,
            aim_neighbour: None,
            aim_beyond: None,
            aim_at_most: None,
        }
    }

    /// Aims at ratios to floor and neighbour.
    pub(crate) fn aim_ratios(mut self, (floor, neighbour): (Option<f64>, Option<f64>)) -> Self {
        self.aim_floor = floor;
        self.aim_neighbour = neighbour;
        self
    }

    /// Aims at a difference from the floor.
    pub(crate) fn aim_beyond(mut self, most: f64) -> Self {
        self.aim_beyond = Some(most);
        self
    }

    /// Aims at a figure.
    pub(crate) fn aim_at_most(mut self, most: f64) -> Self {
        self.aim_at_most = Some(most);
        self
    }

    /// Each aim in words, and whether it is met; `None` when what it compares with was not measured.
    fn aims(&self) -> Vec<(String, Option<bool>)> {
        let ratio = |most: Option<f64>, other: &Series, name: &str| {
            most.map(|most| {
                (
                    format!("≤ {most} × {name}"),
                    self.ours.ratio(other).map(|ratio| ratio <= most),
                )
            })
        };
        let beyond = self.aim_beyond.map(|most| {
            let met = self
                .ours
                .beyond(&self.floor)
                .map(|difference| difference <= most);
            (format!("≤ {most} {} beyond floor", self.unit), met)
        });
        let at_most = self.aim_at_most.map(|most| {
            let met = self.ours.median().map(|median| median <= most);
            (format!("≤ {most} {}", self.unit), met)
        });
        [
            ratio(self.aim_floor, &self.floor, "floor"),
            ratio(self.aim_neighbour, &self.neighbour, "neighbour"),
            beyond,
            at_most,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn json(&self) -> Value {
        let series = |series: &Series| json!({"median": series.median(), "rounds": series.0});
        json!({
            "row": self.row,
            "what": self.what,
            "unit": self.unit,
            "ours": series(&self.ours),
            "floor": series(&self.floor),
            "neighbour": series(&self.neighbour),
            "ratio_to_floor": self.ours.ratio(&self.floor),
            "ratio_to_neighbour": self.ours.ratio(&self.neighbour),
            "beyond_floor": self.ours.beyond(&self.floor),
            "aims": self.aims().into_iter().map(|(aim, met)| json!({"aim": aim, "met": met})).collect::<Vec<_>>(),
        })
    }
}

/// Prints the table.
pub(crate) fn table(measures: &[Measure], rounds: usize) {
    println!("median of {rounds} rounds (smallest – largest)");
    println!(
        "{:>3} {:32} {:>9}  {:<26} {:<26} {:<26} {:>8} {:>8}  aims",
        "row", "what", "unit", "ours", "floor", "neighbour", "×floor", "×neighb."
    );
    for measure in measures {
        let aims: Vec<String> = measure
            .aims()
            .into_iter()
            .map(|(aim, met)| {
                format!(
                    "{aim}: {}",
                    met.map_or("not measured", |met| if met { "met" } else { "missed" })
                )
            })
            .collect();
        println!(
            "{:>3} {:32} {:>9}  {:<26} {:<26} {:<26} {:>8} {:>8}  {}",
            measure.row,
            measure.what,
            measure.unit,
            figure(&measure.ours),
            figure(&measure.floor),
            figure(&measure.neighbour),
            number(measure.ours.ratio(&measure.floor)),
            number(measure.ours.ratio(&measure.neighbour)),
            aims.join(", ")
        );
    }
}

/// Writes the figures of every round.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_json(measures: &[Measure], path: &Path) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let value = json!({
        "cores": cores,
        "measures": measures.iter().map(Measure::json).collect::<Vec<_>>(),
    });
    fs::write(path, serde_json::to_string_pretty(&value)?)
        .with_context(|| format!("failed to write {}", path.display()))
}

fn figure(series: &Series) -> String {
    match series.spread() {
        Some((smallest, largest)) => {
            format!(
                "{} ({} – {})",
                number(series.median()),
                number(Some(smallest)),
                number(Some(largest))
            )
        }
        None => "-".to_owned(),
    }
}

/// Three digits that count, whatever the size.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}
