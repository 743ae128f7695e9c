//! The codec against postcard itself, on types of every shape: same bytes, same values, same refusals.
#![cfg(feature = "std")]

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
};

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasmpool_abi::{
    Arg, CheckLimits, DecodeError, Encoded, Receive, Sink, Type, Typed, from_slice, to_vec,
};
use wasmpool_macros::Typed;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed(crate = wasmpool_abi)]
struct Image {
    width: u32,
    #[serde(rename = "tall")]
    height: u32,
    #[serde(skip)]
    cached: Option<u64>,
    pixels: Vec<u8>,
    weights: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed(crate = "wasmpool_abi")]
#[serde(rename_all = "snake_case")]
enum Shape {
    Empty,
    Circle(f64),
    Line(Pair<i64>, char),
    Poly {
        corners: Vec<(i16, i16)>,
        holes: Vec<Shape>,
        #[serde(skip, default = "seven")]
        seven: u8,
    },
    Boxed(Box<Shape>),
}

fn seven() -> u8 {
    7
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed(crate = wasmpool_abi)]
struct Pair<T>(T, T);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed(crate = wasmpool_abi)]
struct Newtype(BTreeMap<String, Unit>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed(crate = wasmpool_abi)]
struct Unit;

type Numbers = (
    (u8, u16, u32, u64, u128, usize),
    (i8, i16, i32, i64, i128, isize),
);
type Blocks = (Vec<u8>, String, Vec<f32>, Vec<f64>, [u8; 3], [f64; 2]);
type Collections = (
    VecDeque<u8>,
    BTreeSet<i32>,
    BTreeMap<u16, String>,
    HashSet<u8>,
    HashMap<String, bool>,
);
type Choices = (
    Option<Vec<u8>>,
    Result<char, ()>,
    Box<u32>,
    Cow<'static, str>,
    Vec<Option<bool>>,
);

fn numbers() -> impl Strategy<Value = Numbers> {
    any::<Numbers>()
}

fn floats<T: Arbitrary + 'static>() -> impl Strategy<Value = Vec<T>> {
    // Past the chunks by which floats are converted.
    prop_oneof![
        prop::collection::vec(any::<T>(), 0..9),
        prop::collection::vec(any::<T>(), 1020..1030)
    ]
}

fn blocks() -> impl Strategy<Value = Blocks> {
    (
        any::<Vec<u8>>(),
        any::<String>(),
        floats(),
        floats(),
        any::<[u8; 3]>(),
        any::<[f64; 2]>(),
    )
}

fn collections() -> impl Strategy<Value = Collections> {
    any::<(
        Vec<u8>,
        BTreeSet<i32>,
        BTreeMap<u16, String>,
        HashSet<u8>,
        HashMap<String, bool>,
    )>()
    .prop_map(|(deque, a, b, c, d)| (deque.into(), a, b, c, d))
}

fn choices() -> impl Strategy<Value = Choices> {
    any::<(
        Option<Vec<u8>>,
        Result<char, ()>,
        Box<u32>,
        String,
        Vec<Option<bool>>,
    )>()
    .prop_map(|(a, b, c, text, d)| (a, b, c, Cow::Owned(text), d))
}

fn image() -> impl Strategy<Value = Image> {
    any::<(u32, u32, Vec<u8>, Vec<f32>)>().prop_map(|(width, height, pixels, weights)| Image {
        width,
        height,
        cached: None,
        pixels,
        weights,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Empty),
        any::<f64>().prop_map(Shape::Circle),
        any::<(i64, i64, char)>().prop_map(|(from, to, mark)| Shape::Line(Pair(from, to), mark)),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            (
                any::<Vec<(i16, i16)>>(),
                prop::collection::vec(inner.clone(), 0..4)
            )
                .prop_map(|(corners, holes)| Shape::Poly {
                    corners,
                    holes,
                    seven: 7
                }),
            inner.prop_map(|shape| Shape::Boxed(Box::new(shape))),
        ]
    })
}

fn check<T: Typed>(bytes: &[u8]) -> bool {
    Type::of::<T>()
        .check(bytes, &CheckLimits::default())
        .is_ok()
}

/// The bytes are postcard's, and the value comes back from them.
fn agrees<T: Receive + Arg<T> + PartialEq + std::fmt::Debug>(
    value: &T,
) -> Result<(), TestCaseError> {
    let bytes = to_vec::<T, T>(value).expect("it encodes");
    prop_assert_eq!(&bytes, &postcard::to_allocvec(value).expect("it encodes"));
    prop_assert_eq!(
        &postcard::from_bytes::<T>(&bytes).expect("postcard reads it"),
        value
    );
    prop_assert_eq!(&from_slice::<T>(&bytes).expect("it decodes"), value);
    prop_assert!(check::<T>(&bytes));
    // Damaged, it is still one and the same to all three.
    for (index, byte) in bytes.iter().enumerate().take(64) {
        let mut damaged = bytes.clone();
        damaged[index] = byte.wrapping_mul(31).wrapping_add(128);
        decodes_alike::<T>(&damaged)?;
        decodes_alike::<T>(&bytes[..index])?;
    }
    Ok(())
}

/// Codec, check and postcard accept the same bytes.
fn decodes_alike<T: Receive + DeserializeOwned>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let reference = postcard::take_from_bytes::<T>(bytes).is_ok_and(|(_, rest)| rest.is_empty());
    prop_assert_eq!(
        from_slice::<T>(bytes).is_ok(),
        reference,
        "codec and postcard on {:?}",
        bytes
    );
    prop_assert_eq!(
        check::<T>(bytes),
        reference,
        "check and postcard on {:?}",
        bytes
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn numbers_agree(value in numbers()) { agrees(&value)?; }

    // NaN is not equal to itself, so that floats are compared by their bits in `floats_keep_their_bits`.
    #[test]
    fn blocks_agree(value in blocks()) { agrees(&value)?; }

    #[test]
    fn collections_agree(value in collections()) { agrees(&value)?; }

    #[test]
    fn choices_agree(value in choices()) { agrees(&value)?; }

    #[test]
    fn derived_structs_agree(value in image()) { agrees(&value)?; }

    #[test]
    fn derived_enums_agree(value in shape()) { agrees(&value)?; }

    #[test]
    fn newtypes_and_units_agree(names in any::<BTreeSet<String>>()) {
        agrees(&Newtype(names.into_iter().map(|name| (name, Unit)).collect()))?;
    }

    #[test]
    fn floats_keep_their_bits(bits in any::<Vec<u64>>()) {
        let floats: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
        let back: Vec<f64> = from_slice(&to_vec::<Vec<f64>, _>(&floats).unwrap()).unwrap();
        prop_assert_eq!(back.iter().map(|float| float.to_bits()).collect::<Vec<_>>(), bits);
    }

    #[test]
    fn random_bytes_decode_alike(bytes in prop::collection::vec(prop_oneof![0u8..5, any::<u8>()], 0..24)) {
        decodes_alike::<Numbers>(&bytes)?;
        decodes_alike::<Blocks>(&bytes)?;
        decodes_alike::<Collections>(&bytes)?;
        decodes_alike::<Choices>(&bytes)?;
        decodes_alike::<Image>(&bytes)?;
        decodes_alike::<Shape>(&bytes)?;
        decodes_alike::<Newtype>(&bytes)?;
        decodes_alike::<Vec<Shape>>(&bytes)?;
        decodes_alike::<(u128, i128)>(&bytes)?;
        decodes_alike::<Vec<u16>>(&bytes)?;
        decodes_alike::<Vec<char>>(&bytes)?;
    }
}

fn same<T, A: Arg<T>>(value: A, as_value: &T) -> bool
where
    T: Arg<T>,
{
    to_vec::<T, A>(&value).unwrap() == to_vec::<T, T>(as_value).unwrap()
}

#[test]
fn borrowed_arguments_have_the_bytes_of_what_they_stand_for() {
    let bytes = vec![1u8, 2, 3];
    assert!(same::<Vec<u8>, _>(&bytes[..], &bytes));
    assert!(same::<Vec<u8>, _>(b"\x01\x02\x03", &bytes));
    assert!(same::<Vec<u8>, _>(Cow::Borrowed(&bytes[..]), &bytes));
    assert!(same::<String, _>("text", &"text".to_owned()));
    assert!(same::<String, _>(Cow::Borrowed("text"), &"text".to_owned()));
    assert!(same::<Vec<String>, _>(
        ["a", "b"],
        &vec!["a".to_owned(), "b".to_owned()]
    ));
    assert!(same::<(String, u64), _>(("x", &3), &("x".to_owned(), 3)));
    assert!(same::<Option<String>, _>(Some("x"), &Some("x".to_owned())));
    assert!(same::<[u8; 3], _>(&[1, 2, 3], &[1, 2, 3]));
}

#[test]
fn types_that_only_serde_knows_go_through_serde() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct ByHand(Vec<u16>);
    impl Typed for ByHand {
        const SCHEMA: wasmpool_abi::Schema = <Vec<u16> as Typed>::SCHEMA;
    }
    impl Arg<ByHand> for ByHand {}
    impl Receive for ByHand {}
    let value = (1u8, ByHand(vec![2, 300]), vec![ByHand(vec![4])]);
    let bytes = to_vec::<(u8, ByHand, Vec<ByHand>), _>(&value).unwrap();
    assert_eq!(bytes, postcard::to_allocvec(&value).unwrap());
    assert_eq!(from_slice(&bytes), Ok(value));
}

#[test]
fn encoded_bytes_are_sent_and_received_as_they_are() {
    let encoded = Encoded(vec![9, 8, 7]);
    assert_eq!(to_vec::<Encoded, _>(&encoded).unwrap(), [9, 8, 7]);
    assert_eq!(from_slice(&[9, 8, 7]), Ok(encoded));
}

#[test]
fn a_claimed_length_costs_no_memory() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(from_slice::<Vec<u8>>(&claim), Err(DecodeError::End));
    assert_eq!(from_slice::<String>(&claim), Err(DecodeError::End));
    assert_eq!(from_slice::<Vec<f64>>(&claim), Err(DecodeError::End));
    assert_eq!(from_slice::<Vec<u64>>(&claim), Err(DecodeError::End));
    assert_eq!(
        from_slice::<HashMap<u64, [u64; 32]>>(&claim),
        Err(DecodeError::End)
    );
}

#[test]
fn bytes_left_over_are_an_error() {
    assert_eq!(
        from_slice::<u8>(&[1, 2, 3]),
        Err(DecodeError::Trailing { left: 2 })
    );
}

#[test]
fn a_block_is_one_write() {
    struct Counting(usize);
    impl Sink for Counting {
        fn write(&mut self, _: &[u8]) {
            self.0 += 1;
        }
    }
    let mut sink = Counting(0);
    let image = Image {
        width: 1,
        height: 2,
        cached: None,
        pixels: vec![0; 1 << 20],
        weights: vec![],
    };
    image.encode(&mut sink).unwrap();
    assert!(sink.0 <= 6, "{} writes", sink.0);
}

#[test]
fn derived_schemas_have_serdes_names() {
    assert_eq!(
        Type::of::<Image>().to_string(),
        "Image { width: u32, tall: u32, pixels: Vec<u8>, weights: Vec<f32> }"
    );
    assert_eq!(
        Type::of::<Shape>().to_string(),
        "enum Shape { empty, circle(f64), line((i64, i64), char), \
         poly { corners: Vec<(i16, i16)>, holes: Vec<Shape> }, boxed(Shape) }"
    );
    assert_eq!(Type::of::<Newtype>().to_string(), "Map<String, ()>");
    let json = serde_json::to_value(Shape::Poly {
        corners: vec![],
        holes: vec![],
        seven: 1,
    })
    .unwrap();
    assert_eq!(
        json,
        serde_json::json!({"poly": {"corners": [], "holes": []}})
    );
}
