//! What a list holds: encoded values.

use std::{collections::VecDeque, fmt, sync::Mutex};

use wasmpool_abi::{Code, ManagerOp, Type};

use super::{
    args::{Args, check, reply},
    bounds::{Bounds, Used, many},
    number,
    page::Page,
};
use crate::shared::object::{Managed, Patience};

/// Values of this type.
pub(super) struct ListStore {
    ty: Type,
    bounds: Bounds,
    items: Mutex<Items>,
}

impl fmt::Debug for ListStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListStore")
            .field("ty", &self.ty)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Items {
    values: VecDeque<Box<[u8]>>,
    used: Used,
    /// Another one after each change.
    version: u64,
}

impl Items {
    /// The index of a value, when there is one.
    fn at(&self, index: u64) -> Result<usize, Code> {
        usize::try_from(index)
            .ok()
            .filter(|&index| index < self.values.len())
            .ok_or(Code::NotFound)
    }

    fn insert(&mut self, index: usize, value: &[u8], bounds: Bounds) -> Result<(), Code> {
        self.used = self.used.with(value.len(), bounds)?;
        self.values.insert(index, value.into());
        self.version += 1;
        Ok(())
    }

    fn replace(&mut self, index: usize, value: &[u8], bounds: Bounds) -> Result<(), Code> {
        let was = self.values.get_mut(index).ok_or(Code::NotFound)?;
        self.used = self.used.without(was.len()).with(value.len(), bounds)?;
        *was = value.into();
        self.version += 1;
        Ok(())
    }

    fn remove(&mut self, index: usize) -> Result<Vec<u8>, Code> {
        let value = self.values.remove(index).ok_or(Code::NotFound)?;
        self.used = self.used.without(value.len());
        self.version += 1;
        Ok(value.into())
    }

    /// What it is with these values behind those that there are.
    fn room_for(&self, values: &[&[u8]], bounds: Bounds) -> Result<Used, Code> {
        values
            .iter()
            .try_fold(self.used, |used, value| used.with(value.len(), bounds))
    }
}

impl ListStore {
    /// An empty one.
    pub(super) fn new(ty: Type, bounds: Bounds) -> Self {
        Self {
            ty,
            bounds,
            items: Mutex::default(),
        }
    }

    fn value<'a>(&self, args: &mut Args<'a>) -> Result<&'a [u8], Code> {
        let value = args.bytes()?;
        check(&self.ty, value)?;
        Ok(value)
    }

    fn page(&self, from: u64, patience: Patience) -> Result<Vec<u8>, Code> {
        let items = patience.lock(&self.items)?;
        let mut page = Page::default();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = items.values.iter().skip(from);
        let mut more = false;
        for value in rest {
            if !page.push(&[value]) {
                more = true;
                break;
            }
        }
        Ok(page.reply(&(items.version, more)))
    }

    fn replace_all(
        &self,
        version: u64,
        values: &[&[u8]],
        patience: Patience,
    ) -> Result<bool, Code> {
        let mut items = patience.lock(&self.items)?;
        if items.version != version {
            return Ok(false);
        }
        many(items.used.items, patience)?;
        let used = Items::default().room_for(values, self.bounds)?;
        let values = values.iter().map(|&value| value.into()).collect();
        let old = std::mem::replace(&mut items.values, values);
        items.used = used;
        items.version += 1;
        drop(items);
        drop(old);
        Ok(true)
    }
}

impl Managed for ListStore {
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
                let old = std::mem::take(&mut items.values);
                items.used = Used::default();
                items.version += 1;
                drop(items);
                drop(old);
                Ok(Vec::new())
            }
            ManagerOp::ListGet => {
                let index = args.u64()?;
                args.end()?;
                let items = patience.lock(&self.items)?;
                let index = items.at(index)?;
                Ok(items.values[index].to_vec())
            }
            ManagerOp::ListSet => {
                let (index, value) = (args.u64()?, self.value(&mut args)?);
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let index = items.at(index)?;
                items.replace(index, value, self.bounds)?;
                Ok(Vec::new())
            }
            ManagerOp::ListPush => {
                let value = self.value(&mut args)?;
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let end = items.values.len();
                items.insert(end, value, self.bounds)?;
                Ok(Vec::new())
            }
            ManagerOp::ListExtend => {
                let values = args.seq(|args| self.value(args))?;
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                items.used = items.room_for(&values, self.bounds)?;
                items
                    .values
                    .extend(values.iter().map(|&value| value.into()));
                items.version += 1;
                Ok(Vec::new())
            }
            ManagerOp::ListInsert => {
                let (index, value) = (args.u64()?, self.value(&mut args)?);
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let index = match index == items.values.len() as u64 {
                    true => items.values.len(),
                    false => items.at(index)?,
                };
                items.insert(index, value, self.bounds)?;
                Ok(Vec::new())
            }
            ManagerOp::ListRemove => {
                let index = args.u64()?;
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let index = items.at(index)?;
                items.remove(index)
            }
            ManagerOp::ListPop => {
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let last = items.values.len().checked_sub(1).ok_or(Code::NotFound)?;
                items.remove(last)
            }
            ManagerOp::ListFind => {
                let value = self.value(&mut args)?;
                args.end()?;
                let items = patience.lock(&self.items)?;
                many(items.used.items, patience)?;
                let found = items.values.iter().position(|it| **it == *value);
                found
                    .map(|index| reply(&(index as u64)))
                    .ok_or(Code::NotFound)
            }
            ManagerOp::ListPage => {
                let from = args.u64()?;
                args.end()?;
                self.page(from, patience)
            }
            ManagerOp::ListReplace => {
                let version = args.u64()?;
                let values = args.seq(|args| self.value(args))?;
                args.end()?;
                Ok(reply(&self.replace_all(version, &values, patience)?))
            }
            ManagerOp::ListAdd => {
                let (index, delta) = (args.u64()?, self.value(&mut args)?);
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let index = items.at(index)?;
                let sum = number::add(&self.ty, Some(&items.values[index]), delta)?;
                items.replace(index, &sum, self.bounds)?;
                Ok(sum)
            }
            ManagerOp::ListCompareAndSwap => {
                let index = args.u64()?;
                let (expected, new) = (self.value(&mut args)?, self.value(&mut args)?);
                args.end()?;
                let mut items = patience.lock(&self.items)?;
                let index = items.at(index)?;
                let same = *items.values[index] == *expected;
                if same {
                    items.replace(index, new, self.bounds)?;
                }
                Ok(reply(&same))
            }
            _ => Err(Code::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Manager, ManagerError};

    #[test]
    fn what_a_list_holds_is_counted_to_the_last_byte() {
        let store = ListStore::new(Type::Str, Bounds::default());
        let call =
            |op: ManagerOp, args: &[u8]| store.call(op as i32, args, Patience::Some).unwrap();
        call(ManagerOp::ListPush, &[2, 1, b'a']);
        let one = Patience::Some.lock(&store.items).unwrap().used;
        call(ManagerOp::ListExtend, &[2, 1, 0, 3, 2, b'b', b'c']);
        call(ManagerOp::ListInsert, &[0, 1, 0]);
        call(ManagerOp::ListSet, &[0, 3, 2, b'x', b'y']);
        call(ManagerOp::ListRemove, &[0]);
        call(ManagerOp::ListPop, &[]);
        call(ManagerOp::ListPop, &[]);
        assert_eq!(Patience::Some.lock(&store.items).unwrap().used, one);
        let version = Patience::Some.lock(&store.items).unwrap().version;
        call(
            ManagerOp::ListReplace,
            &[u8::try_from(version).unwrap(), 1, 2, 1, b'z'],
        );
        assert_eq!(Patience::Some.lock(&store.items).unwrap().used, one);
        call(ManagerOp::Clear, &[]);
        assert_eq!(
            Patience::Some.lock(&store.items).unwrap().used,
            Used::default()
        );
    }

    #[test]
    fn a_change_of_all_does_not_lose_what_others_do() {
        let list = Manager::new().list::<u64>();
        list.extend(0..5_u64).unwrap();
        let mut rounds = 0;
        list.change(|values| {
            rounds += 1;
            if rounds == 1 {
                list.push(5_u64).unwrap();
            }
            values.reverse();
        })
        .unwrap();
        assert_eq!(rounds, 2);
        assert_eq!(list.to_vec().unwrap(), [5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn lists_of_many_pages_are_read_whole() {
        let list = Manager::new().list::<Vec<u8>>();
        let values: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; usize::from(n) * 20]).collect();
        list.extend(&values).unwrap();
        assert_eq!(list.to_vec().unwrap(), values);
        list.reverse().unwrap();
        assert_eq!(list.get(0).unwrap(), values[199]);
        assert_eq!(
            list.change(|values| values.extend(vec![vec![]; 1 << 20])),
            Err(ManagerError::TooLarge)
        );
        assert_eq!(list.len().unwrap(), 200);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_answered_without_panic(op in -1..60_i32, args: Vec<u8>) {
            let store = ListStore::new(Type::U64, Bounds::default());
            store.call(ManagerOp::ListExtend as i32, &[3, 1, 1, 1, 2, 1, 3], Patience::Some).unwrap();
            let _ = store.call(op, &args, Patience::Some);
        }
    }
}
