//! What the running program is: whether this code lies in it, and whether it was started with raised privileges.

/// Whether this code was linked into the main program, and not into a shared object inside some other program.
pub(crate) fn code_is_in_main_program() -> bool {
    // SAFETY: `getauxval` has no preconditions; the value is an address inside the main program's first pages.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    // SAFETY: an all-zero `Dl_info` is a valid value of the plain C struct, filled in below.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let here = code_is_in_main_program as *const () as *const libc::c_void;
    // SAFETY: `here` is the address of a function and `info` is a valid place for the answer.
    if headers == 0 || unsafe { libc::dladdr(here, &raw mut info) } == 0 {
        return false;
    }
    // The program headers follow the ELF header at the base of the image.
    (info.dli_fbase as libc::c_ulong..info.dli_fbase as libc::c_ulong + 4096).contains(&headers)
}

/// Whether the kernel raised this process's privileges at its start (set-user-id and kin).
pub(crate) fn privileges_were_raised() -> bool {
    // SAFETY: `getauxval` has no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
