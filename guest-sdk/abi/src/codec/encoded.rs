//! Bytes that are already encoded.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Arg, DecodeError, EncodeError, Receive, Sink, Source};
use crate::{Schema, Typed};

/// A value that is already encoded, for programs that learn its type at run time.
///
/// As an argument its bytes are sent as they are; as a result it takes everything. It stands for a whole input or output, never for a
/// part of one, and its schema is that of bytes: what is inside is known only at run time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Encoded(pub Vec<u8>);

impl Typed for Encoded {
    const SCHEMA: Schema = Schema::Seq(&Schema::U8);
}

impl Arg<Encoded> for Encoded {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        out.write(&self.0);
        Ok(())
    }
}

impl Receive for Encoded {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let all = source.remaining();
        source.read_bytes(all).map(Encoded)
    }
}
