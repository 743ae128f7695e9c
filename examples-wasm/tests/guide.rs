//! The snippets of `docs/coming-from-multiprocessing.md`, compiled and run: each Rust block of the guide stands in a test
//! here or in the source of a guest that a test here runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use wasmpool::{
    Array, Barrier, BoundedSemaphore, ByteSize, CallContext, ChunkMut, Condition, Connection, Dict,
    Event, GetError, Isolation, JoinableQueue, List, Lock, Manager, ManagerError, Module,
    Namespace, Pool, Process, ProcessExit, PutError, Queue, RLock, RawArray, RawValue, ReadOnly,
    Semaphore, SharedMemory, SimpleQueue, StartMethod, TaskError, Value, one_way, pipe, wait,
};
use wasmpool_examples::guests;

fn start() -> Result<(Pool, Module)> {
    let pool = Pool::builder().workers(4).build()?;
    let module = pool.load(guests::multiprocessing())?;
    Ok((pool, module))
}

#[test]
fn first_steps() -> Result<()> {
    let pool = Pool::new()?;
    let module = pool.load(guests::multiprocessing())?;
    let square = module.task::<u64, u64>("square")?;
    for squared in pool.imap(&square, 0..10) {
        println!("{}", squared?);
    }
    Ok(())
}

#[test]
fn process() -> Result<()> {
    let (_pool, module) = start()?;
    let square = module.task::<(u64, Queue<(u64, u64)>), ()>("square_into")?;
    let results = Queue::unbounded()?;
    let processes = [
        Process::spawn(&square, (3, &results))?,
        Process::spawn(&square, (4, &results))?,
    ];
    for process in processes {
        process.join();
    }
    assert_eq!(results.len(), 2);
    Ok(())
}

#[test]
fn ending_a_process() -> Result<()> {
    let (_pool, module) = start()?;
    let stubborn = module.task::<Queue<String>, ()>("stubborn")?;
    let said = Queue::unbounded()?;
    let process = Process::builder()
        .name("stubborn")
        .daemon(true)
        .spawn(&stubborn, &said)?;
    said.get()?; // it is at work
    assert!(process.is_alive() && process.is_daemon());
    assert_eq!(process.name(), "stubborn");
    println!("process {}", process.pid());
    process.terminate(); // or kill()
    assert_eq!(process.join(), ProcessExit::Terminated);
    assert_eq!(process.exit_code(), Some(ProcessExit::Terminated));
    assert!(!process.is_alive());
    Ok(())
}

#[test]
fn graceful_stop() -> Result<()> {
    let (_pool, module) = start()?;
    let polite = module.task::<(Event, Queue<String>), ()>("polite")?;
    let stop = Event::new()?;
    let process = Process::spawn(&polite, (&stop, &Queue::unbounded()?))?;
    stop.set();
    process.result()?;
    Ok(())
}

#[test]
fn queue() -> Result<()> {
    let queue = Queue::<String>::bounded(2)?;
    queue.put("one")?;
    queue.put_timeout("two", Duration::from_secs(1))?;
    assert!(queue.is_full() && queue.len() == 2);
    assert!(matches!(queue.try_put("three"), Err(PutError::Full)));
    assert_eq!(queue.get()?, "one");
    assert_eq!(queue.get_timeout(Duration::from_secs(1))?, "two");
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    queue.close();
    assert!(matches!(queue.put("four"), Err(PutError::Closed)));
    Ok(())
}

#[test]
fn queue_between_children() -> Result<()> {
    let (_pool, module) = start()?;
    let produce = module.task::<(u32, Queue<String>), ()>("produce")?;
    let consume = module.task::<(Queue<String>, Queue<String>), ()>("consume")?;
    let goods = Queue::bounded(3)?;
    let taken = Queue::unbounded()?;
    let producer = produce.start((6, &goods));
    let consumer = consume.start((&goods, &taken));
    producer.get()?;
    consumer.get()?;
    assert_eq!(taken.get()?, "item 0 was consumed");
    Ok(())
}

#[test]
fn results_while_running() -> Result<()> {
    let (_pool, module) = start()?;
    let steps = module.task::<u32, u32>("steps")?;
    let call = steps.start(3);
    for partial in call.partials() {
        println!("{}", wasmpool::decode::<u32>(&partial)?);
    }
    assert_eq!(call.get()?, 3);
    Ok(())
}

#[test]
fn pipes() -> Result<()> {
    let (_pool, module) = start()?;
    let answer = module.task::<Connection<String, Option<u64>>, ()>("answer")?;
    let (ours, theirs) = pipe::<Option<u64>, String>()?;
    let process = Process::spawn(&answer, &theirs)?;
    drop(theirs);
    assert_eq!(ours.recv()?, "ready");
    ours.send(Some(20))?;
    assert!(ours.poll(Duration::from_secs(60)));
    assert_eq!(ours.recv()?, "20 doubled is 40");
    ours.send(None::<u64>)?;
    assert!(matches!(ours.recv(), Err(GetError::Closed)));
    process.result()?;
    let (receiver, sender) = one_way::<u64>()?;
    sender.send(7)?;
    sender.close();
    assert_eq!(receiver.recv()?, 7);
    assert!(matches!(receiver.recv(), Err(GetError::Closed)));
    Ok(())
}

#[test]
fn manager_dict_and_list() -> Result<()> {
    let (_pool, module) = start()?;
    let record = module.task::<(u64, Dict<u64, u64>, List<u64>), ()>("record")?;
    let manager = Manager::new();
    let squares = manager.dict::<u64, u64>();
    let seen = manager.list::<u64>();
    let calls: Vec<_> = (0..10)
        .map(|n| record.start((n, &squares, &seen)))
        .collect();
    for call in calls {
        call.get()?;
    }
    assert_eq!(squares.get(9)?, 81);
    assert_eq!(seen.len()?, 10);
    Ok(())
}

#[test]
fn manager_namespace_and_the_rest() -> Result<()> {
    let (_pool, module) = start()?;
    let sign = module.task::<(Namespace, String), ()>("sign")?;
    let manager = Manager::new();
    let visits = manager.namespace();
    visits.set("count", &1_u32)?;
    sign.call((&visits, "Ada"))?;
    assert_eq!(visits.get::<String>("last")?, "Ada");
    assert_eq!(visits.get::<u32>("count")?, 1);
    Ok(())
}

#[test]
fn apply() -> Result<()> {
    let (pool, module) = start()?;
    let square = module.task::<u64, u64>("square")?;
    assert_eq!(pool.apply(&square, 7)?, 49);
    let call = pool.apply_async(&square, 8);
    call.wait(Some(Duration::from_secs(60)));
    assert!(call.ready() && call.successful() == Some(true));
    assert_eq!(call.get()?, 64);
    let (send, receive) = mpsc::channel();
    pool.apply_async(&square, 9)
        .then(move |outcome| match outcome {
            Ok(squared) => send.send(squared).unwrap_or_default(), // callback
            Err(error) => eprintln!("{error}"),                    // error_callback
        });
    assert_eq!(receive.recv()?, 81);
    Ok(())
}

#[test]
fn map() -> Result<()> {
    let (pool, module) = start()?;
    let square = module.task::<u64, u64>("square")?;
    let squares: Result<Vec<u64>, TaskError> = pool.map(&square, 0..4).into_iter().collect();
    assert_eq!(squares?, [0, 1, 4, 9]);
    let later = pool.map_async(&square.chunk_size(100), 0..1_000);
    assert_eq!(later.get().len(), 1_000);
    let power = module.task::<(u64, u32), Option<u64>>("power")?;
    for outcome in pool.map(&power, [(2, 10), (3, 4)]) {
        println!("{:?}", outcome?); // starmap: the items are tuples
    }
    Ok(())
}

#[test]
fn imap() -> Result<()> {
    let (pool, module) = start()?;
    let square = module.task::<u64, u64>("square")?;
    for (n, squared) in (0..100).zip(pool.imap(&square, 0..)) {
        assert_eq!(squared?, n * n); // the input has no end
    }
    for (index, squared) in pool.imap_unordered(&square, 0..10) {
        assert_eq!(squared?, index * index);
    }
    Ok(())
}

#[test]
fn ending_a_pool() -> Result<()> {
    let (pool, module) = start()?;
    let square = module.task::<u64, u64>("square")?;
    let call = square.start(5);
    pool.close().join();
    assert_eq!(call.get()?, 25);
    assert!(matches!(square.call(6), Err(TaskError::Closed)));
    Ok(())
}

#[test]
fn value() -> Result<()> {
    let (_pool, module) = start()?;
    let count_up = module.task::<(Value<i64>, u32), ()>("count_up")?;
    let counter = Value::new(0_i64)?;
    let calls = [
        count_up.start((&counter, 10_000)),
        count_up.start((&counter, 10_000)),
    ];
    for call in calls {
        call.get()?;
    }
    assert_eq!(counter.get(), 20_000);
    counter.lock()?.set(0);
    Ok(())
}

#[test]
fn array() -> Result<()> {
    let (_pool, module) = start()?;
    let change = module.task::<(Value<f64>, Array<i32>), ()>("change")?;
    let number = Value::new(0.0)?;
    let numbers = Array::from_iter(1..=5)?;
    change.call((&number, &numbers))?;
    assert_eq!(numbers.to_vec(), [1, 4, 9, 16, 25]);
    numbers.lock()?.set(0, 100)?;
    assert_eq!(numbers.get(0), Some(100));
    Ok(())
}

#[test]
fn raw_value_and_raw_array() -> Result<()> {
    let (_pool, module) = start()?;
    let count = module.task::<(RawValue<i32>, Lock), ()>("count")?;
    let square = module.task::<(RawArray<i32>, Lock), ()>("square_all")?;
    let lock = Lock::new()?;
    let counter = RawValue::new(0)?;
    let numbers = RawArray::from_iter(0..5)?;
    let counting = count.start((&counter, &lock));
    square.call((&numbers, &lock))?;
    counting.get()?;
    assert_eq!(counter.get(), 10_000);
    assert_eq!(numbers.to_vec(), [0, 1, 4, 9, 16]);
    Ok(())
}

#[test]
fn chunks() -> Result<()> {
    let (pool, module) = start()?;
    let double = module.task::<ChunkMut<f64>, ()>("double_all")?;
    let mut numbers = RawArray::from_iter((0..100_000).map(f64::from))?;
    for outcome in pool.map(&double, numbers.chunks_mut(25_000)) {
        outcome?;
    }
    pool.scope(|scope| {
        let parts = numbers.chunks_mut(25_000);
        let calls: Vec<_> = parts.map(|part| scope.start(&double, part)).collect();
        calls.into_iter().try_for_each(|call| call.get())
    })?;
    assert_eq!(numbers.get(50_000), Some(200_000.0));
    let sum = module.task::<ReadOnly<f64>, f64>("sum")?;
    let numbers = RawArray::from_iter([1.5, 2.5, 3.0])?;
    assert_eq!(sum.call(numbers.read_only())?, 7.0);
    Ok(())
}

#[test]
fn lock() -> Result<()> {
    let lock = Lock::new()?;
    {
        let guard = lock.acquire()?;
        assert!(!guard.was_abandoned());
    } // released
    assert!(lock.try_acquire().is_ok());
    let again = RLock::new()?;
    let (_first, _second) = (again.acquire()?, again.acquire()?);
    Ok(())
}

#[test]
fn semaphore() -> Result<()> {
    let semaphore = Semaphore::new(2)?;
    let permit = semaphore.acquire()?;
    assert_eq!(semaphore.value(), 1);
    drop(permit);
    let bounded = BoundedSemaphore::new(1)?;
    assert!(bounded.release().is_err()); // more than it began with
    Ok(())
}

#[test]
fn condition() -> Result<()> {
    let condition = Condition::new()?;
    let ready = RawValue::new(0_u32)?;
    thread::scope(|threads| -> Result<()> {
        threads.spawn(|| -> Result<()> {
            let guard = condition.lock()?;
            ready.set(1);
            guard.notify_all();
            Ok(())
        });
        let mut guard = condition.lock()?;
        guard.wait_while(|| ready.get() == 0)?;
        Ok(())
    })?;
    Ok(())
}

#[test]
fn barrier() -> Result<()> {
    let (_pool, module) = start()?;
    let meet = module.task::<Barrier, usize>("meet")?;
    let barrier = Barrier::new(3)?;
    let others = [meet.start(&barrier), meet.start(&barrier)];
    let place = barrier.wait_timeout(Duration::from_secs(60))?;
    println!("number {place} of {}", barrier.parties());
    for other in others {
        other.get()?;
    }
    Ok(())
}

#[test]
fn start_methods() -> Result<()> {
    let pool = Pool::builder().start_method(StartMethod::Spawn).build()?;
    let square = pool
        .load(guests::multiprocessing())?
        .task::<u64, u64>("square")?;
    ensure!(square.call(3)? == 9);
    Ok(())
}

#[test]
fn own_memory() -> Result<()> {
    let (_pool, module) = start()?;
    let remember = module.task::<u64, u64>("remember")?;
    assert_eq!(remember.call(5)?, 5);
    assert_eq!(remember.call(7)?, 7); // a fresh instance: nothing is left of the first call
    let session = module.session()?;
    assert_eq!(session.call(&remember, 5)?, 5);
    assert_eq!(session.call(&remember, 7)?, 12); // one instance, which keeps its state
    Ok(())
}

#[test]
fn errors() -> Result<()> {
    let (_pool, module) = start()?;
    let root = module.task::<f64, f64>("root")?;
    match root.call(-1.0) {
        Err(TaskError::Guest { message, .. }) => assert_eq!(message, "-1 has no root"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn logging() -> Result<()> {
    let (send, receive) = mpsc::channel();
    let pool = Pool::builder()
        .on_event(move |event| {
            if let wasmpool::PoolEvent::Log { task, text, .. } = event {
                send.send(format!("{task}: {text}")).unwrap_or_default();
            }
        })
        .build()?;
    let module = pool.load(guests::multiprocessing())?;
    module.task::<(), ()>("talk")?.call(())?;
    assert_eq!(receive.recv()?, "talk: at work");
    Ok(())
}

#[test]
fn manager_and_queue() -> Result<()> {
    let (_pool, module) = start()?;
    let serve = module.task::<(Queue<u64>, Dict<u64, u64>), ()>("serve")?;
    let manager = Manager::new();
    let jobs = Queue::unbounded()?;
    let answers = manager.dict::<u64, u64>();
    let servers = [
        Process::spawn(&serve, (&jobs, &answers))?,
        Process::spawn(&serve, (&jobs, &answers))?,
    ];
    jobs.put(4)?;
    jobs.put(5)?;
    jobs.close();
    for server in servers {
        server.result()?;
    }
    assert_eq!((answers.get(4)?, answers.get(5)?), (24, 120));
    Ok(())
}

#[test]
fn digests_of_files() -> Result<()> {
    let pool = Pool::new()?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("abc");
    fs::write(&path, "abc")?;
    let paths = [path.to_str().context("a temporary path")?];
    let digest = pool
        .load(guests::md5())?
        .task::<(String, Vec<u8>), (String, String)>("path_and_digest")?;
    let files = paths
        .iter()
        .map(|path| (path, fs::read(path).unwrap_or_default()));
    for answer in pool.imap(&digest, files) {
        let (path, md5) = answer?;
        println!("{md5}  {path}");
    }
    Ok(())
}

#[test]
fn recycling_and_isolation() -> Result<()> {
    let pool = Pool::builder()
        .max_tasks_per_worker(1_000)
        .isolation(Isolation::Task)
        .memory(ByteSize::mib(64))
        .build()?;
    ensure!(pool.workers() >= 1);
    Ok(())
}

#[test]
fn initializer() -> Result<()> {
    let (_pool, module) = start()?;
    let ready = module.initialized("make_table", 1_000_u64)?; // runs once, here
    let look_up = ready.task::<u64, Option<u64>>("look_up")?;
    assert_eq!(look_up.call(30)?, Some(900)); // every fresh instance has the table
    let each = module.with_initializer("make_table", 10_u64)?; // runs in each fresh instance
    assert_eq!(each.task::<u64, Option<u64>>("look_up")?.call(30)?, None);
    Ok(())
}

#[test]
fn simple_and_joinable_queues() -> Result<()> {
    let (_pool, module) = start()?;
    let simple = SimpleQueue::<u32>::new()?;
    simple.put(1)?;
    assert_eq!(simple.get()?, 1);
    assert!(simple.is_empty());
    let deal_with = module.task::<(JoinableQueue<u32>, u32), ()>("deal_with")?;
    let jobs = JoinableQueue::unbounded()?;
    for job in 0..3 {
        jobs.put(job)?;
    }
    let call = deal_with.start((&jobs, 3));
    jobs.join(); // until task_done was called for each
    call.get()?;
    Ok(())
}

#[test]
fn waiting_for_many() -> Result<()> {
    let (_pool, module) = start()?;
    let call = module.task::<u64, u64>("square")?.start(3);
    let queue = Queue::<u32>::unbounded()?;
    let (_ours, theirs) = pipe::<u32, u32>()?;
    let (stop, patience) = (Event::new()?, Duration::from_secs(60));
    assert_eq!(wait(&[&queue, &call, &theirs, &stop], patience), [1]);
    stop.set();
    assert_eq!(wait(&[&queue, &theirs, &stop], patience), [2]);
    Ok(())
}

#[test]
fn in_async_code() -> Result<()> {
    let (_pool, module) = start()?;
    let square = module.task::<u64, u64>("square")?;
    let queue = Queue::<u64>::unbounded()?;
    let both = async {
        queue.put(square.start(3).await?)?;
        Process::spawn(&square, 4)?.await?;
        anyhow::Ok(queue.get_async().await?)
    };
    assert_eq!(block_on(both)?, 9); // of whatever executor
    Ok(())
}

/// An executor for one future.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn shared_memory() -> Result<()> {
    let memory = SharedMemory::new(1 << 20)?;
    memory.write(10, b"hello")?;
    let mut bytes = [0; 5];
    memory.read(10, &mut bytes)?;
    assert_eq!(&bytes, b"hello");
    Ok(())
}

#[test]
fn children() -> Result<()> {
    let (pool, module) = start()?;
    let stubborn = module.task::<Queue<String>, ()>("stubborn")?;
    let process = Process::spawn(&stubborn, &Queue::unbounded()?)?;
    for child in pool.active_children() {
        println!("process {} {}", child.pid, child.name);
    }
    println!("{} workers", pool.workers()); // one per core when nothing else is said
    process.kill();
    Ok(())
}

#[test]
fn host_functions() -> Result<()> {
    let pool = Pool::builder()
        .host_function("fetch", |call: &CallContext, url: String| {
            println!("{} asks for {url}", call.task());
            // Here the host would look whether it wants that, and ask the network.
            Ok::<String, String>(format!("<title>{url}</title>"))
        })
        .build()?;
    let module = pool.load(guests::multiprocessing())?;
    let title = module.task::<String, String>("title")?;
    assert_eq!(title.call("example.org")?, "example.org");
    Ok(())
}

#[test]
fn a_lock_whose_holder_is_killed_goes_to_the_next_who_is_told() -> Result<()> {
    let (_pool, module) = start()?;
    let hold = module.task::<(Lock, Event), ()>("hold_for_ever")?;
    for kill in [true, false] {
        let (lock, held) = (Lock::new()?, Event::new()?);
        let process = Process::spawn(&hold, (&lock, &held))?;
        held.wait();
        ensure!(lock.try_acquire().is_err(), "two hold it");
        if kill {
            process.kill();
        } else {
            process.terminate();
        }
        ensure!(lock.acquire()?.was_abandoned(), "nobody was told, {kill}");
        ensure!(!lock.acquire()?.was_abandoned(), "told twice");
    }
    Ok(())
}

#[test]
fn permits_come_back_at_the_end_of_the_task_unless_they_are_kept() -> Result<()> {
    let (_pool, module) = start()?;
    let take_two = module.task::<Semaphore, ()>("take_two")?;
    let permits = Semaphore::new(3)?;
    take_two.call(&permits)?;
    ensure!(permits.value() == 2, "{} are free", permits.value());
    permits.release()?;
    ensure!(permits.value() == 3, "{} are free", permits.value());
    Ok(())
}

#[test]
fn objects_go_nowhere_but_into_arguments() -> Result<()> {
    let (_pool, module) = start()?;
    let queue = Queue::<Lock>::bounded(1)?;
    let outcome = queue.try_put(Lock::new()?);
    ensure!(matches!(outcome, Err(PutError::Encode(_))), "{outcome:?}");
    let (ours, _theirs) = pipe::<Event, ()>()?;
    let outcome = ours.try_send(Event::new()?);
    ensure!(matches!(outcome, Err(PutError::Encode(_))), "{outcome:?}");
    let dict = Manager::new().dict::<u32, Event>();
    let outcome = dict.set(1, Event::new()?);
    ensure!(
        matches!(outcome, Err(ManagerError::Encode(_))),
        "{outcome:?}"
    );
    let json = module.task::<Queue<u32>, ()>("json_of_a_queue")?;
    let outcome = json.call(&Queue::unbounded()?);
    ensure!(
        matches!(outcome, Err(TaskError::Codec { .. })),
        "{outcome:?}"
    );
    Ok(())
}

#[test]
fn every_snippet_of_the_guide_is_here_or_in_a_guest() -> Result<()> {
    let mut sources = vec![fs::read_to_string(examples().join("tests/guide.rs"))?];
    for guest in ["multiprocessing", "md5"] {
        for entry in fs::read_dir(examples().join("guests").join(guest).join("src"))? {
            sources.push(fs::read_to_string(entry?.path())?);
        }
    }
    let sources: Vec<Vec<&str>> = sources.iter().map(|text| text.lines().collect()).collect();
    let guide = guide()?;
    let snippets = blocks(&guide, "rust");
    ensure!(snippets.len() > 40, "{} snippets", snippets.len());
    for block in &snippets {
        ensure!(
            sources.iter().any(|source| holds(source, block)),
            "this block of the guide is in no test and no guest:\n{}",
            block.join("\n")
        );
    }
    let refused = fs::read_to_string(examples().join("src/refused.rs"))?;
    let refused: String = refused
        .lines()
        .map(|line| line.strip_prefix("///").unwrap_or(line))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n")
        .collect();
    let refused = blocks(&refused, "compile_fail");
    let mistakes = blocks(&guide, "rust,compile_fail");
    ensure!(!mistakes.is_empty());
    for block in mistakes {
        ensure!(
            refused.contains(&block),
            "this block of the guide is in no test:\n{}",
            block.join("\n")
        );
    }
    Ok(())
}

/// Python's names, in the order of the list that this project took over.
const IDIOMS: [&str; 62] = [
    "Process(target=",
    ".start()",
    ".join()",
    ".terminate()",
    ".kill()",
    ".is_alive()",
    ".exitcode",
    ".pid",
    ".name",
    ".daemon",
    "Event()",
    ".is_set()",
    "Queue(2)",
    ".put(",
    ".get(",
    "timeout=",
    "put_nowait(",
    "get_nowait(",
    ".qsize()",
    ".empty()",
    ".full()",
    "Pipe()",
    "Pipe(duplex=False)",
    ".send(",
    ".recv()",
    ".poll(",
    ".close()",
    "EOFError",
    "manager.dict()",
    "manager.list()",
    "manager.Namespace()",
    "manager.Lock()",
    "manager.Queue()",
    "Pool(",
    "pool.apply(",
    "pool.apply_async(",
    ".ready()",
    ".successful()",
    "callback=",
    "error_callback=",
    "pool.map(",
    "pool.map_async(",
    "chunksize=",
    "pool.starmap(",
    "pool.imap(",
    "pool.imap_unordered(",
    "Value(",
    ".get_lock()",
    "Array(",
    "RawValue(",
    "RawArray(",
    "with lock:",
    "set_start_method(",
    "maxtasksperchild=",
    "initializer=",
    "SimpleQueue()",
    "JoinableQueue()",
    ".task_done()",
    "Barrier(",
    "SharedMemory(",
    "ShareableList(",
    "active_children()",
];

#[test]
fn every_idiom_is_in_the_guide() -> Result<()> {
    let guide = guide()?;
    let python: Vec<String> = blocks(&guide, "python")
        .iter()
        .map(|block| block.join("\n"))
        .collect();
    for idiom in IDIOMS {
        ensure!(
            python.iter().any(|block| block.contains(idiom)),
            "no Python block has {idiom}"
        );
    }
    Ok(())
}

/// Whether a block stands in a source, indented by any number of spaces.
fn holds(source: &[&str], block: &[&str]) -> bool {
    let Some(first) = block.first() else {
        return false;
    };
    source.windows(block.len()).any(|lines| {
        let Some(depth) = lines[0].strip_suffix(first).map(str::len) else {
            return false;
        };
        lines[0][..depth].trim().is_empty()
            && lines.iter().zip(block).all(|(line, wanted)| {
                line.get(depth..).unwrap_or_default() == *wanted
                    && (line.trim().is_empty() || line[..depth].trim().is_empty())
            })
    })
}

/// The blocks of the guide in that language.
fn blocks<'a>(guide: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(named) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```").collect();
            if named == language {
                found.push(block);
            }
        }
    }
    found
}

fn guide() -> Result<String> {
    let path = examples().join("../docs/coming-from-multiprocessing.md");
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
