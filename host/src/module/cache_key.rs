//! What a cached module is found by: everything that its machine code depends on.

use std::hash::{Hash, Hasher};

use wasmtime::Engine;

use super::{engine::EngineOptions, imports::HostImport, pieces};

/// Raised when the layout of an entry or of `ModuleInfo` changes.
const FORMAT: u32 = 4;

/// What of an engine its machine code depends on: wasmtime's version and settings, and this CPU's features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EngineHash([u8; 32]);

impl EngineHash {
    /// That of `engine`.
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut hasher = Blake(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(*hasher.0.finalize().as_bytes())
    }
}

/// Feeds what `Hash` gives to blake3: the standard hasher promises nothing from one release to the next.
struct Blake(blake3::Hasher);

impl Hasher for Blake {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The name of one compiled module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(blake3::Hash);

impl Key {
    /// The key for `source`, text or binary, compiled by an engine with these options, with these imports declared.
    ///
    /// The source's limit of size belongs to the load and not to the code: it is checked before the cache is asked.
    pub(crate) fn new(
        engine: EngineHash,
        options: EngineOptions,
        declared: &[HostImport],
        source: &[u8],
    ) -> Self {
        let EngineOptions { fuel, stack } = options;
        let mut hasher = blake3::Hasher::new_derive_key("wasmpool compiled module");
        // Every part is of fixed length or preceded by its length, so that no two sets of parts give the same bytes.
        hasher.update(&FORMAT.to_le_bytes());
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        hasher.update(&(version.len() as u64).to_le_bytes());
        hasher.update(version);
        hasher.update(&engine.0);
        hasher.update(&[u8::from(fuel)]);
        hasher.update(&stack.to_le_bytes());
        let declared = postcard::to_allocvec(declared).expect("names and types can be encoded");
        hasher.update(&(declared.len() as u64).to_le_bytes());
        hasher.update(&declared);
        hasher.update(&(source.len() as u64).to_le_bytes());
        let fresh = blake3::Hasher::new_derive_key("wasmpool piece of a source");
        pieces::update(&mut hasher, &fresh, source);
        Self(hasher.finalize())
    }

    /// The key for the same module, instrumented so that a snapshot can be taken of its instances.
    pub(crate) fn instrumented(&self) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("wasmpool instrumented module");
        hasher.update(self.as_bytes());
        Self(hasher.finalize())
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The name of its file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}{}", self.0.to_hex(), SUFFIX)
    }
}

/// What the names of entries end with.
pub(crate) const SUFFIX: &str = ".module";

#[cfg(test)]
mod tests {
    use super::super::engine::engine;
    use super::*;

    #[test]
    fn engines_of_one_kind_agree_and_options_tell_apart() {
        let of = |fuel| {
            let options = EngineOptions {
                fuel,
                ..EngineOptions::default()
            };
            EngineHash::of(&engine(options).unwrap())
        };
        let (plain, fuel) = (of(false), of(true));
        assert_eq!(plain, of(false));
        assert_ne!(plain, fuel);
        let key = |hash, fuel, source: &[u8]| {
            let options = EngineOptions {
                fuel,
                ..EngineOptions::default()
            };
            Key::new(hash, options, &[], source)
        };
        let first = key(plain, false, b"source");
        assert_eq!(first, key(plain, false, b"source"));
        assert_ne!(first, key(plain, false, b"sourcf"));
        assert_ne!(first, key(plain, true, b"source"));
        let declared = [HostImport {
            module: "env".into(),
            name: "f".into(),
            params: Vec::new(),
            results: Vec::new(),
        }];
        let options = EngineOptions::default();
        let deeper = EngineOptions {
            stack: 2 << 20,
            ..options
        };
        assert_ne!(first, Key::new(plain, deeper, &[], b"source"));
        assert_ne!(first, Key::new(plain, options, &declared, b"source"));
        assert_ne!(first, key(fuel, false, b"source"));
    }
}
