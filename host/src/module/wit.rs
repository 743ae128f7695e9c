//! A component's functions as tasks: its WIT types in the words of the host's types, or why they have none.
//!
//! | WIT | here |
//! |---|---|
//! | `bool`, numbers, `char`, `string` | the same |
//! | `list<T>`, `option<T>`, `tuple<…>` | sequence, option, tuple |
//! | `record` | struct; fields in snake case |
//! | `variant`, `enum` | enum; cases in upper camel case |
//! | `result<T, E>` | the enum `Result`; as a function's result: its value and its error |
//! | `flags` | struct of a `bool` for each, in snake case |
//! | `own` and `borrow` of what `wasmpool:pool` has | the object, as an argument |

use std::collections::{HashMap, HashSet};

use wasmpool_abi::section::{MAX_NAME, MAX_TYPE_DEPTH, MAX_TYPES, TaskDecl};
use wasmpool_abi::{Codec, Type};
use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ResourceType, Type as Wit};

use super::refusal::Refusal;
use crate::worker::component::{functions, offer};

/// Names of types that are looked for: those that a component exports or imports. What has none of them is shown by its kind.
const MAX_TYPE_NAMES: usize = 512;

/// Between the name of an instance and that of a function in it.
pub(crate) const IN_INSTANCE: char = '#';

/// What is wrong where an object is given back, or to a function of the program's.
const OBJECT_BACK: &str = "an object of the pool other than as an argument of a task";

/// Every function that a component exports, itself or in an instance, as a task.
///
/// # Errors
/// A function has a type that cannot cross.
pub(super) fn tasks(engine: &Engine, component: &Component) -> Result<Vec<TaskDecl>, Refusal> {
    let ty = component.component_type();
    let names = Names::of(engine, &ty);
    // Instance, name, function.
    let mut functions: Vec<(String, String, ComponentFunc)> = Vec::new();
    for (name, export) in ty.exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(function) => {
                functions.push((String::new(), name.to_owned(), function));
            }
            ComponentItem::ComponentInstance(instance) => {
                for (inner, export) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = export.ty {
                        functions.push((name.to_owned(), inner.to_owned(), function));
                    }
                }
            }
            // Types are found where functions use them; nothing else can be called.
            _ => {}
        }
    }
    let mut uses: HashMap<String, usize> = HashMap::new();
    for (_, name, _) in &functions {
        *uses.entry(name.clone()).or_default() += 1;
    }
    let mut mapping = Mapping {
        names: &names,
        objects: offer::objects_of(engine, component),
        takes_objects: true,
        left: MAX_TYPES,
    };
    functions
        .into_iter()
        .map(|(instance, name, function)| {
            let export = match instance.as_str() {
                "" => name.clone(),
                instance => format!("{instance}{IN_INSTANCE}{name}"),
            };
            // A name that several have stands for none of them, except for the component's own function.
            let name = match uses.get(&name) {
                Some(1) => name,
                _ => export.clone(),
            };
            mapping
                .function(&function)
                .map(|signature| TaskDecl {
                    name,
                    export: export.clone(),
                    codec: Codec::Postcard,
                    args: signature.args,
                    output: signature.output,
                    error: signature.error,
                })
                .map_err(|what| Refusal::Type {
                    function: export,
                    what,
                })
        })
        .collect()
}

/// Every function of the embedding program that a component imports, by its name and, as `export`, its interface.
///
/// # Errors
/// A function has a type that cannot cross.
pub(super) fn functions(engine: &Engine, component: &Component) -> Result<Vec<TaskDecl>, Refusal> {
    let names = Names::of(engine, &component.component_type());
    let mut mapping = Mapping {
        names: &names,
        // None goes back to the program.
        objects: offer::objects_of(engine, component),
        takes_objects: false,
        left: MAX_TYPES,
    };
    let mut known = HashSet::new();
    let mut declared = Vec::new();
    for (interface, name, function) in functions::imported(engine, component) {
        let refuse = |what| Refusal::Type {
            function: format!("{interface}{IN_INSTANCE}{name}"),
            what,
        };
        let signature = mapping.function(&function).map_err(refuse)?;
        // Why a function of the program failed is a text.
        if !matches!(signature.error, None | Some(Type::Str | Type::Unit)) {
            return Err(refuse("an error that is no string".to_owned()));
        }
        if !known.insert(name.clone()) {
            return Err(refuse("a name that another import has".to_owned()));
        }
        declared.push(TaskDecl {
            export: match interface.as_str() {
                "" => name.clone(),
                interface => interface.to_owned(),
            },
            name,
            codec: Codec::Postcard,
            args: signature.args,
            output: signature.output,
            error: signature.error,
        });
    }
    Ok(declared)
}

/// The names that types have where they are exported or imported.
struct Names(Vec<(Wit, String)>);

impl Names {
    fn of(engine: &Engine, ty: &types::Component) -> Self {
        let mut names = Vec::new();
        let mut note = |name: &str, item: ComponentItem| {
            if let ComponentItem::Type(ty) = item
                && names.len() < MAX_TYPE_NAMES
                && name.len() <= MAX_NAME
            {
                names.push((ty, camel(name)));
            }
        };
        let items = ty.exports(engine).chain(ty.imports(engine));
        for (name, item) in items {
            match item.ty {
                ComponentItem::ComponentInstance(instance) => {
                    for (name, item) in instance.exports(engine) {
                        note(name, item.ty);
                    }
                }
                item => note(name, item),
            }
        }
        Self(names)
    }

    fn get(&self, ty: &Wit, kind: &str) -> String {
        let known = self.0.iter().find(|(known, _)| known == ty);
        known.map_or(kind, |(_, name)| name).to_owned()
    }
}

/// What a function takes and gives.
struct Signature {
    args: Vec<Type>,
    output: Type,
    error: Option<Type>,
}

/// Turns types over, within the bounds that a section of tasks has.
struct Mapping<'a> {
    names: &'a Names,
    /// The pool's objects, by the component's own types for them.
    objects: Vec<(ResourceType, u32, Type)>,
    /// Whether they may be there: in arguments, and not in what comes back.
    takes_objects: bool,
    left: usize,
}

impl Mapping<'_> {
    fn function(&mut self, function: &ComponentFunc) -> Result<Signature, String> {
        if function.async_() {
            return Err("its result as an async function".to_owned());
        }
        let args = function
            .params()
            .map(|(_, ty)| self.ty(&ty, 0))
            .collect::<Result<_, _>>()?;
        // An object is an argument, and nothing that comes back.
        let takes_objects = std::mem::replace(&mut self.takes_objects, false);
        let signature = self.results(function, args);
        self.takes_objects = takes_objects;
        signature
    }

    fn results(&mut self, function: &ComponentFunc, args: Vec<Type>) -> Result<Signature, String> {
        let (output, error) = match function.results().next() {
            None => (Type::Unit, None),
            // The task's own failure, as `Result` is in a Rust guest.
            Some(Wit::Result(result)) => (
                self.optional(result.ok(), 0)?,
                Some(self.optional(result.err(), 0)?),
            ),
            Some(ty) => (self.ty(&ty, 0)?, None),
        };
        Ok(Signature {
            args,
            output,
            error,
        })
    }

    fn optional(&mut self, ty: Option<Wit>, depth: usize) -> Result<Type, String> {
        ty.map_or(Ok(Type::Unit), |ty| self.ty(&ty, depth))
    }

    fn ty(&mut self, ty: &Wit, depth: usize) -> Result<Type, String> {
        if depth >= MAX_TYPE_DEPTH {
            return Err(format!("a type of more than {MAX_TYPE_DEPTH} levels"));
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| format!("types of more than {MAX_TYPES} parts"))?;
        let depth = depth + 1;
        Ok(match ty {
            Wit::Bool => Type::Bool,
            Wit::S8 => Type::I8,
            Wit::U8 => Type::U8,
            Wit::S16 => Type::I16,
            Wit::U16 => Type::U16,
            Wit::S32 => Type::I32,
            Wit::U32 => Type::U32,
            Wit::S64 => Type::I64,
            Wit::U64 => Type::U64,
            Wit::Float32 => Type::F32,
            Wit::Float64 => Type::F64,
            Wit::Char => Type::Char,
            Wit::String => Type::Str,
            Wit::List(list) => Type::Seq(Box::new(self.ty(&list.ty(), depth)?)),
            Wit::Option(option) => Type::Option(Box::new(self.ty(&option.ty(), depth)?)),
            Wit::Tuple(tuple) => {
                let items = tuple.types().map(|ty| self.ty(&ty, depth));
                Type::Tuple(items.collect::<Result<_, _>>()?)
            }
            Wit::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| Ok((snake(field.name), self.ty(&field.ty, depth)?)));
                let fields = fields.collect::<Result<_, String>>()?;
                Type::Struct(self.names.get(ty, "Record"), fields)
            }
            Wit::Variant(variant) => {
                let cases = variant
                    .cases()
                    .map(|case| Ok((camel(case.name), self.optional(case.ty, depth)?)));
                let cases = cases.collect::<Result<_, String>>()?;
                Type::Enum(self.names.get(ty, "Variant"), cases)
            }
            Wit::Enum(cases) => {
                let cases = cases.names().map(|name| (camel(name), Type::Unit));
                Type::Enum(self.names.get(ty, "Enum"), cases.collect())
            }
            Wit::Flags(flags) => {
                let flags = flags.names().map(|name| (snake(name), Type::Bool));
                Type::Struct(self.names.get(ty, "Flags"), flags.collect())
            }
            Wit::Result(result) => Type::Enum(
                "Result".to_owned(),
                vec![
                    ("Ok".to_owned(), self.optional(result.ok(), depth)?),
                    ("Err".to_owned(), self.optional(result.err(), depth)?),
                ],
            ),
            Wit::Own(own) | Wit::Borrow(own) => {
                let object = self.objects.iter().find(|(known, _, _)| known == own);
                match object {
                    None => return Err("a resource".to_owned()),
                    Some(_) if !self.takes_objects => return Err(OBJECT_BACK.to_owned()),
                    Some((_, _, object)) => object.clone(),
                }
            }
            Wit::Future(_) => return Err("a future".to_owned()),
            Wit::Stream(_) => return Err("a stream".to_owned()),
            Wit::ErrorContext => return Err("an error context".to_owned()),
            Wit::Map(_) => return Err("a map".to_owned()),
            Wit::FixedLengthList(_) => return Err("a list of fixed length".to_owned()),
        })
    }
}

/// A name of WIT as Rust names fields: `max-size` is `max_size`.
pub(crate) fn snake(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// A name of WIT as Rust names types and variants: `not-found` is `NotFound`.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split('-') {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_rust_writes_them() {
        for (wit, as_field, as_type) in [
            ("size", "size", "Size"),
            ("max-size", "max_size", "MaxSize"),
            ("get-URL2-x", "get_url2_x", "GetUrl2X"),
        ] {
            assert_eq!(
                (snake(wit).as_str(), camel(wit).as_str()),
                (as_field, as_type)
            );
        }
    }
}
