//! What goes along with an operation: a postcard tuple from a stranger, read without copying.

use wasmpool_abi::{CheckLimits, Code, Type};

/// What is left of it.
#[derive(Debug)]
pub(super) struct Args<'a>(&'a [u8]);

impl<'a> Args<'a> {
    /// All of it.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take<T: serde::Deserialize<'a>>(&mut self) -> Result<T, Code> {
        let (value, rest) = postcard::take_from_bytes(self.0).map_err(|_| Code::Invalid)?;
        self.0 = rest;
        Ok(value)
    }

    /// A byte string.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Code> {
        self.take()
    }

    /// One that may be missing.
    pub(super) fn maybe_bytes(&mut self) -> Result<Option<&'a [u8]>, Code> {
        self.take()
    }

    /// A text.
    pub(super) fn text(&mut self) -> Result<&'a str, Code> {
        self.take()
    }

    /// A number.
    pub(super) fn u64(&mut self) -> Result<u64, Code> {
        self.take()
    }

    /// A byte.
    pub(super) fn u8(&mut self) -> Result<u8, Code> {
        self.take()
    }

    /// A sequence: its length, believed only as far as there are bytes, and then one element after another.
    pub(super) fn seq<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Code>,
    ) -> Result<Vec<T>, Code> {
        let count = usize::try_from(self.u64()?).map_err(|_| Code::Invalid)?;
        // Every element takes a byte or more.
        if count > self.0.len() {
            return Err(Code::Invalid);
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// There is nothing more.
    pub(super) fn end(self) -> Result<(), Code> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Code::Invalid)
        }
    }
}

/// Whether the bytes are exactly one value of the type.
pub(super) fn check(ty: &Type, bytes: &[u8]) -> Result<(), Code> {
    // What takes no bytes takes time to look at all the same: a value has some parts for each of its bytes, and not millions.
    let limits = CheckLimits {
        elements: (bytes.len() as u64).saturating_add(1024) * 16,
        ..CheckLimits::default()
    };
    ty.check(bytes, &limits).map_err(|_| Code::WrongType)
}

/// A reply of one value.
pub(super) fn reply<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("numbers and flags can be encoded")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_short_or_too_long_is_refused() {
        let bytes = postcard::to_allocvec(&(7_u64, b"ab".as_slice(), "é")).unwrap();
        let read = |bytes: &[u8]| {
            let mut args = Args::new(bytes);
            let all = (args.u64()?, args.bytes()?.to_vec(), args.text()?.to_owned());
            args.end().map(|()| all)
        };
        assert_eq!(read(&bytes), Ok((7, b"ab".to_vec(), "é".to_owned())));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(Code::Invalid));
        }
        assert_eq!(read(&[&bytes[..], &[0]].concat()), Err(Code::Invalid));
    }

    #[test]
    fn a_count_is_no_reason_to_make_room() {
        let mut args = Args::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
        assert_eq!(args.seq(Args::bytes).err(), Some(Code::Invalid));
    }

    /// Types that take no bytes, in numbers that take a second to look at.
    #[test]
    fn a_value_of_nothing_a_million_times_is_none() {
        let ty = Type::Seq(Box::new(Type::Unit));
        assert_eq!(check(&ty, &[0xff, 0x07]), Ok(()));
        assert_eq!(check(&ty, &[0xff, 0xff, 0xff, 0x07]), Err(Code::WrongType));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_panic(bytes: Vec<u8>) {
            let mut args = Args::new(&bytes);
            let _ = args.seq(|args| Ok((args.bytes()?, args.maybe_bytes()?)));
            let _ = (args.u8(), args.text());
        }
    }
}
