//! A page: some items of an object, so that a reply has a bounded size and the object is not locked for long.

/// Bytes from which on a page is full. One item is in it, however long.
const PAGE: usize = 64 << 10;

/// Items for a reply, one after the other: the encoding of a sequence without its length.
#[derive(Debug, Default)]
pub(super) struct Page {
    count: u64,
    items: Vec<u8>,
}

impl Page {
    /// Appends an item in several parts; `false` when it is not in it, since the page is full.
    pub(super) fn push(&mut self, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        // Items without a byte of their own are counted as if they had one.
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        if self.count > 0 && self.items.len() + len + count > PAGE {
            return false;
        }
        for part in parts {
            self.items.extend_from_slice(part);
        }
        self.count += 1;
        true
    }

    /// The reply, behind what stands at its head.
    pub(super) fn reply<H: serde::Serialize>(self, head: &H) -> Vec<u8> {
        let mut reply = super::args::reply(&(head, self.count));
        reply.extend_from_slice(&self.items);
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_encoding_of_a_vector() {
        let mut page = Page::default();
        assert!(page.push(&[&[1], b"\x02ab"]) && page.push(&[&[2], b"\x00"]));
        let (head, items): (u64, Vec<(u8, String)>) =
            wasmpool_abi::from_slice(&page.reply(&300_u64)).unwrap();
        assert_eq!(head, 300);
        assert_eq!(items, [(1, "ab".to_owned()), (2, String::new())]);
    }

    #[test]
    fn a_full_page_takes_no_more_and_an_empty_one_takes_anything() {
        let mut page = Page::default();
        assert!(page.push(&[&[0; 3 * PAGE]]));
        assert!(!page.push(&[&[0]]));
        let mut page = Page::default();
        let empty = (0..).take_while(|_| page.push(&[])).count();
        assert!(empty < 2 * PAGE, "{empty}");
    }
}
