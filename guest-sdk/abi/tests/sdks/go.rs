//! The generated part of Go's `abi.go`.

use std::fmt::Write as _;

use wasmpool_abi::{ABI_VERSION, IMPORT_MODULE, IMPORTS, ValType, WINDOW_ALIGN};

use crate::lists::{Role, camel, groups, params, tags};

pub(crate) fn generate() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "\nconst (\n\tabiVersion  = {ABI_VERSION}\n\twindowAlign = {WINDOW_ALIGN}\n)"
    );
    for group in groups() {
        let name = match group.name {
            "Fail" => "FailKind",
            other => other,
        };
        let _ = writeln!(
            text,
            "\n// {name}: {}\ntype {name} int32\n\nconst (",
            group.doc
        );
        for (item, number, doc) in &group.items {
            let _ = writeln!(text, "\t// {doc}\n\t{}{item} {name} = {number}", group.name);
        }
        text.push_str(")\n");
        if group.name == "Code" {
            text.push_str("\nvar codeTexts = map[Code]string{\n");
            let widest = group.items.iter().map(|(item, ..)| item.len()).max();
            let width = "Code:".len() + widest.unwrap_or_default();
            for (item, _, doc) in group.items {
                let name = format!("Code{item}:");
                let _ = writeln!(text, "\t{name:width$} \"{doc}\",");
            }
            text.push_str("}\n");
        }
    }
    text.push_str("\n// The first byte of a type.\nconst (\n");
    let widest = tags().iter().map(|(name, _)| name.len()).max();
    let width = widest.unwrap_or_default();
    for (name, tag) in tags() {
        let _ = writeln!(text, "\ttag{name:width$} byte = {tag}");
    }
    text.push_str(")\n");
    for import in IMPORTS {
        let ty = |role| match role {
            Role::Source | Role::Text | Role::Destination => "unsafe.Pointer",
            Role::Length => "uint32",
            Role::Number => "int32",
            Role::Wide => "int64",
        };
        let parameters: Vec<String> = params(import)
            .map(|(name, role)| format!("{} {}", camel(name), ty(role)))
            .collect();
        let result = match import.result {
            None => "",
            Some(ValType::I32) => " int32",
            Some(ValType::I64) => " int64",
        };
        let _ = writeln!(
            text,
            "\n// {}\n//\n//go:wasmimport {IMPORT_MODULE} {}\nfunc {}({}){result}",
            import.doc,
            import.name,
            function(import.name),
            parameters.join(", ")
        );
    }
    text.push('\n');
    text
}

/// `queue_put` → `abiQueuePut`: what the package exports has the plain names.
fn function(name: &str) -> String {
    camel(&format!("abi_{name}"))
}
