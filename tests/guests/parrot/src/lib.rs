//! An interpreter that repeats what it was given, for what hosts promise of any interpreter.

use std::cell::Cell;

use serde_json::{Value, json};
use wasmpool_guest::{
    script::{Passing, ScriptError, ScriptFrame},
    task,
};

thread_local! {
    static STARTED: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// What a snapshot is taken after.
#[task]
pub fn start() {
    STARTED.set(true);
}

/// Says everything again; `fail` fails, `repeat` returns its input, and `lie` what is no JSON.
#[task]
pub fn script(
    name: String,
    source: String,
    function: String,
    passing: Passing,
    input: Vec<u8>,
) -> Result<String, ScriptError> {
    CALLS.set(CALLS.get() + 1);
    let input = String::from_utf8_lossy(&input).into_owned();
    match function.as_str() {
        "fail" => {
            let frame = ScriptFrame {
                function,
                file: name,
                line: 7,
            };
            let text = "Complaint: enough\n  in line 7";
            Err(ScriptError::new("Complaint", "enough", vec![frame], text))
        }
        "repeat" => Ok(input),
        "lie" => Ok("{".to_owned()),
        _ => Ok(json!({
            "name": name,
            "source": source,
            "function": function,
            "passing": format!("{passing:?}"),
            "input": serde_json::from_str::<Value>(&input).unwrap_or_default(),
            "started": STARTED.get(),
            "calls": CALLS.get(),
        })
        .to_string()),
    }
}
