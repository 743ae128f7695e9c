//! What a dictionary holds: encoded keys and values, in the order in which the keys came.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex},
};

use wasmpool_abi::{Code, ManagerOp, Type};

use super::{
    args::{Args, check, reply},
    bounds::{Bounds, Used, many},
    number,
    page::Page,
};
use crate::shared::object::{Managed, Patience};

/// Keys and values of these types.
pub(super) struct DictStore {
    key: Type,
    value: Type,
    bounds: Bounds,
    items: Mutex<Items>,
}

impl fmt::Debug for DictStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DictStore")
            .field("key", &self.key)
            .field("value", &self.value)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Items {
    /// Where each key is in the order.
    places: HashMap<Arc<[u8]>, u64>,
    /// The items by their places, which are never used twice.
    ordered: BTreeMap<u64, Item>,
    /// The place of the item that came last.
    last: u64,
    used: Used,
}

struct Item {
    key: Arc<[u8]>,
    value: Box<[u8]>,
}

impl Items {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let item = self.ordered.get(self.places.get(key)?)?;
        Some(&item.value)
    }

    /// Puts an item in and returns the value that was there.
    fn put(&mut self, key: &[u8], value: &[u8], bounds: Bounds) -> Result<Option<Box<[u8]>>, Code> {
        let len = key.len() + value.len();
        if let Some(Item { value: was, .. }) = self
            .places
            .get(key)
            .and_then(|place| self.ordered.get_mut(place))
        {
            self.used = self.used.without(key.len() + was.len()).with(len, bounds)?;
            return Ok(Some(std::mem::replace(was, value.into())));
        }
        self.used = self.used.with(len, bounds)?;
        let key: Arc<[u8]> = key.into();
        self.last += 1;
        self.places.insert(Arc::clone(&key), self.last);
        let value = value.into();
        self.ordered.insert(self.last, Item { key, value });
        Ok(None)
    }

    fn take(&mut self, key: &[u8]) -> Option<Box<[u8]>> {
        let place = self.places.remove(key)?;
        let Item { key, value } = self.ordered.remove(&place)?;
        self.used = self.used.without(key.len() + value.len());
        Some(value)
    }

    /// Puts all of them in, or none.
    fn put_all(&mut self, items: &[(&[u8], &[u8])], bounds: Bounds) -> Result<(), Code> {
        let mut undo = Vec::new();
        for (key, value) in items {
            match self.put(key, value, bounds) {
                Ok(was) => undo.push((*key, was)),
                Err(code) => {
                    for (key, was) in undo.into_iter().rev() {
                        // What fitted before fits again.
                        let _ = match was {
                            Some(was) => self.put(key, &was, bounds)?,
                            None => self.take(key),
                        };
                    }
                    return Err(code);
                }
            }
        }
        Ok(())
    }
}

impl DictStore {
    /// An empty one.
    pub(super) fn new(key: Type, value: Type, bounds: Bounds) -> Self {
        Self {
            key,
            value,
            bounds,
            items: Mutex::default(),
        }
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Code> {
        check(&self.key, key)
    }

    fn check_item(&self, key: &[u8], value: &[u8]) -> Result<(), Code> {
        check(&self.key, key)?;
        check(&self.value, value)
    }

    /// The key that goes along alone.
    fn key<'a>(&self, mut args: Args<'a>) -> Result<&'a [u8], Code> {
        let key = args.bytes()?;
        args.end()?;
        self.check_key(key)?;
        Ok(key)
    }

    /// The key and the value that go along.
    fn item<'a>(&self, mut args: Args<'a>) -> Result<(&'a [u8], &'a [u8]), Code> {
        let item = (args.bytes()?, args.bytes()?);
        args.end()?;
        self.check_item(item.0, item.1)?;
        Ok(item)
    }

    fn page(&self, mut args: Args<'_>, patience: Patience) -> Result<Vec<u8>, Code> {
        let (after, part) = (args.u64()?, args.u8()?);
        args.end()?;
        if part > 2 {
            return Err(Code::Invalid);
        }
        let Some(first) = after.checked_add(1) else {
            return Ok(Page::default().reply(&(after, false)));
        };
        let items = patience.lock(&self.items)?;
        let mut page = Page::default();
        let (mut cursor, mut more) = (after, false);
        for (&place, Item { key, value }) in items.ordered.range(first..) {
            let taken = match part {
                0 => page.push(&[key]),
                1 => page.push(&[value]),
                _ => page.push(&[key, value]),
            };
            if !taken {
                more = true;
                break;
            }
            cursor = place;
        }
        Ok(page.reply(&(cursor, more)))
    }

    fn update(&self, mut args: Args<'_>, patience: Patience) -> Result<Vec<u8>, Code> {
        let items = args.seq(|args| {
            let item = (args.bytes()?, args.bytes()?);
            self.check_item(item.0, item.1)?;
            Ok(item)
        })?;
        args.end()?;
        patience.lock(&self.items)?.put_all(&items, self.bounds)?;
        Ok(Vec::new())
    }

    fn compare_and_swap(&self, mut args: Args<'_>, patience: Patience) -> Result<Vec<u8>, Code> {
        let (key, expected, new) = (args.bytes()?, args.maybe_bytes()?, args.maybe_bytes()?);
        args.end()?;
        self.check_key(key)?;
        for value in expected.into_iter().chain(new) {
            check(&self.value, value)?;
        }
        let mut items = patience.lock(&self.items)?;
        let same = items.get(key) == expected;
        if same {
            match new {
                Some(new) => drop(items.put(key, new, self.bounds)?),
                None => drop(items.take(key)),
            }
        }
        Ok(reply(&same))
    }
}

impl Managed for DictStore {
    fn call(&self, op: i32, args: &[u8], patience: Patience) -> Result<Vec<u8>, Code> {
        let args = Args::new(args);
        let found = |value: Option<Box<[u8]>>| value.map(Vec::from).ok_or(Code::NotFound);
        match ManagerOp::from_number(op).ok_or(Code::Invalid)? {
            ManagerOp::Len => {
                args.end()?;
                Ok(reply(&patience.lock(&self.items)?.used.items))
            }
            ManagerOp::Clear => {
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                many(items.used.items, patience)?;
                let last = items.last;
                // Places are not used again: who pages through it does not begin anew.
                let old = std::mem::replace(
                    &mut *items,
                    Items {
                        last,
                        ..Items::default()
                    },
                );
                drop(items);
                drop(old);
                Ok(Vec::new())
            }
            ManagerOp::DictGet => {
                let key = self.key(args)?;
                let items = patience.lock(&self.items)?;
                items.get(key).map(<[u8]>::to_vec).ok_or(Code::NotFound)
            }
            ManagerOp::DictSet => {
                let (key, value) = self.item(args)?;
                patience.lock(&self.items)?.put(key, value, self.bounds)?;
                Ok(Vec::new())
            }
            ManagerOp::DictInsert => {
                let (key, value) = self.item(args)?;
                let was = patience.lock(&self.items)?.put(key, value, self.bounds)?;
                // An `Option` of the value: a flag and its encoding.
                let mut was_there = reply(&was.is_some());
                was_there.extend_from_slice(&was.unwrap_or_default());
                Ok(was_there)
            }
            ManagerOp::DictPop => found(patience.lock(&self.items)?.take(self.key(args)?)),
            ManagerOp::DictPopLast => {
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let key = items.ordered.last_key_value().map(|(_, item)| &item.key);
                let key = Arc::clone(key.ok_or(Code::NotFound)?);
                let value = items.take(&key).ok_or(Code::NotFound)?;
                Ok([&key[..], &value].concat())
            }
            ManagerOp::DictContains => {
                let key = self.key(args)?;
                Ok(reply(&patience.lock(&self.items)?.places.contains_key(key)))
            }
            ManagerOp::DictPage => self.page(args, patience),
            ManagerOp::DictUpdate => self.update(args, patience),
            ManagerOp::DictGetOrInsert => {
                let (key, value) = self.item(args)?;
                let mut items = patience.lock(&self.items)?;
                let (put, value) = match items.get(key) {
                    Some(there) => (false, there),
                    None => {
                        items.put(key, value, self.bounds)?;
                        (true, value)
                    }
                };
                Ok([&reply(&put), value].concat())
            }
            ManagerOp::DictAdd => {
                let (key, delta) = self.item(args)?;
                let mut items = patience.lock(&self.items)?;
                let sum = number::add(&self.value, items.get(key), delta)?;
                items.put(key, &sum, self.bounds)?;
                Ok(sum)
            }
            ManagerOp::DictCompareAndSwap => self.compare_and_swap(args, patience),
            _ => Err(Code::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Dict, Manager, ManagerError};

    fn store() -> DictStore {
        DictStore::new(Type::U8, Type::Str, Bounds::default())
    }

    /// What may be done to a dictionary of few keys.
    #[derive(Clone, Debug)]
    enum Act {
        Set(u8, String),
        Update(Vec<(u8, String)>),
        Pop(u8),
        PopLast,
        Swap(u8, Option<String>, Option<String>),
        Clear,
    }

    fn act() -> impl Strategy<Value = Act> {
        let text = || "[ab]{0,3}";
        prop_oneof![
            4 => (0..6_u8, text()).prop_map(|(key, value)| Act::Set(key, value)),
            2 => proptest::collection::vec((0..6_u8, text()), 0..6).prop_map(Act::Update),
            2 => (0..6_u8).prop_map(Act::Pop),
            1 => Just(Act::PopLast),
            2 => (0..6_u8, proptest::option::of(text()), proptest::option::of(text()))
                .prop_map(|(key, expected, new)| Act::Swap(key, expected, new)),
            1 => Just(Act::Clear),
        ]
    }

    /// The same in a plain list of items with room for four.
    fn model(items: &mut Vec<(u8, String)>, act: &Act) -> Result<(), ManagerError> {
        const ROOM: usize = 4;
        let put = |items: &mut Vec<(u8, String)>, key: u8, value: &str| {
            match items.iter().position(|item| item.0 == key) {
                Some(at) => items[at].1 = value.to_owned(),
                None if items.len() == ROOM => return Err(ManagerError::TooLarge),
                None => items.push((key, value.to_owned())),
            }
            Ok(())
        };
        match act {
            Act::Set(key, value) => put(items, *key, value),
            Act::Update(several) => {
                let before = items.clone();
                for (key, value) in several {
                    if let Err(error) = put(items, *key, value) {
                        *items = before;
                        return Err(error);
                    }
                }
                Ok(())
            }
            Act::Pop(key) => {
                let at = items.iter().position(|item| item.0 == *key);
                items.remove(at.ok_or(ManagerError::NotFound)?);
                Ok(())
            }
            Act::PopLast => items.pop().map(drop).ok_or(ManagerError::NotFound),
            Act::Swap(key, expected, new) => {
                let at = items.iter().position(|item| item.0 == *key);
                if at.map(|at| &items[at].1) != expected.as_ref() {
                    return Ok(());
                }
                match (new, at) {
                    (Some(new), _) => put(items, *key, new),
                    (None, Some(at)) => {
                        items.remove(at);
                        Ok(())
                    }
                    (None, None) => Ok(()),
                }
            }
            Act::Clear => {
                items.clear();
                Ok(())
            }
        }
    }

    fn real(dict: &Dict<u8, String>, act: &Act) -> Result<(), ManagerError> {
        match act {
            Act::Set(key, value) => dict.set(key, value),
            Act::Update(several) => dict.update(several.iter().map(|(key, value)| (key, value))),
            Act::Pop(key) => dict.pop(key).map(drop),
            Act::PopLast => dict.pop_last().map(drop),
            Act::Swap(key, expected, new) => dict
                .compare_and_swap(key, expected.as_ref(), new.as_ref())
                .map(drop),
            Act::Clear => dict.clear(),
        }
    }

    proptest! {
        #[test]
        fn it_does_what_a_list_of_items_does(acts in proptest::collection::vec(act(), 0..60)) {
            let dict = Manager::new().max_items(4).dict::<u8, String>();
            let mut items = Vec::new();
            for act in &acts {
                prop_assert_eq!(real(&dict, act), model(&mut items, act), "{:?}", act);
                // An item that others took out in between comes back in its place, or at the end.
                let mut found = dict.items().unwrap();
                prop_assert_eq!(dict.len().unwrap(), items.len() as u64);
                found.sort();
                let mut expected = items.clone();
                expected.sort();
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(dict.items().unwrap(), items);
        }

        #[test]
        fn whatever_is_asked_is_answered_without_panic(op in -1..60_i32, args: Vec<u8>) {
            let store = store();
            store.call(ManagerOp::DictSet as i32, &[1, 1, 2, 1, b'x'], Patience::Some).unwrap();
            let _ = store.call(op, &args, Patience::Some);
        }
    }

    #[test]
    fn who_has_no_patience_is_not_kept_waiting() {
        let store = store();
        let (set, clear) = (ManagerOp::DictSet as i32, ManagerOp::Clear as i32);
        let held = Patience::Some.lock(&store.items).unwrap();
        assert_eq!(
            store.call(set, &[1, 1, 1, 0], Patience::None),
            Err(Code::Timeout)
        );
        drop(held);
        assert_eq!(store.call(set, &[1, 1, 1, 0], Patience::None), Ok(vec![]));
        assert_eq!(store.call(clear, &[], Patience::None), Ok(vec![]));
        assert_eq!(many(1001, Patience::None), Err(Code::Timeout));
        assert_eq!(many(1001, Patience::Some), Ok(()));
    }

    #[test]
    fn what_a_dictionary_holds_is_counted_to_the_last_byte() {
        let store = store();
        let set = |key: u8, value: &[u8]| {
            let bytes: [&[u8]; 4] = [
                &[1, key],
                &[u8::try_from(value.len() + 1).unwrap()],
                &[u8::try_from(value.len()).unwrap()],
                value,
            ];
            store
                .call(ManagerOp::DictSet as i32, &bytes.concat(), Patience::Some)
                .unwrap();
        };
        let empty = Patience::Some.lock(&store.items).unwrap().used;
        set(1, b"");
        let one = Patience::Some.lock(&store.items).unwrap().used;
        set(2, b"abc");
        set(2, b"a");
        set(1, b"xyz");
        set(1, b"");
        store
            .call(ManagerOp::DictPop as i32, &[1, 2], Patience::Some)
            .unwrap();
        assert_eq!(Patience::Some.lock(&store.items).unwrap().used, one);
        store
            .call(ManagerOp::DictPopLast as i32, &[], Patience::Some)
            .unwrap();
        assert_eq!(Patience::Some.lock(&store.items).unwrap().used, empty);
        set(3, b"abc");
        store
            .call(ManagerOp::Clear as i32, &[], Patience::Some)
            .unwrap();
        assert_eq!(Patience::Some.lock(&store.items).unwrap().used, empty);
        assert!(Patience::Some.lock(&store.items).unwrap().places.is_empty());
    }
}
