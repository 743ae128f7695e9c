//! The generated part of Zig's `abi.zig`.

use std::fmt::Write as _;

use wasmpool_abi::{ABI_VERSION, IMPORT_MODULE, IMPORTS, ValType, WINDOW_ALIGN};

use crate::lists::{Role, groups, params, snake, tags};

pub(crate) fn generate() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "\npub const abi_version = {ABI_VERSION};");
    let _ = writeln!(text, "pub const window_align = {WINDOW_ALIGN};");
    for group in groups() {
        let _ = writeln!(
            text,
            "\n/// {}\npub const {} = enum(i32) {{",
            group.doc, group.name
        );
        for (item, number, doc) in &group.items {
            let _ = writeln!(text, "    /// {doc}\n    {} = {number},", word(item));
        }
        if group.name == "Code" {
            text.push_str("    _,\n");
        }
        text.push_str("};\n");
        if group.name == "Code" {
            text.push_str("\n/// A `Code` as an error of Zig's.\npub const Error = error{\n");
            for (item, ..) in &group.items {
                let _ = writeln!(text, "    {item},");
            }
            text.push_str(
                "};\n\n/// The error of a negative result.\npub fn errorOf(code: Code) Error {\n    return switch (code) {\n",
            );
            for (item, ..) in &group.items {
                let _ = writeln!(text, "        .{} => error.{item},", word(item));
            }
            text.push_str("        _ => error.Failed,\n    };\n}\n");
        }
    }
    text.push_str("\n/// The first byte of a type.\npub const Tag = enum(u8) {\n");
    for (name, tag) in tags() {
        let _ = writeln!(text, "    {} = {tag},", word(name));
    }
    text.push_str("};\n");
    for import in IMPORTS {
        let ty = |role| match role {
            Role::Source | Role::Text => "[*]const u8",
            Role::Destination => "[*]u8",
            Role::Length => "usize",
            Role::Number => "i32",
            Role::Wide => "i64",
        };
        let parameters: Vec<String> = params(import)
            .map(|(name, role)| format!("{name}: {}", ty(role)))
            .collect();
        let result = match import.result {
            None => "void",
            Some(ValType::I32) => "i32",
            Some(ValType::I64) => "i64",
        };
        let _ = writeln!(
            text,
            "\n/// {}\npub extern \"{IMPORT_MODULE}\" fn {}({}) {result};",
            import.doc,
            import.name,
            parameters.join(", ")
        );
    }
    text.push('\n');
    text
}

/// A name as Zig takes it: some are words of the language, and some are names of its types.
fn word(name: &str) -> String {
    let snake = snake(name);
    let taken = ["and", "or", "error", "struct", "enum"].contains(&snake.as_str());
    if taken {
        format!("@\"{snake}\"")
    } else {
        snake
    }
}
