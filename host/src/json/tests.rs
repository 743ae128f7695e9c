//! The forms of each type, the words of errors, hostile bytes, and the way there and back for generated types.

use std::collections::BTreeMap;

use ::postcard::to_allocvec;
use proptest::{prelude::*, test_runner::TestRng};
use serde::Serialize;
use serde_json::{Value, json};
use wasmpool_abi::Type;

use super::{
    Decoded, JsonError, MAX_DEPTH, encode,
    postcard::{write_block, write_varint, zigzag},
};

fn text(name: &str) -> String {
    name.to_owned()
}

fn seq(inner: Type) -> Type {
    Type::Seq(Box::new(inner))
}

fn option(inner: Type) -> Type {
    Type::Option(Box::new(inner))
}

fn map(key: Type, value: Type) -> Type {
    Type::Map(Box::new(key), Box::new(value))
}

fn point() -> Type {
    Type::Struct(
        text("Point"),
        vec![
            (text("x"), Type::F64),
            (text("y"), Type::F64),
            (text("name"), option(Type::Str)),
        ],
    )
}

fn shape() -> Type {
    Type::Enum(
        text("Shape"),
        vec![
            (text("Empty"), Type::Unit),
            (text("Dot"), point()),
            (text("Box"), Type::Tuple(vec![Type::F64, Type::F64])),
            (
                text("Both"),
                Type::Tuple(vec![Type::Rec(text("Shape")), Type::Rec(text("Shape"))]),
            ),
        ],
    )
}

fn decode(ty: &Type, bytes: &[u8]) -> Result<Value, JsonError> {
    Decoded::new(ty, bytes).to_value()
}

fn words(ty: &Type, json: &Value) -> String {
    encode(ty, json).expect_err("it does not fit").to_string()
}

#[derive(Serialize)]
struct Point {
    x: f64,
    y: f64,
    name: Option<String>,
}

#[derive(Serialize)]
enum Shape {
    Empty,
    Dot(Point),
    Box(f64, f64),
    Both(Box<Shape>, Box<Shape>),
}

/// serde is the judge: JSON and bytes of one value must be each other's translation.
fn same_as_serde(ty: &Type, value: &impl Serialize) {
    let (json, bytes) = (
        serde_json::to_value(value).unwrap(),
        to_allocvec(value).unwrap(),
    );
    assert_eq!(encode(ty, &json), Ok(bytes.clone()), "{json}");
    assert_eq!(decode(ty, &bytes), Ok(json));
}

#[test]
fn forms_are_those_of_serde() {
    let dot = || {
        Shape::Dot(Point {
            x: 0.5,
            y: -0.0,
            name: None,
        })
    };
    same_as_serde(&shape(), &Shape::Empty);
    same_as_serde(&shape(), &dot());
    same_as_serde(
        &shape(),
        &Shape::Both(Box::new(Shape::Box(1.0, 2.0)), Box::new(dot())),
    );
    same_as_serde(&Type::Unit, &());
    same_as_serde(&seq(Type::I64), &vec![i64::MIN, -1, 0, i64::MAX]);
    same_as_serde(
        &Type::Tuple(vec![Type::U64, Type::I8, Type::U8, Type::U16]),
        &(u64::MAX, -128_i8, 255_u8, 65535_u16),
    );
    same_as_serde(
        &Type::Tuple(vec![Type::I16, Type::I32, Type::U32]),
        &(i16::MIN, i32::MIN, u32::MAX),
    );
    same_as_serde(
        &Type::Tuple(vec![Type::Bool, Type::Char, Type::Str]),
        &(true, 'ß', "a\"\n\u{1F980}"),
    );
    same_as_serde(
        &Type::Tuple(vec![Type::I128, Type::U128]),
        &(-5_i128, 7_u128),
    );
    same_as_serde(
        &map(Type::Str, seq(Type::Bool)),
        &BTreeMap::from([("a", vec![true]), ("b", vec![])]),
    );
    same_as_serde(&map(Type::I32, Type::Str), &BTreeMap::from([(-7, "x")]));
    same_as_serde(&Type::Array(Box::new(Type::U32), 3), &[1_u32, 2, 3]);
    same_as_serde(&option(Type::F32), &Some(1.5_f32));
}

#[test]
fn bytes_are_an_array_or_base64_and_printed_as_base64() {
    let ty = seq(Type::U8);
    let bytes = to_allocvec(&vec![1_u8, 2, 255]).unwrap();
    assert_eq!(encode(&ty, &json!([1, 2, 255])), Ok(bytes.clone()));
    assert_eq!(encode(&ty, &json!({"base64": "AQL/"})), Ok(bytes.clone()));
    assert_eq!(decode(&ty, &bytes), Ok(json!({"base64": "AQL/"})));
    let fixed = Type::Array(Box::new(Type::U8), 3);
    assert_eq!(
        encode(&fixed, &json!({"base64": "AQL/"})),
        Ok(vec![1, 2, 255])
    );
    assert_eq!(
        words(&fixed, &json!([1])),
        "$: expected 3 bytes, found 1 bytes"
    );
    assert_eq!(
        words(&ty, &json!([1, 256])),
        "$[1]: expected a whole number from 0 to 255 (u8), found 256"
    );
    assert!(words(&ty, &json!({"base64": "A"})).starts_with("$.base64: not base64: "));
    assert_eq!(
        words(&ty, &json!("text")),
        "$: expected bytes (an array of numbers from 0 to 255, or {\"base64\": \"…\"}), found \"text\""
    );
}

#[test]
fn wide_integers_are_exact() {
    for value in [0, 1, u64::MAX.into(), u128::from(u64::MAX) + 1, u128::MAX] {
        let bytes = to_allocvec(&value).unwrap();
        let json = decode(&Type::U128, &bytes).unwrap();
        assert_eq!(json.is_string(), value > u64::MAX.into());
        assert_eq!(encode(&Type::U128, &json), Ok(bytes), "{value}");
    }
    for value in [
        i128::MIN,
        i64::MIN.into(),
        -1,
        i64::MAX.into(),
        u64::MAX.into(),
        i128::MAX,
    ] {
        let bytes = to_allocvec(&value).unwrap();
        assert_eq!(
            encode(&Type::I128, &decode(&Type::I128, &bytes).unwrap()),
            Ok(bytes),
            "{value}"
        );
    }
    assert!(
        words(&Type::U64, &json!("1")).contains("found \"1\""),
        "digits in strings are for 128 bits"
    );
    assert_eq!(
        words(&Type::U32, &json!(-1)),
        "$: expected a whole number from 0 to 4294967295 (u32), found -1"
    );
    assert_eq!(
        words(&Type::U32, &json!(1.0)),
        "$: expected a whole number from 0 to 4294967295 (u32), found 1.0"
    );
    assert!(
        encode(
            &Type::U64,
            &serde_json::from_str("18446744073709551616").unwrap()
        )
        .is_err(),
        "one too many"
    );
}

#[test]
fn floats_keep_what_they_are() {
    for (value, json) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        let bytes = value.to_le_bytes();
        assert_eq!(decode(&Type::F64, &bytes), Ok(json!(json)));
        assert_eq!(encode(&Type::F64, &json!(json)), Ok(bytes.to_vec()));
    }
    assert_eq!(
        decode(&Type::F32, &0.1_f32.to_le_bytes())
            .unwrap()
            .to_string(),
        "0.1"
    );
    assert_eq!(
        decode(&Type::F64, &(-0.0_f64).to_le_bytes())
            .unwrap()
            .to_string(),
        "-0.0"
    );
    assert_eq!(
        encode(&Type::F64, &json!(3)),
        Ok(3.0_f64.to_le_bytes().to_vec())
    );
    assert_eq!(
        words(&Type::F32, &json!(1e300)),
        "$: expected a number within the range of f32, found 1e+300"
    );
    assert_eq!(
        words(&Type::F64, &json!("1.0")),
        "$: expected a number, found \"1.0\""
    );
}

#[test]
fn an_option_of_what_may_be_null_is_told_apart() {
    let ty = option(option(Type::U8));
    for (json, bytes) in [
        (json!(null), vec![0]),
        (json!({"some": null}), vec![1, 0]),
        (json!({"some": 7}), vec![1, 1, 7]),
    ] {
        assert_eq!(encode(&ty, &json), Ok(bytes.clone()));
        assert_eq!(decode(&ty, &bytes), Ok(json));
    }
    assert_eq!(
        words(&ty, &json!(7)),
        "$: expected null or {\"some\": …}, found 7"
    );
}

#[test]
fn keys_that_are_no_text_make_pairs() {
    let ty = map(Type::Tuple(vec![Type::U8, Type::U8]), Type::Bool);
    let bytes = vec![1, 2, 3, 1];
    assert_eq!(encode(&ty, &json!([[[2, 3], true]])), Ok(bytes.clone()));
    assert_eq!(decode(&ty, &bytes), Ok(json!([[[2, 3], true]])));
    let plain = Type::Enum(
        text("Colour"),
        vec![(text("Red"), Type::Unit), (text("Blue"), Type::Unit)],
    );
    assert_eq!(
        encode(&map(plain.clone(), Type::U8), &json!({"Blue": 1})),
        Ok(vec![1, 1, 1])
    );
    assert_eq!(
        decode(&map(plain.clone(), Type::U8), &[1, 0, 9]),
        Ok(json!({"Red": 9}))
    );
    assert_eq!(
        words(&map(plain, Type::U8), &json!({"Green": 1})),
        "$.Green: unknown variant `Green`, expected `Red`, `Blue`"
    );
    assert_eq!(
        words(&map(Type::U8, Type::U8), &json!({"x": 1})),
        "$.x: expected a key that is a whole number from 0 to 255 (u8), found \"x\""
    );
}

#[test]
fn errors_say_where() {
    let ty = Type::Tuple(vec![
        Type::Str,
        Type::Struct(text("Path"), vec![(text("points"), seq(point()))]),
    ]);
    let with = |x: Value| json!(["a", {"points": [{"x": 1, "y": 2}, {"x": x, "y": 2}]}]);
    assert!(encode(&ty, &with(json!(1))).is_ok());
    assert_eq!(
        words(&ty, &with(json!("a"))),
        "$[1].points[1].x: expected a number, found \"a\""
    );
    assert_eq!(
        words(&ty, &json!(["a"])),
        "$: expected an array of 2, found an array of 1"
    );
    assert_eq!(words(&point(), &json!({"x": 1})), "$: missing field `y`");
    assert_eq!(
        words(&point(), &json!({"x": 1, "y": 2, "z": 3})),
        "$: unknown field `z`, expected `x`, `y`, `name`"
    );
    assert_eq!(
        words(&point(), &json!([1, 2])),
        "$: expected an object with `x`, `y`, `name`, found an array of 2"
    );
    assert_eq!(
        words(&shape(), &json!("Cube")),
        "$: unknown variant `Cube`, expected `Empty`, `Dot`, `Box`, `Both`"
    );
    assert_eq!(
        words(&shape(), &json!({"Box": [1, null]})),
        "$.Box[1]: expected a number, found null"
    );
    assert!(words(&shape(), &json!("Box")).contains("without its payload"));
    assert_eq!(
        words(&map(Type::Str, Type::U8), &json!({"a b": true})),
        "$[\"a b\"]: expected a whole number from 0 to 255 (u8), found true"
    );
    let obeyed = decode(&map(Type::Str, Type::Bool), b"\x01\x04a\xc2\x9bb\x02");
    assert_eq!(
        obeyed.expect_err("2 is no boolean").to_string(),
        "$[\"a\\u009bb\"]: a boolean is neither 0 nor 1, at byte 7"
    );
    let long = "x".repeat(1000);
    assert!(words(&Type::U8, &json!(long)).len() < 200);
}

#[test]
fn fields_come_in_the_order_of_the_type() {
    let ty = Type::Struct(
        text("Z"),
        vec![(text("b"), Type::U8), (text("a"), Type::U8)],
    );
    let mut out = Vec::new();
    Decoded::new(&ty, &[1, 2]).append_to(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"b":1,"a":2}"#);
}

#[test]
fn hostile_bytes_are_errors() {
    let list = Type::Enum(
        text("List"),
        vec![
            (text("End"), Type::Unit),
            (text("Next"), Type::Rec(text("List"))),
        ],
    );
    // Deep enough to overflow any stack if it were followed.
    assert_eq!(decode(&list, &vec![1; 4 << 20]), Err(JsonError::TooDeep));
    let mut fits = vec![1; MAX_DEPTH];
    fits.push(0);
    let json = decode(&list, &fits).unwrap();
    assert_eq!(encode(&list, &json), Ok(fits.clone()));
    let again: Value = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(again, json, "what is printed can be read back");
    fits.insert(0, 1);
    assert_eq!(decode(&list, &fits), Err(JsonError::TooDeep));
    // What stands at the end counts as well, when it holds something.
    for (end, bytes) in [
        (seq(Type::U8), vec![1, 7]),
        (seq(Type::Bool), vec![1, 1]),
        (Type::Tuple(vec![Type::U8]), vec![7]),
        (map(Type::Str, Type::U8), vec![0]),
        (option(option(Type::U8)), vec![1, 0]),
        (point(), vec![0; 17]),
    ] {
        let variants = vec![(text("End"), end), (text("Next"), Type::Rec(text("List")))];
        let list = Type::Enum(text("List"), variants);
        for (next, fits) in [(MAX_DEPTH - 2, true), (MAX_DEPTH - 1, false)] {
            let json = decode(&list, &[&vec![1; next][..], &[0], &bytes].concat());
            let Ok(json) = json else {
                assert_eq!((json, fits), (Err(JsonError::TooDeep), false));
                continue;
            };
            assert!(fits, "{list}");
            let again: Value = serde_json::from_str(&json.to_string()).unwrap();
            assert_eq!(again, json, "what is printed can be read back");
        }
    }
    let endless = Type::Struct(text("A"), vec![(text("a"), Type::Rec(text("A")))]);
    assert_eq!(decode(&endless, &[]), Err(JsonError::TooDeep));

    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(
        decode(&seq(Type::Unit), &huge),
        Err(JsonError::TooManyEmpty)
    );
    assert_eq!(
        decode(&seq(Type::Tuple(vec![])), &huge),
        Err(JsonError::TooManyEmpty)
    );
    assert_eq!(
        decode(&Type::Array(Box::new(Type::Unit), u64::MAX), &[]),
        Err(JsonError::TooManyEmpty)
    );
    for ty in [
        Type::Str,
        seq(Type::U8),
        seq(Type::F64),
        map(Type::Str, Type::U8),
        map(Type::F32, Type::U8),
    ] {
        assert!(
            matches!(decode(&ty, &huge), Err(JsonError::Bytes { .. })),
            "{ty}"
        );
    }
    for (ty, bytes) in [
        (Type::Bool, &[2][..]),
        (Type::U16, &[0xff, 0xff, 0x04]),
        (
            Type::U64,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        ),
        (Type::U8, &[]),
        (Type::U8, &[1, 2]),
        (Type::Str, &[1, 0xff]),
        (Type::Char, &[2, b'a', b'b']),
        (Type::Char, &[0]),
        (option(Type::U8), &[2, 0]),
        (shape(), &[9]),
        (Type::F64, &[0, 0]),
    ] {
        assert!(
            matches!(decode(&ty, bytes), Err(JsonError::Bytes { .. })),
            "{ty} {bytes:?}"
        );
    }
    assert!(matches!(
        decode(&Type::Rec(text("X")), &[0]),
        Err(JsonError::Unbound { .. })
    ));
    assert!(matches!(
        decode(&Type::Handle(1, Box::new(Type::U8)), &[0]),
        Err(JsonError::Handle { .. })
    ));
}

/// Types of all kinds; recursion and handles have tests of their own.
fn types() -> impl Strategy<Value = Type> {
    let leaf = prop::sample::select(vec![
        Type::Unit,
        Type::Bool,
        Type::U8,
        Type::U16,
        Type::U32,
        Type::U64,
        Type::U128,
        Type::I8,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::I128,
        Type::F32,
        Type::F64,
        Type::Char,
        Type::Str,
    ]);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let named = |prefix: &'static str, types: Vec<Type>| -> Vec<(String, Type)> {
            types
                .into_iter()
                .enumerate()
                .map(|(index, ty)| (format!("{prefix}{index}"), ty))
                .collect()
        };
        let several = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            inner.clone().prop_map(option),
            inner.clone().prop_map(seq),
            (inner.clone(), 0..4_u64).prop_map(|(ty, len)| Type::Array(Box::new(ty), len)),
            (inner.clone(), inner).prop_map(|(key, value)| map(key, value)),
            several.clone().prop_map(Type::Tuple),
            several
                .clone()
                .prop_map(move |types| Type::Struct(text("S"), named("field ", types))),
            several
                .prop_filter("an enum has variants", |types| !types.is_empty())
                .prop_map(move |types| Type::Enum(text("E"), named("V", types))),
        ]
    })
}

/// Bytes of some value of the type.
fn some_bytes(ty: &Type, random: &mut TestRng, out: &mut Vec<u8>) {
    let number = |random: &mut TestRng, bits: u32| {
        let wide = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
        // Small, middling and extreme ones all occur.
        wide >> (128 - random.next_u32() % (bits + 1)).min(127)
    };
    let signed = |random: &mut TestRng, bits: u32| {
        let magnitude = number(random, bits - 1).cast_signed();
        zigzag(if random.next_u32().is_multiple_of(2) {
            magnitude
        } else {
            !magnitude
        })
    };
    match ty {
        Type::Unit | Type::Rec(_) | Type::Handle(..) => {}
        Type::Bool => out.push(u8::from(random.next_u32().is_multiple_of(2))),
        Type::U8 | Type::I8 => out.push(random.next_u32().to_le_bytes()[0]),
        Type::U16 => write_varint(out, number(random, 16)),
        Type::U32 => write_varint(out, number(random, 32)),
        Type::U64 => write_varint(out, number(random, 64)),
        Type::U128 => write_varint(out, number(random, 128)),
        Type::I16 => write_varint(out, signed(random, 16)),
        Type::I32 => write_varint(out, signed(random, 32)),
        Type::I64 => write_varint(out, signed(random, 64)),
        Type::I128 => write_varint(out, signed(random, 128)),
        Type::F32 => {
            let value = f32::from_bits(random.next_u32());
            out.extend_from_slice(&if value.is_nan() { f32::NAN } else { value }.to_le_bytes());
        }
        Type::F64 => {
            let value = f64::from_bits(random.next_u64());
            out.extend_from_slice(&if value.is_nan() { f64::NAN } else { value }.to_le_bytes());
        }
        Type::Char => {
            let one = char::from_u32(random.next_u32() % 0x11_0000).unwrap_or('\u{1F980}');
            write_block(out, one.to_string().as_bytes());
        }
        Type::Str => {
            let len = random.next_u32() % 6;
            let text: String = (0..len)
                .map(|_| char::from_u32(random.next_u32() % 0x300).unwrap_or('x'))
                .collect();
            write_block(out, text.as_bytes());
        }
        Type::Option(inner) => {
            let some = random.next_u32().is_multiple_of(2);
            out.push(u8::from(some));
            if some {
                some_bytes(inner, random, out);
            }
        }
        Type::Seq(inner) => {
            let len = random.next_u32() % 4;
            write_varint(out, len.into());
            (0..len).for_each(|_| some_bytes(inner, random, out));
        }
        Type::Array(inner, len) => (0..*len).for_each(|_| some_bytes(inner, random, out)),
        Type::Map(key, value) => {
            // At most one entry: JSON objects forget their order, and equal keys.
            let len = random.next_u32() % 2;
            write_varint(out, len.into());
            for _ in 0..len {
                some_bytes(key, random, out);
                some_bytes(value, random, out);
            }
        }
        Type::Tuple(parts) => parts.iter().for_each(|part| some_bytes(part, random, out)),
        Type::Struct(_, fields) => fields
            .iter()
            .for_each(|(_, field)| some_bytes(field, random, out)),
        Type::Enum(_, variants) => {
            let index = random.next_u32() as usize % variants.len();
            write_varint(out, index as u128);
            some_bytes(&variants[index].1, random, out);
        }
    }
}

proptest! {
    #[test]
    fn there_and_back_is_the_identity(
        (ty, bytes) in types().prop_perturb(|ty, mut random| {
            let mut bytes = Vec::new();
            some_bytes(&ty, &mut random, &mut bytes);
            (ty, bytes)
        })
    ) {
        let json = decode(&ty, &bytes).expect("the bytes are of this type");
        let mut written = Vec::new();
        Decoded::new(&ty, &bytes).append_to(&mut written).expect("they are written");
        let read: Value = serde_json::from_slice(&written).expect("it is JSON");
        prop_assert_eq!(&read, &json);
        prop_assert_eq!(encode(&ty, &read).expect("it fits the type"), bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(ty in types(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _checked = decode(&ty, &bytes);
    }
}
