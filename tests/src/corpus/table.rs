//! The corpus as people read it.

use std::fmt::Write as _;

use super::{Case, Class, Lift, Run};

/// The table in markdown, class by class.
#[must_use]
pub fn markdown(cases: &[Case]) -> String {
    let mut text = String::new();
    for class in Class::ALL {
        let _ = write!(
            text,
            "\n**{class}**\n\n| case | stopped by | ends | with that lifted |\n|---|---|---|---|\n"
        );
        for case in cases.iter().filter(|case| case.class == class) {
            let ends = match case.run {
                Run::Elsewhere { file, test } => format!("shown by `{test}` in `{file}`"),
                _ => case.ends.to_string(),
            };
            let lifted = match &case.lifted {
                Lift::Again { relax, comes } => format!("{relax}: {comes}"),
                Lift::Shown { how, comes, .. } => format!("{how}: {comes}"),
                Lift::Not(why) => format!("cannot be lifted: {why}"),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {ends} | {lifted} |",
                case.name, case.stops
            );
        }
    }
    text
}

/// How many there are.
#[must_use]
pub fn summary(cases: &[Case]) -> String {
    let elsewhere = cases
        .iter()
        .filter(|case| matches!(case.run, Run::Elsewhere { .. }));
    let fixed = cases
        .iter()
        .filter(|case| matches!(case.lifted, Lift::Not(_)));
    let (all, elsewhere, fixed) = (cases.len(), elsewhere.count(), fixed.count());
    format!(
        "{all} cases, {elsewhere} of them shown by other tests. {} get through when what stops them is lifted; for {fixed} there is nothing to lift, and the table says why.",
        all - fixed
    )
}
