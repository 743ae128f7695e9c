//! Golden bytes of the section, and hostile ones.

use alloc::{borrow::ToOwned, string::ToString, vec, vec::Vec};

use super::*;
use crate::{Schema, Typed};

const EMPTY: RecordShape = RecordShape {
    name: "t",
    export: "e",
    codec: Codec::Postcard,
    args: &[],
    output: &Schema::Unit,
    error: None,
};

/// `EMPTY` with other bytes after the export.
fn record(tail: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0, 1, b't', 1, b'e'];
    body.extend_from_slice(tail);
    let mut record = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    record.extend(body);
    record
}

fn with_output(ty: &[u8]) -> Vec<u8> {
    record(&[&[0], ty, &[0]].concat())
}

#[test]
fn golden_bytes_of_a_record() {
    const MD5: RecordShape = RecordShape {
        name: "md5",
        export: "wasmpool.task.md5",
        codec: Codec::Json,
        args: &[&<Vec<u8> as Typed>::SCHEMA, &Schema::F64],
        output: &Schema::Str,
        error: Some(&Schema::U16),
    };
    const BYTES: [u8; record_len(&MD5)] = write_record(&MD5);
    let mut expected = b"\x1f\0\0\0\x01\x01\x03md5\x11wasmpool.task.md5".to_vec();
    expected.extend([2, 33, 2, 13, 15, 1, 3]);
    assert_eq!(BYTES.as_slice(), expected);
    assert_eq!(
        read(&BYTES).unwrap(),
        [TaskDecl {
            name: "md5".to_owned(),
            export: "wasmpool.task.md5".to_owned(),
            codec: Codec::Json,
            args: vec![Type::of::<Vec<u8>>(), Type::F64],
            output: Type::Str,
            error: Some(Type::U16),
        }]
    );
}

#[test]
fn golden_bytes_of_every_type() {
    const NODE: Schema = Schema::Struct("N", &[("next", &Schema::Option(&Schema::Rec("N")))]);
    const KIND: Schema = Schema::Enum("K", &[("A", &Schema::Unit), ("B", &Schema::Bool)]);
    macro_rules! golden {
        ($($schema:expr => [$($byte:expr),+];)+) => {$({
            const SHAPE: RecordShape = RecordShape { output: &$schema, ..EMPTY };
            const BYTES: [u8; record_len(&SHAPE)] = write_record(&SHAPE);
            assert_eq!(BYTES.as_slice(), with_output(&[$($byte),+]));
            assert_eq!(read(&BYTES).unwrap()[0].output, Type::from(&$schema));
        })+};
    }
    golden! {
        Schema::Unit => [0]; Schema::Bool => [1];
        Schema::U8 => [2]; Schema::U16 => [3]; Schema::U32 => [4]; Schema::U64 => [5]; Schema::U128 => [6];
        Schema::I8 => [7]; Schema::I16 => [8]; Schema::I32 => [9]; Schema::I64 => [10]; Schema::I128 => [11];
        Schema::F32 => [12]; Schema::F64 => [13]; Schema::Char => [14]; Schema::Str => [15];
        Schema::Option(&Schema::U8) => [32, 2];
        Schema::Seq(&Schema::U8) => [33, 2];
        Schema::Array(&Schema::U8, 258) => [34, 2, 1, 0, 0, 2];
        Schema::Map(&Schema::Str, &Schema::U8) => [35, 15, 2];
        Schema::Tuple(&[&Schema::Str, &Schema::U8]) => [36, 2, 0, 15, 2];
        NODE => [37, 1, b'N', 1, 0, 4, b'n', b'e', b'x', b't', 32, 40, 1, b'N'];
        KIND => [38, 1, b'K', 2, 0, 1, b'A', 0, 1, b'B', 1];
        Schema::Handle(3, &Schema::F64) => [39, 3, 13];
    }
}

#[test]
fn records_of_several_objects_follow_each_other() {
    const FIRST: [u8; record_len(&EMPTY)] = write_record(&EMPTY);
    const SHAPE: RecordShape = RecordShape {
        name: "second",
        ..EMPTY
    };
    const SECOND: [u8; record_len(&SHAPE)] = write_record(&SHAPE);
    let names: Vec<_> = read(&[&FIRST[..], &SECOND].concat())
        .unwrap()
        .into_iter()
        .map(|task| task.name)
        .collect();
    assert_eq!(names, ["t", "second"]);
    let twice = read(&[FIRST, FIRST].concat());
    assert_eq!(
        twice,
        Err(SectionError::Duplicate {
            name: "t".to_owned()
        })
    );
    assert_eq!(read(&[]), Ok(vec![]));
}

#[test]
fn each_lie_has_its_error() {
    let refused = |bytes: &[u8]| read(bytes).unwrap_err();
    assert_eq!(refused(&[5]), SectionError::Truncated);
    assert_eq!(refused(&[0xff; 4]), SectionError::Truncated);
    assert_eq!(
        refused(&with_output(&[200])),
        SectionError::Tag { tag: 200 }
    );
    assert_eq!(
        refused(&record(&[0, 0, 0, 9])),
        SectionError::Trailing { left: 1 }
    );
    assert_eq!(refused(&record(&[0, 0, 2])), SectionError::Tag { tag: 2 });
    assert_eq!(
        refused(&with_output(&[40, 1, b'N'])),
        SectionError::Unbound {
            name: "N".to_owned()
        }
    );
    assert_eq!(
        refused(&with_output(&[33; MAX_TYPE_DEPTH + 1])),
        SectionError::TooDeep {
            limit: MAX_TYPE_DEPTH
        }
    );
    assert_eq!(
        refused(&with_output(&[37, 1, 0x1b, 0, 0])),
        SectionError::Name
    );
    assert_eq!(
        refused(&vec![0; MAX_SECTION + 1]).to_string(),
        "1048577 bytes where 1048576 are allowed"
    );

    let mut old = with_output(&[0]);
    old[4] = 9;
    assert_eq!(
        refused(&old),
        SectionError::Version {
            found: 9,
            supported: 1
        }
    );
    let mut codec = with_output(&[0]);
    codec[5] = 7;
    assert_eq!(refused(&codec), SectionError::Codec { number: 7 });
}

#[test]
fn a_crowd_of_types_is_refused() {
    let mut units = vec![36, 0xff, 0xff];
    units.resize(3 + usize::from(u16::MAX), 0);
    let one = with_output(&units);
    assert_eq!(read(&one).map(|tasks| tasks.len()), Ok(1));
    let mut other = one.clone();
    other[7] = b'u';
    assert_eq!(
        read(&[one, other].concat()),
        Err(SectionError::TooManyTypes { limit: MAX_TYPES })
    );
}

#[test]
fn a_type_alone_comes_back_as_it_was() {
    type Mixed = (Vec<(u8, Option<f64>)>, [char; 3], Result<(), i128>);
    let bytes = type_bytes(&Mixed::SCHEMA);
    assert_eq!(read_type(&bytes), Ok(Type::of::<Mixed>()));
    for end in 0..bytes.len() {
        assert!(read_type(&bytes[..end]).is_err(), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(read_type(&longer), Err(SectionError::Trailing { left: 1 }));
}

#[test]
fn what_is_written_at_run_time_is_what_the_macro_writes() {
    const NODE: Schema = Schema::Struct("N", &[("next", &Schema::Option(&Schema::Rec("N")))]);
    const KIND: Schema = Schema::Enum("K", &[("A", &Schema::Unit), ("B", &NODE)]);
    const SHAPE: RecordShape = RecordShape {
        codec: Codec::Json,
        args: &[
            &KIND,
            &Schema::Array(&Schema::U8, 258),
            &Schema::Map(&Schema::Str, &Schema::Tuple(&[&Schema::F64, &Schema::I128])),
            &Schema::Handle(3, &Schema::Seq(&Schema::Char)),
        ],
        error: Some(&Schema::U16),
        ..EMPTY
    };
    const BYTES: [u8; record_len(&SHAPE)] = write_record(&SHAPE);
    let tasks = read(&BYTES).unwrap();
    assert_eq!(write(&tasks).unwrap(), BYTES);
}

#[test]
fn what_would_be_refused_is_not_written() {
    let task = TaskDecl {
        name: "t".to_owned(),
        export: "e".to_owned(),
        codec: Codec::Raw,
        args: vec![],
        output: Type::Unit,
        error: None,
    };
    let with = |change: &dyn Fn(&mut TaskDecl)| {
        let mut changed = task.clone();
        change(&mut changed);
        write(&[changed])
    };
    assert!(with(&|_| ()).is_ok());
    let long = with(&|task| task.name = "x".repeat(256));
    assert_eq!(long, Err(SectionError::LongName { limit: 255 }));
    let many = with(&|task| task.args = vec![Type::Unit; 256]);
    assert_eq!(many, Err(SectionError::TooManyArguments { limit: 255 }));
    let unbound = with(&|task| task.output = Type::Rec("N".to_owned()));
    let name = "N".to_owned();
    assert_eq!(unbound, Err(SectionError::Unbound { name }));
    assert_eq!(with(&|task| task.name.clear()), Err(SectionError::Name));
}
