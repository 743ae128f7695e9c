//! Items and results as a module wants them: postcard, JSON or raw bytes. The host's code does not change with it.

use wasmpool_abi::{Arg, CheckLimits, Codec, Receive, from_source};

use super::{
    block::{End, Rest},
    signature::Signature,
};

/// How one task's items and results are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemCodec {
    /// Postcard.
    Postcard,
    /// JSON.
    Json,
    /// The bytes of a `Vec<u8>`, without its length.
    Raw,
    /// Encoded already.
    Verbatim,
    /// JSON as the last argument of an interpreter, in a block of bytes; a result likewise.
    Script,
    /// The same of JSON that is text already.
    ScriptText,
}

impl From<Codec> for ItemCodec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Postcard => Self::Postcard,
            Codec::Json => Self::Json,
            Codec::Raw => Self::Raw,
        }
    }
}

/// Appends the encoding of `arg`.
///
/// # Errors
/// What cannot be encoded, in words.
pub(crate) fn encode<In, A: Arg<In>>(
    codec: ItemCodec,
    arg: &A,
    bytes: &mut Vec<u8>,
) -> Result<(), String> {
    match codec {
        ItemCodec::Postcard | ItemCodec::Verbatim => arg
            .encode(&mut End(bytes))
            .map_err(|error| error.to_string()),
        ItemCodec::Json => serde_json::to_writer(bytes, arg).map_err(|error| error.to_string()),
        ItemCodec::Script => {
            let json = serde_json::to_vec(arg).map_err(|error| error.to_string())?;
            append_block(&json, bytes)
        }
        ItemCodec::ScriptText => {
            let mut json = Vec::new();
            arg.encode(&mut json).map_err(|error| error.to_string())?;
            append_block(&json, bytes)
        }
        ItemCodec::Raw => {
            let start = bytes.len();
            arg.encode(bytes).map_err(|error| error.to_string())?;
            // The type is `Vec<u8>`, as was checked when the task was named: a length and as many bytes.
            let (_, rest) = postcard::take_from_bytes::<u64>(&bytes[start..])
                .map_err(|error| error.to_string())?;
            let head = bytes.len() - start - rest.len();
            bytes.drain(start..start + head);
            Ok(())
        }
    }
}

/// Appends bytes with their length before them.
fn append_block(block: &[u8], bytes: &mut Vec<u8>) -> Result<(), String> {
    wasmpool_abi::encode_into::<Vec<u8>, _, _>(block, bytes).map_err(|error| error.to_string())
}

/// What is in a block that is all there is.
fn only_block(bytes: &[u8]) -> Result<&[u8], String> {
    match postcard::take_from_bytes::<u64>(bytes) {
        Ok((len, block)) if block.len() as u64 == len => Ok(block),
        _ => Err("its length is wrong".to_owned()),
    }
}

/// Decodes a result that nobody has checked.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn decode<Out: Receive>(
    codec: ItemCodec,
    signature: &Signature,
    bytes: &[u8],
) -> Result<Out, String> {
    match codec {
        ItemCodec::Postcard => {
            if let Some(output) = &signature.output {
                // Before serde sees it: a hostile value may be nested deeper than a stack is.
                output
                    .check(bytes, &CheckLimits::default())
                    .map_err(|error| error.to_string())?;
            }
            from_source(&mut Rest(bytes)).map_err(|error| error.to_string())
        }
        ItemCodec::Verbatim => from_source(&mut Rest(bytes)).map_err(|error| error.to_string()),
        // serde_json has a depth limit of its own.
        ItemCodec::Script => {
            serde_json::from_slice(only_block(bytes)?).map_err(|error| error.to_string())
        }
        ItemCodec::ScriptText => {
            wasmpool_abi::from_slice(only_block(bytes)?).map_err(|error| error.to_string())
        }
        ItemCodec::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        ItemCodec::Raw => {
            let mut prefixed = Vec::with_capacity(bytes.len() + 10);
            prefixed = postcard::to_extend(&(bytes.len() as u64), prefixed)
                .map_err(|error| error.to_string())?;
            prefixed.extend_from_slice(bytes);
            wasmpool_abi::from_slice(&prefixed).map_err(|error| error.to_string())
        }
    }
}
