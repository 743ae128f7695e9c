//! `guest-sdk/wit/pool.wit` and what is linked are the same: the text is made into a component that imports all of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use wasmtime::component::{Component, Linker};

use super::offer::{self, Nobody};
use crate::module::engine::{EngineOptions, test_engine};
use crate::worker::state::State;

const WIT: &str = include_str!("../../../../guest-sdk/wit/pool.wit");

/// A type of WIT in the text format of components.
fn ty(wit: &str) -> String {
    let wit = wit.trim();
    let Some((outer, inner)) = wit.split_once('<') else {
        return match wit {
            "timeout" => "(option u64)".to_owned(),
            "error" | "rmw-op" | "level" => format!("${wit}"),
            plain => plain.to_owned(),
        };
    };
    let inner = parts(inner.strip_suffix('>').expect("a closed type"));
    match (outer, &inner[..]) {
        ("result", [ok, error]) if *ok == "_" => format!("(result (error {}))", ty(error)),
        ("result", [ok, error]) => format!("(result {} (error {}))", ty(ok), ty(error)),
        (outer, inner) => {
            let inner: Vec<_> = inner.iter().map(|it| ty(it)).collect();
            format!("({outer} {})", inner.join(" "))
        }
    }
}

/// What commas divide that are in no type.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The whole package as imports, and the names in it.
fn imports() -> (String, BTreeSet<(String, String)>) {
    let (mut text, mut names) = (String::new(), BTreeSet::new());
    let (mut interface, mut resource, mut cases) = (String::new(), None, None::<(String, String)>);
    let lines = WIT.lines().map(str::trim);
    for line in lines.filter(|line| !line.starts_with("///") && !line.is_empty()) {
        if let Some((name, known)) = &mut cases {
            match line.strip_suffix(',') {
                Some(case) => write!(known, " \"{case}\"").unwrap(),
                None => {
                    write!(text, "(type $of-{name} (enum{known})) ").unwrap();
                    writeln!(text, "(export \"{name}\" (type (eq $of-{name})))").unwrap();
                    cases = None;
                }
            }
        } else if let Some(name) = line.strip_prefix("interface ") {
            interface = format!("wasmpool:pool/{}@0.1.0", name.trim_end_matches(" {"));
            writeln!(
                text,
                "(import \"{interface}\" (instance ${}",
                name.trim_end_matches(" {")
            )
            .unwrap();
        } else if let Some(name) = line.strip_prefix("resource ") {
            let name = name.trim_end_matches(" {");
            writeln!(text, "(export \"{name}\" (type ${name} (sub resource)))").unwrap();
            names.insert((interface.clone(), name.to_owned()));
            resource = Some(name.to_owned());
        } else if let Some(name) = line.strip_prefix("enum ") {
            cases = Some((name.trim_end_matches(" {").to_owned(), String::new()));
        } else if let Some((name, signature)) = line.split_once(": func(") {
            let (params, result) = signature
                .trim_end_matches(';')
                .split_once(')')
                .expect("a signature");
            let mut all = String::new();
            let name = match &resource {
                Some(resource) => {
                    write!(all, "(param \"self\" (borrow ${resource}))").unwrap();
                    format!("[method]{resource}.{name}")
                }
                None => name.to_owned(),
            };
            for param in parts(params) {
                let (name, of) = param.split_once(':').expect("a parameter");
                write!(all, " (param \"{name}\" {})", ty(of)).unwrap();
            }
            if let Some(result) = result.trim().strip_prefix("->") {
                write!(all, " (result {})", ty(result)).unwrap();
            }
            writeln!(text, "(export \"{name}\" (func {all}))").unwrap();
            names.insert((interface.clone(), name));
        } else if line == "}" {
            if resource.take().is_none() && !std::mem::take(&mut interface).is_empty() {
                text.push_str("))\n");
                if text.contains("$of-rmw-op") && !text.contains("(alias export $types") {
                    text.push_str("(alias export $types \"error\" (type $error))\n");
                    text.push_str("(alias export $types \"rmw-op\" (type $rmw-op))\n");
                }
            }
        } else {
            let known = ["package ", "use ", "type timeout =", "world ", "import "];
            assert!(known.iter().any(|known| line.starts_with(known)), "{line}");
        }
    }
    // An enum of the interface's own.
    (
        text.replace("(type (eq $of-level))", "(type $level (eq $of-level))"),
        names,
    )
}

#[test]
fn all_that_the_wit_says_is_linked_with_its_types_and_nothing_else() {
    let (imports, said) = imports();
    assert!(said.len() > 400, "{} names", said.len());
    let engine = test_engine(EngineOptions::default()).unwrap();
    let text = format!("(component {imports})");
    let binary = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let component = Component::new(&engine, binary).unwrap();
    // Types are compared here.
    let imported = offer::check(&engine, &component).unwrap();
    let functions: BTreeSet<_> = imported.into_iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(functions, said);
    let mut linker: Linker<State<(Nobody, Nobody, Nobody)>> = Linker::new(&engine);
    let linked = offer::add_to_linker(&mut linker, &engine, &component).unwrap();
    let linked: BTreeSet<_> = linked
        .into_iter()
        .filter(|(interface, _)| interface.starts_with("wasmpool:"))
        .map(|(interface, name)| (interface.to_owned(), name.to_owned()))
        .collect();
    assert_eq!(linked, said);
}
