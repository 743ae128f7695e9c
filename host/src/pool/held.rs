//! What the modules of a pool hold in common: one that is loaded again, for another tenant say, is in memory once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::module::{cache_key::Key, info::ModuleInfo, sealed::SealedCode};

/// Everything that some module of the pool still has, by what it was made of. It keeps nothing alive.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<HashMap<[u8; 32], Entry>>);

#[derive(Debug)]
struct Entry {
    info: ModuleInfo,
    /// Sealed: whoever shares it, nobody can change it.
    code: Weak<SealedCode>,
    source: Weak<Vec<u8>>,
}

impl Held {
    /// The description and the code of a module that is there already.
    pub(crate) fn get(&self, key: &Key) -> Option<(ModuleInfo, Arc<SealedCode>)> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key.as_bytes())?;
        Some((entry.info.clone(), entry.code.upgrade()?))
    }

    /// Has a module from now on. Of two that were made at the same time the first one counts, for both.
    pub(crate) fn put(&self, key: &Key, info: &ModuleInfo, code: SealedCode) -> Arc<SealedCode> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.code.strong_count() > 0);
        if let Some(code) = entries.get(key.as_bytes()).and_then(|it| it.code.upgrade()) {
            return code;
        }
        let code = Arc::new(code);
        let entry = Entry {
            info: info.clone(),
            code: Arc::downgrade(&code),
            source: Weak::new(),
        };
        entries.insert(*key.as_bytes(), entry);
        code
    }

    /// The source that this code was made of, when a module has it still; else this one, which is the same.
    pub(crate) fn source_of(&self, code: &Arc<SealedCode>, source: Arc<Vec<u8>>) -> Arc<Vec<u8>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made_to = |entry: &&mut Entry| std::ptr::eq(entry.code.as_ptr(), Arc::as_ptr(code));
        match entries.values_mut().find(made_to) {
            Some(entry) => entry.source.upgrade().unwrap_or_else(|| {
                entry.source = Arc::downgrade(&source);
                source
            }),
            // It was not held: without a cache there is no key.
            None => source,
        }
    }
}
