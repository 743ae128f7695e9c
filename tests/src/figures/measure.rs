//! One line of the table: what ours, the floor and the neighbour take, and what was aimed for.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::series::Series;

/// What was measured, round by round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The row that it belongs to.
    pub row: u32,
    /// What was done.
    pub what: String,
    /// The unit of all three.
    pub unit: String,
    /// What the pool takes.
    pub ours: Series,
    /// What the machine allows.
    pub floor: Series,
    /// What the neighbour takes; empty when it is not installed, or has nothing of the kind.
    pub neighbour: Series,
    /// What the floor is, where it is not the row's usual one.
    pub floor_is: Option<String>,
    /// Who the neighbour is, where it is not `multiprocessing`.
    pub beside: Option<String>,
    /// What was aimed for.
    pub aims: Vec<Aim>,
    /// Whether it stands for its row where there is room for one line.
    pub head: bool,
    /// Its place on a curve.
    pub point: Option<Point>,
    /// What has to be said beside it.
    pub notes: Vec<String>,
}

/// A place on a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The curve's name, which is that of its plot.
    pub curve: String,
    /// What ours is called there.
    pub line: String,
    /// What grows, with its unit.
    pub axis: String,
    /// How far it has grown.
    pub x: f64,
}

/// What was aimed for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// At most so many times the floor.
    Floor(f64),
    /// At most so many times the neighbour.
    Neighbour(f64),
    /// At most so much more than the floor.
    Beyond(f64),
    /// At most so much, whatever the others take.
    AtMost(f64),
}

impl Measure {
    /// Nothing measured yet, nothing aimed for.
    #[must_use]
    pub fn new(row: u32, what: String, unit: &str) -> Self {
        Self {
            row,
            what,
            unit: unit.to_owned(),
            ours: Series::default(),
            floor: Series::default(),
            neighbour: Series::default(),
            floor_is: None,
            beside: None,
            aims: Vec::new(),
            head: false,
            point: None,
            notes: Vec::new(),
        }
    }

    /// Aims at ratios to floor and neighbour.
    #[must_use]
    pub fn aim_ratios(mut self, (floor, neighbour): (Option<f64>, Option<f64>)) -> Self {
        self.aims.extend(floor.map(Aim::Floor));
        self.aims.extend(neighbour.map(Aim::Neighbour));
        self
    }

    /// Aims at a difference from the floor.
    #[must_use]
    pub fn aim_beyond(mut self, most: f64) -> Self {
        self.aims.push(Aim::Beyond(most));
        self
    }

    /// Aims at a figure.
    #[must_use]
    pub fn aim_at_most(mut self, most: f64) -> Self {
        self.aims.push(Aim::AtMost(most));
        self
    }

    /// Stands for its row. Several may.
    #[must_use]
    pub fn head(mut self) -> Self {
        self.head = true;
        self
    }

    /// Names the floor.
    #[must_use]
    pub fn floor_is(mut self, what: &str) -> Self {
        self.floor_is = Some(what.to_owned());
        self
    }

    /// Names the neighbour.
    #[must_use]
    pub fn beside(mut self, whom: &str) -> Self {
        self.beside = Some(whom.to_owned());
        self
    }

    /// Has a place on a curve.
    #[must_use]
    pub fn at(mut self, curve: &str, line: &str, axis: &str, x: f64) -> Self {
        self.point = Some(Point {
            curve: curve.to_owned(),
            line: line.to_owned(),
            axis: axis.to_owned(),
            x,
        });
        self
    }

    /// Says something beside the figures; without figures, why there are none.
    #[must_use]
    pub fn note(mut self, what: &str) -> Self {
        self.notes.push(what.to_owned());
        self
    }

    /// The name of the floor.
    #[must_use]
    pub fn floor_name(&self) -> &str {
        self.floor_is.as_deref().unwrap_or("floor")
    }

    /// The name of the neighbour.
    #[must_use]
    pub fn neighbour_name(&self) -> &str {
        self.beside.as_deref().unwrap_or("multiprocessing")
    }

    /// Each aim in words, and whether it is met; `None` when what it compares with was not measured.
    #[must_use]
    pub fn judged(&self) -> Vec<(String, Option<bool>)> {
        let judge = |aim: &Aim| match *aim {
            Aim::Floor(most) => (
                format!("≤ {most} × floor"),
                self.ours.ratio(&self.floor).map(|it| it <= most),
            ),
            Aim::Neighbour(most) => (
                format!("≤ {most} × neighbour"),
                self.ours.ratio(&self.neighbour).map(|it| it <= most),
            ),
            Aim::Beyond(most) => (
                format!("≤ {most} {} beyond floor", self.unit),
                self.ours.beyond(&self.floor).map(|it| it <= most),
            ),
            Aim::AtMost(most) => (
                format!("≤ {most} {}", self.unit),
                self.ours.median().map(|it| it <= most),
            ),
        };
        self.aims.iter().map(judge).collect()
    }

    /// The aims and what came of them, in one line.
    #[must_use]
    pub fn verdict(&self) -> String {
        let words = self.judged().into_iter().map(|(aim, met)| match met {
            Some(true) => format!("{aim}: met"),
            Some(false) => format!("{aim}: missed"),
            None => format!("{aim}: not measured"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// Whether an aim is missed.
    #[must_use]
    pub fn misses(&self) -> bool {
        self.judged().iter().any(|(_, met)| *met == Some(false))
    }

    /// Everything, and what follows from it.
    pub(super) fn json(&self) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(self)?;
        let aims = self.judged().into_iter();
        value["derived"] = json!({
            "ours": self.ours.median(),
            "floor": self.floor.median(),
            "neighbour": self.neighbour.median(),
            "ratio_to_floor": self.ours.ratio(&self.floor),
            "ratio_to_neighbour": self.ours.ratio(&self.neighbour),
            "beyond_floor": self.ours.beyond(&self.floor),
            "aims": aims.map(|(aim, met)| json!({"aim": aim, "met": met})).collect::<Vec<_>>(),
        });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Measure;
    use crate::figures::series::Series;

    #[test]
    fn an_aim_is_met_missed_or_not_measured() {
        let mut measure = Measure::new(1, "work".to_owned(), "µs")
            .aim_ratios((Some(1.5), Some(0.5)))
            .aim_beyond(1.0)
            .aim_at_most(3.0);
        measure.ours = Series(vec![3.0, 3.0, 3.0]);
        measure.floor = Series(vec![2.0, 2.5, 1.0]);
        assert_eq!(
            measure.verdict(),
            "≤ 1.5 × floor: met, ≤ 0.5 × neighbour: not measured, ≤ 1 µs beyond floor: met, ≤ 3 µs: met"
        );
        measure.neighbour = Series(vec![4.0, 4.0, 4.0]);
        measure.floor = Series(vec![1.0, 1.0, 1.0]);
        assert_eq!(
            measure.verdict(),
            "≤ 1.5 × floor: missed, ≤ 0.5 × neighbour: missed, ≤ 1 µs beyond floor: missed, ≤ 3 µs: met"
        );
    }
}
