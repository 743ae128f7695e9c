//! `path_and_digest FILE…`: hashes files in a pool; each answer is a path with its digest.
//!
//! A task has no files: the host reads each one when its turn comes, and the guest gets its bytes.

use std::fs;

use anyhow::{Context, Result};
use wasmpool::Pool;
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let digest = pool
        .load(guests::md5())?
        .task::<(String, Vec<u8>), (String, String)>("path_and_digest")?;
    let mut unread = None;
    let files = std::env::args().skip(1).map_while(|path| {
        match fs::read(&path).with_context(|| format!("failed to read {path}")) {
            Ok(data) => Some((path, data)),
            Err(error) => {
                unread = Some(error);
                None
            }
        }
    });
    for answer in pool.imap(&digest, files) {
        let (path, md5) = answer?;
        println!("{md5}  {path}");
    }
    unread.map_or(Ok(()), Err)
}
