//! Which proposals of WebAssembly are accepted, and the name of one that is not.

use wasmparser::{Validator, WasmFeatures};

/// What is on. The same as `engine.rs` tells wasmtime, which was built without threads and gc.
pub(crate) const ACCEPTED: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST);

/// What is on in a component: WebAssembly as in modules, and the component model without what is still on its way.
pub(crate) const ACCEPTED_IN_COMPONENTS: WasmFeatures =
    ACCEPTED.union(WasmFeatures::COMPONENT_MODEL);

/// The name of the one that comes as a file format of its own.
pub(crate) const COMPONENT_MODEL: &str = "component model";

/// What is off, by the name that its users know.
const REFUSED: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::THREADS, "threads"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
    (WasmFeatures::EXCEPTIONS, "exception handling"),
    (
        WasmFeatures::LEGACY_EXCEPTIONS,
        "exception handling (legacy)",
    ),
    (WasmFeatures::MEMORY64, "memory64"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::GC, "gc"),
    (
        WasmFeatures::GC_TYPES,
        "gc (collected references, such as `externref`)",
    ),
    (
        WasmFeatures::FUNCTION_REFERENCES,
        "typed function references",
    ),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors"),
    (WasmFeatures::COMPACT_IMPORTS, "compact import section"),
    (WasmFeatures::COMPONENT_MODEL, COMPONENT_MODEL),
    (
        WasmFeatures::CM_ASYNC,
        "component model async (streams, futures and async functions)",
    ),
    (
        WasmFeatures::CM_ERROR_CONTEXT,
        "component model error contexts",
    ),
    (
        WasmFeatures::CM_FIXED_LENGTH_LISTS,
        "component model lists of fixed length",
    ),
    (WasmFeatures::CM_MAP, "component model maps"),
    (WasmFeatures::CM_VALUES, "component model values"),
    (WasmFeatures::CM_THREADING, "component model threads"),
    (WasmFeatures::CM_GC, "component model gc"),
];

/// A binary over this size is not read again to find the proposal that it needs: that would be a way to spend the
/// compiler's time many times over.
const MAX_SECOND_LOOK: usize = 4 << 20;

/// The proposal that `error` is about, if it is about one.
pub(crate) fn culprit(
    accepted: WasmFeatures,
    wasm: &[u8],
    error: &wasmparser::Error,
) -> Option<&'static str> {
    if let Some(missing) = error.missing_wasm_feature() {
        return REFUSED
            .iter()
            .find(|(feature, _)| missing.intersects(*feature))
            .map(|(_, name)| *name);
    }
    if wasm.len() > MAX_SECOND_LOOK {
        return None;
    }
    // The validator does not always say. A proposal is the cause when with it the reader gets further.
    let further =
        |features: WasmFeatures| match Validator::new_with_features(features).validate_all(wasm) {
            Ok(_) => true,
            Err(other) => other.offset() > error.offset(),
        };
    let refused = REFUSED
        .iter()
        .fold(WasmFeatures::empty(), |all, (feature, _)| all | *feature);
    let refused = refused - accepted;
    if !further(accepted | refused) {
        return None;
    }
    // Several build on one another, so each is tried by leaving it out.
    REFUSED
        .iter()
        .find(|(feature, _)| !further((accepted | refused) - *feature))
        .or_else(|| {
            REFUSED
                .iter()
                .find(|(feature, _)| further(accepted | *feature))
        })
        .map(|(_, name)| *name)
}
