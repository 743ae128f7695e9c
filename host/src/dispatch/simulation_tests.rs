//! What the scheduler costs and gives, by the numbers of workers and tenants. In virtual time, and by counts: a busy machine
//! changes nothing.

use proptest::prelude::*;

use super::*;

const TASK: Duration = Duration::from_micros(100);

fn flood(workers: usize, tenants: usize, length: u64) -> Seen {
    simulate(Load {
        workers,
        tenants,
        task: TASK,
        asked: None,
        length: Duration::from_millis(length),
    })
}

/// What is looked at and compared to send a batch.
fn effort(seen: &Seen) -> f64 {
    seen.looks + seen.compared
}

#[test]
fn a_decision_costs_no_more_with_many_workers_than_with_few() {
    let (few, many) = (flood(16, 8, 200), flood(1024, 8, 40));
    assert!(few.batches > 1000 && many.batches > 10_000);
    assert!(effort(&many) <= 2.0 * effort(&few), "{few:?} {many:?}");
}

#[test]
fn a_decision_costs_no_more_with_many_tenants_than_with_few() {
    for workers in [16, 256] {
        let (few, many) = (flood(workers, 10, 100), flood(workers, 1000, 100));
        assert!(effort(&many) <= 3.0 * effort(&few), "{few:?} {many:?}");
    }
}

#[test]
fn as_many_more_tasks_end_as_there_are_more_workers() {
    let one = flood(1, 1, 1000).tasks_a_second;
    assert!((0.9..=1.1).contains(&(one * TASK.as_secs_f64())), "{one}");
    for (workers, length) in [(4, 500), (64, 100), (1024, 30)] {
        let all = flood(workers, 8, length).tasks_a_second;
        let part = all / (one * workers as f64);
        assert!(part > 0.9, "{workers} workers do {part} of their work");
    }
}

#[test]
fn a_thousand_tenants_have_equal_shares() {
    let seen = flood(64, 1000, 2000);
    assert!(seen.fairness > 0.98, "{}", seen.fairness);
}

#[test]
fn a_call_waits_for_a_worker_only_when_all_have_something_to_do() {
    let at = |asked| {
        let seen = simulate(Load {
            workers: 64,
            tenants: 1,
            task: TASK,
            asked: Some(asked),
            length: Duration::from_millis(500),
        });
        // Of tasks that take so long on average, one in a hundred takes 4.6 times that.
        let p99 = seen.latencies[seen.latencies.len() * 99 / 100];
        p99.as_secs_f64() / (4.6 * TASK.as_secs_f64())
    };
    assert!(at(0.3) < 1.1, "{}", at(0.3));
    assert!(at(0.8) < 1.2, "{}", at(0.8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Who is found by the lists is who would be found by a look at each, whatever happened before.
    #[test]
    fn the_order_finds_who_a_look_at_each_would(
        steps in prop::collection::vec((0_usize..12, 0_u8..5, 1_u64..3000), 1..200),
    ) {
        use super::super::{fairness::{Account, Clock}, order::Order};
        let (epoch, mut clock, mut order) = (Instant::now(), Clock::default(), Order::default());
        let mut now = epoch;
        let mut accounts: Vec<Account> =
            (0..12_u32).map(|n| Account::new(1 + n % 3, epoch)).collect();
        let mut waits = [false; 12];
        for (who, step, micros) in steps {
            now += Duration::from_micros(micros);
            let account = &mut accounts[who];
            match step {
                0 => account.began(now),
                1 => account.ended(now),
                2 => clock.served(account, now),
                3 => {
                    waits[who] = !waits[who];
                    clock.came(account, now);
                }
                _ => {}
            }
            match waits[who] {
                true => order.put(who as u64, account.standing(epoch)),
                false => order.remove(who as u64),
            }
            let firsts: Vec<usize> = order
                .firsts(&|_| false)
                .map(|who| usize::try_from(who).unwrap())
                .collect();
            let found = clock.next(now, firsts.into_iter().map(|who| (who, &accounts[who])));
            let all = (0..12).filter(|&who| waits[who]).map(|who| (who, &accounts[who]));
            let wanted = clock.next(now, all);
            // Of equals, of two kinds, either is right.
            let same = match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    !clock.is_before(&accounts[wanted], &accounts[found], now)
                }
                (found, wanted) => found == wanted,
            };
            prop_assert!(same, "{found:?} and not {wanted:?}");
        }
    }
}
