//! What a worker writes is read as it was; what it should not have written is refused, whatever it is.

use proptest::prelude::*;

use super::*;
use crate::module::accept::accept;

const LIMIT: u64 = 8 << 20;

/// A counter in a global, one of each type, and two memories.
const MODULE: &str = r#"(module
    (memory $m (export "memory") 1 16) (memory 2 2)
    (global (mut i32) (i32.const 1)) (global i32 (i32.const 5)) (global (mut i64) (i64.const 2))
    (global (mut f32) (f32.const 3)) (global (mut f64) (f64.const 4)) (global (mut v128) (v128.const i64x2 5 6))
    (data (i32.const 8) "before") (data "passive")
    (func (export "_initialize") (global.set 0 (i32.const 9)))
    (func $start (global.set 0 (i32.const 8))) (start $start)
    (func (export "task") (result i32) (global.get 0)))"#;

fn wasm() -> Vec<u8> {
    accept(MODULE.as_bytes(), LIMIT, &[])
        .unwrap()
        .wasm
        .into_owned()
}

fn globals() -> Vec<(u32, GlobalValue)> {
    vec![
        (0, GlobalValue::I32(u32::MAX)),
        (2, GlobalValue::I64(7)),
        // The bits of a NaN are kept.
        (3, GlobalValue::F32(0x7fa0_0001)),
        (4, GlobalValue::F64(0)),
        (5, GlobalValue::V128(u128::MAX - 1)),
    ]
}

fn written(globals: &[(u32, GlobalValue)], memories: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = |piece: &[u8]| -> Result<(), ()> {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    write_globals(globals, u32::try_from(memories.len()).unwrap(), &mut out).unwrap();
    for memory in memories {
        write_memory(memory, &mut out).unwrap();
    }
    bytes
}

fn memories() -> [Vec<u8>; 2] {
    let mut first = vec![0; 4 << 16];
    first[70_000] = 1;
    first[200_000..262_144].fill(7);
    [first, vec![0; 2 << 16]]
}

fn read(bytes: &[u8]) -> Result<State, StateError> {
    State::read(bytes, &Layout::of(&wasm()).unwrap(), LIMIT)
}

#[test]
fn what_is_written_is_read_again_and_zeros_cost_nothing() {
    let bytes = written(&globals(), &memories());
    let state = read(&bytes).unwrap();
    assert_eq!(
        (&state.globals, &state.memories[..]),
        (&globals(), &memories()[..])
    );
    assert!(bytes.len() < 80_000, "{} bytes", bytes.len());
}

#[test]
fn every_other_number_size_or_type_is_refused() {
    let of = |memories: &[Vec<u8>]| read(&written(&globals(), memories)).unwrap_err();
    let sized = |pages: [usize; 2]| of(&pages.map(|pages| vec![0; pages << 16]));
    let missing = written(&globals()[1..], &memories());
    assert!(matches!(
        read(&missing),
        Err(StateError::Count {
            what: "globals",
            ..
        })
    ));
    let mut other = globals();
    other[1].1 = GlobalValue::F64(7);
    let other_type = written(&other, &memories());
    assert_eq!(read(&other_type), Err(StateError::Global(2)));
    other = globals();
    other.swap(0, 1);
    assert!(matches!(
        read(&written(&other, &memories())),
        Err(StateError::Global(_))
    ));
    assert!(matches!(
        of(&memories()[..1]),
        StateError::Count {
            what: "memories",
            ..
        }
    ));
    // Less than at the start, more than declared, no whole page.
    assert!(matches!(sized([0, 2]), StateError::Size { index: 0, .. }));
    assert!(matches!(sized([17, 2]), StateError::Size { index: 0, .. }));
    assert!(matches!(sized([1, 3]), StateError::Size { index: 1, .. }));
    assert!(matches!(
        of(&[vec![0; 65_537], vec![0; 2 << 16]]),
        StateError::Size { index: 0, .. }
    ));
    let layout = Layout::of(&wasm()).unwrap();
    let bytes = written(&globals(), &memories());
    let over = State::read(&bytes, &layout, (6 << 16) - 1);
    assert_eq!(
        over,
        Err(StateError::OverLimit {
            bytes: 6 << 16,
            limit: (6 << 16) - 1
        })
    );
}

#[test]
fn runs_outside_of_memory_or_out_of_order_are_refused() {
    let head = written(&globals(), &[vec![0; 1 << 16]]);
    // Up to the end of the first memory's head.
    let head = &head[..head.len() - 8];
    for (offset, len) in [
        (65_536, 1),
        (65_535, 2),
        (0, u64::MAX),
        (u64::MAX - 1, 4),
        (3, 0),
    ] {
        let mut bytes = head.to_vec();
        // As if it had the second memory too.
        let count = bytes.len() - 12;
        bytes[count..count + 4].copy_from_slice(&2_u32.to_le_bytes());
        for number in [offset, len] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[1; 100]);
        assert_eq!(read(&bytes), Err(StateError::Run { offset, len }));
    }
    let mut bytes = head.to_vec();
    let count = bytes.len() - 12;
    bytes[count..count + 4].copy_from_slice(&2_u32.to_le_bytes());
    for _ in 0..2 {
        for number in [4096_u64, 1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(1);
    }
    assert_eq!(
        read(&bytes),
        Err(StateError::Run {
            offset: 4096,
            len: 1
        })
    );
}

#[test]
fn a_restored_module_starts_where_the_state_says_and_runs_nothing_first() {
    let restored = restore(&wasm(), &written(&globals(), &memories()), LIMIT).unwrap();
    let accepted = accept(&restored, LIMIT, &[]).unwrap();
    assert!(!accepted.info.initialize, "`_initialize` would run again");
    assert_eq!(
        accepted.info.data_end, 262_144,
        "windows lie above what was written"
    );
    assert_eq!(
        accepted.info.memories,
        [(4 << 16, Some(16 << 16)), (2 << 16, Some(2 << 16))]
    );
    let before = accept(MODULE.as_bytes(), LIMIT, &[]).unwrap();
    assert_eq!(accepted.info.tasks, before.info.tasks);
    let engine = wasmtime::Engine::default();
    let module = wasmtime::Module::new(&engine, &restored).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let task = instance
        .get_typed_func::<(), i32>(&mut store, "task")
        .unwrap();
    assert_eq!(task.call(&mut store, ()).unwrap(), -1);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(memory.data(&store), memories()[0]);
    // It can be instrumented and restored again.
    let again = restore(&restored, &written(&globals(), &memories()), LIMIT).unwrap();
    assert_eq!(accept(&again, LIMIT, &[]).unwrap().info.data_end, 262_144);
}

#[test]
fn what_no_snapshot_shows_is_refused_by_name() {
    for (what, module) in [
        (
            "table.set",
            "(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func)))",
        ),
        (
            "table.grow",
            "(table 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 1))))",
        ),
        ("data.drop", "(memory 1) (data \"x\") (func (data.drop 0))"),
        (
            "elem.drop",
            "(table 1 funcref) (elem func) (func (elem.drop 0))",
        ),
        ("reference type", "(global (mut funcref) (ref.null func))"),
        ("__wizer_", "(memory (export \"__wizer_memory_0\") 1)"),
    ] {
        let text = format!("(module {module} (func (export \"task\")))");
        let wasm = accept(text.as_bytes(), LIMIT, &[])
            .unwrap()
            .wasm
            .into_owned();
        for refusal in [
            instrument(&wasm).unwrap_err(),
            restore(&wasm, &[], LIMIT).unwrap_err(),
        ] {
            let message = refusal.to_string();
            assert!(
                matches!(refusal, Refusal::Snapshot { .. }),
                "{what}: {message}"
            );
            assert!(message.contains(what), "{what}: {message}");
        }
    }
}

#[test]
fn no_state_is_larger_than_it_is_said_to_be() {
    // Every other block, which is the worst there is.
    let mut memory = vec![0; 16 << 16];
    for block in memory.chunks_mut(2 * BLOCK) {
        block[0] = 1;
    }
    let limit = memory.len() as u64;
    assert!(written(&globals(), &[memory]).len() as u64 <= largest(limit));
    assert!(written(&globals(), &[vec![1; 16 << 16]]).len() as u64 <= largest(limit));
}

proptest! {
    #[test]
    fn any_memory_comes_back(runs in prop::collection::vec((0..262_144_usize, 1..9_000_usize, 1..=255_u8), 0..8)) {
        let mut first = vec![0; 4 << 16];
        for (start, len, byte) in runs {
            let end = first.len().min(start + len);
            first[start..end].fill(byte);
        }
        let state = read(&written(&globals(), &[first.clone(), vec![0; 2 << 16]])).unwrap();
        prop_assert_eq!(&state.memories[0], &first);
    }

    #[test]
    fn bytes_that_end_early_go_on_or_lie_never_pass_for_more_than_they_are(
        cut in 0..65_000_usize, at in 0..65_000_usize, byte: u8, more in 1..9_usize,
    ) {
        let whole = written(&globals(), &memories());
        prop_assert!(read(&whole[..cut.min(whole.len() - 1)]).is_err());
        let mut longer = whole.clone();
        longer.extend(std::iter::repeat_n(0, more));
        prop_assert_eq!(read(&longer), Err(StateError::TooLong(more)));
        // Another byte may be another state, but one that fits.
        let mut changed = whole;
        let at = at % changed.len();
        changed[at] = byte;
        if let Ok(state) = read(&changed) {
            prop_assert_eq!(state.globals.len(), 5);
            prop_assert_eq!(state.memories[1].len(), 2 << 16);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes: Vec<u8>) {
        prop_assert!(read(&bytes).is_err());
    }
}
