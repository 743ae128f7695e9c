//! Which files a module was made from, by the list that cargo writes beside it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{BuildError, cargo::Package};

/// The sources of the module and of its path dependencies, with the manifests that they belong to.
pub(crate) fn of(package: &Package, module: &Path) -> Result<BTreeSet<PathBuf>, BuildError> {
    let list = module.with_extension("d");
    let text = fs::read_to_string(&list).map_err(|source| BuildError::File {
        path: list.clone(),
        source,
    })?;
    let mut files: BTreeSet<_> = parse(&text).into_iter().collect();
    let manifests: Vec<_> = files.iter().filter_map(|file| manifest_of(file)).collect();
    files.extend(manifests);
    files.insert(package.manifest.clone());
    for shared in ["Cargo.toml", "Cargo.lock"] {
        // A file that is not there would make cargo run the build script every time.
        files.extend(Some(package.workspace.join(shared)).filter(|file| file.exists()));
    }
    Ok(files)
}

/// The files behind `module:` in a list in make's syntax, where a space in a name is written `\ `.
fn parse(list: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in list.lines() {
        let Some((_, names)) = line.split_once(": ") else {
            continue;
        };
        let mut name = String::new();
        let mut letters = names.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if letters.peek() == Some(&' ') => name.extend(letters.next()),
                ' ' => files.push(std::mem::take(&mut name)),
                letter => name.push(letter),
            }
        }
        files.push(name);
    }
    files
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn manifest_of(file: &Path) -> Option<PathBuf> {
    file.ancestors()
        .skip(1)
        .map(|folder| folder.join("Cargo.toml"))
        .find(|manifest| manifest.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_are_whole() {
        let list = "/t/release/g.wasm: /w/a\\ b/src/lib.rs /w/c/src/lib.rs\n";
        assert_eq!(
            parse(list),
            [PathBuf::from("/w/a b/src/lib.rs"), "/w/c/src/lib.rs".into()]
        );
        assert_eq!(parse("/t/g.wasm:\n"), Vec::<PathBuf>::new());
    }
}
