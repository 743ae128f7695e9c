//! The results of preview 1 that this layer gives.

use rustix::io::Errno as System;

/// A result, by preview 1's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    /// Done.
    Success = 0,
    /// The system does not let this user.
    Acces = 2,
    /// Too many changes meanwhile; the next try may work.
    Again = 6,
    /// Not an open descriptor, or not one for this.
    Badf = 8,
    /// It is in use.
    Busy = 10,
    /// The user's share of the disk is full.
    Dquot = 19,
    /// It is there already.
    Exist = 20,
    /// A file would grow beyond what it may.
    Fbig = 22,
    /// An argument has no meaning, or is over a cap.
    Inval = 28,
    /// The disk failed, or the system for a reason that has no number here.
    Io = 29,
    /// It is a directory.
    Isdir = 31,
    /// Links that lead to each other, or a link where none is followed.
    Loop = 32,
    /// Too many files are open.
    Mfile = 33,
    /// It has too many names.
    Mlink = 34,
    /// A name or a path is too long.
    Nametoolong = 37,
    /// It is not there.
    Noent = 44,
    /// The system has no memory for it.
    Nomem = 48,
    /// The disk is full.
    Nospc = 51,
    /// The descriptor is not a directory, or a part of the path is none.
    Notdir = 54,
    /// A directory has something in it.
    Notempty = 55,
    /// The descriptor is not a socket.
    Notsock = 57,
    /// Not offered.
    Notsup = 58,
    /// There is nothing behind this device or pipe.
    Nxio = 60,
    /// A number does not fit.
    Overflow = 61,
    /// Not granted: the path leads out of its directory.
    Perm = 63,
    /// The directory was granted to read.
    Rofs = 69,
    /// The descriptor has no position.
    Spipe = 70,
    /// The program that it holds is running.
    Txtbsy = 74,
    /// Two places that nothing is moved or linked between.
    Xdev = 75,
}

impl From<System> for Errno {
    fn from(error: System) -> Self {
        match error {
            System::ACCESS => Errno::Acces,
            System::AGAIN => Errno::Again,
            System::BADF => Errno::Badf,
            System::BUSY => Errno::Busy,
            System::DQUOT => Errno::Dquot,
            System::EXIST => Errno::Exist,
            System::FBIG => Errno::Fbig,
            System::INVAL => Errno::Inval,
            System::ISDIR => Errno::Isdir,
            System::LOOP => Errno::Loop,
            System::MFILE | System::NFILE => Errno::Mfile,
            System::MLINK => Errno::Mlink,
            System::NAMETOOLONG => Errno::Nametoolong,
            System::NOENT => Errno::Noent,
            System::NOMEM => Errno::Nomem,
            System::NOSPC => Errno::Nospc,
            System::NOTDIR => Errno::Notdir,
            System::NOTEMPTY => Errno::Notempty,
            System::NOTSUP => Errno::Notsup,
            System::NXIO => Errno::Nxio,
            System::OVERFLOW => Errno::Overflow,
            System::PERM => Errno::Perm,
            System::ROFS => Errno::Rofs,
            System::SPIPE => Errno::Spipe,
            System::TXTBSY => Errno::Txtbsy,
            System::XDEV => Errno::Xdev,
            _ => Errno::Io,
        }
    }
}
