//! The policy in virtual time: workers and tenants are numbers, and so is the clock.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A tenant that always has something to do, from a moment on.
#[derive(Clone, Debug)]
struct Flood {
    weight: u32,
    from: Duration,
    /// Of each of its batches.
    batch: Duration,
}

/// What the simulated pool has seen.
struct Seen {
    accounts: Vec<Account>,
    /// When each was served first.
    first: Vec<Option<Duration>>,
    idle: Duration,
}

/// Workers run batches of these until `end`. A worker that has ended its batch goes on with its tenant, or is for whoever
/// is next.
fn simulate(floods: &[Flood], workers: usize, end: Duration) -> Seen {
    let start = Instant::now();
    let mut clock = Clock::default();
    let mut accounts: Vec<Account> = floods
        .iter()
        .map(|flood| Account::new(flood.weight, start))
        .collect();
    let mut first = vec![None; floods.len()];
    let mut runs: Vec<Option<(usize, Duration)>> = vec![None; workers];
    let (mut now, mut idle) = (Duration::ZERO, Duration::ZERO);
    let mut here = vec![false; floods.len()];
    while now < end {
        let at = start + now;
        for (who, flood) in floods.iter().enumerate() {
            if flood.from <= now && !std::mem::replace(&mut here[who], true) {
                clock.came(&mut accounts[who], at);
            }
        }
        let present = |who: &usize| here[*who];
        for run in &mut runs {
            let holder = match *run {
                Some((_, until)) if until > now => continue,
                ended => ended.map(|(who, _)| who),
            };
            let others = (0..floods.len())
                .filter(present)
                .filter(|who| Some(*who) != holder);
            let next = clock.next(at, others.map(|who| (who, &accounts[who])));
            let stays = holder.filter(|&holder| {
                next.is_none_or(|next| clock.may_go_on(&accounts[holder], &accounts[next], at))
            });
            if stays.is_none()
                && let Some(holder) = holder
            {
                accounts[holder].ended(at);
            }
            // The one that gives it up is asked with the others.
            let all = (0..floods.len())
                .filter(present)
                .map(|who| (who, &accounts[who]));
            let Some(who) = stays.or_else(|| clock.next(at, all)) else {
                *run = None;
                continue;
            };
            clock.served(&mut accounts[who], at);
            if stays.is_none() {
                accounts[who].began(at);
            }
            first[who].get_or_insert(now);
            *run = Some((who, now + floods[who].batch));
        }
        let ends = runs.iter().flatten().map(|(_, until)| *until);
        let comes = floods
            .iter()
            .map(|flood| flood.from)
            .filter(|from| *from > now);
        let then = ends.chain(comes).min().unwrap_or(end).min(end);
        let free = runs.iter().filter(|run| run.is_none()).count();
        if (0..floods.len()).any(|who| here[who]) {
            idle += (then - now) * u32::try_from(free).unwrap();
        }
        now = then;
    }
    for account in &mut accounts {
        account.settle(start + end);
    }
    Seen {
        accounts,
        first,
        idle,
    }
}

fn flood() -> impl Strategy<Value = Flood> {
    (1_u32..8, 200_u64..2000).prop_map(|(weight, batch)| Flood {
        weight,
        from: Duration::ZERO,
        batch: Duration::from_micros(batch),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each has its share by weight, give or take what the slack and the batches that run allow, and no worker rests.
    #[test]
    fn shares_follow_weights(floods in prop::collection::vec(flood(), 1..6), workers in 1_usize..5) {
        let end = Duration::from_secs(2);
        let seen = simulate(&floods, workers, end);
        prop_assert_eq!(seen.idle, Duration::ZERO, "a worker rests while somebody waits");
        let weights: u32 = floods.iter().map(|flood| flood.weight).sum();
        let all = end * u32::try_from(workers).unwrap();
        for (flood, account) in floods.iter().zip(&seen.accounts) {
            let fair = all * flood.weight / weights;
            let off = account.total.abs_diff(fair);
            let most = (SLACK + 4 * MS) * 2 * u32::try_from(workers * floods.len()).unwrap();
            prop_assert!(off <= most, "{flood:?} had {:?} of {fair:?}", account.total);
        }
    }

    /// Whoever comes while others flood the pool is served soon, whatever the others have had before.
    #[test]
    fn a_newcomer_waits_for_a_bounded_time(
        floods in prop::collection::vec(flood(), 1..6),
        workers in 1_usize..5,
        comes in 0_u64..1000,
    ) {
        let from = Duration::from_millis(comes);
        let newcomer = Flood { weight: 1, from, batch: MS };
        let all: Vec<Flood> = floods.iter().cloned().chain([newcomer]).collect();
        let seen = simulate(&all, workers, from + Duration::from_secs(1));
        let served = seen.first.last().unwrap().expect("it is served");
        // A heavier tenant may be owed as much more, and each may be in the middle of a batch.
        let heaviest = floods.iter().map(|flood| flood.weight).max().unwrap();
        let most = (SLACK + 2 * MS) * (1 + heaviest) * 2;
        prop_assert!(served - from <= most, "it waited {:?} of {most:?}", served - from);
    }

    /// One who was away does not come back with all the time that he has not used.
    #[test]
    fn what_was_not_used_is_not_saved(away in 1_u64..2000) {
        let from = Duration::from_millis(away);
        let one = Flood { weight: 1, from: Duration::ZERO, batch: MS };
        let late = Flood { from, ..one.clone() };
        let seen = simulate(&[one, late], 1, from + Duration::from_secs(1));
        let after = Duration::from_millis(500);
        prop_assert!(seen.accounts[1].total.abs_diff(after) <= 4 * SLACK, "{:?}", seen.accounts[1].total);
    }
}

#[test]
fn of_workers_that_are_free_at_one_moment_each_has_its_share() {
    let now = Instant::now();
    let mut clock = Clock::default();
    let mut accounts = [Account::new(2, now), Account::new(1, now)];
    for _ in 0..9 {
        let who = clock.next(now, accounts.iter().enumerate()).unwrap();
        clock.served(&mut accounts[who], now);
        accounts[who].began(now);
    }
    assert_eq!((accounts[0].busy(), accounts[1].busy()), (6, 3));
}

#[test]
fn of_equals_the_one_that_has_waited_longest_is_next() {
    let now = Instant::now();
    let mut clock = Clock::default();
    let mut accounts: Vec<Account> = (0..4).map(|_| Account::new(1, now)).collect();
    let mut order = Vec::new();
    for _ in 0..8 {
        let who = clock.next(now, accounts.iter().enumerate()).unwrap();
        clock.served(&mut accounts[who], now);
        order.push(who);
    }
    assert_eq!(order, [0, 1, 2, 3, 0, 1, 2, 3]);
}
