//! Whole modules, text or binary, as the compiler process reads them before it compiles.
//!
//! What is accepted is described in words that the host believes, and means the same as a binary; what is refused says so
//! in words that fit the compiler's reply and can be printed.

use std::sync::LazyLock;

use super::assert_clean;
use crate::{
    module::{
        accept::accept, bounds::MAX_INFO, describe, imports::HostImport, info::Number,
        refusal::Refusal, snapshot,
    },
    pool::loading::MAX_REPLY,
    wire::message::CompileReply,
};

/// Bytes of the largest module here.
const MODULE_SIZE: u64 = 64 << 10;

static DECLARED: LazyLock<[HostImport; 1]> = LazyLock::new(|| {
    [HostImport {
        module: "env".into(),
        name: "plus".into(),
        params: vec![Number::I32, Number::I32],
        results: vec![Number::I32],
    }]
});

/// Reads one module.
pub fn run(bytes: &[u8]) {
    let accepted = match accept(bytes, MODULE_SIZE, &*DECLARED) {
        Ok(accepted) => accepted,
        Err(refusal) => return refused(refusal),
    };
    let info = postcard::to_allocvec(&accepted.info).expect("it encodes");
    assert!(info.len() as u64 <= MAX_INFO, "{} bytes", info.len());
    let described = describe::read(&info).expect("the host believes what is accepted");
    assert_eq!(described.info, accepted.info);
    super::description::description(&described);
    let again = accept(&accepted.wasm, MODULE_SIZE, &*DECLARED).expect("it is the same module");
    assert_eq!(again.info, accepted.info);
    match snapshot::instrument(&accepted.wasm) {
        // The exports that it gets may pass a bound.
        Ok(instrumented) => drop(accept(&instrumented, 2 * MODULE_SIZE, &*DECLARED)),
        Err(refusal) => refused(refusal),
    }
}

/// What holds of each refusal, whoever makes it: it fits the reply, and what the host makes of the reply can be printed.
pub(super) fn refused(refusal: Refusal) {
    let reply = CompileReply::Refused(refusal.shortened());
    let reply = postcard::to_allocvec(&reply).expect("it encodes");
    assert!(reply.len() <= MAX_REPLY, "a reply of {} bytes", reply.len());
    let Ok(CompileReply::Refused(refusal)) = postcard::from_bytes(&reply) else {
        panic!("a refusal that does not decode");
    };
    assert_clean(&refusal.cleaned().to_string());
}
