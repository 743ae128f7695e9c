//! What the bench has measured: judged, and shown as a table, as plots and in the documents.
//!
//! It measures nothing. It is part of the library so that a test can hold the documents against the figures they show.

pub mod documents;
pub mod machine;
pub mod measure;
pub mod plots;
pub mod report;
pub mod series;
pub mod straight;
mod svg;
pub mod table;

/// The rows that there are.
pub const ROWS: std::ops::RangeInclusive<u32> = 1..=19;
