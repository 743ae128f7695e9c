//! Preview 1 as it is, past the standard library.

use std::io;

mod raw {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn path_symlink(
            target: *const u8,
            target_len: u32,
            fd: u32,
            path: *const u8,
            len: u32,
        ) -> i32;
        pub(super) fn path_filestat_set_times(
            fd: u32,
            dirflags: u32,
            path: *const u8,
            len: u32,
            accessed: u64,
            changed: u64,
            flags: u32,
        ) -> i32;
        pub(super) fn path_open(
            fd: u32,
            dirflags: u32,
            path: *const u8,
            len: u32,
            oflags: u32,
            rights: u64,
            inheriting: u64,
            fdflags: u32,
            result: *mut u32,
        ) -> i32;
        pub(super) fn path_rename(
            fd: u32,
            path: *const u8,
            len: u32,
            to: u32,
            to_path: *const u8,
            to_len: u32,
        ) -> i32;
        pub(super) fn path_create_directory(fd: u32, path: *const u8, len: u32) -> i32;
        pub(super) fn path_remove_directory(fd: u32, path: *const u8, len: u32) -> i32;
        pub(super) fn path_unlink_file(fd: u32, path: *const u8, len: u32) -> i32;
        pub(super) fn fd_prestat_get(fd: u32, result: *mut u64) -> i32;
        pub(super) fn fd_prestat_dir_name(fd: u32, path: *mut u8, len: u32) -> i32;
        pub(super) fn fd_renumber(from: u32, to: u32) -> i32;
        pub(super) fn fd_close(fd: u32) -> i32;
        pub(super) fn fd_readdir(
            fd: u32,
            buffer: *mut u8,
            len: u32,
            cookie: u64,
            used: *mut u32,
        ) -> i32;
        pub(super) fn fd_allocate(fd: u32, offset: u64, len: u64) -> i32;
        pub(super) fn fd_seek(fd: u32, offset: i64, whence: u32, position: *mut u64) -> i32;
        pub(super) fn random_get(address: *mut u8, len: u32) -> i32;
        pub(super) fn clock_time_get(id: u32, precision: u64, result: *mut u64) -> i32;
        pub(super) fn clock_res_get(id: u32, result: *mut u64) -> i32;
    }
}

fn told(errno: i32) -> io::Result<()> {
    match errno {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// The number of the granted directory that a path begins with, and the rest of the path.
fn granted(path: &str) -> io::Result<(u32, &str)> {
    let mut fd = 3;
    loop {
        let mut found = 0_u64;
        // SAFETY: room for a `prestat`.
        told(unsafe { raw::fd_prestat_get(fd, &mut found) })?;
        let mut name = vec![0; usize::try_from(found >> 32).unwrap_or(0)];
        // SAFETY: room for the name, whose length was just told.
        told(unsafe { raw::fd_prestat_dir_name(fd, name.as_mut_ptr(), (found >> 32) as u32) })?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if let Some(rest) = path.strip_prefix(&name) {
            return Ok((fd, rest.trim_start_matches('/')));
        }
        fd += 1;
    }
}

fn len(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

pub(crate) fn symlink(target: &str, path: &str) -> io::Result<()> {
    let (fd, path) = granted(path)?;
    // SAFETY: both strings live across the call.
    told(unsafe { raw::path_symlink(target.as_ptr(), len(target), fd, path.as_ptr(), len(path)) })
}

pub(crate) fn set_times(path: &str, seconds: u64) -> io::Result<()> {
    let (fd, path) = granted(path)?;
    let nanos = seconds * 1_000_000_000;
    // SAFETY: the string lives across the call.
    told(unsafe {
        raw::path_filestat_set_times(fd, 1, path.as_ptr(), len(path), nanos, nanos, 1 | 4)
    })
}

pub(crate) fn random(len: u32) -> Result<Vec<u8>, i32> {
    let mut bytes = vec![0; len as usize];
    // SAFETY: as many bytes as there are.
    match unsafe { raw::random_get(bytes.as_mut_ptr(), len) } {
        0 => Ok(bytes),
        errno => Err(errno),
    }
}

pub(crate) fn now() -> u64 {
    let mut now = 0;
    // SAFETY: room for a time.
    unsafe { raw::clock_time_get(1, 1, &mut now) };
    now
}

pub(crate) fn resolution() -> u64 {
    let mut resolution = 0;
    // SAFETY: room for a time.
    unsafe { raw::clock_res_get(1, &mut resolution) };
    resolution
}

/// All rights that there are.
const RIGHTS: u64 = (1 << 30) - 1;

fn open(fd: u32, path: &str, oflags: u32) -> Result<u32, i32> {
    let mut number = 0;
    // SAFETY: the string lives across the call, and there is room for a number.
    match unsafe {
        raw::path_open(
            fd,
            1,
            path.as_ptr(),
            len(path),
            oflags,
            RIGHTS & !(1 << 6),
            0,
            0,
            &mut number,
        )
    } {
        0 => Ok(number),
        errno => Err(errno),
    }
}

pub(crate) fn odd_calls(directory: &str) -> Vec<(String, i32)> {
    let mut said = Vec::new();
    let mut say = |what: &str, errno: i32| said.push((what.to_owned(), errno));
    let Ok((fd, _)) = granted(directory) else {
        return vec![("granted".to_owned(), -1)];
    };
    let number = |opened: Result<u32, i32>| opened.map_or_else(|errno| errno, |_| 0);
    say("open an absolute path", number(open(fd, "/etc/passwd", 0)));
    say("open the directory above", number(open(fd, "..", 0)));
    say(
        "open by way of the one above",
        number(open(fd, "sub/../../x", 0)),
    );
    say("open an empty path", number(open(fd, "", 0)));
    say("open a path with a zero byte", number(open(fd, "a\0b", 0)));
    say(
        "open a path without end",
        number(open(fd, &"a/".repeat(3000), 0)),
    );
    say("open from standard output", number(open(1, "file", 0)));
    say("open from nowhere", number(open(77, "file", 0)));
    let file = open(fd, "file", 0).unwrap_or(77);
    say("open from a file", number(open(file, "file", 0)));
    let mut position = 0;
    // SAFETY: room for a position.
    unsafe {
        say(
            "seek before the beginning",
            raw::fd_seek(file, -1, 0, &mut position),
        );
        say(
            "seek past all files",
            raw::fd_seek(file, i64::MAX, 1, &mut position),
        );
        say(
            "seek past all numbers",
            raw::fd_seek(file, i64::MAX, 2, &mut position),
        );
        say("seek by no rule", raw::fd_seek(file, 0, 9, &mut position));
        say("seek in a directory", raw::fd_seek(fd, 0, 0, &mut position));
        say("allocate", raw::fd_allocate(file, 0, 10));
    }
    let mut used = 0;
    let mut bytes = [0; 64];
    // SAFETY: as many bytes as there are, and room for a number.
    unsafe {
        say(
            "list a file",
            raw::fd_readdir(file, bytes.as_mut_ptr(), 64, 0, &mut used),
        );
        say(
            "list from a mark that is none",
            raw::fd_readdir(fd, bytes.as_mut_ptr(), 64, u64::MAX, &mut used),
        );
    }
    // SAFETY: the strings live across the calls.
    unsafe {
        let (up, here) = ("..".as_ptr(), ".".as_ptr());
        say("make the one above", raw::path_create_directory(fd, up, 2));
        say(
            "remove the one above",
            raw::path_remove_directory(fd, up, 2),
        );
        say("remove oneself", raw::path_remove_directory(fd, here, 1));
        say("unlink the one above", raw::path_unlink_file(fd, up, 2));
        say(
            "rename over the granted directory",
            raw::path_rename(fd, "sub".as_ptr(), 3, fd, here, 1),
        );
        say(
            "rename the granted directory",
            raw::path_rename(fd, here, 1, fd, "new".as_ptr(), 3),
        );
    }
    // SAFETY: numbers and nothing else.
    unsafe {
        say("renumber nothing over it", raw::fd_renumber(77, fd));
        say("renumber it over nothing", raw::fd_renumber(fd, 77));
        say("renumber a file over it", raw::fd_renumber(file, fd));
        let mut found = 0;
        say("ask for its name then", raw::fd_prestat_get(fd, &mut found));
        say("open from where it was", number(open(fd, "file", 0)));
        say(
            "read where the file was",
            raw::fd_seek(file, 0, 1, &mut position),
        );
        say("read where it was", raw::fd_seek(fd, 0, 1, &mut position));
        say("close it", raw::fd_close(fd));
        say("close it again", raw::fd_close(fd));
        say("close no number", raw::fd_close(u32::MAX));
    }
    said
}
