//! `wasi:sockets`: never. Runtimes import it whether their programs use it or not, so that every function is there and says that
//! access is denied.

use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, Resource, ResourceType, Type, Val};
use wasmtime::{AsContextMut, Engine};

use crate::worker::state::{HostTrap, Ports, State};

/// What all of its interfaces begin with.
const SOCKETS: &str = "wasi:sockets/";
/// The error that says so.
const DENIED: &str = "access-denied";
/// The resources that it has itself; others are those of `wasi:io`.
const RESOURCES: &[&str] = &[
    "network",
    "tcp-socket",
    "udp-socket",
    "incoming-datagram-stream",
    "outgoing-datagram-stream",
    "resolve-address-stream",
];

/// A socket's handle, or a network's: they stand for nothing.
struct Denied;

/// Whether all of this interface is denied.
pub(super) fn is_denied(interface: &str) -> bool {
    interface.starts_with(SOCKETS)
}

/// Links whatever of it the component imports.
pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<()> {
    let ty = component.component_type();
    for (interface, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        if !is_denied(interface) {
            continue;
        }
        let mut linked = linker.instance(interface)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) if RESOURCES.contains(&name) => {
                    let ty = ResourceType::host::<Denied>();
                    linked.resource(name, ty, |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) => linked.func_new(name, deny::<P>)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Answers by the function's type: an error that says so, or a handle that stands for nothing.
fn deny<P: Ports>(
    mut store: StoreContextMut<'_, State<P>>,
    ty: ComponentFunc,
    _params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let (Some(ty), [result]) = (ty.results().next(), results) else {
        return Err(refused().into());
    };
    *result = match ty {
        Type::Result(result) => match result.err() {
            Some(Type::Enum(cases)) if cases.names().any(|name| name == DENIED) => {
                Val::Result(Err(Some(Box::new(Val::Enum(DENIED.to_owned())))))
            }
            _ => return Err(refused().into()),
        },
        Type::Own(own) if own == ResourceType::host::<Denied>() => {
            let handle = Resource::<Denied>::new_own(0);
            Val::Resource(handle.try_into_resource_any(store.as_context_mut())?)
        }
        _ => return Err(refused().into()),
    };
    Ok(())
}

fn refused() -> HostTrap {
    HostTrap::Refused {
        function: "wasi:sockets",
        why: "there is no network",
    }
}
