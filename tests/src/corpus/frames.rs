//! Workers that do not keep to the protocol: each lie is told by a real worker, between two honest tasks, which must not
//! notice.

use super::Class::Frame;
use super::{Case, End, Lift, Run, Show, case};
use crate::lie::Harm::{
    self, AnswersAnother, AnswersTwice, Escapes, Garbage, Holds, NoClock, Overlaps, Reaches,
    ReadsPast, RunsAgain, SaysAfterwards,
};

const ORDER: &str = "answers are those that are due, in order";
const CAPS: &str = "caps on what a worker sends";
const FORM: &str = "records and messages are checked before they are used";
const ONCE: &str = "one question at a time";
const CLOCK: &str = "the host's own clock";

/// Name, what stops it, how the task ends, what a host comes to that believes it.
type Row = (&'static str, &'static str, End, Harm);

const LOST: fn(&'static str) -> End = End::Lost;

fn rows() -> Vec<Row> {
    vec![
        (
            "an answer to no task",
            ORDER,
            LOST("was due"),
            AnswersAnother,
        ),
        (
            "an answer to the next task",
            ORDER,
            LOST("was due"),
            AnswersAnother,
        ),
        (
            "an answer to an old task",
            ORDER,
            LOST("was due"),
            AnswersAnother,
        ),
        (
            "an answer to the last task that there could be",
            ORDER,
            LOST("was due"),
            AnswersAnother,
        ),
        ("two answers", ORDER, End::Answers, AnswersTwice),
        (
            "a failure after the answer",
            ORDER,
            End::Answers,
            AnswersTwice,
        ),
        (
            "a partial result after the answer",
            ORDER,
            End::Answers,
            SaysAfterwards,
        ),
        (
            "a log after the answer",
            ORDER,
            End::Answers,
            SaysAfterwards,
        ),
        (
            "a call after the answer",
            ORDER,
            End::Answers,
            SaysAfterwards,
        ),
        (
            "an answer over the cap",
            CAPS,
            LOST("result of 30000 bytes"),
            Holds,
        ),
        (
            "a last piece over the cap",
            CAPS,
            LOST("result of 30000 bytes"),
            Holds,
        ),
        (
            "partial results over the cap",
            CAPS,
            LOST("partial results of 60 bytes"),
            Holds,
        ),
        (
            "pieces of a partial result over the cap",
            CAPS,
            LOST("partial results of 60 bytes"),
            Holds,
        ),
        (
            "a record of length 0",
            FORM,
            LOST("does not decode"),
            ReadsPast,
        ),
        (
            "a record of length 2^32-1",
            FORM,
            LOST("a record of 4294967295 bytes"),
            ReadsPast,
        ),
        ("a record over the cap", FORM, LOST("at most 65536"), Holds),
        ("half a head", FORM, LOST("torn"), ReadsPast),
        ("half a record", FORM, LOST("torn"), ReadsPast),
        (
            "something in the reserved bytes",
            FORM,
            LOST("torn"),
            Garbage,
        ),
        ("garbage", FORM, LOST("a record of"), ReadsPast),
        (
            "a response that there is none of",
            FORM,
            LOST("does not decode"),
            Garbage,
        ),
        (
            "a length in a response that lies",
            FORM,
            LOST("does not decode"),
            ReadsPast,
        ),
        ("bytes after a response", FORM, LOST("bytes after"), Garbage),
        (
            "a position past the ring",
            FORM,
            LOST("are said to be written"),
            ReadsPast,
        ),
        (
            "a position before the beginning",
            FORM,
            LOST("are said to be written"),
            ReadsPast,
        ),
        (
            "dropped, though nobody took it back",
            ORDER,
            LOST("was not revoked"),
            RunsAgain,
        ),
        (
            "the end of a session that is none",
            ORDER,
            LOST("session that is none"),
            Garbage,
        ),
        (
            "stopped, though nobody stopped it",
            ORDER,
            LOST("by itself"),
            Garbage,
        ),
        (
            "a failure that is a value",
            FORM,
            LOST("is a value"),
            Garbage,
        ),
        ("ready once more", ORDER, LOST("ready twice"), Garbage),
        (
            "unable after all, with a terminal escape",
            "control characters are escaped",
            LOST("\\u{1b}[2J"),
            Escapes,
        ),
        ("a notice that there is none of", FORM, LOST(""), Garbage),
        ("half a notice", FORM, LOST(""), ReadsPast),
        ("a notice over the cap", FORM, LOST("at most"), Holds),
        (
            "a call of the next task",
            ORDER,
            LOST("was due"),
            AnswersAnother,
        ),
        (
            "two calls at once",
            ONCE,
            LOST("without the reply"),
            Overlaps,
        ),
        (
            "a piece of the next call",
            ONCE,
            LOST("without the reply"),
            Overlaps,
        ),
        (
            "an answer without the reply",
            ONCE,
            LOST("without the reply"),
            Overlaps,
        ),
        (
            "a call of an object that it was not given",
            "the host's own list of grants",
            LOST("was given none"),
            Reaches,
        ),
        (
            "a call of the last object that there could be",
            "the host's own list of grants",
            LOST("was given none"),
            Reaches,
        ),
        (
            "a call over the cap",
            CAPS,
            LOST("call to the host of 51201 bytes"),
            Holds,
        ),
        (
            "pieces of a call over the cap",
            CAPS,
            LOST("call to the host of 61440 bytes"),
            Holds,
        ),
        (
            "a function with a long name",
            CAPS,
            LOST("name of 256 bytes"),
            Holds,
        ),
        (
            "an import with a long name",
            CAPS,
            LOST("name of 256 bytes"),
            Holds,
        ),
        (
            "a function whose name is no text",
            FORM,
            LOST("does not decode"),
            Garbage,
        ),
        (
            "a flood of logs",
            "bounded buffers, read in turn",
            End::Answers,
            Holds,
        ),
        (
            "four thousand million bytes of standard error",
            FORM,
            LOST("exit"),
            ReadsPast,
        ),
        (
            "it started at the end of time",
            CLOCK,
            End::Fails("timeout"),
            NoClock,
        ),
        (
            "it began again and again",
            CLOCK,
            End::Fails("timeout"),
            NoClock,
        ),
        (
            "scrambles all that it shares with the host",
            "every word of a worker is read as hostile",
            LOST(""),
            Garbage,
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let told = rows().into_iter().map(|(name, stops, ends, harm)| {
        case(
            name,
            Frame,
            Run::Lie(name),
            stops,
            ends,
            Lift::Shown {
                how: "a host that believes it",
                comes: End::Harm(harm),
                show: Show::Believe,
            },
        )
    });
    let others = [
        case(
            "a record byte by byte",
            Frame,
            Run::Lie("a record byte by byte"),
            FORM,
            LOST("torn"),
            Lift::Not("believed, it would be a record like any other"),
        ),
        case(
            "a notice of no bytes",
            Frame,
            Run::Lie("a notice of no bytes"),
            FORM,
            LOST(""),
            Lift::Not("it means the end of the worker, and is taken for it"),
        ),
        case(
            "a flood of bells",
            Frame,
            Run::Lie("a flood of bells"),
            "a bounded number is heard at one go",
            End::Answers,
            Lift::Not("nothing refuses it"),
        ),
        case(
            "closes its socket",
            Frame,
            Run::Lie("closes its socket"),
            "a worker without a socket is none",
            LOST(""),
            Lift::Not("nobody would hear of it"),
        ),
        elsewhere(
            "no task runs, it says, and runs on",
            "host/src/dispatch/link_tests/deadlines.rs",
            "a_worker_that_hides_what_it_runs_is_killed_all_the_same",
        ),
        elsewhere(
            "a record cut at every byte",
            "host/src/wire/ring.rs",
            "a_record_cut_at_any_byte_is_torn",
        ),
        elsewhere(
            "an answer to a task that was cancelled",
            "host/src/dispatch/link_tests/deadlines.rs",
            "an_answer_at_the_last_moment_counts_and_a_stop_has_its_reason",
        ),
        elsewhere(
            "an answer to a task that was taken back",
            "host/src/dispatch/link_tests/revocations.rs",
            "a_worker_that_runs_what_was_taken_back_breaks_the_protocol",
        ),
        elsewhere(
            "a reply of the host that comes too late",
            "host/src/dispatch/link_tests/calls.rs",
            "a_late_reply_is_for_nobody",
        ),
        elsewhere(
            "partial results without bytes, a million of them",
            "host/src/dispatch/link_tests/lies.rs",
            "partial_results_without_bytes_are_dropped_too",
        ),
    ];
    told.chain(others).collect()
}

fn elsewhere(name: &'static str, file: &'static str, test: &'static str) -> Case {
    case(
        name,
        Frame,
        Run::Elsewhere { file, test },
        ORDER,
        End::AsShown,
        Lift::Not("shown in memory, step by step, and not by a worker"),
    )
}
