//! The generated part of AssemblyScript's `abi.ts`.

use std::fmt::Write as _;

use wasmpool_abi::{ABI_VERSION, IMPORT_MODULE, IMPORTS, ValType, WINDOW_ALIGN};

use crate::lists::{Role, camel, groups, params, tags};

pub(crate) fn generate() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "\nexport const ABI_VERSION: i32 = {ABI_VERSION};");
    let _ = writeln!(text, "export const WINDOW_ALIGN: usize = {WINDOW_ALIGN};");
    for group in groups() {
        let _ = writeln!(
            text,
            "\n/** {} */\nexport enum {} {{",
            group.doc, group.name
        );
        for (item, number, doc) in &group.items {
            let _ = writeln!(text, "  /** {doc} */\n  {item} = {number},");
        }
        text.push_str("}\n");
        if group.name == "Code" {
            text.push_str("\n/** What a code says. */\nexport function codeText(code: i32): string {\n  switch (code) {\n");
            for (_, number, doc) in group.items {
                let _ = writeln!(text, "    case {number}: return \"{doc}\";");
            }
            text.push_str("    default: return \"code \" + code.toString();\n  }\n}\n");
        }
    }
    text.push_str("\n/** The first byte of a type. */\nexport enum Tag {\n");
    for (name, tag) in tags() {
        let _ = writeln!(text, "  {name} = {tag},");
    }
    text.push_str("}\n");
    for import in IMPORTS {
        let ty = |role| match role {
            Role::Source | Role::Text | Role::Destination | Role::Length => "usize",
            Role::Number => "i32",
            Role::Wide => "i64",
        };
        let parameters: Vec<String> = params(import)
            .map(|(name, role)| format!("{}: {}", camel(name), ty(role)))
            .collect();
        let result = match import.result {
            None => "void",
            Some(ValType::I32) => "i32",
            Some(ValType::I64) => "i64",
        };
        let _ = writeln!(
            text,
            "\n/** {} */\n@external(\"{IMPORT_MODULE}\", \"{}\")\nexport declare function {}({}): {result};",
            import.doc,
            import.name,
            import.name,
            parameters.join(", ")
        );
    }
    text.push('\n');
    text
}
