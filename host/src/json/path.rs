//! Where in a value one is: chains on the stack, rendered only for an error.

use std::fmt::{self, Write as _};

use wasmpool_abi::Type;

use super::JsonError;

/// One step from the root, and the steps before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    /// `$`
    Root,
    /// `.name`
    Field(&'a Path<'a>, &'a str),
    /// `[index]`
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => f.write_str("$"),
            Path::Index(before, index) => write!(f, "{before}[{index}]"),
            Path::Field(before, name) if is_plain(name) => write!(f, "{before}.{name}"),
            Path::Field(before, name) => {
                write!(f, "{before}[")?;
                // JSON leaves some characters as they are that a terminal would obey, and names may be a guest's.
                for c in serde_json::Value::from(*name).to_string().chars() {
                    match c.is_control() {
                        true => write!(f, "\\u{:04x}", u32::from(c))?,
                        false => f.write_char(c)?,
                    }
                }
                f.write_char(']')
            }
        }
    }
}

/// Whether a name reads without quotes.
fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// The named types around a value, innermost first: what `Type::Rec` refers to. As long as the type is deep, not the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The next one outwards.
    pub(super) outer: Option<&'a Scope<'a>>,
    /// The struct or enum.
    pub(super) ty: &'a Type,
}

/// A type with its recursion resolved, and what encloses it.
pub(super) fn resolve<'a>(
    ty: &'a Type,
    scope: Option<&'a Scope<'a>>,
    path: &Path<'_>,
) -> Result<(&'a Type, Option<&'a Scope<'a>>), JsonError> {
    let Type::Rec(wanted) = ty else {
        return Ok((ty, scope));
    };
    let mut next = scope;
    while let Some(scope) = next {
        if let Type::Struct(name, _) | Type::Enum(name, _) = scope.ty
            && name == wanted
        {
            return Ok((scope.ty, scope.outer));
        }
        next = scope.outer;
    }
    Err(JsonError::Unbound {
        path: path.to_string(),
        name: wanted.clone(),
    })
}
