//! A manager's objects: the methods are those of modules and of the host; here is how they ask.

use std::cell::RefCell;

use wasmpool_abi::{Arg, Code, ManagerError, ManagerOp, Receive};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::answer::{Answer, Error, Handle, number};
use crate::worker::host_calls;
use crate::worker::state::{Ports, State};

/// One operation on an object: its arguments, and its reply.
pub(super) type Ask<'a> = &'a dyn Fn(ManagerOp, &[u8]) -> Result<Vec<u8>, ManagerError>;

/// What is in such objects: a type that WIT and the host both have.
pub(super) trait Item: Receive + Arg<Self> + ComponentType + Lift + Lower + 'static {}

impl<T: Receive + Arg<T> + ComponentType + Lift + Lower + 'static> Item for T {}

/// Does something with an object by asking the host.
pub(super) fn with<P: Ports, T>(
    state: &mut State<P>,
    it: &Handle,
    act: impl FnOnce(Ask<'_>) -> Result<T, ManagerError>,
) -> Answer<T> {
    // The task may be told to stop while it waits for a reply: that ends it, whatever the method makes of it.
    let (state, stopped) = (RefCell::new(state), RefCell::new(None));
    let ask = |op: ManagerOp, args: &[u8]| {
        let state = &mut **state.borrow_mut();
        let asked = host_calls::ask(state, number(it), op as i32, args);
        match asked.map(Code::from_i32) {
            Ok(None) => Ok(std::mem::take(&mut state.objects.message)),
            Ok(Some(code)) => Err(code.into()),
            Err(trap) => {
                stopped.replace(Some(trap));
                Err(Code::Failed.into())
            }
        }
    };
    let done = act(&ask);
    match stopped.into_inner() {
        Some(trap) => Err(trap),
        None => Ok((done.map_err(Error::from),)),
    }
}

impl From<ManagerError> for Error {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::NotFound => Self::NotFound,
            ManagerError::WrongType | ManagerError::Decode(_) => Self::WrongType,
            ManagerError::TooLarge => Self::TooLarge,
            ManagerError::Object(code) => code.into(),
            _ => Self::Other,
        }
    }
}
