//! What components put into queues and send through pipes: bytes and texts, in the encoding that a `Vec<u8>` and a `String` of the
//! host's have.

use super::answer::{Answer, Error};
use crate::worker::state::{HostTrap, Ports, State};

/// A message of a type that WIT has.
pub(super) trait Message: Sized + 'static {
    /// What it consists of.
    fn bytes(&self) -> &[u8];

    /// The same the other way round.
    fn of(bytes: &[u8]) -> Result<Self, Error>;
}

impl Message for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn of(bytes: &[u8]) -> Result<Self, Error> {
        Ok(bytes.to_vec())
    }
}

impl Message for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn of(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::WrongType)?;
        Ok(text.to_owned())
    }
}

/// Its length, and itself.
pub(super) fn encoded(message: &impl Message) -> Vec<u8> {
    let bytes = message.bytes();
    let mut encoded = postcard::to_allocvec(&bytes.len()).unwrap_or_default();
    encoded.extend_from_slice(bytes);
    encoded
}

/// The message that was just taken, if one was. Whoever has put it may be hostile.
pub(super) fn taken<P: Ports, M: Message>(
    state: &mut State<P>,
    taken: Result<i32, HostTrap>,
) -> Answer<M> {
    if let (Err(error),) = super::answer::done(taken)? {
        return Ok((Err(error),));
    }
    let message = std::mem::take(&mut state.objects.message);
    let message = match postcard::take_from_bytes::<usize>(&message) {
        Ok((len, rest)) if len == rest.len() => M::of(rest),
        _ => Err(Error::WrongType),
    };
    Ok((message,))
}
