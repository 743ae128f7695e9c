//! Dictionaries, lists and namespaces, used as Python's are.

use serde::{Deserialize, Serialize};
use wasmpool_guest::{Dict, List, ManagerError, Namespace, RawArray, Typed};

/// Puts `n` squared into the dictionary.
///
/// # Errors
/// It is full.
#[wasmpool_guest::task]
pub fn square(n: u64, squares: Dict<u64, u64>) -> Result<(), ManagerError> {
    squares.set(n, n * n)
}

/// Appends `n` to the list, `times` times.
///
/// # Errors
/// It is full.
#[wasmpool_guest::task]
pub fn append(n: u64, times: u64, list: List<u64>) -> Result<(), ManagerError> {
    for _ in 0..times {
        list.push(n)?;
    }
    Ok(())
}

/// Adds one to a count, `times` times, in each of three ways.
///
/// # Errors
/// The sum is too large.
#[wasmpool_guest::task]
pub fn count(
    times: u64,
    counts: Dict<String, i64>,
    list: List<u32>,
    names: Namespace,
) -> Result<(), ManagerError> {
    for _ in 0..times {
        counts.add("hits", 1)?;
        list.add(0, 1)?;
        names.add("hits", 1_u64)?;
    }
    Ok(())
}

/// Adds one by reading, comparing and swapping, until it was the one who did it.
///
/// # Errors
/// The object cannot be used.
#[wasmpool_guest::task]
pub fn swap_up(times: u64, counts: Dict<String, i64>) -> Result<(), ManagerError> {
    for _ in 0..times {
        loop {
            let now = counts.get("swaps")?;
            if counts.compare_and_swap("swaps", Some(&now), Some(&(now + 1)))? {
                break;
            }
        }
    }
    Ok(())
}

/// Adds one to the number `hits`, so often, and tells each time in two elements of its own that it begins and that it has ended.
///
/// # Errors
/// The number is too large, or there are no such elements.
#[wasmpool_guest::task]
pub fn add_and_tell(
    counts: Dict<String, i64>,
    told: RawArray<u64>,
    guest: usize,
    times: u64,
) -> Result<(), String> {
    let tell = |what: usize| {
        told.fetch_add(3 * guest + what, 1)
            .map_err(|it| it.to_string())
    };
    for _ in 0..times {
        tell(0)?;
        counts.add("hits", 1).map_err(|error| error.to_string())?;
        tell(1)?;
    }
    Ok(())
}

/// Puts in and reads again, `times` times; the sum of what it read.
///
/// # Errors
/// The dictionary is full.
#[wasmpool_guest::task]
pub fn set_and_get(times: u64, dict: Dict<u64, u64>) -> Result<u64, ManagerError> {
    let mut sum = 0;
    for n in 0..times {
        dict.set(n % 100, n)?;
        sum += dict.get(n % 100)?;
    }
    Ok(sum)
}

/// Every method of a dictionary, and what it said.
///
/// # Errors
/// One of them says something else than it should.
#[wasmpool_guest::task]
pub fn tour_dict(dict: Dict<String, Vec<u8>>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let text = |error: ManagerError| error.to_string();
    let same = |what: &str, holds: bool| holds.then_some(()).ok_or_else(|| what.to_owned());
    same("empty", dict.is_empty().map_err(text)?)?;
    same("get", dict.get("a") == Err(ManagerError::NotFound))?;
    same("pop", dict.pop("a") == Err(ManagerError::NotFound))?;
    same("remove", dict.remove("a") == Err(ManagerError::NotFound))?;
    same("pop last", dict.pop_last() == Err(ManagerError::NotFound))?;
    dict.set("b", vec![1]).map_err(text)?;
    same("insert", dict.insert("a", vec![2]) == Ok(None))?;
    same(
        "insert again",
        dict.insert("a", vec![3]) == Ok(Some(vec![2])),
    )?;
    dict.update([("c", vec![4]), ("b", vec![5])])
        .map_err(text)?;
    same(
        "order",
        dict.keys() == Ok(vec!["b".into(), "a".into(), "c".into()]),
    )?;
    same(
        "values",
        dict.values() == Ok(vec![vec![5], vec![3], vec![4]]),
    )?;
    same("there", dict.get_or_insert("c", vec![0]) == Ok(vec![4]))?;
    same("put in", dict.get_or_insert("d", vec![6]) == Ok(vec![6]))?;
    same("contains", dict.contains("d") == Ok(true))?;
    same("does not", dict.contains("e") == Ok(false))?;
    let swapped = dict.compare_and_swap("d", Some(&vec![0]), None);
    same("not swapped", swapped == Ok(false))?;
    let swapped = dict.compare_and_swap("d", Some(&vec![6]), Some(&vec![7]));
    same("swapped", swapped == Ok(true))?;
    same(
        "made",
        dict.compare_and_swap("e", None, Some(&vec![8])) == Ok(true),
    )?;
    same("pop last", dict.pop_last() == Ok(("e".into(), vec![8])))?;
    same("pop", dict.pop("a") == Ok(vec![3]))?;
    same("len", dict.len() == Ok(3))?;
    dict.items().map_err(text)
}

/// Every method of a list, and what it said.
///
/// # Errors
/// One of them says something else than it should.
#[wasmpool_guest::task]
pub fn tour_list(list: List<String>) -> Result<Vec<String>, String> {
    let text = |error: ManagerError| error.to_string();
    let same = |what: &str, holds: bool| holds.then_some(()).ok_or_else(|| what.to_owned());
    same("pop", list.pop() == Err(ManagerError::NotFound))?;
    same("get", list.get(0) == Err(ManagerError::NotFound))?;
    same("set", list.set(0, "x") == Err(ManagerError::NotFound))?;
    same("insert", list.insert(1, "x") == Err(ManagerError::NotFound))?;
    list.extend(["c", "a"]).map_err(text)?;
    list.push("d").map_err(text)?;
    list.insert(1, "b").map_err(text)?;
    list.insert(4, "e").map_err(text)?;
    same("get", list.get(4) == Ok("e".into()))?;
    same("index", list.index_of("a") == Ok(2))?;
    same(
        "no index",
        list.index_of("z") == Err(ManagerError::NotFound),
    )?;
    same("contains", list.contains("z") == Ok(false))?;
    same("remove", list.remove(0) == Ok("c".into()))?;
    same("pop", list.pop() == Ok("e".into()))?;
    list.set(0, "z").map_err(text)?;
    same(
        "not swapped",
        list.compare_and_swap(0, "y", "x") == Ok(false),
    )?;
    same("swapped", list.compare_and_swap(0, "z", "x") == Ok(true))?;
    list.sort().map_err(text)?;
    same(
        "sorted",
        list.to_vec() == Ok(vec!["a".into(), "d".into(), "x".into()]),
    )?;
    list.reverse().map_err(text)?;
    same("len", list.len() == Ok(3))?;
    list.to_vec().map_err(text)
}

/// Every method of a namespace, and what it said.
///
/// # Errors
/// One of them says something else than it should.
#[wasmpool_guest::task]
pub fn tour_namespace(names: Namespace) -> Result<Vec<String>, String> {
    let text = |error: ManagerError| error.to_string();
    let same = |what: &str, holds: bool| holds.then_some(()).ok_or_else(|| what.to_owned());
    same("from the host", names.get::<f64>("ratio") == Ok(0.5))?;
    same(
        "type",
        names.get::<f32>("ratio") == Err(ManagerError::WrongType),
    )?;
    same(
        "name",
        names.get::<f64>("none") == Err(ManagerError::NotFound),
    )?;
    names
        .set("place", &(1_u8, "two".to_owned()))
        .map_err(text)?;
    same("sum", names.add("ratio", 0.25) == Ok(0.75))?;
    same(
        "no sum",
        names.add("ratio", 1_u8) == Err(ManagerError::WrongType),
    )?;
    same("new sum", names.add("new", -5_i8) == Ok(-5))?;
    same(
        "too much",
        names.add("new", -128_i8) == Err(ManagerError::TooLarge),
    )?;
    same("removed", names.remove("new") == Ok(()))?;
    same("gone", names.remove("new") == Err(ManagerError::NotFound))?;
    same("len", names.len() == Ok(2))?;
    names.names().map_err(text)
}

/// Objects inside of a type.
#[derive(Debug, Serialize, Deserialize, Typed)]
pub struct Board {
    /// Points by name.
    pub points: Dict<String, i64>,
    /// What happened.
    pub log: Option<List<String>>,
    /// A number beside them.
    pub bonus: i64,
}

/// Gives points, and logs it.
///
/// # Errors
/// The board is full.
#[wasmpool_guest::task]
pub fn award(boards: Vec<Board>, name: String) -> Result<i64, ManagerError> {
    let mut sum = 0;
    for board in &boards {
        sum += board.points.add(&name, board.bonus)?;
        if let Some(log) = &board.log {
            log.push(format!("{name}: {}", board.bonus))?;
        }
    }
    Ok(sum)
}

/// Puts in and takes out again, `times` times, keys from `first` on.
///
/// # Errors
/// The dictionary is full.
#[wasmpool_guest::task]
pub fn churn(first: u64, times: u64, dict: Dict<u64, String>) -> Result<(), ManagerError> {
    for n in first..first + times {
        dict.set(n, "come and gone".repeat(20))?;
        dict.remove(n)?;
    }
    Ok(())
}

/// The keys, as one walk through the dictionary finds them.
///
/// # Errors
/// The object cannot be used.
#[wasmpool_guest::task]
pub fn walk(dict: Dict<u64, String>) -> Result<Vec<u64>, ManagerError> {
    dict.iter().map(|item| item.map(|(key, _)| key)).collect()
}

/// Appends values of `len` bytes until that fails; how many there were, and why it failed.
#[wasmpool_guest::task]
pub fn fill(len: u32, list: List<Vec<u8>>) -> (u64, String) {
    let value = vec![7; len as usize];
    let mut count = 0;
    loop {
        match list.push(&value) {
            Ok(()) => count += 1,
            Err(error) => return (count, error.to_string()),
        }
    }
}

/// Appends once, tells so, and waits to be killed or stopped.
///
/// # Errors
/// The list is full.
#[wasmpool_guest::task]
pub fn append_and_spin(list: List<u64>) -> Result<(), ManagerError> {
    list.push(1)?;
    wasmpool_guest::info!("appended");
    loop {
        std::hint::black_box(0);
    }
}
