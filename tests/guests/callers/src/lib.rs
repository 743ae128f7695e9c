//! Tasks that ask the host for something: a manager's objects, and functions of the embedding program.

pub mod forged;
pub mod functions;
pub mod objects;
