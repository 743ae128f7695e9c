//! What makes a type of the host that stands for an object an argument of tasks, and nothing that comes back from one.

/// Implements `Typed` for a type that stands for an object; `Serialize` and `Arg`, which grant it as `$grant` says; and `Deserialize`
/// and `Receive`, which refuse, so that types which hold one can derive both directions.
macro_rules! argument {
    (
        $name:ident $(<$($param:ident $(: $bound:ident)?),+>)?, $kind:ident, $inner:expr, |$it:ident| $grant:expr
    ) => {
        impl$(<$($param: wasmpool_abi::Typed $(+ $bound)?),+>)? wasmpool_abi::Typed
            for $name$(<$($param),+>)?
        {
            const SCHEMA: wasmpool_abi::Schema =
                wasmpool_abi::Schema::Handle(wasmpool_abi::ObjectKind::$kind as u8, $inner);
        }

        impl$(<$($param $(: $bound)?),+>)? serde::Serialize for $name$(<$($param),+>)? {
            fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let $it = self;
                $crate::shared::grant::serialize(serializer, $grant)
            }
        }

        impl$(<$($param $(: $bound)?),+>)? wasmpool_abi::Arg<Self> for $name$(<$($param),+>)? {
            fn encode<Z: wasmpool_abi::Sink + ?Sized>(
                &self,
                out: &mut Z,
            ) -> Result<(), wasmpool_abi::EncodeError> {
                let $it = self;
                $crate::shared::grant::encode(out, $grant)
            }
        }

        /// Always refused: an object cannot come back from a task. It is here so that types which hold one can derive `Typed`.
        impl<'de $($(, $param $(: $bound)?)+)?> serde::Deserialize<'de> for $name$(<$($param),+>)? {
            fn deserialize<Z: serde::Deserializer<'de>>(_: Z) -> Result<Self, Z::Error> {
                Err(serde::de::Error::custom($crate::shared::argument::NOT_BACK))
            }
        }

        impl$(<$($param: wasmpool_abi::Typed $(+ $bound)?),+>)? wasmpool_abi::Receive
            for $name$(<$($param),+>)?
        {
            fn decode<Z: wasmpool_abi::Source + ?Sized>(
                _: &mut Z,
            ) -> Result<Self, wasmpool_abi::DecodeError> {
                Err(wasmpool_abi::DecodeError::Object)
            }
        }
    };
}

/// The same for what is borrowed from an array, `Arg<Self>` with a lifetime of its own: granted by a method `grant`, to tasks that
/// take such a part and to those that take an array.
macro_rules! borrowed_argument {
    ($name:ident, $kind:ident) => {
        impl<T: wasmpool_abi::Element> wasmpool_abi::Typed for $name<'_, T> {
            const SCHEMA: wasmpool_abi::Schema =
                wasmpool_abi::Schema::Handle(wasmpool_abi::ObjectKind::$kind as u8, &T::SCHEMA);
        }

        impl<T: wasmpool_abi::Element> serde::Serialize for $name<'_, T> {
            fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                $crate::shared::grant::serialize(serializer, self.grant())
            }
        }

        impl<T: wasmpool_abi::Element> wasmpool_abi::Arg<$name<'static, T>> for $name<'_, T> {
            fn encode<Z: wasmpool_abi::Sink + ?Sized>(
                &self,
                out: &mut Z,
            ) -> Result<(), wasmpool_abi::EncodeError> {
                $crate::shared::grant::encode(out, self.grant())
            }
        }

        impl<T: wasmpool_abi::Element> wasmpool_abi::Arg<$crate::RawArray<T>> for $name<'_, T> {
            fn encode<Z: wasmpool_abi::Sink + ?Sized>(
                &self,
                out: &mut Z,
            ) -> Result<(), wasmpool_abi::EncodeError> {
                $crate::shared::grant::encode(out, self.grant())
            }
        }

        /// Always refused: an object cannot come back from a task. It is here so that types which hold one can derive `Typed`.
        impl<'de, T> serde::Deserialize<'de> for $name<'static, T> {
            fn deserialize<Z: serde::Deserializer<'de>>(_: Z) -> Result<Self, Z::Error> {
                Err(serde::de::Error::custom($crate::shared::argument::NOT_BACK))
            }
        }

        impl<T: wasmpool_abi::Element> wasmpool_abi::Receive for $name<'static, T> {
            fn decode<Z: wasmpool_abi::Source + ?Sized>(
                _: &mut Z,
            ) -> Result<Self, wasmpool_abi::DecodeError> {
                Err(wasmpool_abi::DecodeError::Object)
            }
        }
    };
}

/// [`argument!`], `Clone` and `Debug` for types whose field `object` is the whole of them.
macro_rules! plain_argument {
    ($name:ident) => {
        $crate::shared::argument::argument!($name, $name, &wasmpool_abi::Schema::Unit, |it| {
            $crate::shared::grant::Grant::whole(&it.object)
        });

        /// Another handle of the same object.
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self {
                    object: std::sync::Arc::clone(&self.object),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("id", &self.object.id())
                    .finish()
            }
        }
    };
}

/// Why no object is ever decoded.
pub(crate) const NOT_BACK: &str = "an object cannot come back from a task";

pub(crate) use {argument, borrowed_argument, plain_argument};
