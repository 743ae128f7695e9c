//! The program `wasmpool`: one file for each subcommand, and what they share. It uses nothing of the library but what
//! is public.

pub(crate) mod failure;
pub(crate) mod file_size;
pub(crate) mod options;
pub(crate) mod report;

mod advice;
mod call;
mod callee;
mod completions;
mod cpu;
mod doctor;
mod grants;
mod guest;
mod input;
mod inspect;
mod interrupt;
mod map;
mod notice;
mod pack;
mod run;
mod settings;
mod snapshot;
