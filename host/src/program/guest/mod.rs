//! Guests as projects: `wasmpool new`, `build`, `test` and `dev`. The work of a language is done by its own tools.

mod answer;
mod build;
mod check;
mod dev;
mod found;
mod kit;
mod language;
mod new;
mod project;
mod test;

pub(crate) use build::Build;
pub(crate) use dev::Dev;
pub(crate) use found::{Found, found};
pub(crate) use language::ToolError;
pub(crate) use new::New;
pub(crate) use project::{description, is_project};
pub(crate) use test::Test;
