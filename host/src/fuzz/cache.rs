//! A cache whose files somebody else has written: entries, and the secret beside them.
//!
//! An entry that differs from what was put in by any bit is not there; one that is the same is what was put in.

use std::{
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use super::script::Script;
use crate::module::{
    accept::accept,
    cache::Cache,
    cache_dir::KEY_FILE,
    cache_key::{EngineHash, Key},
    describe,
    engine::{EngineOptions, engine},
    info::ModuleInfo,
    sealed::SealedCode,
};

/// Reads an entry or a secret.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let place = Place::new();
    let good = good();
    match script.below(4) {
        // Whole, from outside.
        0 => place.entry(&good.key, script.rest()),
        // A secret that the entries were not made with, or none.
        1 => {
            place.write(KEY_FILE, script.rest());
            place.entry(&good.key, &good.bytes);
        }
        // What was put in, with some bits changed.
        way => {
            let mut entry = good.bytes.clone();
            if way == 3 {
                entry.truncate(usize::try_from(script.u32()).unwrap_or(0) % (entry.len() + 1));
            }
            while !script.is_over() {
                let at = usize::from(script.u8()) | usize::from(script.u8()) << 8;
                match entry.get_mut(at) {
                    Some(byte) => *byte ^= script.u8(),
                    None => entry.extend_from_slice(script.piece()),
                }
            }
            place.entry(&good.key, &entry);
        }
    }
    let Ok(cache) = Cache::open(&place.0) else {
        return;
    };
    let entry = place.read(&good.key.file_name());
    let same = place.read(KEY_FILE) == SECRET && entry == good.bytes;
    match cache.get(&good.key) {
        Some(entry) => {
            assert!(same, "an entry that nobody put in");
            assert_eq!(entry.info, good.info);
            assert_eq!(contents(&entry.code), CODE);
            describe::describe(entry.info).expect("it is a description");
        }
        None => assert!(!same, "what was put in is not there"),
    }
    // It is replaced, whatever it was.
    let code = SealedCode::from_bytes(CODE).expect("there is memory");
    cache.put(&good.key, &good.info, &code);
    let entry = cache.get(&good.key).expect("it was put in");
    assert_eq!(entry.info, good.info);
}

const SECRET: &[u8] = &[7; 32];
const CODE: &[u8] = b"machine code";

/// What an honest host has put in.
struct Good {
    key: Key,
    info: ModuleInfo,
    bytes: Vec<u8>,
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let options = EngineOptions::default();
        let hash = EngineHash::of(&engine(options).expect("there is an engine"));
        let source = b"(module (memory 1) (func (export \"f\") (param i32)))";
        let info = accept(source, 1 << 20, &[]).expect("it is accepted").info;
        let key = Key::new(hash, options, &[], source);
        let place = Place::new();
        let cache = Cache::open(&place.0).expect("the directory is private");
        let code = SealedCode::from_bytes(CODE).expect("there is memory");
        cache.put(&key, &info, &code);
        let bytes = place.read(&key.file_name());
        Good { key, info, bytes }
    })
}

/// The bytes of the entry that the runs begin with.
#[cfg(test)]
pub(super) fn good_entry() -> Vec<u8> {
    good().bytes.clone()
}

fn contents(code: &SealedCode) -> Vec<u8> {
    let mut all = Vec::new();
    code.read(|piece| {
        all.extend_from_slice(piece);
        Ok(())
    })
    .expect("it can be read");
    all
}

/// A directory with a known secret, for one run.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "wasmpool-fuzz-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .expect("there is room for files");
        let place = Self(path);
        place.write(KEY_FILE, SECRET);
        place
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        use std::io::Write;
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.0.join(name));
        file.and_then(|mut file| file.write_all(bytes))
            .expect("there is room for files");
    }

    fn entry(&self, key: &Key, bytes: &[u8]) {
        self.write(&key.file_name(), bytes);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
