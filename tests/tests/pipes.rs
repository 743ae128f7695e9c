//! Pipes: both ways and one way, between host and guests and between guests, and how each end learns that the other is gone.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use guest_messages::{Answer, Poke};
use wasmpool::{
    Code, Connection, GetError, Module, Pool, PutError, Receiver, Sender, TaskError, one_way, pipe,
    pipe_with_capacity,
};
use wasmpool_tests::{DEADLINE, guests, kinds};

/// A wait that is meant to end by its timeout.
const SOON: Duration = Duration::from_millis(30);

fn pool(workers: usize) -> Result<(Pool, Module)> {
    let pool = kinds::builder().workers(workers).build()?;
    let module = pool.load(guests::messages())?;
    Ok((pool, module))
}

#[test]
fn host_and_guest_talk_both_ways() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let converse = module.task::<Connection<Answer, Poke>, String>("converse")?;
    let (here, there) = pipe::<Poke, Answer>()?;
    let call = converse.start(there);
    for text in ["one", "two", "three"] {
        here.send(Poke::Shout(text.to_owned()))?;
        ensure!(here.recv()? == Answer::Shouted(text.to_uppercase()));
    }
    for len in [0, 1, 100_000, 10 << 20] {
        let bytes: Vec<u8> = (0..253).cycle().take(len).collect();
        here.send(Poke::Echo(bytes.clone()))?;
        ensure!(
            here.recv_timeout(DEADLINE)? == Answer::Echoed(bytes),
            "{len} bytes"
        );
    }
    ensure!(!call.ready(), "it goes on listening");
    here.send(Poke::End)?;
    ensure!(call.get()? == "told to end");
    Ok(())
}

#[test]
fn guests_talk_to_each_other() -> Result<()> {
    let (_pool, module) = pool(2)?;
    let serve = module.task::<(Connection<u64, u64>, u64), u64>("serve")?;
    let give_back = module.task::<Connection<u64, u64>, u64>("give_back")?;
    let (one, other) = pipe()?;
    let back = give_back.start(other);
    ensure!(serve.call((one, 5000))? == 5000);
    // The other end is gone with the task that had it.
    ensure!(back.get()? == 5000);
    Ok(())
}

#[test]
fn the_end_of_a_task_is_the_end_of_what_it_sent() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let count_up = module.task::<(Sender<u64>, u64), ()>("count_up")?;
    let (receiver, sender) = one_way()?;
    let call = count_up.start((sender, 100));
    let all = receiver.iter().collect::<Result<Vec<u64>, _>>()?;
    ensure!(all == (0..100).collect::<Vec<_>>());
    ensure!(matches!(receiver.try_recv(), Err(GetError::Closed)));
    call.get()?;
    // Not while somebody else holds the same end.
    let (receiver, sender) = one_way()?;
    count_up.call((&sender, 2))?;
    ensure!(receiver.recv()? == 0 && receiver.recv()? == 1);
    ensure!(matches!(
        receiver.recv_timeout(SOON),
        Err(GetError::TimedOut)
    ));
    let clone = sender.clone();
    drop(sender);
    clone.send(7)?;
    drop(clone);
    ensure!(receiver.recv()? == 7);
    ensure!(matches!(receiver.recv(), Err(GetError::Closed)));
    Ok(())
}

#[test]
fn a_guest_learns_that_the_host_let_go() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let sum_up = module.task::<Receiver<u64>, (u64, String)>("sum_up")?;
    let (receiver, sender) = one_way()?;
    let call = sum_up.start(receiver);
    for number in 1..=100 {
        sender.send(number)?;
    }
    drop(sender);
    ensure!(call.get()? == (5050, "closed".to_owned()));
    let converse = module.task::<Connection<Answer, Poke>, String>("converse")?;
    let (here, there) = pipe::<Poke, Answer>()?;
    let call = converse.start(there);
    here.send(Poke::Shout("a".to_owned()))?;
    ensure!(here.recv()? == Answer::Shouted("A".to_owned()));
    here.close();
    ensure!(call.get()? == "closed");
    // This end was closed explicitly, though it is still there.
    ensure!(matches!(here.send(Poke::End), Err(PutError::Closed)));
    ensure!(matches!(here.recv(), Err(GetError::Closed)));
    Ok(())
}

#[test]
fn an_end_that_a_guest_closed_is_a_typed_error_on_both_sides() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let converse = module.task::<Connection<Answer, Poke>, String>("converse")?;
    let (here, there) = pipe::<Poke, Answer>()?;
    let call = converse.start(&there);
    here.send(Poke::Shout("last".to_owned()))?;
    here.send(Poke::Close)?;
    ensure!(here.recv()? == Answer::Shouted("LAST".to_owned()));
    ensure!(matches!(here.recv(), Err(GetError::Closed)));
    ensure!(matches!(here.send(Poke::End), Err(PutError::Closed)));
    ensure!(call.get()? == "Err(Closed) Err(Closed)");
    Ok(())
}

#[test]
fn a_task_that_is_cancelled_lets_go_of_its_end() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let hold = module.task::<(Sender<u64>, u64), ()>("hold")?;
    let (receiver, sender) = one_way()?;
    let other = one_way()?;
    let busy = hold.start((other.1, 1));
    ensure!(other.0.recv()? == 1);
    // One that does not even start lets go too.
    let never = hold.start((sender, 1));
    ensure!(never.cancel());
    ensure!(matches!(never.get(), Err(TaskError::Cancelled)));
    ensure!(matches!(
        receiver.recv_timeout(DEADLINE),
        Err(GetError::Closed)
    ));
    busy.cancel();
    ensure!(matches!(busy.get(), Err(TaskError::Cancelled)));
    ensure!(matches!(
        other.0.recv_timeout(DEADLINE),
        Err(GetError::Closed)
    ));
    Ok(())
}

#[test]
fn poll_waits_for_something_to_receive() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let poll = module.task::<(Connection<(), String>, u64), (Vec<String>, u64)>("poll")?;
    let (here, there) = pipe::<String, ()>()?;
    let call = poll.start((there, 30));
    // The host polls too: until the guest has seen that nothing came.
    ensure!(here.poll(DEADLINE));
    here.recv()?;
    ensure!(!here.poll(Duration::ZERO));
    here.send("now".to_owned())?;
    let (seen, waited) = call.get()?;
    ensure!(
        seen == ["false false Err(TimedOut)", "true Ok(\"now\") Err(Empty)"],
        "{seen:?}"
    );
    ensure!(waited >= 30, "{waited} ms");
    ensure!(here.poll(None), "the end is something to receive");
    ensure!(matches!(here.try_recv(), Err(GetError::Closed)));
    let (quiet, _other) = one_way::<u8>()?;
    let since = Instant::now();
    ensure!(!quiet.poll(SOON) && since.elapsed() >= SOON);
    Ok(())
}

#[test]
fn a_pipe_holds_so_much_and_then_makes_the_sender_wait() -> Result<()> {
    let (here, there) = pipe_with_capacity::<Vec<u8>, Vec<u8>>(wasmpool::ByteSize::new(100))?;
    match here.send(vec![0; 100]) {
        Err(PutError::TooLarge {
            size: 101,
            limit: 100,
        }) => {}
        other => bail!("{other:?}"),
    }
    here.send(vec![1; 60])?;
    ensure!(matches!(here.try_send(vec![2; 60]), Err(PutError::Full)));
    ensure!(matches!(
        here.send_timeout(vec![2; 60], SOON),
        Err(PutError::TimedOut)
    ));
    // The other way has room of its own.
    there.try_send(vec![3; 60])?;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| here.send(vec![4; 60]));
        ensure!(there.recv()? == [1; 60]);
        waiting.join().unwrap()?;
        ensure!(there.recv()? == [4; 60]);
        here.send(vec![5; 60])?;
        let waiting = scope.spawn(|| here.send(vec![6; 60]));
        there.close();
        ensure!(matches!(waiting.join().unwrap(), Err(PutError::Closed)));
        Ok(())
    })?;
    ensure!(here.recv()? == [3; 60], "what was sent before the close");
    ensure!(matches!(here.recv(), Err(GetError::Closed)));
    ensure!(pipe_with_capacity::<u8, u8>(wasmpool::ByteSize::new(0)).is_err());
    Ok(())
}

#[test]
fn an_end_of_a_pipe_one_way_does_not_work_the_other_way() -> Result<()> {
    let (_pool, module) = pool(1)?;
    let wrong_way = module.task::<(Receiver<u64>, Sender<u64>), Vec<i32>>("wrong_way")?;
    let (receiver, sender) = one_way()?;
    let denied = i32::from(Code::Denied);
    ensure!(wrong_way.call((&receiver, &sender))? == [denied; 3]);
    ensure!(matches!(receiver.try_recv(), Err(GetError::Empty)));
    Ok(())
}
