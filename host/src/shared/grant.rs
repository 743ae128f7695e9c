//! What one task is given of an object, and how it is found among the task's arguments.

use std::{any::Any, cell::RefCell, sync::Arc};

use serde::{Serialize, Serializer, ser::Error as _};
use wasmpool_abi::{Arg, EncodeError, Sink};

use super::object::Object;
use crate::wire::message::Access;

/// Objects that one task may be given. A batch is closed at as many, so that the descriptors of one message stay under
/// what the kernel passes at once (253).
pub(crate) const MAX_TASK_OBJECTS: usize = 120;

/// One object and what a task may do with it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// The object.
    pub(crate) object: Arc<Object>,
    /// What of it.
    pub(crate) access: Access,
    /// Whether the task must have ended before the call returns: the caller only lends it.
    pub(crate) borrowed: bool,
    /// What has to live until the task has ended, beside the object itself.
    #[expect(dead_code, reason = "it is kept and not read")]
    pub(crate) keep: Option<Keep>,
}

impl Grant {
    /// All of an object, for as long as the task likes.
    pub(crate) fn whole(object: &Arc<Object>) -> Self {
        Self {
            object: Arc::clone(object),
            access: Access::Whole,
            borrowed: false,
            keep: None,
        }
    }

    /// A part of an object that is lent until the call returns.
    pub(crate) fn borrowed(object: &Arc<Object>, access: Access) -> Self {
        Self {
            access,
            borrowed: true,
            ..Self::whole(object)
        }
    }
}

/// Something that lives as long as the tasks that were given it.
pub(crate) type Keep = Arc<dyn Any + Send + Sync>;

/// What was collected while one task's arguments were encoded.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// The grants, in the order of their indices.
    pub(crate) grants: Vec<Grant>,
    /// Whether one of them is borrowed: then the task must have ended before the call returns.
    pub(crate) borrowed: bool,
    /// Why an object could not be granted, in better words than an encoder has.
    pub(crate) refused: Option<&'static str>,
}

thread_local! {
    /// A stack, since encoding one task's arguments may run code that calls another.
    static COLLECTORS: RefCell<Vec<Collected>> = const { RefCell::new(Vec::new()) };
}

/// Runs `encode` and returns what it granted.
pub(crate) fn collect<R>(encode: impl FnOnce() -> R) -> (R, Collected) {
    /// Takes the collector off the stack, after a panic too.
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            COLLECTORS.with_borrow_mut(|stack| stack.pop());
        }
    }
    COLLECTORS.with_borrow_mut(|stack| stack.push(Collected::default()));
    let pop = Pop;
    let result = encode();
    let collected = COLLECTORS.with_borrow_mut(|stack| stack.last_mut().map(std::mem::take));
    drop(pop);
    (result, collected.unwrap_or_default())
}

/// Grants an object to the task whose arguments are being encoded, and returns its index among them. What is met twice
/// is granted once.
///
/// # Errors
/// No arguments are being encoded, or they hold too many objects.
fn grant(grant: Grant) -> Result<u32, &'static str> {
    COLLECTORS.with_borrow_mut(|stack| {
        let collected = stack
            .last_mut()
            .ok_or("an object can only be serialized as an argument of a task")?;
        collected.borrowed |= grant.borrowed;
        let known = collected.grants.iter().position(|known| {
            Arc::ptr_eq(&known.object, &grant.object) && known.access == grant.access
        });
        let index = match known {
            Some(index) => index,
            None if collected.grants.len() == MAX_TASK_OBJECTS => {
                let refused = "one task can be given 120 objects at most";
                collected.refused = Some(refused);
                return Err(refused);
            }
            None => {
                collected.grants.push(grant);
                collected.grants.len() - 1
            }
        };
        Ok(u32::try_from(index).unwrap_or(u32::MAX))
    })
}

/// The `Serialize` of everything that stands for an object.
///
/// # Errors
/// Outside of a task's arguments, and for forms that people read: a handle means nothing there.
pub(crate) fn serialize<S: Serializer>(serializer: S, granted: Grant) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        let refused = "an object cannot be written as text: it goes to tasks of the postcard codec";
        COLLECTORS.with_borrow_mut(|stack| {
            if let Some(collected) = stack.last_mut() {
                collected.refused = Some(refused);
            }
        });
        return Err(S::Error::custom(refused));
    }
    grant(granted)
        .map_err(S::Error::custom)?
        .serialize(serializer)
}

/// The `Arg::encode` of everything that stands for an object.
///
/// # Errors
/// Outside of a task's arguments.
pub(crate) fn encode<S: Sink + ?Sized>(out: &mut S, granted: Grant) -> Result<(), EncodeError> {
    let index = grant(granted).map_err(|_| EncodeError::Object)?;
    Arg::<u32>::encode(&index, out)
}

#[cfg(test)]
mod tests {
    use wasmpool_abi::ObjectKind;

    use super::*;
    use crate::wire::message::Shape;

    #[test]
    fn an_object_met_twice_is_granted_once_and_nowhere_else() {
        let object = Object::in_memory(ObjectKind::Event, Shape::Plain, 0).unwrap();
        let mut bytes = Vec::new();
        let (result, collected) = collect(|| {
            encode(&mut bytes, Grant::whole(&object))?;
            // Encoding an argument may run code that calls another task.
            let ((), inner) = collect(|| {
                encode(&mut Vec::new(), Grant::borrowed(&object, Access::End(0))).unwrap();
            });
            assert!(inner.borrowed && inner.grants.len() == 1);
            encode(&mut bytes, Grant::whole(&object))
        });
        result.unwrap();
        assert_eq!((bytes.as_slice(), collected.grants.len()), (&[0, 0][..], 1));
        assert!(!collected.borrowed);
        assert!(encode(&mut Vec::new(), Grant::whole(&object)).is_err());
    }
}
