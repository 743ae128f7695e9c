//! What a namespace holds: encoded values of any types, by name.

use std::{collections::BTreeMap, fmt, ops::Bound, sync::Mutex};

use wasmpool_abi::{Code, ManagerOp, Type, section};

use super::{
    args::{Args, check, reply},
    bounds::{Bounds, Used, many},
    number,
    page::Page,
};
use crate::shared::object::{Managed, Patience};

/// Bytes of a type's description: those of an ordinary struct have some hundred.
const MAX_TYPE: usize = 64 << 10;

/// Values by name.
pub(super) struct NamespaceStore {
    bounds: Bounds,
    items: Mutex<Items>,
}

impl fmt::Debug for NamespaceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceStore")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Items {
    values: BTreeMap<Box<str>, Item>,
    used: Used,
}

struct Item {
    /// As whoever set it described it.
    ty: Box<[u8]>,
    bytes: Box<[u8]>,
}

impl Items {
    /// The value of a name, when it is of this type.
    fn get(&self, name: &str, ty: &Type, described: &[u8]) -> Result<&[u8], Code> {
        let item = self.values.get(name).ok_or(Code::NotFound)?;
        // The same words are the same type; others may be, when only the names of types differ.
        let same = *item.ty == *described
            || section::read_type(&item.ty).is_ok_and(|known| known.matches(ty));
        if same {
            Ok(&item.bytes)
        } else {
            Err(Code::WrongType)
        }
    }

    fn put(&mut self, name: &str, ty: &[u8], bytes: &[u8], bounds: Bounds) -> Result<(), Code> {
        let len = |item: &Item| name.len() + item.ty.len() + item.bytes.len();
        let item = Item {
            ty: ty.into(),
            bytes: bytes.into(),
        };
        let without = match self.values.get(name) {
            Some(was) => self.used.without(len(was)),
            None => self.used,
        };
        self.used = without.with(len(&item), bounds)?;
        self.values.insert(name.into(), item);
        Ok(())
    }
}

impl NamespaceStore {
    /// An empty one.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            items: Mutex::default(),
        }
    }
}

/// A name, which is not empty.
fn name<'a>(args: &mut Args<'a>) -> Result<&'a str, Code> {
    match args.text()? {
        "" => Err(Code::Invalid),
        name => Ok(name),
    }
}

/// A type and its description.
fn described<'a>(args: &mut Args<'a>) -> Result<(Type, &'a [u8]), Code> {
    let bytes = args.bytes()?;
    if bytes.len() > MAX_TYPE {
        return Err(Code::TooLarge);
    }
    let ty = section::read_type(bytes).map_err(|_| Code::Invalid)?;
    Ok((ty, bytes))
}

impl Managed for NamespaceStore {
    fn call(&self, op: i32, args: &[u8], patience: Patience) -> Result<Vec<u8>, Code> {
        let mut args = Args::new(args);
        match ManagerOp::from_number(op).ok_or(Code::Invalid)? {
            ManagerOp::Len => {
                args.end()?;
                Ok(reply(&patience.lock(&self.items)?.used.items))
            }
            ManagerOp::Clear => {
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                many(items.used.items, patience)?;
                let old = std::mem::take(&mut *items);
                drop(items);
                drop(old);
                Ok(Vec::new())
            }
            ManagerOp::NamespaceGet => {
                let (name, (ty, words)) = (name(&mut args)?, described(&mut args)?);
                args.end()?;
                patience
                    .lock(&self.items)?
                    .get(name, &ty, words)
                    .map(<[u8]>::to_vec)
            }
            ManagerOp::NamespaceSet => {
                let (name, (ty, words)) = (name(&mut args)?, described(&mut args)?);
                let value = args.bytes()?;
                args.end()?;
                check(&ty, value)?;
                patience
                    .lock(&self.items)?
                    .put(name, words, value, self.bounds)?;
                Ok(Vec::new())
            }
            ManagerOp::NamespaceAdd => {
                let (name, (ty, words)) = (name(&mut args)?, described(&mut args)?);
                let delta = args.bytes()?;
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let was = match items.get(name, &ty, words) {
                    Err(Code::NotFound) => None,
                    was => Some(was?),
                };
                let sum = number::add(&ty, was, delta)?;
                items.put(name, words, &sum, self.bounds)?;
                Ok(sum)
            }
            ManagerOp::NamespaceRemove => {
                let name = name(&mut args)?;
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let item = items.values.remove(name).ok_or(Code::NotFound)?;
                let len = name.len() + item.ty.len() + item.bytes.len();
                items.used = items.used.without(len);
                Ok(Vec::new())
            }
            ManagerOp::NamespaceNames => {
                let after = args.text()?;
                args.end()?;
                let items = patience.lock(&self.items)?;
                let rest = (Bound::Excluded(after), Bound::Unbounded);
                let (mut page, mut more) = (Page::default(), false);
                for name in items.values.range::<str, _>(rest).map(|(name, _)| name) {
                    if !page.push(&[&reply(&(name.len() as u64)), name.as_bytes()]) {
                        more = true;
                        break;
                    }
                }
                Ok(page.reply(&more))
            }
            _ => Err(Code::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ByteSize, Manager, ManagerError};

    #[test]
    fn names_of_many_pages_come_in_their_order() {
        let names = Manager::new().namespace();
        let mut all: Vec<String> = (0..5000)
            .map(|n| format!("{n} {}", "x".repeat(n % 50)))
            .collect();
        for name in &all {
            names.set(name, &true).unwrap();
        }
        all.sort();
        assert_eq!(names.names().unwrap(), all);
        names.clear().unwrap();
        assert!(names.is_empty().unwrap() && names.names().unwrap().is_empty());
    }

    #[test]
    fn a_name_that_is_none_and_a_value_too_many_are_refused() {
        let names = Manager::new().max_bytes(ByteSize::new(300)).namespace();
        assert_eq!(
            names.set("", &1_u8),
            Err(ManagerError::Object(Code::Invalid))
        );
        names.set("a", &[7_u64; 3]).unwrap();
        assert_eq!(
            names.set("a", &vec![0_u8; 300]),
            Err(ManagerError::TooLarge)
        );
        assert_eq!(names.get::<[u64; 3]>("a"), Ok([7; 3]));
        assert_eq!(names.get::<[u64; 4]>("a"), Err(ManagerError::WrongType));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_answered_without_panic(op in -1..60_i32, args: Vec<u8>) {
            let store = NamespaceStore::new(Bounds::default());
            let _ = store.call(op, &args, Patience::Some);
            // A name, and then any type and any value.
            let _ = store.call(op, &[&[1, b'n'][..], &args].concat(), Patience::Some);
        }
    }
}
