//! What the command line grants to a task: directories, environment, arguments, clocks, randomness.

use clap::Args;
use wasmpool::{Clock, Grants, Module, Random};

use super::failure::Failure;

/// Between a directory and its name for guests.
const BETWEEN: &str = "::";

/// Options of what a task may have beside its arguments; none by default.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantArgs {
    /// A directory that the task may read, and another name for it [default: no directory]
    #[arg(
        long,
        global = true,
        value_name = "HOST[::GUEST]",
        help_heading = "Grants"
    )]
    dir: Vec<String>,
    /// A directory that the task may read and change
    #[arg(
        long,
        global = true,
        value_name = "HOST[::GUEST]",
        help_heading = "Grants"
    )]
    dir_rw: Vec<String>,
    /// A variable of the task's environment; without a value, the one that it has here [default: no variable]
    #[arg(
        long,
        global = true,
        value_name = "NAME[=VALUE]",
        help_heading = "Grants"
    )]
    env: Vec<String>,
    /// An argument that the task finds as programs do; a command's own stand after its module
    #[arg(
        long,
        global = true,
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "Grants"
    )]
    arg: Vec<String>,
    /// How fine the task's clocks are: coarse (whole microseconds) or precise
    #[arg(long, global = true, value_name = "FINENESS", default_value = "coarse", value_parser = clock, help_heading = "Grants")]
    clock: Clock,
    /// The task's random bytes: system (the kernel's), denied, or a number that they are made from
    #[arg(long, global = true, value_name = "SOURCE", default_value = "system", value_parser = random, help_heading = "Grants")]
    random: Random,
}

impl GrantArgs {
    /// The module with what the command line grants.
    pub(crate) fn grant(&self, module: Module) -> Result<Module, Failure> {
        let mut grants = Grants::none().clock(self.clock).random(self.random);
        for directory in &self.dir {
            let (host, guest) = names(directory);
            grants = grants.read_dir(guest, host);
        }
        for directory in &self.dir_rw {
            let (host, guest) = names(directory);
            grants = grants.write_dir(guest, host);
        }
        for variable in &self.env {
            let (name, value) = self::variable(variable)?;
            grants = grants.env(name, value);
        }
        grants = grants.args(&self.arg);
        if self.is_nothing() {
            return Ok(module);
        }
        module.grant(&grants).map_err(Failure::Grant)
    }

    fn is_nothing(&self) -> bool {
        let lists = [&self.dir, &self.dir_rw, &self.env, &self.arg];
        lists.iter().all(|list| list.is_empty())
            && self.clock == Clock::default()
            && self.random == Random::default()
    }
}

/// A directory here, and its name for guests: the same, when there is none.
fn names(directory: &str) -> (&str, &str) {
    directory
        .rsplit_once(BETWEEN)
        .unwrap_or((directory, directory))
}

fn variable(text: &str) -> Result<(&str, String), Failure> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name, value.to_owned()));
    }
    match std::env::var(text) {
        Ok(value) => Ok((text, value)),
        Err(error) => Err(Failure::Usage(format!(
            "--env {text}: {error}\n  help: --env {text}=VALUE gives it a value"
        ))),
    }
}

fn clock(text: &str) -> Result<Clock, String> {
    match text {
        "coarse" => Ok(Clock::Coarse),
        "precise" => Ok(Clock::Precise),
        _ => Err("neither `coarse` nor `precise`".to_owned()),
    }
}

fn random(text: &str) -> Result<Random, String> {
    match text {
        "system" => Ok(Random::System),
        "denied" => Ok(Random::Denied),
        seed => seed
            .parse()
            .map(Random::Seeded)
            .map_err(|_| "neither `system` nor `denied` nor a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_its_own_name_or_another() {
        assert_eq!(names("/srv/data::/in"), ("/srv/data", "/in"));
        assert_eq!(names("data"), ("data", "data"));
        assert_eq!(names("a::b::/c"), ("a::b", "/c"));
    }

    #[test]
    fn a_variable_has_a_value_here_or_there() {
        assert_eq!(variable("A=b=c").ok(), Some(("A", "b=c".to_owned())));
        assert_eq!(variable("A=").ok(), Some(("A", String::new())));
        assert!(variable("NO_SUCH_VARIABLE_IS_SET").is_err());
    }

    #[test]
    fn sources_have_names_or_are_numbers() {
        assert_eq!(random("7"), Ok(Random::Seeded(7)));
        assert_eq!(random("denied"), Ok(Random::Denied));
        assert!(random("some").is_err());
        assert_eq!(clock("precise"), Ok(Clock::Precise));
        assert!(clock("fine").is_err());
    }
}
