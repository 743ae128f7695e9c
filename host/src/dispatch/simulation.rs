//! The scheduler in virtual time: what decides in a pool (queues, turns and shares of tenants, sizes of batches, who gets
//! which worker) decides here over workers that are numbers, so that a thousand of them can be seen on two cores.
//!
//! Nothing here decides anything. Left out is what needs a real worker: answers in the middle of a batch, and tasks that are
//! taken back from behind a long one.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    ledger::Ledger,
    pace::Pace,
    resting::{Resting, Rests},
    roster::Roster,
    tenant::Tenant,
    turns::{self, Places, Waiter},
};
use crate::{
    pool::{builder::IDLE, tenant::TenantLimits},
    wire::arena::SLOTS,
};

/// What a new worker takes until it begins its first task. Row 10 of the bench says how long it is.
const START: Duration = Duration::from_millis(2);
/// What happens before is not counted: all workers start at once, and nothing is known of the tasks.
const WARM: Duration = Duration::from_millis(100);

/// What is asked of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Workers of the pool.
    pub workers: usize,
    /// Tenants, of equal weight.
    pub tenants: usize,
    /// What a task takes, on average: from nothing to many times that.
    pub task: Duration,
    /// Calls of one task each, of random tenants at random times, that ask for this part of all worker time. Without it each
    /// tenant has one call without end.
    pub asked: Option<f64>,
    /// How long it is simulated.
    pub length: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Tasks that ended in each virtual second.
    pub tasks_a_second: f64,
    /// From the call to its end, in virtual time, sorted; of calls of one task only.
    pub latencies: Vec<Duration>,
    /// Jain's index over the worker time of all tenants: one when all have the same.
    pub fairness: f64,
    /// Batches that were sent.
    pub batches: u64,
    /// Accounts that were compared for a batch, on average.
    pub compared: f64,
    /// Calls that were looked at for a batch, on average: one, and those that could not be served.
    pub looks: f64,
    /// What the decisions took for a batch, on average, in real time.
    pub decided_in: Duration,
}

/// A call.
#[derive(Debug)]
struct Call {
    tenant: Arc<Tenant>,
    queued: AtomicBool,
    pace: Pace,
    /// Tasks that are not sent; [`u64::MAX`] for ever.
    left: AtomicU64,
    /// When it came.
    since: Instant,
}

impl Waiter for Arc<Call> {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    fn has_pending(&self) -> bool {
        self.left.load(Relaxed) > 0
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

#[derive(Debug)]
struct Batch {
    call: Arc<Call>,
    tasks: u32,
    took: Duration,
}

#[derive(Debug)]
struct Worker {
    tenant: Arc<Tenant>,
    /// When it can begin something.
    ready: Instant,
    batches: VecDeque<Batch>,
}

/// A worker that rests.
#[derive(Debug)]
struct Idle(u64, Worker);

impl Rests for Idle {
    fn worker(&self) -> u64 {
        self.0
    }

    /// Each tenant has one.
    fn module(&self) -> u64 {
        self.1.tenant.number()
    }

    fn tenant(&self) -> u64 {
        self.1.tenant.number()
    }

    fn trim_due(&self) -> Option<Instant> {
        None
    }
}

/// A pool whose workers are numbers.
#[derive(Debug)]
struct Simulated {
    load: Load,
    ledger: RefCell<Ledger<Arc<Call>>>,
    resting: Resting<Idle>,
    roster: Roster,
    busy: std::collections::HashMap<u64, Worker>,
    next_worker: u64,
    /// When batches end.
    ends: BinaryHeap<Reverse<(Instant, u64)>>,
    dice: Dice,
    batches: u64,
    looks: u64,
}

/// Numbers that look random, the same in each run.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// From 0 to below 1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // As many bits as are kept exactly.
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time of this length on average, as of what happens at random.
    fn time(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.roll()).ln())
    }
}

impl Places for Simulated {
    type Call = Arc<Call>;

    fn ledger<R>(&self, look: impl FnOnce(&mut Ledger<Arc<Call>>) -> R) -> R {
        look(&mut self.ledger.borrow_mut())
    }

    fn workers(&self) -> usize {
        self.load.workers
    }

    fn one_more(&mut self, call: &Arc<Call>, now: Instant) -> Option<u64> {
        let tenant = &call.tenant;
        self.ledger(|ledger| ledger.take_place(tenant, now));
        let found = self.resting.newest(tenant.number(), |_| true);
        let resting = found.and_then(|at| self.resting.take_found(at));
        let Idle(number, worker) = resting.unwrap_or_else(|| {
            self.next_worker += 1;
            let worker = Worker {
                tenant: Arc::clone(tenant),
                ready: now + START,
                batches: VecDeque::new(),
            };
            Idle(self.next_worker, worker)
        });
        self.busy.insert(number, worker);
        Some(number)
    }

    fn with_room(&self, call: &Arc<Call>) -> Option<u64> {
        if !call.pace.is_short(call.pace.batch(None)) {
            return None;
        }
        self.roster.with_room(call.tenant.number(), |_| true)
    }

    fn send(&mut self, call: &Arc<Call>, number: u64, now: Instant) {
        let left = call.left.load(Relaxed);
        let tasks = u64::from(call.pace.batch(None)).min(left);
        if left != u64::MAX {
            call.left.store(left - tasks, Relaxed);
        }
        let tasks = u32::try_from(tasks).expect("a batch has few");
        let took = (0..tasks)
            .map(|_| self.dice.time(self.load.task))
            .sum::<Duration>();
        let worker = self.busy.get_mut(&number).expect("it was just found");
        worker.batches.push_back(Batch {
            call: Arc::clone(call),
            tasks,
            took,
        });
        if worker.batches.len() == 1 {
            self.ends
                .push(Reverse((worker.ready.max(now) + took, number)));
        }
        self.batches += 1;
        self.note(number);
    }
}

impl Simulated {
    fn note(&mut self, number: u64) {
        if let Some(worker) = self.busy.get(&number) {
            let batches = worker.batches.len();
            let room = (batches < SLOTS).then_some(batches);
            self.roster.note(number, worker.tenant.number(), room, None);
        }
    }

    /// A worker has ended its first batch. Returns it.
    fn ended(&mut self, number: u64, now: Instant) -> Option<Batch> {
        let worker = self.busy.get_mut(&number)?;
        let batch = worker.batches.pop_front()?;
        batch.call.pace.measured(batch.tasks, batch.took);
        if let Some(next) = worker.batches.front() {
            self.ends.push(Reverse((now + next.took, number)));
            self.note(number);
            return Some(batch);
        }
        let worker = self.busy.remove(&number)?;
        self.roster.remove(number);
        self.ledger(|ledger| ledger.give_place(&worker.tenant, now));
        self.resting.push(Idle(number, worker));
        if self.resting.len() > self.load.workers.max(IDLE) {
            self.resting.take_oldest();
        }
        Some(batch)
    }

    fn round(&mut self, now: Instant) {
        let mut ledger = self.ledger.borrow_mut();
        ledger.stir_all(self.roster.take_stirred());
        drop(ledger);
        self.looks += turns::go_round(self, now);
    }
}

/// Simulates it.
#[must_use]
pub fn simulate(load: Load) -> Seen {
    let start = Instant::now();
    let (warm, end) = (start + WARM, start + WARM + load.length);
    let mut pool = Simulated {
        load,
        ledger: RefCell::new(Ledger::new(TenantLimits::default())),
        resting: Resting::default(),
        roster: Roster::default(),
        busy: std::collections::HashMap::new(),
        next_worker: 0,
        ends: BinaryHeap::new(),
        dice: Dice(0x9E37_79B9_7F4A_7C15),
        batches: 0,
        looks: 0,
    };
    let tenants: Vec<Arc<Tenant>> = (0..load.tenants).map(|_| Tenant::unnamed()).collect();
    let call = |tenant: &Arc<Tenant>, left, now| {
        Arc::new(Call {
            tenant: Arc::clone(tenant),
            queued: AtomicBool::new(true),
            pace: Pace::new(false),
            left: AtomicU64::new(left),
            since: now,
        })
    };
    let mut comes = None;
    match load.asked {
        None => {
            for tenant in &tenants {
                let call = call(tenant, u64::MAX, start);
                pool.ledger(|ledger| ledger.wait(call, start));
            }
        }
        Some(_) => comes = Some(start),
    }
    let (mut tasks, mut latencies, mut decided) = (0, Vec::new(), Duration::ZERO);
    let mut before = Vec::new();
    let had = |pool: &Simulated, now| -> Vec<Duration> {
        pool.ledger(|ledger| {
            let each = tenants.iter();
            each.map(|it| ledger.usage(it, 0, now).worker_time)
                .collect()
        })
    };
    pool.round(start);
    loop {
        let next_end = pool.ends.peek().map(|Reverse((at, _))| *at);
        let Some(now) = next_end
            .into_iter()
            .chain(comes)
            .min()
            .filter(|now| *now < end)
        else {
            break;
        };
        if before.is_empty() && now >= warm {
            before = had(&pool, now);
            (pool.batches, pool.looks, tasks) = (0, 0, 0);
            pool.ledger(|ledger| ledger.forget_compared());
            decided = Duration::ZERO;
            latencies.clear();
        }
        let come = (comes == Some(now)).then(|| {
            let one = pool.dice.roll() * tenants.len() as f64;
            let asked = load.asked.unwrap_or(1.0) * load.workers as f64;
            comes = Some(now + pool.dice.time(load.task.div_f64(asked)));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index: from 0 to below the number of tenants"
            )]
            call(&tenants[one as usize], 1, now)
        });
        let begun = Instant::now();
        if let Some(call) = come {
            pool.ledger(|ledger| ledger.wait(call, now));
        }
        while let Some(&Reverse((at, number))) = pool.ends.peek()
            && at == now
        {
            pool.ends.pop();
            if let Some(batch) = pool.ended(number, now) {
                tasks += u64::from(batch.tasks);
                latencies.push(now - batch.call.since);
            }
        }
        pool.round(now);
        decided += begun.elapsed();
    }
    let shares: Vec<f64> = had(&pool, end)
        .iter()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before).as_secs_f64())
        .collect();
    let (sum, squares) = (
        shares.iter().sum::<f64>(),
        shares.iter().map(|share| share * share).sum::<f64>(),
    );
    latencies.sort_unstable();
    let batches = pool.batches.max(1);
    Seen {
        tasks_a_second: tasks as f64 / load.length.as_secs_f64(),
        latencies: load.asked.map_or_else(Vec::new, |_| latencies),
        fairness: sum * sum / (shares.len() as f64 * squares),
        batches: pool.batches,
        compared: pool.ledger(|ledger| ledger.compared()) as f64 / batches as f64,
        looks: pool.looks as f64 / batches as f64,
        decided_in: decided.div_f64(batches as f64),
    }
}

#[cfg(test)]
#[path = "simulation_tests.rs"]
mod tests;
