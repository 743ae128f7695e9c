//! The generated part of `wasmpool.h`.

use std::fmt::Write as _;

use wasmpool_abi::{ABI_VERSION, IMPORTS, ValType, WINDOW_ALIGN};

use crate::lists::{Role, groups, params, snake, tags};

pub(crate) fn generate() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "\n#define WP_ABI_VERSION {ABI_VERSION}");
    let _ = writeln!(text, "#define WP_WINDOW_ALIGN {WINDOW_ALIGN}");
    for group in groups() {
        let name = snake(group.name);
        // Codes are what every function returns; the others say what they are.
        let prefix = match group.name {
            "Code" => String::new(),
            _ => format!("{}_", name.to_uppercase()),
        };
        let _ = writeln!(text, "\n/** {} */\nenum wp_{name} {{", group.doc);
        for (item, number, doc) in &group.items {
            let item = snake(item).to_uppercase();
            let _ = writeln!(text, "    /** {doc} */\n    WP_{prefix}{item} = {number},");
        }
        text.push_str("};\n");
        match group.name {
            "Code" => {
                let texts: Vec<String> = group
                    .items
                    .iter()
                    .map(|(_, _, doc)| format!("\"{doc}\""))
                    .collect();
                let _ = writeln!(
                    text,
                    "/** What they say, from the first on. */\n#define WP_CODE_TEXTS {}",
                    texts.join(", ")
                );
            }
            "Kind" | "Codec" => {
                for (item, number, _) in &group.items {
                    let item = snake(item).to_uppercase();
                    let _ = writeln!(text, "#define WP_{prefix}{item}_TEXT \"\\{number:03o}\"");
                }
            }
            _ => (),
        }
    }
    text.push_str("\n/* The first byte of a type: a number, and text for the assembler. */\n");
    for (name, tag) in tags() {
        let name = snake(name).to_uppercase();
        let _ = writeln!(text, "#define WP_TAG_{name} {tag}");
        let _ = writeln!(text, "#define WP_TAG_{name}_TEXT \"\\{tag:03o}\"");
    }
    text.push_str("\n/* The imports. What they do is documented at their first line, and they trap on bad pointers. */\n\n");
    for import in IMPORTS {
        let result = match import.result {
            None => "void",
            Some(ValType::I32) => "int32_t",
            Some(ValType::I64) => "int64_t",
        };
        let parameters: Vec<String> = params(import)
            .map(|(name, role)| match role {
                Role::Source => format!("const void *{name}"),
                Role::Text => format!("const char *{name}"),
                Role::Destination => format!("void *{name}"),
                Role::Length => format!("size_t {name}"),
                Role::Number => format!("int32_t {name}"),
                Role::Wide => format!("int64_t {name}"),
            })
            .collect();
        let parameters = match parameters.is_empty() {
            true => "void".to_owned(),
            false => parameters.join(", "),
        };
        let _ = writeln!(
            text,
            "/** {} */\nWASMPOOL_IMPORT(\"{}\") {result} wasmpool_{}({parameters});",
            import.doc, import.name, import.name
        );
    }
    text.push('\n');
    text
}
