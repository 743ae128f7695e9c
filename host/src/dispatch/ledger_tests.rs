//! Caps, names and trouble, without a process.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{dispatch::trouble::Step, pool::tenant::TimeBudget};

fn ledger() -> Ledger {
    Ledger::new(TenantLimits::default())
}

fn seat(tenant: &Arc<Tenant>, memory: u64) -> Seat {
    let tenant = Arc::clone(tenant);
    Seat { tenant, memory }
}

fn limited(change: impl FnOnce(&mut TenantLimits)) -> TenantLimits {
    let mut limits = TenantLimits::default();
    change(&mut limits);
    limits
}

proptest! {
    /// Whatever is asked for and ended in whatever order, no tenant ever has more than it may, and one is never refused
    /// for what another has.
    #[test]
    fn caps_are_never_exceeded(
        most in (1_usize..5, 1_u64..100),
        steps in prop::collection::vec((0_usize..3, any::<bool>(), 0_u64..60), 1..200),
    ) {
        let (mut ledger, now) = (ledger(), Instant::now());
        let tenants: Vec<_> = (0..3).map(|_| Tenant::unnamed()).collect();
        for tenant in &tenants[..2] {
            let limits = limited(|limits| {
                limits.max_workers = Some(most.0);
                limits.max_memory = Some(ByteSize::new(most.1));
            });
            ledger.set_limits(tenant, limits, now);
        }
        let mut alive: Vec<Vec<Seat>> = vec![Vec::new(); 3];
        for (who, comes, memory) in steps {
            let (tenant, its) = (&tenants[who], &mut alive[who]);
            if !comes {
                if let Some(seat) = its.pop() {
                    ledger.leave(&seat);
                }
                continue;
            }
            let seat = seat(tenant, memory);
            let used: u64 = its.iter().map(|seat| seat.memory).sum();
            let fits = who == 2 || (its.len() < most.0 && used + memory <= most.1);
            let taken = ledger.seat(&seat, now);
            match &taken {
                Ok(()) => its.push(seat),
                Err(TenantError::Memory { .. }) => prop_assert!(memory > most.1),
                Err(error) => prop_assert!(matches!(error, TenantError::Full { .. }), "{error}"),
            }
            prop_assert_eq!(taken.is_ok(), fits);
            let usage = ledger.usage(tenant, 0, now);
            prop_assert_eq!(usage.workers, alive[who].len());
        }
    }
}

#[test]
fn as_many_begin_as_may_work_at_once() {
    let (mut ledger, now, tenant) = (ledger(), Instant::now(), Tenant::unnamed());
    ledger.set_limits(&tenant, limited(|limits| limits.max_workers = Some(2)), now);
    for _ in 0..2 {
        assert!(ledger.may_begin(&tenant, now));
        ledger.take_place(&tenant, now);
    }
    assert!(!ledger.may_begin(&tenant, now) && !ledger.may_lease(&tenant, now));
    assert!(ledger.may_begin(&Tenant::unnamed(), now));
    ledger.give_place(&tenant, now);
    assert!(ledger.may_begin(&tenant, now));
}

#[test]
fn who_has_used_up_his_worker_time_begins_nothing_for_a_while() {
    let (mut ledger, tenant) = (ledger(), Tenant::unnamed());
    // It has its account before anything is counted.
    ledger.limits(&tenant);
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let budget = TimeBudget {
        time: second,
        per: 10 * second,
    };
    ledger.set_limits(
        &tenant,
        limited(|limits| limits.worker_time = Some(budget)),
        start,
    );
    // Two workers have it for a second each.
    ledger.take_place(&tenant, start);
    ledger.take_place(&tenant, start);
    assert!(ledger.may_begin(&tenant, start + second / 3));
    assert!(
        !ledger.may_begin(&tenant, start + second),
        "what runs counts"
    );
    ledger.give_place(&tenant, start + second);
    ledger.give_place(&tenant, start + second);
    assert!(!ledger.may_begin(&tenant, start + 5 * second));
    assert!(ledger.may_begin(&tenant, start + 12 * second));
    assert_eq!(
        ledger.usage(&tenant, 0, start + 12 * second).worker_time,
        2 * second
    );
}

#[test]
fn a_tenant_in_trouble_awaits_a_zygote_and_is_tried_by_one_worker_after_its_pause() {
    let (mut ledger, mut now) = (ledger(), Instant::now());
    let (tenant, other) = (Tenant::unnamed(), Tenant::unnamed());
    let until_fresh = (0..).find(|_| ledger.lost(&tenant, now).wants_zygote);
    assert_eq!(until_fresh, Some(4));
    assert!(tenant.is_troubled() && !other.is_troubled());
    assert_eq!(ledger.zygote_of(&tenant), From::Awaited);
    assert!(!ledger.may_begin(&tenant, now), "not before it stands");
    assert!(ledger.zygote_came(&tenant, From::Own(7)));
    assert!(ledger.may_begin(&tenant, now));
    while !matches!(ledger.lost(&tenant, now).step, Step::Pause(_)) {}
    assert!(!ledger.may_begin(&tenant, now));
    assert!(matches!(
        ledger.seat(&seat(&tenant, 1), now),
        Err(TenantError::Paused { .. })
    ));
    assert!(ledger.may_begin(&other, now) && ledger.seat(&seat(&other, 1), now).is_ok());
    now += Duration::from_secs(1);
    ledger.take_place(&tenant, now);
    assert!(!ledger.may_begin(&tenant, now), "one at a time");
    assert!(ledger.answered(&tenant));
    assert!(ledger.may_begin(&tenant, now) && !tenant.is_troubled());
    assert_eq!(ledger.zygote_of(&tenant), From::Shared);
    assert!(!ledger.zygote_gone(&tenant, 7));
}

#[test]
fn names_without_anything_to_say_are_forgotten_and_others_are_not() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let heavy = ledger.named("heavy");
    ledger.set_limits(&heavy, limited(|limits| limits.weight = 3), now);
    let number = heavy.number();
    drop(heavy);
    let troubled = ledger.named("troubled");
    ledger.lost(&troubled, now);
    drop(troubled);
    let held = ledger.named("held");
    for n in 0..10_000 {
        ledger.named(&n.to_string());
    }
    assert!(
        ledger.names.len() < 200 && ledger.entries.len() < 200,
        "{}",
        ledger.names.len()
    );
    assert_eq!(ledger.named("heavy").number(), number);
    assert_eq!(ledger.named("held").number(), held.number());
    let troubled = ledger.named("troubled");
    assert_eq!(ledger.usage(&troubled, 0, now).losses, 1);
}

/// A call that always has more to send.
#[derive(Clone, Debug)]
struct Endless(Arc<Tenant>, Arc<std::sync::atomic::AtomicBool>);

impl Waiter for Endless {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.0
    }

    fn has_pending(&self) -> bool {
        true
    }

    fn queued(&self) -> &std::sync::atomic::AtomicBool {
        &self.1
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.1, &other.1)
    }
}

/// Who is next by a look at each that waits.
fn next_of_all(ledger: &Ledger<Endless>, now: Instant, behind: Option<u64>) -> Option<u64> {
    let behind = behind.map(|behind| &ledger.entries[&behind]);
    let may = |entry: &Entry<Endless>| {
        let goes_on = entry.account.busy() > 0 && entry.may_go_on(now);
        match behind {
            None => entry.may_begin(now) || goes_on,
            Some(behind) => goes_on && ledger.clock.may_go_on(&entry.account, &behind.account, now),
        }
    };
    let all = ledger.entries.iter().filter(|(_, entry)| entry.waits());
    let all = all.filter(|(_, entry)| may(entry));
    ledger
        .clock
        .next(now, all.map(|(number, entry)| (*number, &entry.account)))
}

proptest! {
    /// Whatever happens to tenants with whatever bounds, who is next is who a look at each would find.
    #[test]
    fn who_is_next_is_found_without_a_look_at_each(
        count in 1_usize..=8,
        steps in prop::collection::vec((0_usize..8, 0_u8..12, 1_u64..4000), 1..300),
    ) {
        let (mut ledger, mut now) = (Ledger::<Endless>::new(TenantLimits::default()), Instant::now());
        let mut tenants: Vec<_> = (0..8).map(|_| Tenant::unnamed()).collect();
        for (n, tenant) in (0..).zip(&tenants) {
            let limits = limited(|limits| {
                limits.weight = 1 + n % 3;
                limits.max_workers = (n % 4 == 1).then_some(2);
                limits.worker_time = (n == 6).then_some(TimeBudget {
                    time: Duration::from_millis(20),
                    per: Duration::from_millis(100),
                });
            });
            ledger.set_limits(tenant, limits, now);
        }
        // Of few, one often waits alone; with which bounds is another matter each time.
        tenants.rotate_left(steps.len() % 8);
        for (who, step, micros) in steps {
            now += Duration::from_micros(micros);
            let tenant = &tenants[who % count];
            match step {
                0..=2 => ledger.wait(Endless(Arc::clone(tenant), Arc::default()), now),
                3 | 4 => ledger.take_place(tenant, now),
                5 | 6 => ledger.give_place(tenant, now),
                7 => drop(ledger.lost(tenant, now)),
                8 => drop(ledger.answered(tenant)),
                9 => drop(ledger.zygote_came(tenant, From::Own(1))),
                10 => drop(ledger.refused(now)),
                _ => {
                    if let Some(entry) = ledger.entries.get_mut(&tenant.number()) {
                        entry.calls.clear();
                    }
                    ledger.place(tenant.number());
                }
            }
            ledger.begin_round(now);
            let waiting = ledger.entries.values().filter(|entry| entry.waits()).count();
            prop_assert_eq!(ledger.anybody_waits(), waiting > 0);
            let behind = ledger.first_waiting(now);
            for behind in [None, behind] {
                let found = ledger.next(now, behind);
                let found = found.map(|call| call.tenant().number());
                let wanted = next_of_all(&ledger, now, behind);
                let same = match (found, wanted) {
                    (Some(found), Some(wanted)) => {
                        let account = |number| &ledger.entries[&number].account;
                        !ledger.clock.is_before(account(wanted), account(found), now)
                    }
                    (found, wanted) => found == wanted,
                };
                prop_assert!(same, "{found:?} and not {wanted:?}, behind {behind:?}");
            }
            let waiting = ledger.entries.values().filter(|entry| entry.waits());
            prop_assert_eq!(ledger.wakes_at(now), waiting.filter_map(|it| it.wakes_at(now)).min());
        }
    }
}

#[test]
fn who_found_no_room_is_asked_again_once_there_may_be_some() {
    let (mut ledger, now) = (
        Ledger::<Endless>::new(TenantLimits::default()),
        Instant::now(),
    );
    let (one, other) = (Tenant::unnamed(), Tenant::unnamed());
    for tenant in [&one, &other] {
        ledger.wait(Endless(Arc::clone(tenant), Arc::default()), now);
    }
    ledger.take_place(&one, now);
    let behind = Some(other.number());
    let next = |ledger: &Ledger<Endless>| {
        let next = ledger.next(now, behind);
        next.map(|call| call.tenant().number())
    };
    assert_eq!(next(&ledger), Some(one.number()));
    ledger.stall(&one);
    assert_eq!(next(&ledger), None);
    ledger.stir_all([one.number()]);
    assert_eq!(next(&ledger), Some(one.number()));
    ledger.stall(&one);
    ledger.give_place(&one, now);
    ledger.take_place(&one, now);
    assert_eq!(next(&ledger), Some(one.number()));
}
