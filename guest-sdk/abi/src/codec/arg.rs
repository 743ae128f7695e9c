//! What wraps another argument without leaving a byte: references and `Cow`.

use alloc::borrow::{Cow, ToOwned};

use super::{Arg, EncodeError, Sink};

impl<T: ?Sized, X: Arg<T> + ?Sized> Arg<T> for &X {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        (**self).encode(out)
    }
}

impl<T: ?Sized, X: Arg<T> + ToOwned + ?Sized> Arg<T> for Cow<'_, X> {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        (**self).encode(out)
    }
}
