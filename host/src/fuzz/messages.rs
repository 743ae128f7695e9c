//! The short messages on sockets: a worker's notices, a compiler's reply, and the words of launcher and zygote.
//!
//! What decodes means the same when it is encoded again, and has nothing in it that obeys its sender when it is printed.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use super::{assert_clean, script::Script};
use crate::{
    jail::wall::{self, Jail, Policy, Wall},
    pool::loading::unable,
    supervisor::protocol::ZygoteReply,
    wire::message::{CompileReply, Notice},
};

/// Reads one message.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    match script.below(3) {
        0 => drop(read::<Notice>(script.rest())),
        1 => match read(script.rest()) {
            Some(CompileReply::Refused(refusal)) => assert_clean(&refusal.cleaned().to_string()),
            Some(CompileReply::Unable(why)) => assert_clean(&unable(why)),
            Some(CompileReply::Done) | None => {}
        },
        _ => zygote(script.rest()),
    }
}

fn read<T: Debug + PartialEq + Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = postcard::from_bytes(bytes).ok()?;
    let written = postcard::to_allocvec(&value).expect("it encodes");
    assert_eq!(postcard::from_bytes::<T>(&written).as_ref(), Ok(&value));
    Some(value)
}

fn zygote(bytes: &[u8]) {
    match read(bytes) {
        Some(ZygoteReply::Ready { walls }) => {
            for jail in [Jail::Off, Jail::Default, Jail::Strict] {
                let policy = Policy::of(jail);
                let report = wall::report(&walls, &policy);
                assert!(report.iter().map(|line| line.wall).eq(Wall::ALL));
                let missing = wall::check(&walls, &policy);
                assert!(jail != Jail::Off || missing.is_ok());
            }
        }
        Some(ZygoteReply::Exited { exit, .. }) => assert_clean(&exit.to_string()),
        _ => {}
    }
}
