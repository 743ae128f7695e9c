//! Runs the algorithms of this folder in every interleaving, with deaths, timeouts and stops at every point where one can be.
//!
//! An actor is a function over [`Words`], the very code that runs in workers and in the host. It is never run in a thread: to take one
//! step it is run again from its beginning with the answers that it got so far, up to the next operation, and thrown away by an
//! unwind. So a state of the world is plain data (the words, and each actor's answers), it can be copied, and one that was met
//! before is not looked at twice. What is done to the words between two operations nobody else can see.

mod actor;
mod barriers;
mod conditions;
mod events;
mod explorer;
mod locks;
mod scenario;
mod semaphores;
mod world;
