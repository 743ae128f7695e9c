//! `wasmpool inspect`: what a module offers and asks for.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use wasmpool::{ByteSize, Codec, Module, Signature};

use super::{
    failure::Failure,
    interrupt::Interrupt,
    options::{Common, ModuleArg},
    report, settings,
};

/// Show a module's tasks with their types, its imports, memories and size
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    #[command(flatten)]
    module: ModuleArg,
}

impl Inspect {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        Interrupt::install()?;
        let (_pool, module) = settings::pool_with(common, Some(1), &self.module.module)?;
        if common.json {
            return report::print_line(&machine(&module).to_string());
        }
        report::print(people(&module).as_bytes())
    }
}

/// The name of a codec.
fn codec(codec: Codec) -> &'static str {
    match codec {
        Codec::Postcard => "postcard",
        Codec::Json => "json",
        Codec::Raw => "raw",
    }
}

fn machine(module: &Module) -> Value {
    let task = |signature: &Signature| {
        json!({
            "name": signature.name,
            "signature": signature.to_string(),
            "args": signature.args.as_ref().map(|args| args.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "output": signature.output.as_ref().map(ToString::to_string),
            "error": signature.error.as_ref().map(ToString::to_string),
            "codec": codec(signature.codec),
            "kind": signature.kind.to_string(),
        })
    };
    let imports = module
        .imports()
        .map(|(module, name, ty)| json!({"module": module, "name": name, "type": ty}));
    let memories = module.memories().map(
        |(least, most)| json!({"minimum": least.bytes(), "maximum": most.map(ByteSize::bytes)}),
    );
    json!({
        "tasks": module.tasks().iter().map(task).collect::<Vec<_>>(),
        "imports": imports.collect::<Vec<_>>(),
        "memories": memories.collect::<Vec<_>>(),
        "size": module.size().bytes(),
        "code_size": module.code_size().bytes(),
        "cached": module.cached(),
    })
}

fn people(module: &Module) -> String {
    let mut text = String::new();
    let cached = if module.cached() {
        "taken from the cache"
    } else {
        "compiled now"
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}: {}, {} of machine code, {cached}",
        module.name(),
        module.size(),
        module.code_size()
    );
    let _ = writeln!(text, "\ntasks");
    if module.tasks().is_empty() {
        let _ = writeln!(text, "  none");
    }
    for task in module.tasks() {
        let note = match task.codec {
            Codec::Json => "  (JSON)",
            Codec::Postcard | Codec::Raw => "",
        };
        let _ = writeln!(text, "  {task}{note}");
    }
    let _ = writeln!(text, "\nimports");
    let mut imports = module.imports().peekable();
    if imports.peek().is_none() {
        let _ = writeln!(text, "  none");
    }
    for (module, name, ty) in imports {
        // A module's own words: nothing in them reaches the terminal as a command.
        let _ = writeln!(
            text,
            "  {}.{} {ty}",
            module.escape_debug(),
            name.escape_debug()
        );
    }
    let _ = writeln!(text, "\nmemories");
    let mut memories = module.memories().peekable();
    if memories.peek().is_none() {
        let _ = writeln!(text, "  none");
    }
    for (least, most) in memories {
        let most = most.map_or("as much as --memory allows".to_owned(), |most| {
            most.to_string()
        });
        let _ = writeln!(text, "  {least} at the start, up to {most}");
    }
    text
}
