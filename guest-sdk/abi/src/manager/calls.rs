//! What the typed methods are made of: values to bytes, replies to values, pages to items.

use alloc::vec::{self, Vec};

use crate::{Arg, ManagerError, Receive, from_slice, to_vec};

/// A number that can be added to where it lies.
pub trait Number: Receive + Arg<Self> + Copy {}

macro_rules! numbers {
    ($($ty:ty)+) => { $(impl Number for $ty {})+ };
}

numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

/// The encoding of `value` as a `T`.
///
/// # Errors
/// A hand-written `Serialize` refuses.
pub fn bytes_of<T: ?Sized, A: Arg<T> + ?Sized>(value: &A) -> Result<Vec<u8>, ManagerError> {
    Ok(to_vec::<T, A>(value)?)
}

/// The `T` of a reply.
///
/// # Errors
/// A hand-written `Deserialize` refuses.
pub fn value_of<T: Receive>(reply: &[u8]) -> Result<T, ManagerError> {
    Ok(from_slice(reply)?)
}

/// A part of what an object holds.
#[derive(Debug)]
pub struct Page<T> {
    /// Where the next one begins.
    pub cursor: u64,
    /// Whether there is a next one.
    pub more: bool,
    /// The items.
    pub items: Vec<T>,
}

/// Items page after page, each fetched when the one before is used up. After an error there are no more.
pub fn pages<T, F>(fetch: F) -> impl Iterator<Item = Result<T, ManagerError>>
where
    F: FnMut(u64) -> Result<Page<T>, ManagerError>,
{
    Pages {
        fetch,
        cursor: Some(0),
        items: Vec::new().into_iter(),
    }
}

struct Pages<T, F> {
    fetch: F,
    cursor: Option<u64>,
    items: vec::IntoIter<T>,
}

impl<T, F> Iterator for Pages<T, F>
where
    F: FnMut(u64) -> Result<Page<T>, ManagerError>,
{
    type Item = Result<T, ManagerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            match (self.fetch)(self.cursor.take()?) {
                Ok(page) => {
                    self.cursor = page.more.then_some(page.cursor);
                    self.items = page.items.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::Code;

    #[test]
    fn pages_follow_one_another_until_the_last() {
        let fetch = |cursor| {
            Ok(Page {
                cursor: cursor + 2,
                more: cursor < 4,
                items: vec![cursor, cursor + 1],
            })
        };
        let all: Vec<u64> = pages(fetch).map(Result::unwrap).collect();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_empty_page_in_the_middle_is_no_end_and_an_error_is_one() {
        let fetch = |cursor| match cursor {
            0 => Ok(Page {
                cursor: 1,
                more: true,
                items: vec![],
            }),
            1 => Ok(Page {
                cursor: 2,
                more: true,
                items: vec![7],
            }),
            _ => Err(ManagerError::from(Code::Stale)),
        };
        let all: Vec<_> = pages(fetch).collect();
        assert_eq!(all, [Ok(7), Err(ManagerError::Object(Code::Stale))]);
    }
}
