//! What the cache does with damage, strangers' entries, full disks and many writers.

use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;

use super::super::cache_key::EngineHash;
use super::super::engine::{EngineOptions, engine};
use super::super::info::{ModuleKind, TaskExport, TaskShape};
use super::*;

fn key(source: &[u8]) -> Key {
    let options = EngineOptions::default();
    static HASH: std::sync::OnceLock<EngineHash> = std::sync::OnceLock::new();
    let hash = HASH.get_or_init(|| EngineHash::of(&engine(options).unwrap()));
    Key::new(*hash, options, &[], source)
}

fn info(wasm_size: u64) -> ModuleInfo {
    ModuleInfo {
        kind: ModuleKind::Raw,
        task_section: Vec::new(),
        tasks: vec![TaskExport {
            name: "md5".into(),
            export: "md5".into(),
            shape: TaskShape::Abi,
        }],
        imports: Vec::new(),
        functions: Vec::new(),
        memories: vec![(65536, None)],
        tables: Vec::new(),
        data_end: 1024,
        initialize: false,
        wasm_size,
    }
}

fn code(seed: u8, len: usize) -> SealedCode {
    let bytes: Vec<u8> = (0..len).map(|i| seed ^ i.to_le_bytes()[0]).collect();
    SealedCode::from_bytes(&bytes).unwrap()
}

fn bytes(code: &SealedCode) -> Vec<u8> {
    let mut all = Vec::new();
    code.read(|piece| {
        all.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    all
}

fn cache() -> (tempfile::TempDir, Cache) {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    (dir, cache)
}

#[test]
fn what_was_put_is_got_sealed() {
    let (dir, cache) = cache();
    let key = key(b"a");
    assert!(cache.get(&key).is_none());
    cache.put(&key, &info(7), &code(1, 300_000));
    let entry = cache.get(&key).unwrap();
    assert_eq!(entry.info, info(7));
    assert_eq!(bytes(&entry.code), bytes(&code(1, 300_000)));
    SealedCode::from_untrusted(entry.code.as_fd().try_clone_to_owned().unwrap()).unwrap();
    assert!(cache.get(&self::key(b"b")).is_none());
    // Another run finds it too, and a new one replaces it.
    let again = Cache::open(dir.path()).unwrap();
    assert_eq!(again.get(&key).unwrap().info, info(7));
    again.put(&key, &info(8), &code(2, 10));
    assert_eq!(cache.get(&key).unwrap().info, info(8));
    let usage = cache.usage().unwrap();
    assert_eq!(usage.entries, 1);
    let file = dir.path().join(key.file_name());
    let meta = std::fs::metadata(&file).unwrap();
    assert_eq!(usage.bytes, meta.len());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
}

#[test]
fn one_wrong_bit_anywhere_counts_as_absent_and_is_replaced() {
    let (dir, cache) = cache();
    let key = key(b"a");
    cache.put(&key, &info(7), &code(1, 600));
    let file = dir.path().join(key.file_name());
    let good = std::fs::read(&file).unwrap();
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1 << (position % 8);
        std::fs::write(&file, &bad).unwrap();
        assert!(cache.get(&key).is_none(), "bit in byte {position}");
    }
    cache.put(&key, &info(7), &code(1, 600));
    assert_eq!(cache.get(&key).unwrap().info, info(7));
}

#[test]
fn cut_or_lengthened_anywhere_counts_as_absent() {
    let (dir, cache) = cache();
    let key = key(b"a");
    cache.put(&key, &info(7), &code(1, 500));
    let file = dir.path().join(key.file_name());
    let good = std::fs::read(&file).unwrap();
    for len in 0..good.len() {
        std::fs::write(&file, &good[..len]).unwrap();
        assert!(cache.get(&key).is_none(), "{len} bytes");
    }
    std::fs::write(&file, [good.as_slice(), b"x"].concat()).unwrap();
    assert!(cache.get(&key).is_none());
    std::fs::write(&file, &good).unwrap();
    assert!(cache.get(&key).is_some());
}

#[test]
fn entry_under_another_name_or_secret_counts_as_absent() {
    let (dir, cache) = cache();
    let (a, b) = (key(b"a"), key(b"b"));
    cache.put(&a, &info(7), &code(1, 500));
    std::fs::copy(
        dir.path().join(a.file_name()),
        dir.path().join(b.file_name()),
    )
    .unwrap();
    assert!(cache.get(&b).is_none());
    let (elsewhere, other) = self::cache();
    std::fs::copy(
        dir.path().join(a.file_name()),
        elsewhere.path().join(a.file_name()),
    )
    .unwrap();
    assert!(other.get(&a).is_none());
    assert!(cache.get(&a).is_some());
}

#[test]
fn not_a_plain_file_or_writable_by_others_counts_as_absent() {
    let (dir, cache) = cache();
    let key = key(b"a");
    cache.put(&key, &info(7), &code(1, 500));
    let file = dir.path().join(key.file_name());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    assert!(cache.get(&key).is_none());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(cache.get(&key).is_some());
    let moved = dir.path().join("moved");
    std::fs::rename(&file, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &file).unwrap();
    assert!(cache.get(&key).is_none());
    std::fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &file,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(cache.get(&key).is_none());
}

/// A directory where nothing can be written: permissions do not stop root, but a directory that is gone stops everybody.
#[test]
fn what_cannot_be_written_is_not_kept_and_nothing_fails() {
    let (dir, cache) = cache();
    let key = key(b"a");
    cache.put(&key, &info(7), &code(1, 500));
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o500)).unwrap();
    assert!(cache.get(&key).is_some());
    let again = Cache::open(dir.path()).unwrap();
    assert!(again.get(&key).is_some());
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
    dir.close().unwrap();
    cache.put(&key, &info(7), &code(1, 500));
    cache.put(&key, &info(7), &code(1, 500));
    assert!(cache.warned.load(Ordering::Relaxed));
    assert!(cache.get(&key).is_none());
}

#[test]
fn oldest_are_let_go_over_the_bound() {
    let (_dir, mut cache) = cache();
    let keys: Vec<Key> = (0..5_u8).map(|i| key(&[i])).collect();
    let put = |cache: &Cache, i: usize| {
        cache.put(&keys[i], &info(7), &code(1, 10_000));
        let file = File::open(cache.path().join(keys[i].file_name())).unwrap();
        let used = UNIX_EPOCH + Duration::from_secs(1_000 + i as u64);
        file.set_modified(used).unwrap();
    };
    (0..3).for_each(|i| put(&cache, i));
    cache.max_size = 35_000;
    // The first is used, so that the second is the oldest.
    assert!(cache.get(&keys[0]).is_some());
    put(&cache, 3);
    let there = |i: usize| cache.get(&keys[i]).is_some();
    assert!(!there(1));
    assert!(there(0) && there(2) && there(3));
    assert!(cache.usage().unwrap().bytes <= cache.max_size);
}

#[test]
fn abandoned_unfinished_files_are_swept() {
    let (dir, cache) = cache();
    let path = |name: &str| dir.path().join(format!("{TEMPORARY}{name}"));
    std::fs::write(path("new"), b"x").unwrap();
    std::fs::write(path("old"), b"x").unwrap();
    let old = SystemTime::now() - ABANDONED - Duration::from_secs(1);
    File::open(path("old")).unwrap().set_modified(old).unwrap();
    cache.put(&key(b"a"), &info(7), &code(1, 500));
    assert!(path("new").exists());
    assert!(!path("old").exists());
    assert_eq!(cache.usage().unwrap().entries, 1);
}

#[test]
fn writers_at_once_leave_one_whole_entry() {
    let (dir, cache) = cache();
    let key = key(b"a");
    cache.put(&key, &info(0), &code(0, 50_000));
    std::thread::scope(|scope| {
        for writer in 1..5_u8 {
            let path = dir.path();
            scope.spawn(move || {
                let cache = Cache::open(path).unwrap();
                for _ in 0..20 {
                    cache.put(&key, &info(writer.into()), &code(writer, 50_000));
                }
            });
        }
        for _ in 0..100 {
            let entry = cache.get(&key).expect("there all the time, and whole");
            let seed = u8::try_from(entry.info.wasm_size).unwrap();
            assert_eq!(bytes(&entry.code), bytes(&code(seed, 50_000)));
        }
    });
    assert_eq!(cache.usage().unwrap().entries, 1);
    // The entry and the secret, and nothing unfinished.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}
