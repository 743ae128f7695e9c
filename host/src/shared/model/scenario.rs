//! What is tried, and what must hold.

use std::{collections::HashSet, time::Instant};

use super::{
    actor::Actor,
    explorer::{Explored, Explorer},
    world::{Place, Status, World, nobody_sleeps},
};

/// What an actor does; returns what the final check wants to know.
pub(super) type Script<'a> = Box<dyn Fn(&Actor<'_>) -> u32 + 'a>;
/// What the host does for a dead holder.
pub(super) type Burial<'a> = Box<dyn Fn(&Actor<'_>, u32) + 'a>;
/// Judges a state in which nothing moves any more.
pub(super) type Judge<'a> = Box<dyn Fn(&World) -> Result<(), String> + 'a>;

/// What is tried, and what must hold.
pub(super) struct Scenario<'a> {
    pub(super) scripts: Vec<Script<'a>>,
    pub(super) bury: Burial<'a>,
    pub(super) judge: Judge<'a>,
    pub(super) first: World,
}

impl<'a> Scenario<'a> {
    /// So many words, all zero, and nobody. At the end everybody who lives must have returned.
    pub(super) fn new(words: usize) -> Self {
        let first = World {
            words: vec![0; words],
            places: Vec::new(),
            alone: None,
            deaths: 0,
            spurious: 0,
            stops: 0,
            last: 0,
            switches: None,
        };
        Self {
            scripts: Vec::new(),
            bury: Box::new(|_, _| {}),
            judge: Box::new(nobody_sleeps),
            first,
        }
    }

    pub(super) fn word(mut self, at: usize, value: u32) -> Self {
        self.first.words[at / 4] = value;
        self
    }

    /// One more actor. The first is holder 1.
    pub(super) fn actor(mut self, script: impl Fn(&Actor<'_>) -> u32 + 'a) -> Self {
        self.scripts.push(Box::new(script));
        self
    }

    pub(super) fn actors(
        self,
        count: usize,
        script: impl Fn(&Actor<'_>) -> u32 + Copy + 'a,
    ) -> Self {
        (0..count).fold(self, |scenario, _| scenario.actor(script))
    }

    /// How many actors die, each at any point; the host buries them so.
    pub(super) fn deaths(mut self, deaths: u32, bury: impl Fn(&Actor<'_>, u32) + 'a) -> Self {
        self.first.deaths = deaths;
        self.bury = Box::new(bury);
        self
    }

    /// How many sleeps end without a reason.
    pub(super) fn spurious(mut self, spurious: u32) -> Self {
        self.first.spurious = spurious;
        self
    }

    /// How many waits end because the task is told to stop.
    pub(super) fn stops(mut self, stops: u32) -> Self {
        self.first.stops = stops;
        self
    }

    /// Lets others in only so often where the one that runs could go on: what is wrong in a protocol shows with one or two such
    /// switches, as a rule, and all orders of everything are too many for the larger scenarios. The environment variable
    /// `WASMPOOL_MODEL_SWITCHES` adds to them.
    pub(super) fn switches(mut self, switches: u32) -> Self {
        let more = std::env::var("WASMPOOL_MODEL_SWITCHES").ok();
        let more = more.and_then(|more| more.parse().ok()).unwrap_or(0);
        self.first.switches = Some(switches + more);
        self
    }

    /// What must hold when nothing moves any more, instead of that everybody has returned.
    pub(super) fn ends(mut self, judge: impl Fn(&World) -> Result<(), String> + 'a) -> Self {
        self.judge = Box::new(judge);
        self
    }

    /// Tries everything.
    ///
    /// # Errors
    /// What went wrong, and how it came to that.
    pub(super) fn explore(self) -> Result<Explored, String> {
        let mut world = self.first.clone();
        for _ in 0..self.scripts.len() {
            world.places.push(Place {
                status: Status::Dead,
                answers: Vec::new(),
                buries: None,
                exchanged: false,
            });
        }
        let mut explorer = Explorer {
            scenario: &self,
            seen: HashSet::new(),
            path: Vec::new(),
            explored: Explored::default(),
        };
        for actor in 0..world.places.len() {
            explorer.advance(&mut world, actor)?;
        }
        match explorer.visit(&world) {
            Ok(()) => Ok(explorer.explored),
            Err(error) => Err(format!("{error}, after\n{}", explorer.path.join("\n"))),
        }
    }

    /// The same, for what must go well.
    #[track_caller]
    pub(super) fn holds(self, name: &str) {
        let began = Instant::now();
        match self.explore() {
            Ok(explored) => println!(
                "{name}: {} states, {} steps, {} ends, {:?}",
                explored.states,
                explored.steps,
                explored.ends,
                began.elapsed()
            ),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// The same, for what must not: shows that the checker would see it.
    #[track_caller]
    pub(super) fn fails(self, with: &str) {
        let error = self.explore().expect_err("nothing was found");
        assert!(error.contains(with), "{error}");
    }
}
