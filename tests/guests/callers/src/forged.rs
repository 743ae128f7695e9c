//! The imports without the SDK: numbers and bytes as a guest that means no good writes them.

use wasmpool_guest::{Code, Dict, List};

/// What it does.
pub type Forgery = (i32, i32, Vec<u8>);

/// Does operations on the object of a handle, which is counted from that of the first argument; what each returned.
fn forge(acts: &[Forgery]) -> Vec<String> {
    let first = raw::handle(0);
    acts.iter()
        .map(|(handle, op, args)| {
            let result = raw::manager_call(first.wrapping_add(*handle), *op, args);
            Code::from_i32(result).map_or_else(|| result.to_string(), |code| code.to_string())
        })
        .collect()
}

/// Does operations on a dictionary, a list beside it, and on what lies beside both.
#[wasmpool_guest::task]
pub fn forge_dict(dict: Dict<u64, String>, list: List<String>, acts: Vec<Forgery>) -> Vec<String> {
    let _ = (&dict, &list);
    forge(&acts)
}

/// Calls a function of any name with any bytes; what it returned.
#[wasmpool_guest::task]
pub fn forge_call(name: Vec<u8>, args: Vec<u8>) -> String {
    let result = raw::host_call(&name, &args);
    Code::from_i32(result).map_or_else(|| result.to_string(), |code| code.to_string())
}

/// Gives pointers outside of the memory.
#[wasmpool_guest::task]
pub fn point_outside() {
    raw::call_outside();
}

#[cfg(target_family = "wasm")]
mod raw {
    #[link(wasm_import_module = "wasmpool")]
    unsafe extern "C" {
        #[link_name = "handle"]
        fn import_handle(index: i32) -> i32;
        #[link_name = "manager_call"]
        fn import_manager_call(handle: i32, op: i32, src: *const u8, len: usize) -> i32;
        #[link_name = "host_call"]
        fn import_host_call(name: *const u8, name_len: usize, src: *const u8, len: usize) -> i32;
    }

    pub(super) fn handle(index: i32) -> i32 {
        // SAFETY: the import takes a number and touches no memory.
        unsafe { import_handle(index) }
    }

    pub(super) fn manager_call(handle: i32, op: i32, args: &[u8]) -> i32 {
        // SAFETY: the host reads the slice, which is borrowed for the call.
        unsafe { import_manager_call(handle, op, args.as_ptr(), args.len()) }
    }

    pub(super) fn host_call(name: &[u8], args: &[u8]) -> i32 {
        // SAFETY: the host reads the slices, which are borrowed for the call.
        unsafe { import_host_call(name.as_ptr(), name.len(), args.as_ptr(), args.len()) }
    }

    pub(super) fn call_outside() {
        // SAFETY: the host reads nothing: it ends the task for such a pointer.
        unsafe {
            import_host_call(
                std::ptr::without_provenance(usize::MAX - 10),
                100,
                [].as_ptr(),
                0,
            )
        };
    }
}

#[cfg(not(target_family = "wasm"))]
mod raw {
    pub(super) fn handle(_: i32) -> i32 {
        0
    }

    pub(super) fn manager_call(_: i32, _: i32, _: &[u8]) -> i32 {
        wasmpool_guest::Code::BadHandle.into()
    }

    pub(super) fn host_call(_: &[u8], _: &[u8]) -> i32 {
        wasmpool_guest::Code::NotFound.into()
    }

    pub(super) fn call_outside() {}
}
