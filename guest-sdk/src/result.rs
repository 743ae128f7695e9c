//! What becomes of a task's result: which types have what is decided by the compiler's preference of inherent items over a trait's.
//!
//! A macro sees `anyhow::Result<u8>` and cannot know that it is a `Result`, nor whether its error has a schema. So the generated code asks
//! for an item that exists twice: inherent, with the bounds of the better case, and in a trait for everything else.

use std::{convert::Infallible, fmt, marker::PhantomData};

use wasmpool_abi::{Arg, FailKind, Schema, Typed};

use crate::{output::Output, raw::RawOutput, sys};

/// What a task returns when it failed; why is what it told the host before.
pub const FAILED: i32 = 1;

/// The schema of a raw task's input and output.
pub const BYTES: &Schema = &<Vec<u8> as Typed>::SCHEMA;

/// A result, about to be split into value and error.
#[derive(Debug)]
pub struct Returned<R>(pub R);

impl<T, E> Returned<Result<T, E>> {
    /// The result itself.
    pub fn split(self) -> Result<T, E> {
        self.0
    }
}

/// For everything that is no `Result`.
pub trait PlainResult {
    /// What was returned.
    type Value;
    /// What was returned: it is no error.
    fn split(self) -> Result<Self::Value, Infallible>;
}

impl<T> PlainResult for Returned<T> {
    type Value = T;

    fn split(self) -> Result<T, Infallible> {
        Ok(self.0)
    }
}

/// The schema of what a task returns when it succeeds.
#[derive(Debug)]
pub struct OutputOf<R>(PhantomData<R>);

impl<T: Typed, E> OutputOf<Result<T, E>> {
    /// The schema of the `Ok`.
    pub const SCHEMA: &'static Schema = &T::SCHEMA;
}

/// For everything that is no `Result`.
pub trait PlainOutput {
    /// The schema of the whole.
    const SCHEMA: &'static Schema;
}

impl<T: Typed> PlainOutput for OutputOf<T> {
    const SCHEMA: &'static Schema = &T::SCHEMA;
}

/// The schema of a task's error value.
#[derive(Debug)]
pub struct ErrorOf<R>(PhantomData<R>);

impl<T, E: Typed + Arg<E>> ErrorOf<Result<T, E>> {
    /// The schema of the `Err`.
    pub const SCHEMA: Option<&'static Schema> = Some(&E::SCHEMA);
}

/// For errors that do not cross, and for what is no `Result`.
pub trait SilentError {
    /// There is none.
    const SCHEMA: Option<&'static Schema> = None;
}

impl<R> SilentError for ErrorOf<R> {}

/// How error values are encoded.
pub trait Encoding {
    /// The bytes, unless a hand-written `Serialize` refuses.
    fn encode<E: Arg<E>>(error: &E) -> Option<Vec<u8>>;
}

/// An error, about to be told to the host.
#[derive(Debug)]
pub struct Failed<E>(PhantomData<fn(&E)>);

impl<E> Failed<E> {
    /// Takes the type of the error.
    pub fn of(_: &E) -> Failed<E> {
        Failed(PhantomData)
    }
}

impl<E: fmt::Display + Typed + Arg<E>> Failed<E> {
    /// Tells the message and the value.
    pub fn report<C: Encoding>(&self, error: &E) -> i32 {
        UntypedError::report::<C>(self, error);
        if let Some(value) = C::encode(error) {
            sys::fail(FailKind::Value, &value);
        }
        FAILED
    }
}

/// For errors that do not cross.
pub trait UntypedError {
    /// The error.
    type Error;
    /// Tells the message.
    fn report<C: Encoding>(&self, error: &Self::Error) -> i32;
}

impl<E: fmt::Display> UntypedError for Failed<E> {
    type Error = E;

    fn report<C: Encoding>(&self, error: &E) -> i32 {
        sys::fail(FailKind::Message, format!("{error:#}").as_bytes());
        FAILED
    }
}

/// What an error needs to have for a task to return it.
#[diagnostic::on_unimplemented(
    message = "a task's error needs a text: `{Self}` does not implement `Display`",
    note = "when it also derives `Serialize`, `Deserialize` and `Typed`, the host receives its value too"
)]
pub trait HasMessage {}

impl<E: fmt::Display> HasMessage for E {}

/// Has the compiler say what is missing before it complains of anything else.
pub fn has_message<E: HasMessage>(_: &E) {}

/// The codec of typed tasks.
#[derive(Debug)]
pub struct Postcard;

impl Postcard {
    /// Writes the result of the task.
    pub fn output<T: Typed + Arg<T>>(value: &T) -> i32 {
        match value.encode(&mut Output::new()) {
            Ok(()) => 0,
            Err(error) => {
                sys::fail(
                    FailKind::Message,
                    format!("the result cannot be encoded: {error}").as_bytes(),
                );
                FAILED
            }
        }
    }
}

impl Encoding for Postcard {
    fn encode<E: Arg<E>>(error: &E) -> Option<Vec<u8>> {
        wasmpool_abi::to_vec(error).ok()
    }
}

/// The codec of tasks of bytes.
#[derive(Debug)]
pub struct Raw;

impl Raw {
    /// Writes the result of the task.
    pub fn output<T: RawOutput>(value: &T) -> i32 {
        sys::output_write(value.as_bytes());
        0
    }
}

impl Encoding for Raw {
    fn encode<E: Arg<E>>(_: &E) -> Option<Vec<u8>> {
        None
    }
}
