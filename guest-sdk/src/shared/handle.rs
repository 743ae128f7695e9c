//! The guest's number for an object of the host.

use serde::{Deserialize, Deserializer, de::Error as _};
use wasmpool_abi::{Code, DecodeError, Source};

use crate::sys;

/// A task's hold on an object of the host. Dropping it gives the object up, with whatever the task held of it.
///
/// The typed objects are made of it; alone it is of use with the imports in [`raw`](crate::raw).
#[derive(Debug)]
pub struct Handle(i32);

impl Handle {
    /// The object of this index among the task's arguments.
    ///
    /// # Errors
    /// `BadHandle` when there is none.
    pub fn open(index: u32) -> Result<Handle, Code> {
        sys::check(sys::handle(
            i32::try_from(index).map_err(|_| Code::BadHandle)?,
        ))
        .map(Handle)
    }

    /// Reads the index of an object among the task's arguments, and opens it.
    ///
    /// # Errors
    /// The bytes are no index, or the task was not given that many objects.
    pub fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Handle, DecodeError> {
        let index = <u32 as wasmpool_abi::Receive>::decode(source)?;
        Handle::open(index).map_err(|_| DecodeError::Object)
    }

    /// The number.
    pub fn number(&self) -> i32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)?;
        Handle::open(index).map_err(D::Error::custom)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        sys::handle_drop(self.0);
    }
}
