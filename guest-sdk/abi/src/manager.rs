//! The operations of `manager_call`: one list of numbers, with what goes along and what comes back.

mod calls;
mod error;
mod methods;

use crate::object::numbered;

pub use calls::{Number, Page, bytes_of, pages, value_of};
pub use error::ManagerError;

numbered! {
    /// What a manager's object is asked to do. What goes along and what comes back are in postcard: a tuple, of which each key or value
    /// is a byte string with the key's or value's own encoding in it (`bytes` below), so that it can be told apart without its type.
    /// A reply of one key or value is its encoding alone; items of a page are one after the other, so that a page is also
    /// the encoding of a `Vec` of them.
    ///
    /// Each is done as a whole or not at all, and none in the middle of another. What is not of the object's type is
    /// `WrongType`, what would pass its bounds `TooLarge`, a missing key, index or name `NotFound`.
    ManagerOp: i32;

    /// Of any: how many items there are. `()` → `u64`
    Len = 0, "len";
    /// Of any: takes all items out. `()` → `()`
    Clear = 1, "clear";

    /// Of a dictionary: the value of a key. `bytes` → the value
    DictGet = 16, "dict get";
    /// Puts a value in the place of what was there. `(key bytes, value bytes)` → an `Option` of what was there
    DictInsert = 17, "dict insert";
    /// The same, without what was there. `(key bytes, value bytes)` → `()`
    DictSet = 18, "dict set";
    /// Takes a key out. `bytes` → the value
    DictPop = 19, "dict pop";
    /// Takes the item out that was put in last. `()` → the key and the value
    DictPopLast = 20, "dict pop last";
    /// Whether a key is there. `bytes` → `bool`
    DictContains = 21, "dict contains";
    /// Items in the order in which their keys came, beginning after a cursor: 0, and then what the last page said. `(cursor u64, part u8)` →
    /// `(cursor u64, more bool, Vec of items)`. Part 0 is keys, 1 values, 2 both.
    DictPage = 22, "dict page";
    /// Puts several in, all or none. `Vec<(key bytes, value bytes)>` → `()`
    DictUpdate = 23, "dict update";
    /// The value of a key, which is put in when there is none. `(key bytes, value bytes)` → `(put in bool, the value)`
    DictGetOrInsert = 24, "dict get or insert";
    /// Adds to a number, which begins at zero. `(key bytes, number bytes)` → the sum; `TooLarge` when its type cannot hold it
    DictAdd = 25, "dict add";
    /// Puts a value in the place of an expected one; `None` is a missing key. `(key bytes, Option<bytes>, Option<bytes>)` → `bool`
    DictCompareAndSwap = 26, "dict compare and swap";

    /// Of a list: the value at an index. `u64` → the value
    ListGet = 32, "list get";
    /// Puts a value in the place of the one at an index. `(u64, bytes)` → `()`
    ListSet = 33, "list set";
    /// Appends. `bytes` → `()`
    ListPush = 34, "list push";
    /// Appends several, all or none. `Vec<bytes>` → `()`
    ListExtend = 35, "list extend";
    /// Puts a value before the one at an index, or at the end. `(u64, bytes)` → `()`
    ListInsert = 36, "list insert";
    /// Takes the one at an index out. `u64` → the value
    ListRemove = 37, "list remove";
    /// Takes the last one out. `()` → the value
    ListPop = 38, "list pop";
    /// The index of the first that is equal. `bytes` → `u64`
    ListFind = 39, "list find";
    /// Values from an index on, as many as fit a page. `u64` → `(version u64, more bool, Vec of values)`. The version is another one after
    /// each change.
    ListPage = 40, "list page";
    /// Puts these values in the place of all, unless the list has changed since it had that version. `(u64, Vec<bytes>)` → `bool`
    ListReplace = 41, "list replace";
    /// Adds to the number at an index. `(u64, number bytes)` → the sum; `TooLarge` when its type cannot hold it
    ListAdd = 42, "list add";
    /// Puts a value in the place of an expected one. `(u64, bytes, bytes)` → `bool`
    ListCompareAndSwap = 43, "list compare and swap";

    /// Of a namespace: the value of a name, when it is of this type. `(name, type bytes)` → the value
    NamespaceGet = 48, "namespace get";
    /// Puts a value of a type in the place of what was there. `(name, type bytes, value bytes)` → `()`
    NamespaceSet = 49, "namespace set";
    /// Takes a name out. `name` → `()`
    NamespaceRemove = 50, "namespace remove";
    /// The names after one, in alphabetical order, as many as fit a page. `name` → `(more bool, Vec of names)`
    NamespaceNames = 51, "namespace names";
    /// Adds to a number of a type, which begins at zero. `(name, type bytes, number bytes)` → the sum
    NamespaceAdd = 52, "namespace add";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_comes_back_from_its_number() {
        for &op in ManagerOp::ALL {
            assert_eq!(ManagerOp::from_number(op as i32), Some(op));
        }
        assert_eq!(ManagerOp::from_number(-1), None);
    }
}
