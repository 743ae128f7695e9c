//! Operations of guests on dictionaries, lists and namespaces, with any arguments.
//!
//! What is in an object is of its types and within its bounds, pages show all of it and end, an operation that may not take
//! long has done nothing when it says so, and an object that was emptied is as good as new.

use std::sync::Arc;

use wasmpool_abi::{CheckLimits, Code, ManagerOp, Type, Typed, from_slice, section, to_vec};

use super::script::Script;
use crate::{
    ByteSize, Dict, List, Manager, Namespace,
    shared::{
        grant,
        object::{Object, Patience},
    },
};

/// Items of an object.
const ITEMS: u64 = 8;
/// Bytes of an object.
const BYTES: usize = 4 << 10;
/// What a reply has at most: a page with one item more.
const REPLY: usize = (64 << 10) + 2 * BYTES;

/// Does one operation after the other.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let store = Store::new(script.below(5));
    while !script.is_over() {
        store.operation(&mut script);
    }
    store.is_as_good_as_new();
}

/// What an object holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Dict,
    List,
    Namespace,
}

struct Store {
    kind: Kind,
    object: Arc<Object>,
    key: Type,
    value: Type,
}

/// The object behind what people hold.
fn behind<T: Typed + wasmpool_abi::Arg<T>>(value: &T) -> Arc<Object> {
    let (encoded, collected) = grant::collect(|| to_vec::<T, T>(value));
    encoded.expect("it is an argument");
    Arc::clone(&collected.grants[0].object)
}

impl Store {
    fn new(kind: u8) -> Self {
        let manager = Manager::new()
            .max_items(ITEMS)
            .max_bytes(ByteSize::new(BYTES as u64));
        let (kind, object, key, value) = match kind {
            0 => {
                let object = behind::<Dict<u8, String>>(&manager.dict());
                (Kind::Dict, object, Type::U8, Type::Str)
            }
            1 => {
                let object = behind::<Dict<String, i16>>(&manager.dict());
                (Kind::Dict, object, Type::Str, Type::I16)
            }
            2 => {
                let object = behind::<List<u64>>(&manager.list());
                (Kind::List, object, Type::Unit, Type::U64)
            }
            3 => {
                let object = behind::<List<Option<()>>>(&manager.list());
                (Kind::List, object, Type::Unit, Type::of::<Option<()>>())
            }
            _ => {
                let object = behind::<Namespace>(&manager.namespace());
                (Kind::Namespace, object, Type::Str, Type::Unit)
            }
        };
        Self {
            kind,
            object,
            key,
            value,
        }
    }

    fn call(&self, op: i32, args: &[u8], patience: Patience) -> Result<Vec<u8>, Code> {
        let answers = self.object.answers().expect("it is a manager's");
        let reply = answers.call(op, args, patience);
        if let Ok(reply) = &reply {
            assert!(reply.len() <= REPLY, "a reply of {} bytes", reply.len());
        }
        reply
    }

    fn ask<T: wasmpool_abi::Receive>(&self, op: ManagerOp, args: &[u8]) -> T {
        let reply = self.call(op as i32, args, Patience::Some);
        from_slice(&reply.expect("it is an operation of it")).expect("and a reply of its type")
    }

    fn operation(&self, script: &mut Script<'_>) {
        let of_kind = match self.kind {
            Kind::Dict => 16..27,
            Kind::List => 32..44,
            Kind::Namespace => 48..53,
        };
        let op = match script.u8() {
            any @ 0..16 => i32::from(any) - 4,
            own => of_kind.start + i32::from(own) % (of_kind.end - of_kind.start),
        };
        let args = self.args(script);
        let before: u64 = self.ask(ManagerOp::Len, &[]);
        let patience = if script.flag() {
            Patience::None
        } else {
            Patience::Some
        };
        let done = self.call(op, &args, patience);
        let after: u64 = self.ask(ManagerOp::Len, &[]);
        assert!(after <= ITEMS, "{after} items");
        if done.is_err() {
            assert_eq!(before, after, "half of {op}: {done:?}");
        }
        assert_eq!(self.items(), after);
    }

    /// Fields of arguments: keys, values, numbers, types and what is none of them.
    fn args(&self, script: &mut Script<'_>) -> Vec<u8> {
        let mut args = Vec::new();
        for _ in 0..script.below(5) {
            match script.below(8) {
                0 => args.extend_from_slice(script.piece()),
                1 => args.extend(postcard::to_allocvec(&script.number()).unwrap_or_default()),
                // An option, or a count of what follows.
                2 => args.push(script.below(4)),
                3 => block(&mut args, script.piece()),
                4 => block(&mut args, &section::type_bytes(&<i16 as Typed>::SCHEMA)),
                5 => block(&mut args, &number(script)),
                _ => {
                    let text = String::from_utf8_lossy(script.piece()).into_owned();
                    block(&mut args, &to_vec::<String, _>(&text).unwrap_or_default());
                }
            }
        }
        args
    }

    /// Pages through all of it, and looks at each item.
    fn items(&self) -> u64 {
        let mut seen = 0;
        let (mut cursor, mut name) = (0_u64, String::new());
        // A page that makes no progress would never end.
        for _ in 0..=ITEMS {
            let (more, count) = match self.kind {
                Kind::Dict => {
                    let args = postcard::to_allocvec(&(cursor, 2_u8)).unwrap_or_default();
                    let reply = self.call(ManagerOp::DictPage as i32, &args, Patience::Some);
                    let reply = reply.expect("a dictionary has pages");
                    let (next, more) = self.page(&reply, &[&self.key, &self.value], &mut seen);
                    assert!(!more || next > cursor);
                    cursor = next;
                    (more, seen)
                }
                Kind::List => {
                    let args = postcard::to_allocvec(&seen).unwrap_or_default();
                    let reply = self.call(ManagerOp::ListPage as i32, &args, Patience::Some);
                    let reply = reply.expect("a list has pages");
                    let (_, more) = self.page(&reply, &[&self.value], &mut seen);
                    (more, seen)
                }
                Kind::Namespace => {
                    let args = postcard::to_allocvec(&name).unwrap_or_default();
                    let (more, names): (bool, Vec<String>) =
                        self.ask(ManagerOp::NamespaceNames, &args);
                    assert!(names.is_sorted() && names.first() > Some(&name) || names.is_empty());
                    seen += names.len() as u64;
                    name = names.last().cloned().unwrap_or_default();
                    (more, seen)
                }
            };
            if !more {
                return count;
            }
        }
        panic!("pages that do not end")
    }

    /// A page's head, and how many items it has, each of which is of these types.
    fn page(&self, reply: &[u8], types: &[&Type], seen: &mut u64) -> (u64, bool) {
        let (head, more): (u64, bool) = match postcard::take_from_bytes(reply) {
            Ok((head, _)) => head,
            Err(error) => panic!("a page without a head: {error}"),
        };
        let item = Type::Tuple(types.iter().map(|ty| (*ty).clone()).collect());
        let page = Type::Tuple(vec![Type::U64, Type::Bool, Type::Seq(Box::new(item))]);
        page.check(reply, &CheckLimits::default())
            .expect("every item is of its types");
        let rest = postcard::take_from_bytes::<(u64, bool, u64)>(reply);
        *seen += rest.map_or(0, |((_, _, count), _)| count);
        (head, more)
    }

    /// Once it is empty it takes as much as a new one.
    fn is_as_good_as_new(&self) {
        self.call(ManagerOp::Clear as i32, &[], Patience::Some)
            .expect("everything can be emptied");
        assert_eq!(self.items(), 0);
        for item in 0..u8::try_from(ITEMS).unwrap_or(u8::MAX) {
            let mut args = Vec::new();
            let op = match (self.kind, &self.key) {
                (Kind::Dict, Type::U8) => {
                    block(&mut args, &[item]);
                    block(&mut args, b"\x01x");
                    ManagerOp::DictSet
                }
                (Kind::Dict, _) => {
                    block(&mut args, &[1, b'a' + item]);
                    block(&mut args, &[2]);
                    ManagerOp::DictSet
                }
                (Kind::List, _) => {
                    block(&mut args, &[0]);
                    ManagerOp::ListPush
                }
                (Kind::Namespace, _) => {
                    block(&mut args, &[b'a' + item]);
                    block(&mut args, &section::type_bytes(&<i16 as Typed>::SCHEMA));
                    block(&mut args, &[2]);
                    ManagerOp::NamespaceSet
                }
            };
            let put = self.call(op as i32, &args, Patience::Some);
            assert_eq!(put, Ok(Vec::new()), "item {item} has no room");
        }
        assert_eq!(self.items(), ITEMS);
    }
}

/// A byte string, as it stands among arguments.
fn block(args: &mut Vec<u8>, bytes: &[u8]) {
    args.extend(postcard::to_allocvec(bytes).unwrap_or_default());
}

/// An encoded number.
fn number(script: &mut Script<'_>) -> Vec<u8> {
    let number = i16::from_le_bytes([script.u8(), script.u8()]);
    to_vec::<i16, i16>(&number).unwrap_or_default()
}
