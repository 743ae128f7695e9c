//! A manager's objects: dictionaries, lists and namespaces that host and tasks share by asking the host.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use wasmpool::{
    ByteSize, Dict, Isolation, List, Manager, ManagerError, Module, Namespace, Pool, Task,
    TaskError, Typed,
};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, kinds};

fn pool() -> Result<(Pool, Module)> {
    let pool = kinds::builder().workers(4).build()?;
    let module = pool.load(guests::callers())?;
    Ok((pool, module))
}

/// Ten tasks fill in squares.
#[test]
fn tasks_fill_a_dictionary() -> Result<()> {
    let (pool, module) = pool()?;
    let square = module.task::<(u64, Dict<u64, u64>), ()>("square")?;
    let squares = Manager::new().dict::<u64, u64>();
    for outcome in pool.map(&square, (0..10).map(|n| (n, squares.clone()))) {
        outcome?;
    }
    ensure!(squares.len()? == 10);
    for n in 0..10 {
        ensure!(squares.get(n)? == n * n, "{n}");
    }
    let mut keys = squares.keys()?;
    keys.sort_unstable();
    ensure!(keys == (0..10).collect::<Vec<_>>());
    Ok(())
}

/// Called one by one, from the calling thread, the order is that of the calls.
#[test]
fn a_dictionary_keeps_the_order_in_which_keys_came() -> Result<()> {
    let (_pool, module) = pool()?;
    let square = module.task::<(u64, Dict<u64, u64>), ()>("square")?;
    let squares = Manager::new().dict::<u64, u64>();
    for n in [5, 3, 9, 1, 3] {
        square.call((n, &squares))?;
    }
    ensure!(squares.items()? == [(5, 25), (3, 9), (9, 81), (1, 1)]);
    Ok(())
}

#[test]
fn what_many_tasks_append_is_all_there() -> Result<()> {
    let (pool, module) = pool()?;
    let append = module.task::<(u64, u64, List<u64>), ()>("append")?;
    for isolation in kinds::ISOLATIONS {
        let list = Manager::new().list::<u64>();
        let (tasks, times) = (20, 50);
        let items = (0..tasks).map(|n| (n, times, list.clone()));
        for outcome in pool.map(&append.isolation(isolation), items) {
            outcome?;
        }
        let mut all = list.to_vec()?;
        all.sort_unstable();
        let expected: Vec<u64> = (0..tasks)
            .flat_map(|n| (0..times).map(move |_| n))
            .collect();
        ensure!(all == expected, "{isolation:?}");
    }
    Ok(())
}

#[test]
fn sums_of_many_tasks_add_up() -> Result<()> {
    let (pool, module) = pool()?;
    let manager = Manager::new();
    let (counts, list) = (manager.dict::<String, i64>(), manager.list::<u32>());
    let names = manager.namespace();
    list.push(0)?;
    counts.set("swaps", 0)?;
    let count = module.task::<(u64, Dict<String, i64>, List<u32>, Namespace), ()>("count")?;
    let swap_up = module.task::<(u64, Dict<String, i64>), ()>("swap_up")?;
    std::thread::scope(|scope| {
        let host = scope.spawn(|| -> Result<(), ManagerError> {
            for _ in 0..1000 {
                counts.add("hits", 1)?;
                names.add("hits", 1_u64)?;
            }
            Ok(())
        });
        let swaps = scope.spawn(|| pool.map(&swap_up, (0..8).map(|_| (25, counts.clone()))));
        for outcome in pool.map(&count, (0..16).map(|_| (50, &counts, &list, &names))) {
            outcome?;
        }
        for outcome in swaps.join().expect("it does not panic") {
            outcome?;
        }
        host.join().expect("it does not panic")?;
        anyhow::Ok(())
    })?;
    ensure!(counts.get("hits")? == 16 * 50 + 1000);
    ensure!(counts.get("swaps")? == 8 * 25);
    ensure!(list.get(0)? == 16 * 50);
    ensure!(names.get::<u64>("hits")? == 16 * 50 + 1000);
    Ok(())
}

#[test]
fn guests_have_every_method() -> Result<()> {
    let (_pool, module) = pool()?;
    let manager = Manager::new();

    let dict = manager.dict::<String, Vec<u8>>();
    let tour = module.task::<Dict<String, Vec<u8>>, Vec<(String, Vec<u8>)>>("tour_dict")?;
    let items = tour.call(&dict)?;
    ensure!(items == dict.items()?);
    ensure!(dict.keys()? == ["b", "c", "d"]);

    let list = manager.list::<String>();
    let tour = module.task::<List<String>, Vec<String>>("tour_list")?;
    ensure!(tour.call(&list)? == ["x", "d", "a"]);
    ensure!(list.to_vec()? == ["x", "d", "a"]);

    let names = manager.namespace();
    names.set("ratio", &0.5)?;
    let tour = module.task::<Namespace, Vec<String>>("tour_namespace")?;
    ensure!(tour.call(&names)? == ["place", "ratio"]);
    ensure!(names.get::<(u8, String)>("place")? == (1, "two".into()));
    Ok(())
}

/// The same tours on this side: one list of methods, one meaning.
#[test]
fn hosts_have_typed_errors_for_what_is_missing() -> Result<()> {
    let manager = Manager::new();
    let (dict, list) = (manager.dict::<u8, u8>(), manager.list::<u8>());
    let names = manager.namespace();
    let missing = Err(ManagerError::NotFound);
    ensure!(dict.get(1) == missing);
    ensure!(dict.pop(1) == missing);
    ensure!(dict.remove(1) == Err(ManagerError::NotFound));
    ensure!(dict.pop_last() == Err(ManagerError::NotFound));
    ensure!(list.get(0) == missing);
    ensure!(list.remove(0) == missing);
    ensure!(list.pop() == missing);
    ensure!(list.add(0, 1) == missing);
    ensure!(list.insert(1, 1) == Err(ManagerError::NotFound));
    ensure!(list.index_of(7) == Err(ManagerError::NotFound));
    ensure!(names.get::<u8>("a") == missing);
    names.set("a", &1_u8)?;
    ensure!(names.get::<i8>("a") == Err(ManagerError::WrongType));
    ensure!(names.get::<u8>("a") == Ok(1));
    dict.set(1, 250)?;
    ensure!(dict.add(1, 6) == Err(ManagerError::TooLarge));
    ensure!(
        dict.get(1) == Ok(250),
        "a sum that failed changed something"
    );
    Ok(())
}

/// Objects inside of the host's own types.
#[derive(Serialize, Deserialize, Typed)]
struct Board {
    points: Dict<String, i64>,
    log: Option<List<String>>,
    bonus: i64,
}

#[test]
fn objects_travel_inside_of_any_type() -> Result<()> {
    let (_pool, module) = pool()?;
    let manager = Manager::new();
    let board = |bonus| Board {
        points: manager.dict(),
        log: (bonus > 1).then(|| manager.list()),
        bonus,
    };
    let boards = vec![board(1), board(2)];
    let award = module.task::<(Vec<Board>, String), i64>("award")?;
    ensure!(award.call((&boards, "ann"))? == 3);
    ensure!(award.call((&boards, "ann"))? == 6);
    ensure!(boards[0].points.get("ann")? == 2);
    let log = boards[1].log.as_ref().map(List::to_vec).transpose()?;
    ensure!(log == Some(vec!["ann: 2".into(), "ann: 2".into()]));
    Ok(())
}

/// Each key that is there all the while is found exactly once, in its order, whatever others do to the rest.
#[test]
fn a_walk_finds_what_stays_while_others_write() -> Result<()> {
    let (pool, module) = pool()?;
    let dict = Manager::new().dict::<u64, String>();
    let stay: Vec<u64> = (0..2000).collect();
    dict.update(stay.iter().map(|&n| (n, "x".repeat(200))))?;
    let churn = module.task::<(u64, u64, Dict<u64, String>), ()>("churn")?;
    let walk = module.task::<Dict<u64, String>, Vec<u64>>("walk")?;
    let writers: Vec<_> = (1..=2)
        .map(|n| churn.start((n * 1_000_000, 300, &dict)))
        .collect();
    let stays = |keys: &[u64]| {
        keys.iter()
            .filter(|&&key| key < 2000)
            .copied()
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        ensure!(stays(&walk.call(&dict)?) == stay, "a guest's walk");
        ensure!(stays(&dict.keys()?) == stay, "a host's walk");
    }
    for outcome in pool.map(&walk, (0..4).map(|_| &dict)) {
        ensure!(stays(&outcome?) == stay);
    }
    for writer in writers {
        writer.get()?;
    }
    ensure!(dict.keys()? == stay);
    Ok(())
}

#[test]
fn a_guest_cannot_fill_the_memory_of_the_host() -> Result<()> {
    let (_pool, module) = pool()?;
    let fill = module.task::<(u32, List<Vec<u8>>), (u64, String)>("fill")?;
    let few = Manager::new().max_items(10).list::<Vec<u8>>();
    let (count, why) = fill.call((0, &few))?;
    ensure!(count == 10 && why.contains("more than"), "{count} {why}");
    let small = Manager::new()
        .max_bytes(ByteSize::kib(10))
        .list::<Vec<u8>>();
    let (count, why) = fill.call((1000, &small))?;
    ensure!(count == 9 && why.contains("more than"), "{count} {why}");
    ensure!(small.push(vec![1_u8; 1000]) == Err(ManagerError::TooLarge));
    small.pop()?;
    small.push(vec![1_u8; 1000])?;

    // All or nothing.
    let dict = Manager::new().max_items(3).dict::<u8, u8>();
    dict.set(1, 1)?;
    ensure!(dict.update([(1, 2), (2, 2), (3, 2), (4, 2)]) == Err(ManagerError::TooLarge));
    ensure!(dict.items()? == [(1, 1)]);
    dict.update([(1, 3), (2, 3), (3, 3)])?;
    ensure!(few.extend([vec![1_u8]]) == Err(ManagerError::TooLarge));
    Ok(())
}

type Forge = Task<(Dict<u64, String>, List<String>, Vec<(i32, i32, Vec<u8>)>), Vec<String>>;

/// What a guest without the SDK does: each is a typed error, and the object is as it was.
#[test]
fn forged_operations_are_refused() -> Result<()> {
    let (_pool, module) = pool()?;
    let forge: Forge = module.task("forge_dict")?;
    let (dict, list) = (
        Manager::new().dict::<u64, String>(),
        Manager::new().list::<String>(),
    );
    dict.set(1, "one")?;
    type Forged = (i32, i32, Vec<u8>);
    let acts: Vec<(Forged, &str)> = vec![
        // A key and a value that are what they should be.
        ((0, 18, vec![1, 2, 4, 3, b't', b'w', b'o']), "0"),
        // A text that is none, a key of two bytes where one was said, a value that is cut.
        ((0, 18, vec![1, 2, 2, 1, 0xff]), "of the wrong type"),
        ((0, 18, vec![2, 2, 2, 1, 0]), "of the wrong type"),
        ((0, 18, vec![1, 2, 2, 9, b'x']), "of the wrong type"),
        ((0, 18, vec![0, 1, 0]), "of the wrong type"),
        // Arguments that end early, or late.
        ((0, 18, vec![]), "invalid argument"),
        ((0, 18, vec![200, 1]), "invalid argument"),
        ((0, 18, vec![1, 2, 1, 0, 7]), "invalid argument"),
        // A count of four thousand million pairs.
        (
            (0, 23, vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
            "invalid argument",
        ),
        // Operations that there are none of, or of another kind.
        ((0, 99, vec![]), "invalid argument"),
        ((0, -1, vec![]), "invalid argument"),
        ((0, 34, vec![1, 0]), "invalid argument"),
        ((1, 18, vec![1, 2, 1, 0]), "invalid argument"),
        // A sum of texts.
        ((0, 25, vec![1, 1, 1, 0]), "of the wrong type"),
        // A cursor at the end of all numbers.
        (
            (
                0,
                22,
                vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2],
            ),
            "12",
        ),
        ((0, 22, vec![0, 3]), "invalid argument"),
        // Handles that the task does not have.
        ((2, 18, vec![1, 2, 1, 0]), "not a handle of this task"),
        ((i32::MAX, 0, vec![]), "not a handle of this task"),
        ((-1, 0, vec![]), "not a handle of this task"),
    ];
    let said = forge.call((
        &dict,
        &list,
        acts.iter().map(|(act, _)| act.clone()).collect::<Vec<_>>(),
    ))?;
    for ((act, expected), said) in acts.iter().zip(&said) {
        ensure!(said == expected, "{act:?}: {said}, not {expected}");
    }
    ensure!(dict.items()? == [(1, "one".into()), (2, "two".into())]);
    ensure!(list.is_empty()?);
    Ok(())
}

#[test]
fn types_are_checked_when_a_task_is_named() -> Result<()> {
    let (_pool, module) = pool()?;
    ensure!(module.task::<(u64, Dict<u64, i64>), ()>("square").is_err());
    ensure!(module.task::<(u64, List<u64>), ()>("square").is_err());
    let error = module
        .task::<(u64, Dict<u64, String>), ()>("square")
        .unwrap_err();
    ensure!(error.to_string().contains("Dict<u64, u64>"), "{error}");
    Ok(())
}

#[test]
fn a_task_that_is_stopped_leaves_the_object_whole() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(2)).build()?;
    let module = pool.load(guests::callers())?;
    let append = module.task::<List<u64>, ()>("append_and_spin")?;
    let list = Manager::new().list::<u64>();

    let call = append.start(&list);
    witness.wait_for_logs("appended", 1);
    ensure!(call.cancel());
    ensure!(matches!(call.get(), Err(TaskError::Cancelled)));

    ensure!(list.to_vec()? == [1]);
    for task in [&append, &append.isolation(Isolation::Process)] {
        let (before, begun) = (list.len()?, Instant::now());
        while list.len()? == before {
            let late = task.timeout(TASK_TIMEOUT).call(&list);
            ensure!(matches!(late, Err(TaskError::Timeout { .. })), "{late:?}");
            // On a busy machine its time may be over before it has appended anything.
            ensure!(begun.elapsed() < DEADLINE, "it never appends");
        }
        ensure!(list.len()? == before + 1 && list.to_vec()?.iter().all(|n| *n == 1));
    }
    Ok(())
}

#[test]
fn many_workers_at_once_get_their_own_replies() -> Result<()> {
    let pool = kinds::builder().workers(8).build()?;
    let module = pool.load(guests::callers())?;
    let walk = module.task::<Dict<u64, String>, Vec<u64>>("walk")?;
    let manager = Manager::new();
    let dicts: Vec<_> = (0..16_u64)
        .map(|n| {
            let dict = manager.dict::<u64, String>();
            let items = (0..=n * 40).map(|m| (n * 1000 + m, "y".repeat(100)));
            dict.update(items).map(|()| dict)
        })
        .collect::<Result<_, _>>()?;
    for _ in 0..5 {
        for (n, keys) in (0..).zip(pool.map(&walk, &dicts)) {
            let expected: BTreeSet<u64> = (0..=n * 40).map(|m| n * 1000 + m).collect();
            ensure!(
                keys?.into_iter().collect::<BTreeSet<_>>() == expected,
                "{n}"
            );
        }
    }
    Ok(())
}
