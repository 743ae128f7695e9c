//! The processor time of another process, by the kernel's word.

use std::time::Duration;

/// What the process with this id has run so far; `None` when there is none.
///
/// No right is needed for it. A number that was given to another process meanwhile reads that one's clock: whoever asks
/// knows by other means whether the process lives.
pub(crate) fn of_process(pid: i32) -> Option<Duration> {
    // 0 would be this process.
    if pid <= 0 {
        return None;
    }
    let mut clock = 0;
    // SAFETY: `clock` is a place for a clock's number, borrowed for the call.
    if unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a place for a time, borrowed for the call; a number that is no clock any more is an error.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Some(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_and_then_has_no_clock() {
        let own = i32::try_from(std::process::id()).unwrap();
        let before = of_process(own).unwrap();
        while of_process(own).unwrap() <= before {}
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        assert_eq!(of_process(pid), None);
        assert_eq!(of_process(0), None);
        assert_eq!(of_process(-1), None);
    }
}
