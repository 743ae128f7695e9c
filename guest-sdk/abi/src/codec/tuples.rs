//! Tuples of up to twelve: the arguments of a task.

use super::{Arg, DecodeError, EncodeError, Receive, Sink, Source};
use crate::{Schema, Typed};

macro_rules! tuples {
    ($(($($ty:ident $arg:ident $index:tt),+))+) => {$(
        impl<$($ty: Typed),+> Typed for ($($ty,)+) {
            const SCHEMA: Schema = Schema::Tuple(&[$(&$ty::SCHEMA),+]);
        }

        impl<$($ty,)+ $($arg: Arg<$ty>),+> Arg<($($ty,)+)> for ($($arg,)+) {
            fn encode<Out: Sink + ?Sized>(&self, out: &mut Out) -> Result<(), EncodeError> {
                $(self.$index.encode(out)?;)+
                Ok(())
            }
        }

        impl<$($ty: Receive),+> Receive for ($($ty,)+) {
            fn decode<In: Source + ?Sized>(source: &mut In) -> Result<Self, DecodeError> {
                Ok(($($ty::decode(source)?,)+))
            }
        }
    )+};
}

tuples! {
    (A A1 0)
    (A A1 0, B B1 1)
    (A A1 0, B B1 1, C C1 2)
    (A A1 0, B B1 1, C C1 2, D D1 3)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6, H H1 7)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6, H H1 7, I I1 8)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6, H H1 7, I I1 8, J J1 9)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6, H H1 7, I I1 8, J J1 9, K K1 10)
    (A A1 0, B B1 1, C C1 2, D D1 3, E E1 4, F F1 5, G G1 6, H H1 7, I I1 8, J J1 9, K K1 10, L L1 11)
}
