//! What components may import: WASI 0.2 and `wasmpool:pool`. The list is what is linked, and nothing beside it.

use std::collections::BTreeSet;

use wasmpool_abi::Type;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{Engine, StoreContextMut};

use super::{cli, clocks, filesystem, functions, io, objects, pool, sockets};
use crate::module::{nearest, refusal::Refusal};
use crate::wire::message::Callee;
use crate::worker::contract::{Called, Input, LogSource, Outbox, Stop};
use crate::worker::state::{HostTrap, Ports, State};

/// Names of interfaces and of what is in them.
pub(super) type Names = BTreeSet<(&'static str, &'static str)>;

/// Where a component imports what is in no interface.
const ROOT: &str = "$root";

/// One interface that is being linked.
pub(super) struct Interface<'a, P: Ports> {
    name: &'static str,
    linker: LinkerInstance<'a, State<P>>,
    names: &'a mut Names,
}

impl<'a, P: Ports> Interface<'a, P> {
    pub(super) fn new(
        linker: &'a mut Linker<State<P>>,
        names: &'a mut Names,
        name: &'static str,
    ) -> wasmtime::Result<Self> {
        let linker = linker.instance(name)?;
        Ok(Self {
            name,
            linker,
            names,
        })
    }

    /// Offers a function.
    pub(super) fn func<Params, Return>(
        &mut self,
        name: &'static str,
        function: impl Fn(&mut State<P>, Params) -> Result<Return, HostTrap> + Send + Sync + 'static,
    ) -> wasmtime::Result<&mut Self>
    where
        Params: ComponentNamedList + Lift + 'static,
        Return: ComponentNamedList + Lower + 'static,
    {
        self.names.insert((self.name, name));
        self.linker.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, State<P>>, params: Params| {
                Ok(function(store.data_mut(), params)?)
            },
        )?;
        Ok(self)
    }

    /// Offers a type of things.
    pub(super) fn resource<T: 'static>(
        &mut self,
        name: &'static str,
    ) -> wasmtime::Result<&mut Self> {
        self.names.insert((self.name, name));
        self.linker.resource(
            name,
            ResourceType::host::<T>(),
            |mut store: StoreContextMut<'_, State<P>>, number| {
                store.data_mut().things.remove(number);
                Ok(())
            },
        )?;
        Ok(self)
    }

    /// Offers a type of objects: what one stands for is given back with its handle, or else with the task.
    pub(super) fn object(&mut self, name: &'static str) -> wasmtime::Result<&mut Self> {
        self.names.insert((self.name, name));
        let ty = ResourceType::host_dynamic(objects::number_of(self.name, name)?);
        self.linker.resource(
            name,
            ty,
            |mut store: StoreContextMut<'_, State<P>>, number| {
                objects::give_up(store.data_mut(), number);
                Ok(())
            },
        )?;
        Ok(self)
    }
}

/// What a component imports by these names: of the pool's objects, those that it can be given.
pub(crate) fn objects_of(engine: &Engine, component: &Component) -> Vec<(ResourceType, u32, Type)> {
    let mut known = Vec::new();
    let ty = component.component_type();
    for (interface, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        for (name, item) in instance.exports(engine) {
            if let ComponentItem::Resource(ty) = item.ty
                && let Some((number, of_host)) = objects::kind(interface, name)
            {
                known.push((ty, number, of_host));
            }
        }
    }
    known
}

/// A handle for a thing that was just added.
pub(super) fn own<T: 'static, P: Ports>(
    state: &mut State<P>,
    thing: super::things::Thing,
) -> Result<Resource<T>, HostTrap> {
    Ok(Resource::new_own(state.things.add(thing)?))
}

/// Links everything for this component.
///
/// # Errors
/// Never for a fresh linker: a name would have to be taken.
pub(crate) fn add_to_linker<P: Ports>(
    linker: &mut Linker<State<P>>,
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<BTreeSet<(&'static str, &'static str)>> {
    let mut names = Names::new();
    cli::add(linker, &mut names)?;
    clocks::add(linker, &mut names)?;
    filesystem::add(linker, &mut names)?;
    io::add(linker, &mut names)?;
    objects::add(linker, &mut names, &interfaces(engine, component))?;
    pool::add(linker, &mut names)?;
    sockets::add(linker, engine, component)?;
    functions::add(linker, engine, component)?;
    Ok(names)
}

/// Refuses a component that imports what is not offered; otherwise what it imports: interface, name, kind.
///
/// # Errors
/// The first import that is unknown, or has another type.
pub(crate) fn check(
    engine: &Engine,
    component: &Component,
) -> Result<Vec<(String, String, String)>, Refusal> {
    let mut linker: Linker<State<(Nobody, Nobody, Nobody)>> = Linker::new(engine);
    let linked = |error: wasmtime::Error| Refusal::Compile {
        message: format!("its imports do not fit: {error:#}"),
    };
    let names = add_to_linker(&mut linker, engine, component).map_err(linked)?;
    let mut imports = Vec::new();
    let ty = component.component_type();
    for (interface, item) in ty.imports(engine) {
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                for (name, item) in instance.exports(engine) {
                    let kind = match item.ty {
                        ComponentItem::ComponentFunc(_) => "function",
                        ComponentItem::Resource(_) => "resource",
                        // Types alone ask for nothing.
                        ComponentItem::Type(_) => continue,
                        _ => return Err(unknown(&names, interface, name, "no function")),
                    };
                    // A resource may be another interface's, which that one answers for.
                    let is_programs = functions::is_programs(interface);
                    if kind == "resource" && is_programs {
                        return Err(unknown(&names, interface, name, "a resource"));
                    }
                    if kind == "function" && !is_programs && !sockets::is_denied(interface) {
                        find(&names, interface, name)?;
                    }
                    imports.push((interface.to_owned(), name.to_owned(), kind.to_owned()));
                }
            }
            // A resource here is another interface's, by a name of the component's own.
            ComponentItem::Type(_) | ComponentItem::Resource(_) => {}
            ComponentItem::ComponentFunc(_) => {
                imports.push((ROOT.to_owned(), interface.to_owned(), "function".to_owned()));
            }
            _ => return Err(unknown(&names, ROOT, interface, "no function")),
        }
    }
    linker.instantiate_pre(component).map_err(linked)?;
    Ok(imports)
}

/// The interfaces that a component imports.
fn interfaces(engine: &Engine, component: &Component) -> Vec<String> {
    let ty = component.component_type();
    let imports = ty.imports(engine);
    imports.map(|(name, _)| name.to_owned()).collect()
}

/// Whether two interfaces are versions of the same.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    without_version(one) == without_version(other)
}

/// The name of an interface without its version.
fn without_version(interface: &str) -> &str {
    interface
        .split_once('@')
        .map_or(interface, |(name, _)| name)
}

fn find(names: &Names, interface: &str, name: &str) -> Result<(), Refusal> {
    let plain = without_version(interface);
    let known = names
        .iter()
        .any(|(known, function)| without_version(known) == plain && *function == name);
    if known {
        return Ok(());
    }
    Err(unknown(names, interface, name, "a function"))
}

fn unknown(names: &Names, interface: &str, name: &str, found: &str) -> Refusal {
    let plain = without_version(interface);
    let beside = names
        .iter()
        .filter(|(known, _)| without_version(known) == plain)
        .map(|(_, function)| *function);
    let mut near = nearest::likely(name, beside.clone());
    if beside.count() == 0 {
        // The interface itself is unknown. Each is there as often as it has functions.
        let known: BTreeSet<_> = names
            .iter()
            .map(|(known, _)| *known)
            .chain(objects::interfaces())
            .map(without_version)
            .collect();
        near = nearest::likely(plain, known);
    }
    let near: Vec<_> = near.into_iter().map(str::to_owned).collect();
    Refusal::UnknownImport {
        module: interface.to_owned(),
        name: name.to_owned(),
        found: found.to_owned(),
        expected: None,
        nearest: near,
    }
}

/// Stands in the place of a worker where nothing is run.
#[derive(Clone)]
pub(super) struct Nobody;

impl Stop for Nobody {
    fn requested(&self) -> bool {
        true
    }
    fn sleep(&self, _until: Option<std::time::Instant>) {}
}

impl Input for Nobody {
    fn len(&self) -> usize {
        0
    }
    fn of(_bytes: &std::rc::Rc<[u8]>) -> Self {
        Self
    }
    fn read(&self, _offset: usize, _dst: &mut [u8]) {}
}

impl Outbox for Nobody {
    fn output(&mut self, _bytes: &[u8]) {}
    fn output_len(&self) -> u64 {
        0
    }
    fn discard(&mut self) {}
    fn emit(&mut self, _bytes: &[u8]) {}
    fn progress(&mut self, _done: i64, _total: i64) {}
    fn log(&mut self, _source: LogSource, _level: u8, _text: &[u8]) {}
    fn stderr(&mut self, _bytes: &[u8]) {}
    fn call(
        &mut self,
        _callee: Callee<'_>,
        _args: &[u8],
        _stopped: &dyn Fn() -> bool,
        _reply: &mut Vec<u8>,
    ) -> Called {
        Called::Stopped
    }
}
