//! How much more memory values may take in this process than wasmtime counts as they cross.
//!
//! It counts a flag by the length of its name. In a list, with short names, that is a small part of the strings that stand for them.
//! So less may cross where there are flags. What else there is takes twice of what is counted at most, and has the room.

use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use super::sockets;

/// What the names of interfaces begin with whose types this program knows.
const WASI: &str = "wasi:";

/// Types looked at for one function, with those of the imports. With more of them, it is taken for the worst.
const MOST_TYPES: usize = 20_000;
/// The worst: a list of the most flags that there may be, each with a name as short as can be.
const WORST: usize = 40;
/// Bytes of a name's string, and of what the allocator gives it.
const NAME: usize = 24 + 32;
/// Bytes that are counted for any value in a list.
const VALUE: usize = super::values::VALUE;

/// What the functions come to that the component asks for, but for those whose values are of types of this program. It is the same
/// for each function that the component has.
pub(in crate::worker) struct Imports {
    worst: usize,
    /// Types that may still be looked at.
    left: usize,
}

impl Imports {
    /// Those of this component.
    pub(in crate::worker) fn of(component: &Component) -> Self {
        let (engine, ty) = (component.engine(), component.component_type());
        let mut left = MOST_TYPES;
        let mut worst = 1;
        for (name, item) in ty.imports(engine) {
            if name.starts_with(WASI) && !sockets::is_denied(name) {
                continue;
            }
            match item.ty {
                ComponentItem::ComponentFunc(function) => {
                    worst = worst.max(of_function(&function, &mut left));
                }
                ComponentItem::ComponentInstance(instance) => {
                    for (_, item) in instance.exports(engine) {
                        if let ComponentItem::ComponentFunc(function) = item.ty {
                            worst = worst.max(of_function(&function, &mut left));
                        }
                    }
                }
                _ => {}
            }
        }
        Self { worst, left }
    }

    /// So many times what is counted may cross in a call of this function: in its own values, and in those of what it calls.
    pub(super) fn understated(&self, function: &ComponentFunc) -> usize {
        let mut left = self.left;
        self.worst.max(of_function(function, &mut left))
    }
}

fn of_function(function: &ComponentFunc, left: &mut usize) -> usize {
    let params = function.params().map(|(_, ty)| ty);
    params
        .chain(function.results())
        .map(|ty| of(&ty, left))
        .max()
        .unwrap_or(1)
}

fn of(ty: &Type, left: &mut usize) -> usize {
    if *left == 0 {
        return WORST;
    }
    *left -= 1;
    let worst = |types: &mut dyn Iterator<Item = Type>, left: &mut usize| {
        types.map(|ty| of(&ty, left)).max().unwrap_or(1)
    };
    match ty {
        Type::Flags(flags) => {
            let (names, bytes) = flags.names().fold((0, 0), |(names, bytes), name| {
                (names + 1, bytes + name.len())
            });
            // A vector that grows has up to twice the room that it needs.
            (VALUE + names * (NAME + 24)).div_ceil(VALUE + bytes)
        }
        Type::Record(record) => worst(&mut record.fields().map(|field| field.ty), left),
        Type::List(list) => of(&list.ty(), left),
        Type::Tuple(tuple) => worst(&mut tuple.types(), left),
        Type::Variant(variant) => worst(&mut variant.cases().filter_map(|case| case.ty), left),
        Type::Option(option) => of(&option.ty(), left),
        Type::Result(result) => worst(&mut result.ok().into_iter().chain(result.err()), left),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_import(ty: &str) -> usize {
        let mut config = wasmtime::Config::new();
        config.wasm_component_model(true);
        let engine = wasmtime::Engine::new(&config).unwrap();
        let text = format!(
            r#"(component (import "types" (instance $types
                {ty}
                (export "it" (type $it (eq $t)))
                (export "f" (func (param "many" (list $it))))))
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func (export "g") (canon lift (core func $i "f"))))"#
        );
        let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let (item, _) = component.get_export(None, "g").unwrap();
        let ComponentItem::ComponentFunc(function) = item else {
            panic!("{item:?}");
        };
        Imports::of(&component).understated(&function)
    }

    #[test]
    fn flags_with_short_names_weigh_most_and_numbers_nothing_more() {
        let names = |len: usize| {
            let name = |n: u8| {
                format!(
                    "\"{}{}\"",
                    char::from(b'a' + n % 26),
                    "x".repeat(len - 1 + usize::from(n / 26))
                )
            };
            (0..32).map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of_import("(type $t (tuple u8 string))"), 1);
        assert_eq!(of_import("(type $t (record (field \"a\" u8)))"), 1);
        assert!(of_import(&format!("(type $t (flags {}))", names(1))) > 30);
        assert!(of_import(&format!("(type $t (flags {}))", names(40))) <= 3);
        // Any number of types in few bytes.
        let mut deep = "(type $t0 (tuple u8 u8))".to_owned();
        for n in 1..16 {
            deep += &format!("(type $t{n} (tuple $t{} $t{}))", n - 1, n - 1);
        }
        assert_eq!(of_import(&(deep + "(type $t (tuple $t15))")), WORST);
    }
}
