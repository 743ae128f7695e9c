//! What a script threw, as the host gets it.

use rquickjs::{Ctx, Error, Object, Value};
use wasmpool_guest::script::{ScriptError, ScriptFrame};

/// The error behind one of the engine's.
pub(crate) fn of(ctx: &Ctx<'_>, error: Error) -> ScriptError {
    match error {
        Error::Exception => thrown(ctx, &ctx.catch()),
        Error::WouldBlock => ScriptError::plain(
            "Error",
            "the promise was never settled, and nothing is left that could settle it",
        ),
        Error::Allocation => ScriptError::plain("InternalError", "out of memory"),
        error => ScriptError::plain("InternalError", &error.to_string()),
    }
}

/// What was thrown: an error, or any other value.
fn thrown<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> ScriptError {
    let Some(error) = value.as_object().filter(|object| object.is_error()) else {
        let json = ctx.json_stringify(value.clone()).ok().flatten();
        let text = match value.as_string().and_then(|text| text.to_string().ok()) {
            Some(text) => text,
            None => json
                .and_then(|json| json.to_string().ok())
                .unwrap_or_else(|| value.type_name().to_owned()),
        };
        return ScriptError::new("", &text, Vec::new(), &format!("Uncaught {text}"));
    };
    let name = text_of(error, "name").unwrap_or_else(|| "Error".to_owned());
    let message = text_of(error, "message").unwrap_or_default();
    let stack = text_of(error, "stack").unwrap_or_default();
    let mut text = match message.as_str() {
        "" => name.clone(),
        message => format!("{name}: {message}"),
    };
    if !stack.trim().is_empty() {
        text.push('\n');
        text.push_str(stack.trim_end());
    }
    ScriptError::new(
        &name,
        &message,
        stack.lines().filter_map(frame).collect(),
        &text,
    )
}

/// A property that is text. A getter that throws has none.
fn text_of(object: &Object<'_>, name: &str) -> Option<String> {
    object.get(name).ok()
}

/// Reads `    at function (file:line:column)`.
fn frame(line: &str) -> Option<ScriptFrame> {
    let line = line.trim().strip_prefix("at ")?;
    let (function, place) = match line.strip_suffix(')').and_then(|it| it.rsplit_once(" (")) {
        Some((function, place)) => (function, place),
        None => ("", line),
    };
    let numbers = |text: &str| {
        let (rest, number) = text.rsplit_once(':')?;
        number
            .parse::<u32>()
            .ok()
            .map(|number| (rest.to_owned(), number))
    };
    // `file:line:column`, `file:line`, or a word such as `native`.
    let (file, line) = match numbers(place) {
        Some((rest, last)) => numbers(&rest).unwrap_or((rest, last)),
        None => (place.to_owned(), 0),
    };
    let function = if function.starts_with('<') {
        ""
    } else {
        function
    };
    Some(ScriptFrame {
        function: function.to_owned(),
        file,
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_the_stack() {
        let read = |line| frame(line).map(|it| (it.function, it.file, it.line));
        let some = |function: &str, file: &str, line| Some((function.into(), file.into(), line));
        assert_eq!(read("    at f (a.js:3:5)"), some("f", "a.js", 3));
        assert_eq!(read("    at <anonymous> (a.js:3:5)"), some("", "a.js", 3));
        assert_eq!(read("    at a.js:7"), some("", "a.js", 7));
        assert_eq!(read("    at map (native)"), some("map", "native", 0));
        assert_eq!(read("something else"), None);
    }
}
