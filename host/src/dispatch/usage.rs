//! What a task has used, put together from what the worker says of it and what the host has seen itself. Only for calls
//! that ask.

use std::time::{Duration, Instant};

use super::{flight::Flight, hub::Hub, link::Link};
use crate::{
    pool::{outcome::TaskError, report::TaskReport, size::ByteSize},
    wire::completion::Usage,
};

/// Bytes of the running task that the host counts for a report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// What the worker has said.
    pub(super) told: Option<Usage>,
    /// Bytes of log records, as their limit counts them.
    pub(super) logs: u64,
    /// Bytes to and from host functions and managers' objects.
    pub(super) calls: u64,
}

impl Link {
    /// Reports the first open task of the first flight that is not reported yet, which has its outcome now: item `index`,
    /// with so many bytes of input and output. Before the outcome is delivered, so that who has that has this too.
    pub(super) fn report(
        &mut self,
        hub: &Hub,
        index: u64,
        bytes: (usize, usize),
        error: Option<&TaskError>,
    ) {
        let counted = std::mem::take(&mut self.counted);
        let partials = std::mem::take(&mut self.partial_total);
        if let Some(flight) = self.flights.front() {
            self.tell(hub, flight, index, bytes, (counted, partials), error);
        }
    }

    /// Reports a task that ran when its worker was lost: the first open one of `flight`.
    pub(super) fn report_lost(&self, hub: &Hub, flight: &Flight, error: &TaskError) {
        let bytes = (flight.segment.item_at(0).0, 0);
        let counted = (self.counted, self.partial_total);
        self.tell(
            hub,
            flight,
            flight.segment.first,
            bytes,
            counted,
            Some(error),
        );
    }

    fn tell(
        &self,
        hub: &Hub,
        flight: &Flight,
        index: u64,
        (input, output): (usize, usize),
        (counted, partials): (Counted, u64),
        error: Option<&TaskError>,
    ) {
        let spec = &flight.stream.plan.spec;
        // It has not run for longer than since its batch was there and the one before it was answered.
        let most = Instant::now().saturating_duration_since(flight.since.max(self.answered));
        let report = of(
            counted,
            &Known {
                most,
                memory: spec.memory,
                fuel: spec.fuel,
                input,
                output,
                partials,
                worker: self.child.id(),
                pid: self.child.pid(),
            },
        );
        hub.task_ended(&flight.stream, index, error, &report);
        flight.stream.note_report(index, report);
    }
}

/// What the host knows of the task.
struct Known {
    most: Duration,
    memory: u64,
    fuel: Option<u64>,
    input: usize,
    output: usize,
    partials: u64,
    worker: u64,
    pid: i32,
}

/// Nothing that the worker says is believed beyond what can be.
fn of(counted: Counted, known: &Known) -> TaskReport {
    let told = counted.told;
    let wall = told.map_or(known.most, |told| {
        Duration::from_nanos(told.wall).min(known.most)
    });
    TaskReport {
        wall,
        // It has one thread.
        cpu_time: told.map(|told| Duration::from_nanos(told.cpu).min(wall)),
        peak_memory: told.map(|told| ByteSize::new(told.memory.min(known.memory))),
        fuel: told
            .and_then(|told| told.fuel)
            .zip(known.fuel)
            .map(|(used, given)| used.min(given)),
        input: ByteSize::new(known.input as u64),
        output: ByteSize::new(known.output as u64),
        partials: ByteSize::new(known.partials),
        logs: ByteSize::new(counted.logs),
        calls: ByteSize::new(counted.calls),
        worker: known.worker,
        pid: known.pid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        most: Duration::from_millis(5),
        memory: 1000,
        fuel: Some(100),
        input: 1,
        output: 2,
        partials: 3,
        worker: 4,
        pid: 5,
    };

    fn told(usage: Option<Usage>, known: &Known) -> TaskReport {
        let counted = Counted {
            told: usage,
            ..Counted::default()
        };
        of(counted, known)
    }

    #[test]
    fn what_can_be_is_taken_as_it_is() {
        let report = told(
            Some(Usage {
                wall: 4_000_000,
                cpu: 3_000_000,
                memory: 900,
                fuel: Some(99),
            }),
            &KNOWN,
        );
        assert_eq!(report.wall, Duration::from_millis(4));
        assert_eq!(report.cpu_time, Some(Duration::from_millis(3)));
        assert_eq!(report.peak_memory, Some(ByteSize::new(900)));
        assert_eq!(report.fuel, Some(99));
    }

    #[test]
    fn what_cannot_be_is_cut_to_what_can() {
        let most = Usage {
            wall: u64::MAX,
            cpu: u64::MAX,
            memory: u64::MAX,
            fuel: Some(u64::MAX),
        };
        let report = told(Some(most), &KNOWN);
        assert_eq!(report.wall, KNOWN.most);
        assert_eq!(report.cpu_time, Some(KNOWN.most));
        assert_eq!(report.peak_memory, Some(ByteSize::new(1000)));
        assert_eq!(report.fuel, Some(100));
        let uncounted = Known {
            fuel: None,
            ..KNOWN
        };
        assert_eq!(told(Some(most), &uncounted).fuel, None);
        let silent = told(None, &KNOWN);
        assert_eq!(silent.wall, KNOWN.most);
        assert_eq!(
            (silent.cpu_time, silent.peak_memory, silent.fuel),
            (None, None, None)
        );
    }
}
