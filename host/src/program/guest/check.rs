//! The calls of a project whose ends are known: each is made, and what came of it is held against what should have.

use serde_json::Value;
use wasmpool::{Encoded, Module, json};

use super::project::{Case, Project};
use crate::program::{
    call::{run, signature},
    failure::Failure,
    interrupt::Interrupt,
    options::Common,
    report,
};

/// Makes the calls, and tells of each how it went.
pub(super) fn check(
    project: &Project,
    module: &Module,
    common: &Common,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    if project.tests.is_empty() && !common.quiet {
        report::say(
            "no tests: each is a [[tests]] in wasmpool.toml, with `task`, `input` and `output`",
        );
    }
    let mut failed = 0;
    for case in &project.tests {
        let input = case
            .input
            .as_ref()
            .map_or_else(String::new, Value::to_string);
        let call = format!("{}({input})", case.task);
        match case.make(module, interrupt) {
            Ok(Ok(came)) => report::print_line(&format!("ok: {call} {came}"))?,
            Ok(Err(why)) => {
                failed += 1;
                report::print_line(&format!("FAILED: {call} {why}"))?;
            }
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => {
                failed += 1;
                let words = failure.words().unwrap_or_default();
                report::print_line(&format!("FAILED: {call}: {words}"))?;
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::ItemsFailed),
    }
}

impl Case {
    /// What came of the call: as it should be, or not.
    fn make(
        &self,
        module: &Module,
        interrupt: &Interrupt,
    ) -> Result<Result<String, String>, Failure> {
        let task = module.dynamic(&self.task)?;
        let signature = signature(module, &self.task)?;
        let input = json::encode_args(signature, self.input.as_ref(), None)
            .map_err(|error| Failure::arguments(error, signature))?;
        Ok(match run(&task, Encoded(input), interrupt)?.outcome {
            Ok(bytes) => {
                let output = json::decode_output(signature, &bytes.0)
                    .map_err(|error| Failure::result(error, signature))?;
                let came = format!("= {output}");
                match (&self.error, &self.output) {
                    (Some(_), _) => Err(format!("{came}, and should have failed")),
                    (None, Some(wanted)) if !same(wanted, &output) => {
                        Err(format!("{came}, and not {wanted}"))
                    }
                    (None, _) => Ok(came),
                }
            }
            Err(error) => {
                let words = Failure::task(error, signature).words().unwrap_or_default();
                let wanted = self.error.as_ref();
                match wanted.is_some_and(|wanted| words.contains(wanted)) {
                    true => Ok(format!(
                        "failed: {}",
                        words.lines().next().unwrap_or_default()
                    )),
                    false => Err(format!("failed: {words}")),
                }
            }
        })
    }
}

/// Whether two values are the same, 1 and 1.0 being so: a file in TOML and a task need not agree on that.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64() && (left.is_f64() || right.is_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let found = |(key, left)| right.get(key).is_some_and(|right| same(left, right));
            left.len() == right.len() && left.iter().all(found)
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::same;

    #[test]
    fn whole_numbers_are_the_same_in_either_form() {
        assert!(same(&json!({"a": [1, "x"]}), &json!({"a": [1.0, "x"]})));
        assert!(!same(&json!([1]), &json!([1.5])));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
        assert!(!same(&json!([1]), &json!([1, 2])));
        assert!(!same(&json!({"a": 1}), &json!({"b": 1})));
    }
}
