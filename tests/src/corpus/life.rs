//! Processes that end when they should not. Other programs of the tests show these.

use super::Class::LifeCycle;
use super::{Case, End, Lift, Run, case};

const NOTHING: Lift =
    Lift::Not("nothing keeps a process from being killed: what counts is what comes after");
const OUTCOME: &str = "each task has one outcome, and the worker is replaced";
const PARENT: &str = "each process dies with its parent, and at the end of its socket";

/// Name, what keeps it from doing harm, file, test.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "SIGKILL of an idle worker",
        OUTCOME,
        "tests/tests/lifecycle.rs",
        "an_idle_worker_that_is_killed_is_replaced",
    ),
    (
        "SIGKILL of a running worker",
        OUTCOME,
        "tests/tests/lifecycle.rs",
        "retries_run_a_lost_task_again",
    ),
    (
        "SIGKILL of a worker with windows open",
        OUTCOME,
        "tests/tests/arrays_alone.rs",
        "a_worker_that_dies_with_windows_open_costs_only_its_task",
    ),
    (
        "SIGKILL of workers in calls to the host",
        OUTCOME,
        "tests/tests/callers_killed.rs",
        "killed_workers_cost_their_task_and_nothing_of_what_they_asked_for",
    ),
    (
        "SIGKILL of the zygote",
        "a new one is started",
        "tests/tests/lifecycle.rs",
        "the_death_of_the_parent_of_all_workers_is_survived",
    ),
    (
        "SIGKILL of the host",
        PARENT,
        "tests/tests/host_killed.rs",
        "nothing_of_the_pool_is_alive_100_ms_after_its_host_was_killed",
    ),
    (
        "the host leaves with calls running",
        PARENT,
        "tests/tests/host_killed.rs",
        "leaving_main_with_running_calls_leaves_no_process",
    ),
    (
        "the host forks",
        "a pool remembers its process",
        "tests/tests/host_killed.rs",
        "a_forked_child_of_the_host_can_neither_use_nor_end_the_pool",
    ),
    (
        "no descriptors are left",
        "what needs one waits",
        "tests/tests/exhausted.rs",
        "running_out_of_descriptors_delays_tasks_and_costs_none",
    ),
    (
        "no descriptors are left, and nothing of the pool is alive that could give any back",
        "what waits fails after ten seconds; the pool goes on",
        "tests/tests/poor_host.rs",
        "without_descriptors_for_long_calls_fail_and_the_pool_goes_on",
    ),
    (
        "thousands of recycled workers",
        "nothing of a worker outlives it",
        "tests/tests/lifecycle.rs",
        "descriptors_stay_the_same_over_many_recycles",
    ),
    (
        "thousands of tasks with every kind of object",
        "nothing of a task outlives it",
        "tests/tests/no_growth.rs",
        "thousands_of_tasks_that_use_every_kind_of_object_leave_nothing",
    ),
    (
        "death of a worker at each of its system calls",
        OUTCOME,
        "tests/tests/each_step.rs",
        "a_worker_may_die_at_every_step",
    ),
    (
        "an error at each system call of a worker",
        OUTCOME,
        "tests/tests/each_step.rs",
        "a_worker_may_meet_an_error_at_every_step",
    ),
    (
        "death of a compiler at each of its system calls",
        "the load fails and says so; the next one works",
        "tests/tests/each_step.rs",
        "a_compiler_may_die_at_every_step",
    ),
    (
        "death of launcher and zygote at each of their system calls",
        "a new one is started, or the pool says why not",
        "tests/tests/each_step.rs",
        "the_launcher_and_the_zygote_may_die_at_every_step",
    ),
    (
        "death of a trial of the walls",
        "another one tries them: who was killed has shown nothing",
        "tests/tests/each_step.rs",
        "a_trial_of_the_walls_that_is_killed_is_no_missing_wall",
    ),
    (
        "death of a launcher before its zygote has asked to die with it",
        "the zygote sees that it has no launcher, and ends",
        "tests/tests/each_step.rs",
        "a_zygote_whose_launcher_dies_first_does_not_live_on",
    ),
    (
        "death of a zygote during recovery",
        "a new one is started",
        "tests/tests/each_step.rs",
        "a_zygote_may_die_while_it_takes_the_place_of_one_that_died",
    ),
    (
        "SIGSTOP of a running worker",
        "`Limits::timeout`, by the end of the process",
        "tests/tests/stopped.rs",
        "a_task_whose_worker_is_stopped_ends_by_its_time_limit",
    ),
    (
        "SIGSTOP of a worker before it begins",
        OUTCOME,
        "tests/tests/stopped.rs",
        "a_worker_that_is_stopped_before_it_begins_is_replaced",
    ),
    (
        "SIGSTOP of the zygote",
        "a zygote that owes an answer for too long is replaced",
        "tests/tests/stopped.rs",
        "a_zygote_that_is_stopped_is_replaced",
    ),
    (
        "SIGSTOP and SIGCONT of every process",
        OUTCOME,
        "tests/tests/stopped.rs",
        "processes_that_are_stopped_and_continued_cost_nothing",
    ),
    (
        "SIGKILL of the host at every step",
        PARENT,
        "tests/tests/host_killed_anywhere.rs",
        "nothing_outlives_a_host_that_is_killed_at_any_step",
    ),
    (
        "a full disk and one to read only",
        "a cache that cannot be written is done without",
        "tests/tests/poor_host.rs",
        "full_and_read_only_disks_cost_the_cache_and_nothing_else",
    ),
    (
        "no processes are left",
        "starts pause, and are tried again",
        "tests/tests/poor_host.rs",
        "running_out_of_processes_delays_tasks_and_costs_none",
    ),
    (
        "the worker's program is missing",
        "an error that names it",
        "tests/tests/poor_host.rs",
        "a_worker_program_that_is_missing_is_told_by_name",
    ),
    (
        "the worker's program vanishes",
        "the pool ends with the reason",
        "tests/tests/poor_host.rs",
        "a_worker_program_that_vanishes_ends_the_pool_with_the_reason",
    ),
    (
        "the clock is set back",
        "no deadline looks at the time of day",
        "tests/tests/clocks.rs",
        "no_deadline_depends_on_the_time_of_day",
    ),
    (
        "many workers that come and go",
        "nothing of a worker outlives it",
        "tests/tests/recycles.rs",
        "workers_that_come_and_go_leave_nothing",
    ),
    (
        "signals to everybody under a mixed load",
        OUTCOME,
        "tests/tests/soak.rs",
        "every_task_has_one_outcome_and_nothing_grows_while_processes_are_killed",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let row = |&(name, stops, file, test): &Row| {
        let run = Run::Elsewhere { file, test };
        case(name, LifeCycle, run, stops, End::AsShown, NOTHING)
    };
    ROWS.iter().map(row).collect()
}
