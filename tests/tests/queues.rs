//! Queues: between host and guests, between guests alone, full, empty, closed, waited for and awaited.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use guest_messages::{Import, Numbered, Seen};
use wasmpool::{
    Code, GetError, JoinableQueue, Module, Outcome, Pool, PutError, Queue, SimpleQueue,
    TaskDoneError, TaskError, Typed, decode, one_way, pipe, wait,
};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, guests, kinds};

/// A wait that is meant to end by its timeout.
const SOON: Duration = Duration::from_millis(30);

fn pool(workers: usize) -> Result<(Pool, Module)> {
    let pool = kinds::builder().workers(workers).build()?;
    let module = pool.load(guests::messages())?;
    Ok((pool, module))
}

#[test]
fn what_a_host_puts_a_guest_gets_and_the_other_way_round() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let double_all = module.task::<(Queue<u64>, Queue<u64>), u64>("double_all")?;
    let (to, from) = (Queue::bounded(4)?, Queue::bounded(1000)?);
    let call = double_all.start((&to, &from));
    for number in 0..500 {
        to.put(number)?;
    }
    // Row 6: results are read while the child runs.
    ensure!(from.get_timeout(DEADLINE)? == 0);
    ensure!(!call.ready(), "it waits for more");
    to.close();
    ensure!(call.get()? == 500);
    from.close();
    let all = from.iter().collect::<Result<Vec<u64>, _>>()?;
    ensure!(all == (1..500).map(|number| 2 * number).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_producer_and_a_consumer_need_no_host_in_between() -> Result<()> {
    let (_pool, module) = pool(2)?;
    let produce = module.task::<(Queue<Numbered>, u32, u64, u64), u64>("produce")?;
    let consume = module.task::<Queue<Numbered>, u64>("consume")?;
    let queue = Queue::bounded(10)?;
    let consumer = consume.start(&queue);
    let producer = produce.start((&queue, 7, 2000, 300));
    ensure!(producer.get()? == 2000);
    queue.close();
    let seen: Vec<(u32, u64)> = consumer
        .partials()
        .map(|bytes| decode(&bytes))
        .collect::<Outcome<_>>()?;
    ensure!(consumer.get()? == 2000);
    ensure!(seen == (1..=2000).map(|number| (7, number)).collect::<Vec<_>>());
    ensure!(queue.is_empty());
    Ok(())
}

#[test]
fn full_empty_closed_and_timeouts_are_told_apart_in_a_guest() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let task = module.task::<(Queue<u32>, u64), Seen>("fill_and_empty")?;
    let queue = Queue::bounded(2)?;
    let seen = task.call((&queue, 30))?;
    let expected = [
        "0 true false",
        "Err(Empty)",
        "Err(TimedOut)",
        "Ok(())",
        "1 false false",
        "Ok(())",
        "2 false true",
        "Err(Full)",
        "Err(TimedOut)",
        "Ok(1)",
        "Err(Closed)",
        "Ok(2)",
        "Err(Closed)",
    ];
    ensure!(seen.what == expected, "{:#?}", seen.what);
    ensure!(
        seen.waits.iter().all(|wait| *wait >= 30) && seen.waits.len() == 2,
        "{:?}",
        seen.waits
    );
    Ok(())
}

#[test]
fn full_empty_closed_and_timeouts_are_told_apart_in_the_host() -> Result<()> {
    let queue = Queue::<u32>::bounded(2)?;
    let state = |queue: &Queue<u32>| (queue.len(), queue.is_empty(), queue.is_full());
    ensure!(state(&queue) == (0, true, false));
    ensure!(matches!(queue.try_get(), Err(GetError::Empty)));
    let since = Instant::now();
    ensure!(matches!(queue.get_timeout(SOON), Err(GetError::TimedOut)));
    ensure!(since.elapsed() >= SOON);
    queue.put(1)?;
    queue.try_put(2)?;
    ensure!(state(&queue) == (2, false, true));
    ensure!(matches!(queue.try_put(3), Err(PutError::Full)));
    let since = Instant::now();
    ensure!(matches!(
        queue.put_timeout(3, SOON),
        Err(PutError::TimedOut)
    ));
    ensure!(since.elapsed() >= SOON);
    ensure!(queue.get()? == 1);
    queue.clone().close();
    ensure!(queue.is_closed());
    ensure!(matches!(queue.put(4), Err(PutError::Closed)));
    ensure!(queue.get()? == 2);
    ensure!(matches!(queue.get(), Err(GetError::Closed)));
    ensure!(Queue::<u32>::bounded(0).is_err() && Queue::<u32>::bounded(usize::MAX).is_err());
    let queue = Queue::<u32>::unbounded()?;
    for number in 0..10_000 {
        queue.try_put(number)?;
    }
    ensure!(queue.len() == 10_000 && !queue.is_full());
    Ok(())
}

#[test]
fn a_close_wakes_all_who_wait() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let get_one = module.task::<Queue<u64>, u64>("get_one")?;
    let (empty, full) = (Queue::<u64>::bounded(1)?, Queue::<u64>::bounded(1)?);
    full.put(1)?;
    let guest = get_one.start(&empty);
    std::thread::scope(|scope| {
        let getter = scope.spawn(|| empty.get());
        let putter = scope.spawn(|| full.put(2));
        empty.close();
        full.close();
        ensure!(matches!(getter.join().unwrap(), Err(GetError::Closed)));
        ensure!(matches!(putter.join().unwrap(), Err(PutError::Closed)));
        Ok(())
    })?;
    match guest.get() {
        Err(TaskError::Guest { message, .. }) if message == "closed" => Ok(()),
        other => bail!("{other:?}"),
    }
}

#[test]
fn messages_of_all_sizes_arrive_as_they_were() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let pass_on = module.task::<(Queue<Vec<u8>>, Queue<Vec<u8>>), ()>("pass_on")?;
    let mib = 1 << 20;
    let capacity = wasmpool::ByteSize::mib(24);
    let (to, from) = (
        Queue::with_capacity(3, capacity)?,
        Queue::with_capacity(3, capacity)?,
    );
    let call = pass_on.start((&to, &from));
    for len in [
        0,
        1,
        4095,
        4096,
        4097,
        mib,
        3 * mib + 1,
        20 * mib,
        5,
        16 * mib,
    ] {
        let sent: Vec<u8> = (0..251).cycle().step_by(31).take(len).collect();
        to.put(&sent)?;
        let Ok(got) = from.get_timeout(DEADLINE) else {
            bail!("{len} bytes: {:?}", call.get());
        };
        ensure!(got == sent, "{len} bytes");
    }
    to.close();
    call.get()?;
    Ok(())
}

#[test]
fn a_message_over_the_cap_is_refused_with_both_numbers() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let put_bytes = module.task::<(Queue<Vec<u8>>, u32), ()>("put_bytes")?;
    let queue = Queue::<Vec<u8>>::with_capacity(10, wasmpool::ByteSize::new(1000))?;
    match queue.put(vec![0; 999]) {
        Err(PutError::TooLarge {
            size: 1001,
            limit: 1000,
        }) => {}
        other => bail!("{other:?}"),
    }
    queue.put(vec![0; 998])?;
    ensure!(queue.is_full() && matches!(queue.try_put(Vec::<u8>::new()), Err(PutError::Full)));
    queue.get()?;
    put_bytes.call((&queue, 998))?;
    match put_bytes.call((&queue, 999)) {
        Err(TaskError::Guest { message, .. }) if message.contains("1001 bytes") => {}
        other => bail!("{other:?}"),
    }
    ensure!(queue.get()?.len() == 998);
    Ok(())
}

#[test]
fn a_message_that_does_not_decode_is_an_error_of_that_get_alone() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let put_raw = module.task::<(Queue<String>, Vec<u8>), i32>("put_raw")?;
    let get_string = module.task::<Queue<String>, String>("get_string")?;
    let queue = Queue::<String>::bounded(10)?;
    for bytes in [&[3, b'a'][..], &[1, 0xff], &[1, b'a', b'b'], &[]] {
        ensure!(put_raw.call((&queue, bytes))? == 0);
        ensure!(put_raw.call((&queue, bytes))? == 0);
        ensure!(put_raw.call((&queue, &[1, b'x'][..]))? == 0);
        ensure!(matches!(queue.get(), Err(GetError::Decode(_))), "{bytes:?}");
        match get_string.call(&queue) {
            Err(TaskError::Guest { message, .. }) if message.contains("does not decode") => {}
            other => bail!("{bytes:?}: {other:?}"),
        }
        ensure!(queue.get()? == "x");
    }
    Ok(())
}

#[test]
fn queues_travel_inside_of_arguments_and_not_inside_of_messages() -> Result<()> {
    /// As the guest's, with the host's own types.
    #[derive(serde::Serialize, serde::Deserialize, Typed)]
    struct HostJob {
        name: String,
        numbers: Vec<u32>,
        results: Queue<(String, u32)>,
        done: Option<wasmpool::Sender<String>>,
    }
    let (pool, module) = pool(2)?;
    let square = module.task::<HostJob, usize>("square")?;
    let results = Queue::bounded(100)?;
    let (receiver, sender) = one_way()?;
    let jobs = (0..4).map(|number| HostJob {
        name: format!("job {number}"),
        numbers: vec![number, 10],
        results: results.clone(),
        done: (number % 2 == 0).then(|| sender.clone()),
    });
    ensure!(
        pool.map(&square, jobs)
            .into_iter()
            .all(|outcome| outcome.is_ok_and(|n| n == 2))
    );
    drop(sender);
    results.close();
    let mut squares = results.iter().collect::<Result<Vec<_>, _>>()?;
    squares.sort();
    ensure!(
        squares.len() == 8 && squares[7] == ("job 3".to_owned(), 100),
        "{squares:?}"
    );
    let mut done = receiver.iter().collect::<Result<Vec<_>, _>>()?;
    done.sort();
    ensure!(done == ["job 0 is done", "job 2 is done"], "{done:?}");

    let of_queues = Queue::<Queue<u32>>::bounded(1)?;
    let inner = Queue::bounded(1)?;
    ensure!(matches!(of_queues.put(inner), Err(PutError::Encode(_))));
    Ok(())
}

#[test]
fn a_queue_of_another_type_is_refused_where_the_task_is_named() -> Result<()> {
    let (_pool, module) = pool(1)?;
    ensure!(module.task::<Queue<u64>, u64>("get_one").is_ok());
    ensure!(module.task::<Queue<u32>, u64>("get_one").is_err());
    ensure!(module.task::<JoinableQueue<u64>, u64>("get_one").is_err());
    let error = module.task::<(wasmpool::Receiver<u64>, u64), ()>("count_up");
    let message = format!("{:#}", anyhow::Error::new(error.err().context("accepted")?));
    ensure!(message.contains("Connection::Sender<u64>"), "{message}");
    Ok(())
}

#[test]
fn join_waits_until_all_has_been_dealt_with() -> Result<()> {
    let (_pool, module) = pool(3)?;
    let deal_with = module.task::<(JoinableQueue<u32>, Queue<u32>), u32>("deal_with")?;
    let put_and_join = module.task::<(JoinableQueue<u32>, Vec<u32>), String>("put_and_join")?;
    let (queue, dealt_with) = (JoinableQueue::bounded(5)?, Queue::bounded(1000)?);
    ensure!(queue.join_timeout(SOON), "nothing was put");
    ensure!(queue.task_done() == Err(TaskDoneError::NotTaken));
    queue.put(1)?;
    ensure!(
        queue.task_done() == Err(TaskDoneError::NotTaken),
        "nobody took it"
    );
    ensure!(!queue.join_timeout(SOON) && queue.unfinished() == 1);
    let workers = [0, 1].map(|_| deal_with.start((&queue, &dealt_with)));
    for number in 2..=100 {
        queue.put(number)?;
    }
    queue.join();
    ensure!(dealt_with.len() == 100 && queue.unfinished() == 0);
    // The same from a guest.
    let said = put_and_join.call((&queue, (101..=200).collect::<Vec<u32>>()))?;
    ensure!(said.ends_with("Err(NotTaken)"), "{said}");
    ensure!(dealt_with.len() == 200);
    queue.close();
    let mut counts = 0;
    for worker in workers {
        counts += worker.get()?;
    }
    ensure!(counts == 200);
    dealt_with.close();
    let all = dealt_with.iter().collect::<Result<BTreeSet<u32>, _>>()?;
    ensure!(all == (1..=200).collect());
    Ok(())
}

#[test]
fn a_simple_queue_puts_and_gets() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let add_up = module.task::<SimpleQueue<u32>, bool>("add_up")?;
    let queue = SimpleQueue::new()?;
    for number in 1..=10 {
        queue.put(number)?;
    }
    ensure!(!add_up.call(&queue)?);
    ensure!(queue.get()? == 55 && queue.is_empty());
    queue.close();
    ensure!(matches!(queue.get(), Err(GetError::Closed)));
    Ok(())
}

#[test]
fn a_guest_that_waits_ends_with_its_deadline_or_a_cancel() -> Result<()> {
    /// One that is not given the processor in time is killed, which it may be on a busy machine: so often.
    const TRIES: u32 = 10;
    for _ in 0..TRIES {
        if wait_for_two_ends()? == 1 {
            return Ok(());
        }
    }
    bail!("a worker that waited died each time")
}

/// One ends with its deadline and one with a cancel; how many workers that took.
fn wait_for_two_ends() -> Result<usize> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let module = pool.load(guests::messages())?;
    let get_one = module.task::<Queue<u64>, u64>("get_one")?;
    let queue = Queue::bounded(1)?;
    let outcome = get_one.timeout(SOON).call(&queue);
    ensure!(
        matches!(outcome, Err(TaskError::Timeout { .. })),
        "{outcome:?}"
    );
    // It may have ended before it said so.
    let said = witness.logs("waiting");
    let call = get_one.start(&queue);
    witness.wait_for_logs("waiting", said + 1);
    ensure!(call.cancel());
    let outcome = call.get();
    ensure!(matches!(outcome, Err(TaskError::Cancelled)), "{outcome:?}");
    let workers = witness.started().len();
    queue.put(5)?;
    ensure!(get_one.call(&queue)? == 5);
    Ok(workers)
}

#[test]
fn forged_stale_and_foreign_handles_are_typed_errors() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let number_of_queue = module.task::<Queue<u32>, i32>("number_of_queue")?;
    let call_with = module.task::<(Vec<Import>, Vec<i32>), Vec<i32>>("call_with")?;
    let both = module.task::<(Queue<u32>, wasmpool::Connection<u32, u32>, Vec<Import>), Vec<i32>>(
        "call_with_both",
    )?;
    let queue = Queue::bounded(1)?;
    let imports = [&Import::QUEUES[..], &Import::PIPES].concat();
    let stale = number_of_queue.call(&queue)?;
    let codes = |code: Code, count| vec![i32::from(code); count];
    let results = call_with.call((&imports, vec![stale]))?;
    ensure!(results == codes(Code::Stale, imports.len()), "{results:?}");
    let forged = vec![stale + 1000, 0, -1, i32::MIN, i32::MAX];
    let results = call_with.call((&imports, forged))?;
    ensure!(
        results == codes(Code::BadHandle, 5 * imports.len()),
        "{results:?}"
    );
    let (end, _other) = pipe::<u32, u32>()?;
    let results = both.call((&queue, end, imports))?;
    let of = |index: usize| results.iter().skip(index).step_by(2).copied();
    let foreign = of(0).skip(7).chain(of(1).take(7));
    ensure!(foreign.eq(codes(Code::Invalid, 11)), "{results:?}");
    // Those that fit: put, get, len, full, close; then what only a joinable queue does.
    let fits: Vec<i32> = of(0).take(7).collect();
    let invalid = i32::from(Code::Invalid);
    ensure!(fits == [0, 1, 0, 0, 0, invalid, invalid], "{fits:?}");
    Ok(())
}

#[test]
fn wait_tells_which_of_many_are_ready() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let get_one = module.task::<Queue<u64>, u64>("get_one")?;
    let (asked, other) = (Queue::<u64>::bounded(1)?, Queue::<u64>::bounded(1)?);
    let (here, there) = pipe::<u8, u8>()?;
    let (receiver, sender) = one_way::<u8>()?;
    let call = get_one.start(&asked);
    let all: [&dyn wasmpool::Waitable; 4] = [&call, &other, &here, &receiver];
    let since = Instant::now();
    ensure!(wait(&all, SOON).is_empty() && since.elapsed() >= SOON);
    // Each while somebody waits.
    let after_a_while = |act: &(dyn Fn() -> Result<()> + Sync)| {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&all[1..], DEADLINE));
            act()?;
            Ok::<_, anyhow::Error>(waiting.join().unwrap())
        })
    };
    ensure!(after_a_while(&|| Ok(sender.send(1)?))? == [2]);
    ensure!(after_a_while(&|| Ok(there.send(1)?))?.contains(&2));
    receiver.recv()?;
    ensure!(wait(&all, None) == [2]);
    here.recv()?;
    ensure!(after_a_while(&|| Ok(other.put(1)?))? == [0]);
    other.get()?;
    asked.put(9)?;
    ensure!(wait(&all, DEADLINE) == [0], "the call has ended");
    drop((sender, there));
    ensure!(wait(&all, None) == [0, 2, 3], "what is over is ready");
    ensure!(call.get()? == 9);
    Ok(())
}

#[test]
fn wait_takes_more_than_the_kernel_does_at_once() -> Result<()> {
    let queues: Vec<Queue<u32>> = (0..300)
        .map(|_| Queue::with_capacity(1, wasmpool::ByteSize::kib(1)))
        .collect::<Result<_, _>>()?;
    let all: Vec<&dyn wasmpool::Waitable> = queues.iter().map(|queue| queue as _).collect();
    ensure!(wait(&all, SOON).is_empty());
    for index in [299, 150, 0] {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&all, DEADLINE));
            queues[index].put(1)?;
            ensure!(waiting.join().unwrap() == [index]);
            Ok(())
        })?;
        queues[index].get()?;
    }
    Ok(())
}

/// Wakes the thread that runs a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// All of them on one thread, in one future.
async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = pin!(future).poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(outputs.drain(..).flatten().collect())
    })
    .await
}

#[test]
fn queues_and_pipes_are_awaited_on_any_executor() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let double_all = module.task::<(Queue<u64>, Queue<u64>), u64>("double_all")?;
    let (to, from) = (Queue::bounded(1)?, Queue::bounded(1)?);
    let call = double_all.start((&to, &from));
    block_on(async {
        for number in 0..200 {
            to.put_async(number).await?;
            ensure!(from.get_async().await? == 2 * number);
        }
        to.close();
        ensure!(call.await? == 200);
        Ok(())
    })?;
    // Hundreds at once, far past what the kernel waits for in one call.
    let queues: Vec<Queue<usize>> = (0..400)
        .map(|_| Queue::with_capacity(1, wasmpool::ByteSize::kib(1)))
        .collect::<Result<_, _>>()?;
    let gets: Vec<_> = queues
        .iter()
        .map(|queue| Box::pin(queue.get_async()))
        .collect();
    let got = std::thread::scope(|scope| {
        let getter = scope.spawn(|| block_on(join_all(gets)));
        for (number, queue) in queues.iter().enumerate().rev() {
            queue.put(number)?;
        }
        anyhow::Ok(getter.join().unwrap())
    })?;
    let got = got.into_iter().collect::<Result<Vec<usize>, _>>()?;
    ensure!(got == (0..400).collect::<Vec<_>>());
    // A pipe's end, a close, a future given up, and many on one queue.
    let (receiver, sender) = one_way::<u32>()?;
    drop(receiver.recv_async());
    block_on(sender.send_async(5))?;
    ensure!(block_on(receiver.recv_async())? == 5);
    let one = Queue::<u32>::bounded(10)?;
    let (ended, got) = std::thread::scope(|scope| {
        let end = scope.spawn(|| block_on(receiver.recv_async()));
        let gets: Vec<_> = (0..50).map(|_| Box::pin(one.get_async())).collect();
        let many = scope.spawn(|| block_on(join_all(gets)));
        for number in 0..49 {
            one.put(number)?;
        }
        one.close();
        drop(sender);
        anyhow::Ok((end.join().unwrap(), many.join().unwrap()))
    })?;
    ensure!(matches!(ended, Err(GetError::Closed)));
    let closed = got.iter().filter(|it| matches!(it, Err(GetError::Closed)));
    ensure!(closed.count() == 1);
    let numbers: BTreeSet<u32> = got.into_iter().flatten().collect();
    ensure!(numbers == (0..49).collect());
    let joinable = JoinableQueue::<u32>::bounded(1)?;
    joinable.put(1)?;
    std::thread::scope(|scope| {
        let join = scope.spawn(|| block_on(joinable.join_async()));
        joinable.get()?;
        joinable.task_done()?;
        join.join().unwrap();
        Ok(())
    })
}
