//! Caps, names and trouble, without a process.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pool::tenant::TimeBudget;

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
