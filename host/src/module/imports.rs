//! What a module may import: the ABI's functions and preview 1 of WASI, each with its one type.

use serde::{Deserialize, Serialize};
use wasmparser::ValType::{I32 as I, I64 as L};
use wasmparser::{FuncType, ValType};

use super::info::Number;
use super::nearest;
use super::refusal::Refusal;

/// The module name of WASI preview 1.
pub(crate) const WASI: &str = "wasi_snapshot_preview1";

/// The function of WASI that does not return.
const PROC_EXIT: &str = "proc_exit";

/// One function that the host offers.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The module that it is imported from.
    pub(crate) module: &'static str,
    /// Its name there.
    pub(crate) name: &'static str,
    /// Parameter types.
    pub(crate) params: Vec<ValType>,
    /// Result types: one or none.
    pub(crate) results: Vec<ValType>,
}

/// A function of the embedding program that modules may import, with plain numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostImport {
    /// The module that it is imported from.
    pub(crate) module: String,
    /// Its name there.
    pub(crate) name: String,
    /// Parameter types.
    pub(crate) params: Vec<Number>,
    /// Result types: one or none.
    pub(crate) results: Vec<Number>,
}

/// Whether imports from this module are the ABI's or WASI's.
pub(crate) fn is_own(module: &str) -> bool {
    module == wasmpool_abi::IMPORT_MODULE || module == WASI
}

/// Preview 1 of WASI, whole, in the order of its specification. All but `proc_exit` return an error number.
const WASI_FUNCTIONS: &[(&str, &[ValType])] = &[
    ("args_get", &[I, I]),
    ("args_sizes_get", &[I, I]),
    ("environ_get", &[I, I]),
    ("environ_sizes_get", &[I, I]),
    ("clock_res_get", &[I, I]),
    ("clock_time_get", &[I, L, I]),
    ("fd_advise", &[I, L, L, I]),
    ("fd_allocate", &[I, L, L]),
    ("fd_close", &[I]),
    ("fd_datasync", &[I]),
    ("fd_fdstat_get", &[I, I]),
    ("fd_fdstat_set_flags", &[I, I]),
    ("fd_fdstat_set_rights", &[I, L, L]),
    ("fd_filestat_get", &[I, I]),
    ("fd_filestat_set_size", &[I, L]),
    ("fd_filestat_set_times", &[I, L, L, I]),
    ("fd_pread", &[I, I, I, L, I]),
    ("fd_prestat_get", &[I, I]),
    ("fd_prestat_dir_name", &[I, I, I]),
    ("fd_pwrite", &[I, I, I, L, I]),
    ("fd_read", &[I, I, I, I]),
    ("fd_readdir", &[I, I, I, L, I]),
    ("fd_renumber", &[I, I]),
    ("fd_seek", &[I, L, I, I]),
    ("fd_sync", &[I]),
    ("fd_tell", &[I, I]),
    ("fd_write", &[I, I, I, I]),
    ("path_create_directory", &[I, I, I]),
    ("path_filestat_get", &[I, I, I, I, I]),
    ("path_filestat_set_times", &[I, I, I, I, L, L, I]),
    ("path_link", &[I, I, I, I, I, I, I]),
    ("path_open", &[I, I, I, I, I, L, L, I, I]),
    ("path_readlink", &[I, I, I, I, I, I]),
    ("path_remove_directory", &[I, I, I]),
    ("path_rename", &[I, I, I, I, I, I]),
    ("path_symlink", &[I, I, I, I, I]),
    ("path_unlink_file", &[I, I, I]),
    ("poll_oneoff", &[I, I, I, I]),
    (PROC_EXIT, &[I]),
    ("proc_raise", &[I]),
    ("sched_yield", &[]),
    ("random_get", &[I, I]),
    ("sock_accept", &[I, I, I]),
    ("sock_recv", &[I, I, I, I, I, I]),
    ("sock_send", &[I, I, I, I, I]),
    ("sock_shutdown", &[I, I]),
];

/// Every function that may be imported.
pub(crate) fn known() -> impl Iterator<Item = Known> {
    let val_type = |ty| match ty {
        wasmpool_abi::ValType::I32 => I,
        wasmpool_abi::ValType::I64 => L,
    };
    let abi = wasmpool_abi::IMPORTS.iter().map(move |import| Known {
        module: wasmpool_abi::IMPORT_MODULE,
        name: import.name,
        params: import.params.iter().map(|(_, ty)| val_type(*ty)).collect(),
        results: import.result.into_iter().map(val_type).collect(),
    });
    let wasi = WASI_FUNCTIONS.iter().map(|&(name, params)| Known {
        module: WASI,
        name,
        params: params.to_vec(),
        results: if name == PROC_EXIT { vec![] } else { vec![I] },
    });
    abi.chain(wasi)
}

/// Refuses an imported function that is not known, or is known with another type. Returns its type as text.
pub(crate) fn check(
    module: &str,
    name: &str,
    ty: &FuncType,
    declared: &[HostImport],
) -> Result<String, Refusal> {
    let found = signature(ty.params(), ty.results());
    if let Some(offered) = declared
        .iter()
        .find(|offered| offered.module == module && offered.name == name)
    {
        let types = |numbers: &[Number]| numbers.iter().map(|&it| val_type(it)).collect::<Vec<_>>();
        let (params, results) = (types(&offered.params), types(&offered.results));
        if ty.params() == params && ty.results() == results {
            return Ok(found);
        }
        return Err(Refusal::UnknownImport {
            module: module.to_owned(),
            name: name.to_owned(),
            found,
            expected: Some(signature(&params, &results)),
            nearest: Vec::new(),
        });
    }
    let Some(known) = known().find(|known| known.module == module && known.name == name) else {
        return Err(unknown(module, name, found));
    };
    if ty.params() == known.params && ty.results() == known.results {
        return Ok(found);
    }
    Err(Refusal::UnknownImport {
        module: module.to_owned(),
        name: name.to_owned(),
        found,
        expected: Some(signature(&known.params, &known.results)),
        nearest: Vec::new(),
    })
}

/// The refusal of an import that the host does not have, whatever its kind.
pub(crate) fn unknown(module: &str, name: &str, found: String) -> Refusal {
    let same_module: Vec<_> = known().filter(|known| known.module == module).collect();
    let nearest = if same_module.is_empty() {
        // The right name in a wrong module: another generation of WASI, say.
        known()
            .filter(|known| known.name == name)
            .map(|known| format!("{}.{}", known.module, known.name))
            .collect()
    } else {
        nearest::likely(name, same_module.iter().map(|known| known.name))
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    Refusal::UnknownImport {
        module: module.to_owned(),
        name: name.to_owned(),
        found,
        expected: None,
        nearest,
    }
}

/// A function type as text: `(i32, i64) -> i32`.
pub(crate) fn signature(params: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| {
        types
            .iter()
            .map(ValType::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match results {
        [one] => format!("({}) -> {one}", list(params)),
        _ => format!("({}) -> ({})", list(params), list(results)),
    }
}

fn val_type(number: Number) -> ValType {
    match number {
        Number::I32 => ValType::I32,
        Number::I64 => ValType::I64,
        Number::F32 => ValType::F32,
        Number::F64 => ValType::F64,
    }
}

/// The number type for one of the validator's, when it is one.
pub(crate) fn number(ty: ValType) -> Option<Number> {
    match ty {
        ValType::I32 => Some(Number::I32),
        ValType::I64 => Some(Number::I64),
        ValType::F32 => Some(Number::F32),
        ValType::F64 => Some(Number::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(params: &[ValType], results: &[ValType]) -> FuncType {
        FuncType::new(params.iter().copied(), results.iter().copied())
    }

    #[test]
    fn known_with_its_type() {
        for known in known() {
            let ty = ty(&known.params, &known.results);
            check(known.module, known.name, &ty, &[]).unwrap();
        }
        assert_eq!(WASI_FUNCTIONS.len(), 46);
    }

    #[test]
    fn another_type_says_both() {
        let error = check(WASI, "fd_close", &ty(&[ValType::I64], &[]), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown import `wasi_snapshot_preview1` `fd_close`: (i64) -> () (the host's has the type (i32) -> i32)"
        );
    }

    #[test]
    fn what_is_declared_may_be_imported_with_its_type() {
        let declared = [HostImport {
            module: "env".into(),
            name: "sum".into(),
            params: vec![Number::I32, Number::F64],
            results: vec![Number::I64],
        }];
        let right = ty(&[ValType::I32, ValType::F64], &[ValType::I64]);
        check("env", "sum", &right, &declared).unwrap();
        check("env", "sums", &right, &declared).unwrap_err();
        let error = check("env", "sum", &ty(&[ValType::I32], &[]), &declared).unwrap_err();
        assert!(error.to_string().contains("(i32, f64) -> i64"), "{error}");
    }

    #[test]
    fn another_name_says_what_is_near() {
        let near = |module, name| match check(module, name, &ty(&[], &[]), &[]).unwrap_err() {
            Refusal::UnknownImport {
                nearest,
                expected: None,
                ..
            } => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("wasmpool", "input_length"), ["input_len"]);
        assert_eq!(
            near("wasi_unstable", "fd_read"),
            ["wasi_snapshot_preview1.fd_read"]
        );
        assert_eq!(near("env", "emscripten_memcpy_js"), Vec::<String>::new());
    }
}
