//! The row of guests that compute and call nothing, beside the same source run natively and beside Python.

use std::fmt::Debug;
use std::time::Instant;

use anyhow::{Result, ensure};
use rayon::prelude::*;
use wasmpool::{Arg, Pool, Receive, Typed};
use wasmpool_tests::{guests, kinds};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::report::Measure;
use crate::series::micros;

/// Tasks of one map, for each worker: enough that its first and last make no difference.
const TASKS: usize = 16;
/// Python runs fewer: in pure Python each takes up to a hundred times as long.
const THEIRS: usize = 2;

/// One computation, with an argument for which it takes some milliseconds natively.
struct Computation<In, Out> {
    name: &'static str,
    task: &'static str,
    argument: In,
    native: fn(&In) -> Out,
    /// What Python is told: the function's name and the argument.
    python: [String; 2],
}

/// Row 5: ours in a fresh instance each, the floor on rayon with as many threads as there are workers.
pub(super) fn computations(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let smaller = u32::try_from(options.scale(20))?;
    let text = text(smaller as usize * 6400);
    let told = |what: &str, argument: u32| [what.to_owned(), argument.to_string()];
    Ok(vec![
        measure(
            options,
            neighbour,
            &Computation {
                name: "n-body",
                task: "n_body",
                argument: smaller * 5_000,
                native: |&steps| guest_compute::n_body(steps),
                python: told("0", smaller * 5_000),
            },
        )?,
        measure(
            options,
            neighbour,
            &Computation {
                name: "SHA-256, beside hashlib",
                task: "sha_256",
                argument: smaller * 128,
                native: |&kibibytes| guest_compute::sha_256(kibibytes),
                python: told("1", smaller * 128),
            },
        )?,
        measure(
            options,
            neighbour,
            &Computation {
                name: "Mandelbrot",
                task: "mandelbrot",
                argument: smaller * 8,
                native: |&size| guest_compute::mandelbrot(size),
                python: told("2", smaller * 8),
            },
        )?,
        measure(
            options,
            neighbour,
            &Computation {
                name: "regex over text, beside re",
                task: "matches",
                python: told("3", u32::try_from(text.len())?),
                argument: text,
                native: |text| guest_compute::matches(text).unwrap_or_default(),
            },
        )?,
    ])
}

fn measure<In, Out>(
    options: &Options,
    neighbour: Neighbour,
    it: &Computation<In, Out>,
) -> Result<Measure>
where
    In: Typed + Arg<In> + Sync + 'static,
    Out: Typed + Receive + PartialEq + Debug + Send + Sync,
{
    let workers = std::thread::available_parallelism()?.get();
    let (tasks, theirs) = (TASKS * workers, THEIRS * workers);
    let pool: Pool = kinds::builder().workers(workers).build()?;
    let task = pool.load(guests::compute())?.task::<In, Out>(it.task)?;
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(workers)
        .build()?;
    let wanted = (it.native)(&it.argument);
    let each = |begun: Instant, tasks: usize| micros(begun.elapsed()) / 1e3 / tasks as f64;
    let mut measure =
        Measure::new(5, it.name.to_owned(), "ms a task").aim_ratios((Some(1.3), None));
    let run = |tasks: usize| -> Result<f64> {
        let begun = Instant::now();
        let outcomes = pool.map(&task, (0..tasks).map(|_| &it.argument));
        let time = each(begun, tasks);
        for outcome in outcomes {
            let got = outcome?;
            ensure!(got == wanted, "{}: {got:?} instead of {wanted:?}", it.name);
        }
        Ok(time)
    };
    run(workers)?;
    for _ in 0..options.rounds {
        measure.ours.0.push(run(tasks)?);
        let begun = Instant::now();
        let results: Vec<Out> = threads.install(|| {
            (0..tasks)
                .into_par_iter()
                .map(|_| (it.native)(std::hint::black_box(&it.argument)))
                .collect()
        });
        measure.floor.0.push(each(begun, tasks));
        ensure!(results.iter().all(|it| *it == wanted), "{}", it.name);
        let [what, argument] = it.python.clone();
        let arguments = [what, theirs.to_string(), workers.to_string(), argument];
        let figures = neighbour
            .measure("compute", &arguments)?
            .unwrap_or_default();
        measure
            .neighbour
            .0
            .extend(figures.iter().map(|it| it * 1e3));
    }
    Ok(measure)
}

/// Words with an address or a date among them now and then; Python makes the same.
fn text(len: usize) -> String {
    let mut text = String::with_capacity(len + 32);
    let mut state = 1_u32;
    while text.len() < len {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff;
        match state % 37 {
            0 => text.push_str("ada@example.org "),
            1 => text.push_str("1815-12-10 "),
            n => {
                for _ in 0..n % 9 + 1 {
                    text.push('e');
                }
                text.push(' ');
            }
        }
    }
    text.truncate(len);
    text
}
