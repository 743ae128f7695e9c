//! Where encoded bytes go.

use alloc::vec::Vec;

use serde::Serialize;

use super::EncodeError;

/// Bytes that are converted at a time when a sink cannot take floats as they lie in memory.
const CHUNK: usize = 4096;

/// Where encoded bytes go: a `Vec<u8>` on the host, the task's output in a guest.
pub trait Sink {
    /// Appends `bytes`.
    fn write(&mut self, bytes: &[u8]);

    /// Appends the little-endian bytes of the numbers. To be overridden where memory already is that.
    fn write_f32s(&mut self, numbers: &[f32]) {
        let mut buffer = [0; CHUNK];
        for chunk in numbers.chunks(CHUNK / 4) {
            for (place, number) in buffer.chunks_exact_mut(4).zip(chunk) {
                place.copy_from_slice(&number.to_le_bytes());
            }
            self.write(&buffer[..chunk.len() * 4]);
        }
    }

    /// Appends the little-endian bytes of the numbers. To be overridden where memory already is that.
    fn write_f64s(&mut self, numbers: &[f64]) {
        let mut buffer = [0; CHUNK];
        for chunk in numbers.chunks(CHUNK / 8) {
            for (place, number) in buffer.chunks_exact_mut(8).zip(chunk) {
                place.copy_from_slice(&number.to_le_bytes());
            }
            self.write(&buffer[..chunk.len() * 8]);
        }
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Feeds postcard's serializer into a sink.
struct SinkFlavor<'s, S: ?Sized>(&'s mut S);

impl<S: Sink + ?Sized> postcard::ser_flavors::Flavor for SinkFlavor<'_, S> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.write(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.write(&[data]);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends a value of any serializable type.
pub(super) fn encode_by_serde<T: Serialize + ?Sized, S: Sink + ?Sized>(
    value: &T,
    out: &mut S,
) -> Result<(), EncodeError> {
    Ok(postcard::serialize_with_flavor(value, SinkFlavor(out))?)
}
