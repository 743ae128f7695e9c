//! Machines that lack something: what a pool does where a wall cannot be built. A program takes it from itself
//! (`src/bin/walled.rs`), as a container, an older kernel or an administrator does, and builds a pool then.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasmpool::Wall;

const WALLED: &str = env!("CARGO_BIN_EXE_walled");
/// A user without any rights.
const NOBODY: u32 = 65534;

/// Who starts the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    /// Whoever runs the tests.
    Own,
    /// A user without rights, when the tests are root's.
    Nobody,
}

/// Those that can be tried here.
fn users() -> Vec<User> {
    let mut users = vec![User::Own];
    if rustix::process::geteuid().is_root() {
        match command(User::Nobody, &["--off"]).output() {
            // Where the programs of these tests cannot be reached by others there is nothing to be shown.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                println!("skipped as another user: {WALLED} is not for others");
            }
            _ => users.push(User::Nobody),
        }
    }
    users
}

fn command(user: User, arguments: &[&str]) -> Command {
    let mut command = Command::new(WALLED);
    command.args(arguments).env_remove("HOME");
    if user == User::Nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// What the program said of each wall, or which one it was refused for.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Walls(BTreeMap<String, String>),
    Refused(String),
}

impl Said {
    fn stands(&self, wall: Wall) -> bool {
        self.of(wall) == Some("stands")
    }

    fn of(&self, wall: Wall) -> Option<&str> {
        match self {
            Said::Walls(walls) => walls.get(wall.name()).map(String::as_str),
            Said::Refused(_) => None,
        }
    }
}

fn run(user: User, arguments: &[&str]) -> Result<Said> {
    let output = command(user, arguments).output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "{user:?} {arguments:?}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut walls = BTreeMap::new();
    for line in said.lines() {
        let (wall, rest) = line.split_once(' ').context("no wall")?;
        if wall == "refused" {
            let (wall, reason) = rest.split_once(' ').context("no reason")?;
            ensure!(!reason.is_empty());
            return Ok(Said::Refused(wall.to_owned()));
        }
        // The reason is for people; the test is about what stands.
        let word = rest.split(' ').next().unwrap_or_default();
        ensure!(word != "missing" || rest.len() > word.len(), "{line}");
        walls.insert(wall.to_owned(), word.to_owned());
    }
    ensure!(walls.len() == Wall::ALL.len(), "{said}");
    Ok(Said::Walls(walls))
}

/// What is taken away, which walls go with it, and which are named by a pool that asks for all, by one that asks for the
/// usual.
struct Row {
    without: &'static str,
    lost: &'static [Wall],
    strict: Option<Wall>,
    usual: Option<Wall>,
}

const TABLE: &[Row] = &[
    Row {
        without: "namespaces",
        lost: &[Wall::Namespaces, Wall::EmptyRoot],
        strict: Some(Wall::Namespaces),
        usual: None,
    },
    Row {
        without: "mounts",
        lost: &[Wall::EmptyRoot],
        strict: None,
        usual: None,
    },
    Row {
        without: "landlock",
        lost: &[Wall::Landlock],
        strict: Some(Wall::Landlock),
        usual: None,
    },
    Row {
        without: "no_new_code",
        lost: &[Wall::NoNewCode],
        strict: None,
        usual: None,
    },
    Row {
        without: "writable_code",
        lost: &[],
        strict: None,
        usual: None,
    },
    Row {
        without: "filters",
        lost: &[Wall::SystemCalls, Wall::LastFilter],
        strict: Some(Wall::SystemCalls),
        usual: Some(Wall::SystemCalls),
    },
    Row {
        without: "private_memory",
        lost: &[Wall::PrivateMemory],
        strict: Some(Wall::PrivateMemory),
        usual: Some(Wall::PrivateMemory),
    },
];

#[test]
fn what_cannot_be_built_is_reported_or_refused_by_name() -> Result<()> {
    for user in users() {
        for method in [&[][..], &["--spawn"]] {
            let whole = run(user, method)?;
            for row in TABLE {
                try_row(user, method, row, &whole)
                    .with_context(|| format!("{user:?} {method:?} without {}", row.without))?;
            }
        }
    }
    Ok(())
}

fn try_row(user: User, method: &[&str], row: &Row, whole: &Said) -> Result<()> {
    let without = |more: &[&str]| {
        let arguments = [&["--without", row.without], method, more].concat();
        run(user, &arguments)
    };
    let usual = without(&[])?;
    match (row.usual, &usual) {
        (Some(wall), Said::Refused(named)) => ensure!(named == wall.name(), "{usual:?}"),
        (None, Said::Walls(_)) => {
            for wall in Wall::ALL {
                let wanted = whole.stands(wall) && !row.lost.contains(&wall);
                ensure!(usual.stands(wall) == wanted, "{wall}: {usual:?}");
            }
        }
        _ => bail!("{usual:?}"),
    }
    // What is missing on this machine anyhow would be named first.
    if run(user, &[method, &["--strict"]].concat())? == *whole {
        let strict = without(&["--strict"])?;
        match (row.strict, &strict) {
            (Some(wall), Said::Refused(named)) => ensure!(named == wall.name(), "{strict:?}"),
            (None, Said::Walls(_)) => {}
            _ => bail!("{strict:?}"),
        }
    } else {
        println!("skipped: this machine lacks a wall that Jail::Strict requires");
    }
    // A compiler bounds its memory in any case: where that cannot be, nothing can be compiled.
    if row.lost != [Wall::PrivateMemory] {
        let off = without(&["--off"])?;
        for wall in Wall::ALL {
            ensure!(off.of(wall) == Some("lifted"), "{wall}: {off:?}");
        }
    }
    Ok(())
}

#[test]
fn the_kernels_own_bound_on_user_namespaces_is_reported() -> Result<()> {
    for user in users() {
        let whole = run(user, &[])?;
        if !whole.stands(Wall::Namespaces) {
            println!("skipped: there are no namespaces to be without");
            continue;
        }
        let bound = ["--without", "more_user_namespaces"];
        let usual = run(user, &bound)?;
        ensure!(usual.of(Wall::Namespaces) == Some("missing"), "{usual:?}");
        ensure!(usual.stands(Wall::LastFilter), "{usual:?}");
        let strict = run(user, &[&bound[..], &["--strict"]].concat())?;
        ensure!(strict == Said::Refused("namespaces".into()), "{strict:?}");
    }
    Ok(())
}

#[test]
fn root_without_capabilities_stays_root_and_is_told() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can be without root's powers");
        return Ok(());
    }
    let without = ["--without", "capabilities"];
    let usual = run(User::Own, &without)?;
    ensure!(usual.of(Wall::NotRoot) == Some("missing"), "{usual:?}");
    ensure!(usual.stands(Wall::LastFilter), "{usual:?}");
    // With namespaces missing as well, as in most containers: none of root's rights are needed for the others.
    let docker = ["--without", "namespaces", "--without", "capabilities"];
    let usual = run(User::Own, &docker)?;
    ensure!(usual.stands(Wall::Landlock) == run(User::Own, &[])?.stands(Wall::Landlock));
    let strict = run(User::Own, &[&without[..], &["--strict"]].concat())?;
    ensure!(strict == Said::Refused("not_root".into()), "{strict:?}");
    Ok(())
}

#[test]
fn the_same_walls_stand_for_root_and_for_a_user_without_rights() -> Result<()> {
    let users = users();
    if !users.contains(&User::Nobody) {
        println!("skipped: there is no other user to be");
        return Ok(());
    }
    for arguments in [
        &[][..],
        &["--spawn"],
        &["--strict"],
        &["--without", "namespaces"],
        &["--without", "namespaces", "--spawn"],
    ] {
        let (own, nobodys) = (run(User::Own, arguments)?, run(User::Nobody, arguments)?);
        ensure!(own == nobodys, "{arguments:?}: {own:?} {nobodys:?}");
    }
    Ok(())
}
