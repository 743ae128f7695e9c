//! Every function of a manager's objects, and what it says.

use crate::bindings::wasmpool::pool::types::Error;
use crate::bindings::{BytesDict, Namespace, TextList};
use crate::{said, same};

pub(crate) fn dict(dict: &BytesDict) -> Result<Vec<(String, Vec<u8>)>, String> {
    let text = str::to_owned;
    same("empty", dict.length(), Ok(0))?;
    same("get", dict.get("a"), Err(Error::NotFound))?;
    same("pop", dict.pop("a"), Err(Error::NotFound))?;
    same("remove", dict.remove("a"), Err(Error::NotFound))?;
    same("pop last", dict.pop_last(), Err(Error::NotFound))?;
    said(dict.set("x", &[0]))?;
    said(dict.clear())?;
    said(dict.set("b", &[1]))?;
    same("insert", dict.insert("a", &[2]), Ok(None))?;
    same("again", dict.insert("a", &[3]), Ok(Some(vec![2])))?;
    said(dict.update(&[(text("c"), vec![4]), (text("b"), vec![5])]))?;
    let keys = vec![text("b"), text("a"), text("c")];
    same("keys", dict.keys(0), Ok((keys, None)))?;
    let values = vec![vec![5], vec![3], vec![4]];
    same("values", dict.values(0), Ok((values, None)))?;
    same("no more", dict.keys(u64::MAX), Ok((Vec::new(), None)))?;
    same("there", dict.get_or_insert("c", &[0]), Ok(vec![4]))?;
    same("put in", dict.get_or_insert("d", &[6]), Ok(vec![6]))?;
    same("contains", dict.contains("d"), Ok(true))?;
    same("does not", dict.contains("e"), Ok(false))?;
    let (old, six, seven) = (vec![0], vec![6], vec![7]);
    let swapped = dict.compare_and_swap("d", Some(&old), None);
    same("not swapped", swapped, Ok(false))?;
    let swapped = dict.compare_and_swap("d", Some(&six), Some(&seven));
    same("swapped", swapped, Ok(true))?;
    let made = dict.compare_and_swap("e", None, Some(&vec![8]));
    same("made", made, Ok(true))?;
    same("pop last", dict.pop_last(), Ok((text("e"), vec![8])))?;
    same("pop", dict.pop("a"), Ok(vec![3]))?;
    same("length", dict.length(), Ok(3))?;
    // More than one page.
    for n in 0..3 {
        said(dict.set(&format!("long {n}"), &vec![n; 50_000]))?;
    }
    let (mut items, mut cursor, mut pages) = (Vec::new(), Some(0), 0);
    while let Some(from) = cursor {
        let (some, rest) = said(dict.items(from))?;
        items.extend(some);
        cursor = rest;
        pages += 1;
    }
    same("items", items.len(), 6)?;
    same("in pages", pages > 1, true)?;
    for n in 0..3 {
        said(dict.remove(&format!("long {n}")))?;
    }
    said(dict.items(0)).map(|(items, _)| items)
}

pub(crate) fn list(list: &TextList) -> Result<Vec<String>, String> {
    let text = str::to_owned;
    same("pop", list.pop(), Err(Error::NotFound))?;
    same("get", list.get(0), Err(Error::NotFound))?;
    same("set", list.set(0, "x"), Err(Error::NotFound))?;
    same("insert", list.insert(1, "x"), Err(Error::NotFound))?;
    said(list.push("x"))?;
    said(list.clear())?;
    said(list.extend(&[text("c"), text("a")]))?;
    said(list.push("d"))?;
    said(list.insert(1, "b"))?;
    said(list.insert(4, "e"))?;
    same("get", list.get(4), Ok(text("e")))?;
    same("index", list.index_of("a"), Ok(2))?;
    same("no index", list.index_of("z"), Err(Error::NotFound))?;
    same("contains", list.contains("z"), Ok(false))?;
    same("remove", list.remove(0), Ok(text("c")))?;
    same("pop", list.pop(), Ok(text("e")))?;
    said(list.set(0, "z"))?;
    same("not swapped", list.compare_and_swap(0, "y", "x"), Ok(false))?;
    same("swapped", list.compare_and_swap(0, "z", "x"), Ok(true))?;
    same("length", list.length(), Ok(3))?;
    let (mut values, rest, version) = said(list.values(0))?;
    same("one page", rest, None)?;
    values.sort();
    said(list.push("late"))?;
    same(
        "changed meanwhile",
        list.replace(version, &values),
        Ok(false),
    )?;
    said(list.pop())?;
    let (_, _, version) = said(list.values(3))?;
    values.reverse();
    same("replaced", list.replace(version, &values), Ok(true))?;
    said(list.values(0)).map(|(values, _, _)| values)
}

pub(crate) fn namespace(names: &Namespace) -> Result<Vec<String>, String> {
    same("from the host", names.get_f64("ratio"), Ok(0.5))?;
    same("type", names.get_u64("ratio"), Err(Error::WrongType))?;
    same("name", names.get_f64("none"), Err(Error::NotFound))?;
    said(names.set_text("text", "two"))?;
    same("text", names.get_text("text"), Ok("two".to_owned()))?;
    said(names.set_bytes("bytes", &[1, 2]))?;
    same("bytes", names.get_bytes("bytes"), Ok(vec![1, 2]))?;
    said(names.set_bool("bool", true))?;
    same("bool", names.get_bool("bool"), Ok(true))?;
    said(names.set_s64("whole", -1))?;
    same("whole", names.add_s64("whole", -2), Ok(-3))?;
    same("s64", names.get_s64("whole"), Ok(-3))?;
    said(names.set_u64("count", u64::MAX))?;
    same("too much", names.add_u64("count", 1), Err(Error::TooLarge))?;
    said(names.set_f64("ratio", 0.25))?;
    same("sum", names.add_f64("ratio", 0.5), Ok(0.75))?;
    same("no sum", names.add_u64("ratio", 1), Err(Error::WrongType))?;
    said(names.remove("count"))?;
    same("gone", names.remove("count"), Err(Error::NotFound))?;
    same("length", names.length(), Ok(5))?;
    same("no more", names.names("whole"), Ok(Vec::new()))?;
    said(names.names(""))
}
