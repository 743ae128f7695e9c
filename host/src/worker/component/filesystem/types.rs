//! The types of `wasi:filesystem`, as its text in WIT has them.

use rustix::fs::FileType;
use wasmtime::component::{ComponentType, Lift, Lower, flags};

use crate::worker::component::clocks::Datetime;
use crate::worker::wasi::Errno;

/// Why a file's function did not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "some are of other systems")]
pub(in crate::worker::component) enum ErrorCode {
    #[component(name = "access")] Access,
    #[component(name = "would-block")] WouldBlock,
    #[component(name = "already")] Already,
    #[component(name = "bad-descriptor")] BadDescriptor,
    #[component(name = "busy")] Busy,
    #[component(name = "deadlock")] Deadlock,
    #[component(name = "quota")] Quota,
    #[component(name = "exist")] Exist,
    #[component(name = "file-too-large")] FileTooLarge,
    #[component(name = "illegal-byte-sequence")] IllegalByteSequence,
    #[component(name = "in-progress")] InProgress,
    #[component(name = "interrupted")] Interrupted,
    #[component(name = "invalid")] Invalid,
    #[component(name = "io")] Io,
    #[component(name = "is-directory")] IsDirectory,
    #[component(name = "loop")] Loop,
    #[component(name = "too-many-links")] TooManyLinks,
    #[component(name = "message-size")] MessageSize,
    #[component(name = "name-too-long")] NameTooLong,
    #[component(name = "no-device")] NoDevice,
    #[component(name = "no-entry")] NoEntry,
    #[component(name = "no-lock")] NoLock,
    #[component(name = "insufficient-memory")] InsufficientMemory,
    #[component(name = "insufficient-space")] InsufficientSpace,
    #[component(name = "not-directory")] NotDirectory,
    #[component(name = "not-empty")] NotEmpty,
    #[component(name = "not-recoverable")] NotRecoverable,
    #[component(name = "unsupported")] Unsupported,
    #[component(name = "no-tty")] NoTty,
    #[component(name = "no-such-device")] NoSuchDevice,
    #[component(name = "overflow")] Overflow,
    #[component(name = "not-permitted")] NotPermitted,
    #[component(name = "pipe")] Pipe,
    #[component(name = "read-only")] ReadOnly,
    #[component(name = "invalid-seek")] InvalidSeek,
    #[component(name = "text-file-busy")] TextFileBusy,
    #[component(name = "cross-device")] CrossDevice,
}

impl From<Errno> for ErrorCode {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::Acces => Self::Access,
            Errno::Again => Self::WouldBlock,
            Errno::Badf => Self::BadDescriptor,
            Errno::Busy => Self::Busy,
            Errno::Dquot => Self::Quota,
            Errno::Exist => Self::Exist,
            Errno::Fbig => Self::FileTooLarge,
            Errno::Inval => Self::Invalid,
            Errno::Success | Errno::Io => Self::Io,
            Errno::Isdir => Self::IsDirectory,
            Errno::Loop => Self::Loop,
            // Of too many open files it knows none.
            Errno::Mfile | Errno::Nomem => Self::InsufficientMemory,
            Errno::Mlink => Self::TooManyLinks,
            Errno::Nametoolong => Self::NameTooLong,
            Errno::Noent => Self::NoEntry,
            Errno::Nospc => Self::InsufficientSpace,
            Errno::Notdir => Self::NotDirectory,
            Errno::Notempty => Self::NotEmpty,
            Errno::Notsock | Errno::Notsup => Self::Unsupported,
            Errno::Nxio => Self::NoSuchDevice,
            Errno::Overflow => Self::Overflow,
            Errno::Perm => Self::NotPermitted,
            Errno::Rofs => Self::ReadOnly,
            Errno::Spipe => Self::InvalidSeek,
            Errno::Txtbsy => Self::TextFileBusy,
            Errno::Xdev => Self::CrossDevice,
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
pub(in crate::worker::component) enum Kind {
    #[component(name = "unknown")] Unknown,
    #[component(name = "block-device")] BlockDevice,
    #[component(name = "character-device")] CharacterDevice,
    #[component(name = "directory")] Directory,
    #[component(name = "fifo")] Fifo,
    #[component(name = "symbolic-link")] SymbolicLink,
    #[component(name = "regular-file")] RegularFile,
    #[component(name = "socket")] Socket,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::RegularFile,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::SymbolicLink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice => Self::CharacterDevice,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::Unknown => Self::Unknown,
        }
    }
}

flags! {
    DescriptorFlags {
        #[component(name = "read")] const READ;
        #[component(name = "write")] const WRITE;
        #[component(name = "file-integrity-sync")] const FILE_INTEGRITY_SYNC;
        #[component(name = "data-integrity-sync")] const DATA_INTEGRITY_SYNC;
        #[component(name = "requested-write-sync")] const REQUESTED_WRITE_SYNC;
        #[component(name = "mutate-directory")] const MUTATE_DIRECTORY;
    }
}

flags! {
    PathFlags {
        #[component(name = "symlink-follow")] const SYMLINK_FOLLOW;
    }
}

flags! {
    OpenFlags {
        #[component(name = "create")] const CREATE;
        #[component(name = "directory")] const DIRECTORY;
        #[component(name = "exclusive")] const EXCLUSIVE;
        #[component(name = "truncate")] const TRUNCATE;
    }
}

/// What the system knows of a file.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct DescriptorStat {
    #[component(name = "type")]
    pub(super) kind: Kind,
    #[component(name = "link-count")]
    pub(super) link_count: u64,
    pub(super) size: u64,
    #[component(name = "data-access-timestamp")]
    pub(super) accessed: Option<Datetime>,
    #[component(name = "data-modification-timestamp")]
    pub(super) modified: Option<Datetime>,
    #[component(name = "status-change-timestamp")]
    pub(super) changed: Option<Datetime>,
}

/// A time that a guest sets.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum NewTimestamp {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    At(Datetime),
}

/// One thing in a directory.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(in crate::worker::component) struct Entry {
    #[component(name = "type")]
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// Tells files apart without telling where they are.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct MetadataHash {
    pub(super) lower: u64,
    pub(super) upper: u64,
}

/// Advice is heard and not followed.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "only guests make them")]
pub(super) enum Advice {
    #[component(name = "normal")] Normal,
    #[component(name = "sequential")] Sequential,
    #[component(name = "random")] Random,
    #[component(name = "will-need")] WillNeed,
    #[component(name = "dont-need")] DontNeed,
    #[component(name = "no-reuse")] NoReuse,
}
