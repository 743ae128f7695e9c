//! `wasmpool inspect`: what a module offers and asks for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use clap::Args;
use serde_json::{Value, json};
use wasmpool::{ByteSize, Codec, Module, Signature};

use super::{
    failure::Failure,
    interrupt::Interrupt,
    options::{Common, ModuleArg},
    report, settings,
};

/// The longest line of names.
const WIDTH: usize = 100;

/// Show a module's tasks with their types, its imports, memories and size
///
/// With -v each import has its type; --json has all of it for machines.
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
        report::print(people(&module, common.verbose > 0).as_bytes())
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

/// What people want to know: what can be called first. `all`: also the type of each import.
fn people(module: &Module, all: bool) -> String {
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
    // A linker leaves them in an order of its own.
    let mut tasks: Vec<_> = module.tasks().iter().collect();
    tasks.sort_by(|one, other| one.name.cmp(&other.name));
    for task in tasks {
        let note = match task.codec {
            Codec::Json => "  (JSON)",
            Codec::Postcard | Codec::Raw => "",
        };
        let _ = writeln!(text, "  {task}{note}");
    }
    let _ = writeln!(text, "\nimports");
    append_imports(&mut text, module, all);
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

/// Appends the imports by where they are from, in the order of the alphabet: of each such place a line with the names of
/// its functions, or how many they are when that is too long for a line; or all with their types.
fn append_imports(text: &mut String, module: &Module, all: bool) {
    let mut places = BTreeMap::<&str, BTreeSet<(&str, &str)>>::new();
    for (place, name, ty) in module.imports() {
        places.entry(place).or_default().insert((name, ty));
    }
    if places.is_empty() {
        let _ = writeln!(text, "  none");
    }
    let mut shortened = false;
    for (place, imports) in places {
        // A module's own words: nothing in them reaches the terminal as a command.
        let place = place.escape_debug();
        if all {
            for (name, ty) in imports {
                let _ = writeln!(text, "  {place}.{} {ty}", name.escape_debug());
            }
            continue;
        }
        shortened = true;
        let names: Vec<_> = imports
            .iter()
            .map(|(name, _)| name.escape_debug().to_string())
            .collect();
        let line = format!("  {place}: {}", names.join(", "));
        let _ = match (line.len() <= WIDTH, imports.len()) {
            (true, _) => writeln!(text, "{line}"),
            (false, 1) => writeln!(text, "  {place}: 1 import"),
            (false, several) => writeln!(text, "  {place}: {several} imports"),
        };
    }
    if shortened {
        let _ = writeln!(text, "  (-v shows each with its type)");
    }
}
