//! The negative numbers by which an import says that it failed: one list for all imports.

use core::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:ident, $text:literal;)+) => {
        /// Why an import failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum Code { $($(#[doc = $doc])+ $variant = $number),+ }

        $($(#[doc = $doc])+ pub const $name: i32 = $number;)+

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// What an import's result says, `None` for zero and more and for numbers that mean nothing.
            pub const fn from_i32(result: i32) -> Option<Code> {
                match result { $($number => Some(Code::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for Code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Code::$variant => $text),+ })
            }
        }
    };
}

codes! {
    /// The time that the caller allowed passed.
    Timeout = -1, TIMEOUT, "timed out";
    /// The other side is closed, and nothing is left to read.
    Closed = -2, CLOSED, "closed";
    /// There is no room and the caller did not want to wait.
    Full = -3, FULL, "full";
    /// There is nothing and the caller did not want to wait.
    Empty = -4, EMPTY, "empty";
    /// The holder died holding it; the caller holds it now, and what it protects may be half changed.
    Abandoned = -5, ABANDONED, "abandoned by a holder that died";
    /// The number is not a handle of this task.
    BadHandle = -6, BAD_HANDLE, "not a handle of this task";
    /// The handle belonged to an earlier task, or was given up.
    Stale = -7, STALE, "a handle of an earlier task, or one given up";
    /// The address or length is not acceptable to this call (a pointer outside memory traps instead).
    BadAddress = -8, BAD_ADDRESS, "bad address";
    /// More than a limit allows.
    TooLarge = -9, TOO_LARGE, "too large";
    /// The call does not go with this kind of object, or an argument has no meaning.
    Invalid = -10, INVALID, "invalid argument";
    /// The grant does not allow it.
    Denied = -11, DENIED, "not allowed by the grant";
    /// The host could not do its part.
    Failed = -12, FAILED, "failed in the host";
    /// The caller does not hold what it releases.
    NotHeld = -13, NOT_HELD, "not held by the caller";
    /// The barrier is broken: somebody who took part died, gave up or was told to stop.
    Broken = -14, BROKEN, "broken";
    /// There is no such key, index, attribute or function.
    NotFound = -15, NOT_FOUND, "not found";
    /// The bytes are no value of the object's type.
    WrongType = -16, WRONG_TYPE, "of the wrong type";
    /// The function that was called returned an error; `message_read` has its text.
    Error = -17, ERROR, "the function returned an error";
    /// The caller holds it already, and would wait for itself for ever.
    AlreadyHeld = -18, ALREADY_HELD, "held by the caller already";
}

impl From<Code> for i32 {
    fn from(code: Code) -> i32 {
        code as i32
    }
}

impl core::error::Error for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_negative_and_comes_back_from_its_number() {
        for (index, &code) in Code::ALL.iter().enumerate() {
            let number = i32::from(code);
            assert_eq!(number, -(i32::try_from(index).unwrap() + 1));
            assert_eq!(Code::from_i32(number), Some(code));
        }
        assert_eq!(Code::from_i32(0), None);
        assert_eq!(Code::from_i32(i32::MIN), None);
    }
}
