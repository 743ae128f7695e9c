//! What the macros' code needs. No part of the API: it changes with the macros.
#![doc(hidden)]

pub use wasmpool_abi::__private::*;

#[cfg(feature = "json")]
pub use crate::json::{Json, json_input};
pub use crate::{
    input::{Input, all_taken, argument},
    log::log,
    raw::{RawInput, RawOutput, raw_input},
    report::install_panic_hook,
    result::{
        BYTES, Encoding, ErrorOf, FAILED, Failed, HasMessage, OutputOf, PlainOutput, PlainResult,
        Postcard, Raw, Returned, SilentError, UntypedError, has_message,
    },
};

/// Lets JSON through where the feature is on.
#[cfg(feature = "json")]
#[macro_export]
#[doc(hidden)]
macro_rules! __json_codec {
    ($($code:tt)*) => { $($code)* };
}

/// Says what is missing where the feature is off.
#[cfg(not(feature = "json"))]
#[macro_export]
#[doc(hidden)]
macro_rules! __json_codec {
    ($($code:tt)*) => {
        compile_error!("codec = \"json\" needs the feature `json` of wasmpool-guest")
    };
}

pub use crate::__json_codec as json_codec;
