//! Arrays for the running task: windows of its memory, copies, and atomic operations.
//!
//! A window is the guest's own reservation with shared pages in it: it counts against the task's memory limit as what it
//! was before. Whatever ends the task, [`close_all`] puts ordinary memory back before anybody else gets to see it.

use std::rc::Rc;

use wasmpool_abi::{Code, ObjectKind, WINDOW_ALIGN};
use wasmtime::{AsContextMut, Caller, Memory, Store};

use super::{
    memory::{Guest, PIECE, split},
    objects::{TaskObject, answer},
    state::{HostTrap, Ports, State},
    window::Window,
};
use crate::{
    shared::{
        atomic::{self, Operation},
        object::CONTROL,
    },
    sys::window::{self, Writes},
    wire::message::{Access, Shape},
};

/// What has elements.
const ARRAYS: &[ObjectKind] = &[
    ObjectKind::RawArray,
    ObjectKind::Array,
    ObjectKind::RawValue,
    ObjectKind::Value,
];

/// The bytes of an array that the task was given.
struct Granted {
    object: Rc<TaskObject>,
    /// Where they begin in the object's file.
    start: u64,
    len: u64,
    writes: Writes,
}

impl Granted {
    fn new<P: Ports>(state: &State<P>, handle: i32) -> Result<Self, Code> {
        let entry = state.objects.of_kind(handle, ARRAYS)?;
        let Shape::Array { len: all } = *entry.object.shape() else {
            return Err(Code::Invalid);
        };
        let (offset, len, writes) = match entry.access {
            Access::Whole => (0, all, Writes::Shared),
            Access::ReadOnly => (0, all, Writes::Private),
            Access::Range { offset, len } => (offset, len, Writes::Shared),
            Access::End(_) => return Err(Code::Invalid),
        };
        if offset.checked_add(len).is_none_or(|end| end > all) {
            return Err(Code::Denied);
        }
        Ok(Self {
            object: Rc::clone(&entry.object),
            start: CONTROL as u64 + offset,
            len,
            writes,
        })
    }

    /// The same for who changes it.
    ///
    /// # Errors
    /// As [`Granted::new`], and `Denied` for what may only be read.
    fn to_change<P: Ports>(state: &State<P>, handle: i32) -> Result<Self, Code> {
        let granted = Self::new(state, handle)?;
        match granted.writes {
            Writes::Private => Err(Code::Denied),
            Writes::Shared => Ok(granted),
        }
    }

    /// Where `len` bytes from the guest's `offset` on lie in the file.
    fn range(&self, offset: i64, len: u64) -> Result<usize, Code> {
        let offset = u64::try_from(offset).map_err(|_| Code::Invalid)?;
        match offset.checked_add(len) {
            Some(end) if end <= self.len => {
                usize::try_from(self.start + offset).map_err(|_| Code::TooLarge)
            }
            _ => Err(Code::TooLarge),
        }
    }
}

/// Bytes of an array that this task was given.
pub(super) fn shm_len<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
) -> Result<i64, HostTrap> {
    Ok(match array_len(caller.data(), handle) {
        Ok(len) => i64::try_from(len).unwrap_or(i64::MAX),
        Err(code) => i64::from(i32::from(code)),
    })
}

/// The same without a module that calls.
pub(super) fn array_len<P: Ports>(state: &State<P>, handle: i32) -> Result<u64, Code> {
    Ok(Granted::new(state, handle)?.len)
}

/// Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB.
pub(super) fn shm_attach<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    offset: i64,
    addr: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (guest, state) = split(caller)?;
    let (size, len) = (guest.len(), len.cast_unsigned());
    let opened = Granted::new(state, handle).and_then(|granted| {
        if len == 0 || offset % i64::from(WINDOW_ALIGN) != 0 {
            return Err(Code::Invalid);
        }
        let from = granted.range(offset, u64::from(len))?;
        let page = rustix::param::page_size();
        let windows = &state.windows;
        let window = windows.place(handle, addr.cast_unsigned(), len, size, page)?;
        Ok((granted, from, window))
    });
    let (granted, from, window) = match opened {
        Ok(opened) => opened,
        Err(code) => return Ok(i32::from(code)),
    };
    let memory = caller.data().memory.ok_or(HostTrap::NoMemory)?;
    let Some(file) = granted.object.file() else {
        return Ok(i32::from(Code::Invalid));
    };
    let place = (window.at, window.len);
    match window::lay(
        memory,
        caller.as_context_mut(),
        place,
        (file, from as u64),
        granted.writes,
    ) {
        Ok(()) => {
            caller.data_mut().windows.insert(window);
            Ok(0)
        }
        Err(_) => {
            // It is not known whether what was there before is still there.
            close(memory, caller.as_context_mut(), window);
            Ok(i32::from(Code::Failed))
        }
    }
}

/// Puts ordinary zeroed memory back where a window begins at `addr`.
pub(super) fn shm_detach<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    addr: i32,
) -> Result<i32, HostTrap> {
    let state = caller.data_mut();
    let Some(window) = state.windows.take_at(addr.cast_unsigned()) else {
        return Ok(i32::from(Code::BadAddress));
    };
    let memory = state.memory.ok_or(HostTrap::NoMemory)?;
    close(memory, caller.as_context_mut(), window);
    Ok(0)
}

/// Copies bytes of an array to `dst`.
pub(super) fn shm_read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    offset: i64,
    dst: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "shm_read");
    let dst = guest.write(dst.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    Ok(answer(copy_out(state, handle, offset, dst)?.map(|()| 0)))
}

/// Copies bytes of an array.
pub(super) fn copy_out<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    offset: i64,
    dst: &mut [u8],
) -> Result<Result<(), Code>, HostTrap> {
    let granted = Granted::new(state, handle)
        .and_then(|granted| Ok((granted.range(offset, dst.len() as u64)?, granted)));
    let (mut at, granted) = match granted {
        Ok(granted) => granted,
        Err(code) => return Ok(Err(code)),
    };
    let map = match granted.object.map() {
        Ok(map) => map,
        Err(code) => return Ok(Err(code)),
    };
    for piece in dst.chunks_mut(PIECE) {
        atomic::load(map, at, piece);
        at += piece.len();
        if piece.len() == PIECE {
            state.check_stop()?;
        }
    }
    Ok(Ok(()))
}

/// Copies bytes from `src` into an array.
pub(super) fn shm_write<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    offset: i64,
    src: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "shm_write");
    let src = guest.read_once(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    Ok(answer(copy_in(state, handle, offset, src)?.map(|()| 0)))
}

/// Copies bytes into an array.
pub(super) fn copy_in<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    offset: i64,
    src: &[u8],
) -> Result<Result<(), Code>, HostTrap> {
    let granted = Granted::to_change(state, handle)
        .and_then(|granted| Ok((granted.range(offset, src.len() as u64)?, granted)));
    let (mut at, granted) = match granted {
        Ok(granted) => granted,
        Err(code) => return Ok(Err(code)),
    };
    let map = match granted.object.map() {
        Ok(map) => map,
        Err(code) => return Ok(Err(code)),
    };
    for piece in src.chunks(PIECE) {
        atomic::store(map, at, piece);
        at += piece.len();
        if piece.len() == PIECE {
            state.check_stop()?;
        }
    }
    Ok(Ok(()))
}

/// An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps.
pub(super) fn shm_rmw<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    op: i32,
    offset: i64,
    value: i64,
) -> Result<i64, HostTrap> {
    // Every number is a possible result.
    change(caller.data(), handle, op, offset, value).map_err(|code| HostTrap::Import {
        function: "shm_rmw",
        code,
    })
}

/// The same without a module that calls.
pub(super) fn change<P: Ports>(
    state: &State<P>,
    handle: i32,
    op: i32,
    offset: i64,
    value: i64,
) -> Result<i64, Code> {
    Granted::to_change(state, handle).and_then(|granted| {
        let operation = Operation::from_number(op).ok_or(Code::Invalid)?;
        let at = granted.range(offset, operation.width() as u64)?;
        if !at.is_multiple_of(operation.width()) {
            return Err(Code::Invalid);
        }
        Ok(operation.apply(granted.object.map()?, at, value))
    })
}

/// Gives up an object: its windows first.
pub(super) fn handle_drop<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
) -> Result<i32, HostTrap> {
    while let Some(window) = caller.data_mut().windows.take_of(handle) {
        let memory = caller.data().memory.ok_or(HostTrap::NoMemory)?;
        close(memory, caller.as_context_mut(), window);
    }
    let given_up = caller.data_mut().objects.give_up(handle);
    Ok(answer(given_up.map(|()| 0)))
}

/// Puts ordinary memory back into every window: the task is over, and who comes next must neither see the shared pages
/// nor wipe them.
pub(super) fn close_all<P: Ports>(store: &mut Store<State<P>>) {
    while let Some(window) = store.data_mut().windows.take() {
        // Only what was looked up can have got a window.
        if let Some(memory) = store.data().memory {
            close(memory, &mut *store, window);
        }
    }
}

fn close(memory: Memory, store: impl AsContextMut, window: Window) {
    if let Err(error) = window::clear(memory, store, (window.at, window.len)) {
        // Shared pages that cannot be taken out of an instance would be the next one's: there must be no next one.
        eprintln!("a window could not be closed: {error}");
        std::process::abort();
    }
}
