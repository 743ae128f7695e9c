//! What makes a guest's type of an object an argument of tasks.

/// Implements for a type that is made of a [`Handle`](crate::shared::Handle) what an argument needs: `Typed`, and `Receive` and
/// `Deserialize`, which take the object's index among the task's arguments; and `Serialize` and `Arg`, which refuse, so that types
/// which hold one can derive both directions. `$make` makes it of the handle, or says why not.
macro_rules! argument {
    (
        $name:ident $(<$($param:ident $(: $bound:ident)?),+>)?, $kind:ident, $inner:expr, |$handle:ident| $make:expr
    ) => {
        impl$(<$($param: wasmpool_abi::Typed $(+ $bound)?),+>)? wasmpool_abi::Typed
            for $name$(<$($param),+>)?
        {
            const SCHEMA: wasmpool_abi::Schema =
                wasmpool_abi::Schema::Handle(wasmpool_abi::ObjectKind::$kind as u8, $inner);
        }

        impl<'de $($(, $param $(: $bound)?)+)?> serde::Deserialize<'de> for $name$(<$($param),+>)? {
            fn deserialize<Z: serde::Deserializer<'de>>(deserializer: Z) -> Result<Self, Z::Error> {
                let $handle = crate::shared::Handle::deserialize(deserializer)?;
                let made: Result<Self, wasmpool_abi::Code> = $make;
                made.map_err(serde::de::Error::custom)
            }
        }

        impl$(<$($param: wasmpool_abi::Typed $(+ $bound)?),+>)? wasmpool_abi::Receive
            for $name$(<$($param),+>)?
        {
            fn decode<Z: wasmpool_abi::Source + ?Sized>(
                source: &mut Z,
            ) -> Result<Self, wasmpool_abi::DecodeError> {
                let $handle = crate::shared::Handle::decode(source)?;
                let made: Result<Self, wasmpool_abi::Code> = $make;
                made.map_err(|_| wasmpool_abi::DecodeError::Object)
            }
        }

        /// Always refused: an object goes from the host to a task and not back.
        impl$(<$($param $(: $bound)?),+>)? serde::Serialize for $name$(<$($param),+>)? {
            fn serialize<Z: serde::Serializer>(&self, _: Z) -> Result<Z::Ok, Z::Error> {
                Err(serde::ser::Error::custom("an object goes to a task and not back"))
            }
        }

        impl$(<$($param $(: $bound)?),+>)? wasmpool_abi::Arg<Self> for $name$(<$($param),+>)? {
            fn encode<Z: wasmpool_abi::Sink + ?Sized>(
                &self,
                _: &mut Z,
            ) -> Result<(), wasmpool_abi::EncodeError> {
                Err(wasmpool_abi::EncodeError::Object)
            }
        }
    };
}

/// [`argument!`] for types whose field `handle` is the whole of them.
macro_rules! plain_argument {
    ($name:ident) => {
        $crate::shared::argument::argument!($name, $name, &wasmpool_abi::Schema::Unit, |handle| {
            Ok(Self { handle })
        });

        impl $name {
            /// The number that the imports in [`raw`](crate::raw) know it by.
            pub fn handle(&self) -> &crate::shared::Handle {
                &self.handle
            }
        }
    };
}

pub(crate) use {argument, plain_argument};
