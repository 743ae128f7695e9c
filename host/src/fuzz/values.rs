//! Results of tasks, messages of queues and arguments of host functions: bytes of a stranger as a value of a type of ours.
//!
//! The walk along the type accepts exactly what decodes, so that nothing is decoded which it has not seen; and what was
//! decoded is the same when it is encoded and decoded again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wasmpool_abi::{Arg, CheckLimits, Receive, Type, check::CheckReason, from_slice, to_vec};

use super::{assert_clean, script::Script};
use crate::{CommandInput, CommandOutput, Typed};

/// A tree: as deep as its bytes say.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, Typed)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

/// An enum of every form, around itself.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, Typed)]
enum Shape {
    Empty,
    Number(i64),
    Pair(u16, Option<char>),
    Named { left: Box<Shape>, weights: [f32; 3] },
    Many(Vec<Shape>),
}

/// Everything that is no block.
type Mixed = (
    (bool, i8, u128, i128),
    Result<Option<Option<()>>, String>,
    BTreeMap<String, BTreeSet<u32>>,
    VecDeque<(u8, char)>,
);

/// Reads one value.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let read = match script.below(12) {
        0 => value::<Tree>,
        1 => value::<Shape>,
        2 => value::<Mixed>,
        3 => value::<Vec<u8>>,
        4 => value::<Vec<f64>>,
        5 => value::<String>,
        6 => value::<Vec<()>>,
        7 => value::<[[u16; 2]; 3]>,
        8 => value::<CommandInput>,
        9 => value::<CommandOutput>,
        10 => value::<Vec<Vec<Option<Vec<i32>>>>>,
        _ => value::<(u64, f32, (i16, Box<i32>))>,
    };
    read(script.rest());
}

fn value<T: Receive + Arg<T>>(bytes: &[u8]) {
    let ty = Type::of::<T>();
    // As deep as the defaults allow, but not as long: elements without bytes take time and nothing else.
    let limits = CheckLimits {
        elements: 1 << 16,
        ..CheckLimits::default()
    };
    if let Err(error) = ty.check(bytes, &limits) {
        assert!(error.offset <= bytes.len());
        assert_clean(&error.to_string());
        match error.reason {
            // Not decoded, whatever it is.
            CheckReason::Depth { .. } | CheckReason::Elements { .. } => {}
            _ => assert!(from_slice::<T>(bytes).is_err(), "{ty}: it decodes"),
        }
        return;
    }
    let value: T = from_slice(bytes).expect("what was looked at decodes");
    let written = to_vec::<T, T>(&value).expect("it encodes");
    // Sets and maps forget what is there twice.
    assert!(written.len() <= bytes.len(), "{ty}: it has grown");
    ty.check(&written, &limits).expect("it is of its type");
    let again: T = from_slice(&written).expect("and decodes");
    assert_eq!(to_vec::<T, T>(&again).as_ref(), Ok(&written));
}
