//! Puts, gets, sends and receives in every way.

pub mod imports;
pub mod pipes;
pub mod queues;
pub mod streams;

pub use imports::Import;
pub use pipes::{Answer, Poke};
pub use queues::{Numbered, Seen};
