//! Bytes from strangers never make the readers panic.

use proptest::prelude::*;
use wasmpool_abi::{
    CheckLimits, Codec, PanicReport, Schema, Type,
    section::{self, RecordShape, record_len, write_record},
};

const NODE: Schema = Schema::Struct(
    "Node",
    &[
        ("next", &Schema::Option(&Schema::Rec("Node"))),
        ("tag", &Schema::Str),
    ],
);
const SHAPE: RecordShape = RecordShape {
    name: "task",
    export: "wasmpool.task.task",
    codec: Codec::Postcard,
    args: &[
        &Schema::Tuple(&[&Schema::U8, &Schema::Array(&Schema::F64, 3)]),
        &Schema::Map(&Schema::Str, &Schema::Seq(&NODE)),
    ],
    output: &Schema::Enum(
        "Out",
        &[
            ("A", &Schema::Unit),
            ("B", &Schema::Handle(2, &Schema::Char)),
        ],
    ),
    error: Some(&NODE),
};
const RECORD: [u8; record_len(&SHAPE)] = write_record(&SHAPE);

/// A check against hostile types of hostile bytes has to end, and soon.
const LIMITS: CheckLimits = CheckLimits {
    depth: 64,
    elements: 10_000,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_sections_are_refused_in_peace(bytes in any::<Vec<u8>>()) {
        let _ = section::read(&bytes);
    }

    #[test]
    fn damaged_sections_give_types_that_can_be_used(
        damage in prop::collection::vec((0..RECORD.len(), prop_oneof![0u8..48, any::<u8>()]), 1..4),
        value in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..64),
    ) {
        let mut bytes = RECORD;
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        for task in section::read(&bytes).unwrap_or_default() {
            for ty in task.args.iter().chain([&task.output]).chain(&task.error) {
                let _ = ty.check(&value, &LIMITS);
                prop_assert!(ty.matches(ty));
                prop_assert!(!ty.to_string().chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn panic_reports_come_back(message in any::<String>(), file in "[^\n]+", line in any::<u32>()) {
        let report = PanicReport { message, place: Some((file, line)) };
        prop_assert_eq!(PanicReport::decode(&report.encode()), report);
    }
}

#[test]
fn a_section_cut_anywhere_is_refused() {
    assert_eq!(section::read(&RECORD).unwrap().len(), 1);
    for len in 1..RECORD.len() {
        assert!(section::read(&RECORD[..len]).is_err(), "cut to {len} bytes");
    }
}

#[test]
fn what_was_written_is_what_is_read() {
    let task = section::read(&RECORD).unwrap().remove(0);
    assert!(task.args.iter().map(Type::to_string).eq([
        "(u8, [f64; 3])",
        "Map<String, Vec<Node { next: Option<Node>, tag: String }>>"
    ]));
    assert_eq!(task.output.to_string(), "enum Out { A, B(Array<char>) }");
    assert_eq!(task.error, Some(Type::from(&NODE)));
}
