//! The kinds of objects that host and guests share, and the operations that are numbers in the ABI.

macro_rules! numbered {
    ($(#[doc = $doc:literal])+ $name:ident: $repr:ident; $($(#[doc = $each:literal])+ $variant:ident = $number:literal, $text:literal;)+) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr($repr)]
        pub enum $name { $($(#[doc = $each])+ $variant = $number),+ }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// What the number stands for.
            pub const fn from_number(number: $repr) -> Option<$name> {
                match number { $($number => Some($name::$variant),)+ _ => None }
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

pub(crate) use numbered;

numbered! {
    /// What an object of the host is: the number in [`Schema::Handle`](crate::Schema::Handle).
    ObjectKind: u8;
    /// An array in shared memory, without a lock.
    RawArray = 1, "RawArray";
    /// The same with a lock.
    Array = 2, "Array";
    /// One element in shared memory, without a lock.
    RawValue = 3, "RawValue";
    /// The same with a lock.
    Value = 4, "Value";
    /// A part of an array that nobody else has meanwhile.
    Chunk = 5, "ChunkMut";
    /// A lock.
    Lock = 6, "Lock";
    /// A lock that its holder can take again.
    RLock = 7, "RLock";
    /// A number of permits.
    Semaphore = 8, "Semaphore";
    /// A number of permits that cannot grow.
    BoundedSemaphore = 9, "BoundedSemaphore";
    /// A flag to wait for.
    Event = 10, "Event";
    /// A lock with a place to wait for something.
    Condition = 11, "Condition";
    /// A place where a number of parties wait for each other.
    Barrier = 12, "Barrier";
    /// A bounded queue of messages.
    Queue = 13, "Queue";
    /// A queue of messages without more than put, get and empty.
    SimpleQueue = 14, "SimpleQueue";
    /// A queue that knows what has been dealt with.
    JoinableQueue = 15, "JoinableQueue";
    /// One end of a pipe.
    Connection = 16, "Connection";
    /// A manager's dictionary.
    Dict = 17, "Dict";
    /// A manager's list.
    List = 18, "List";
    /// A manager's namespace.
    Namespace = 19, "Namespace";
}

numbered! {
    /// An atomic operation of `shm_rmw`; the number of the operation, with the width of the integer in bytes (1, 2, 4 or 8) in the
    /// second byte and, for signed integers, 1 in the third.
    RmwOp: i32;
    /// Wrapping addition.
    Add = 0, "add";
    /// Wrapping subtraction.
    Sub = 1, "sub";
    /// Bitwise and.
    And = 2, "and";
    /// Bitwise or.
    Or = 3, "or";
    /// Bitwise exclusive or.
    Xor = 4, "xor";
    /// Puts the value in the place of the old one.
    Exchange = 5, "exchange";
    /// The smaller one.
    Min = 6, "min";
    /// The larger one.
    Max = 7, "max";
}

/// Windows begin at multiples of this in the guest's memory and in the array: a page of WebAssembly.
pub const WINDOW_ALIGN: u32 = 64 << 10;
