//! The tasks of this guest.

use wasmpool_guest::task;

/// Greets somebody.
#[task]
pub fn greet(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("nobody is there to be greeted".into());
    }
    Ok(format!("Hello, {name}!"))
}

#[test]
fn a_task_is_still_a_function() {
    assert_eq!(greet("Ada"), Ok("Hello, Ada!".into()));
}
