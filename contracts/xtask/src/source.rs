//! One hash over everything that decides what a contract's WASM does, the same on every machine.
//!
//! Tests, development dependencies and other crates don't count: changing them doesn't ask for a new build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use toml::{Table, Value};

use crate::lock;
use crate::workspace::{cannot, plain, sha256_hex, Workspace};
use crate::Outcome;

/// sha256 over the sources and manifests of the crate and of the workspace's crates that it is compiled with, the
/// workspace's part in them and the locked dependencies, in hex.
pub fn hash(workspace: &Workspace, name: &str) -> Outcome<String> {
    let crates = workspace.relatives(name)?;
    let mut text = Vec::new();
    for (path, bytes) in sources(workspace, &crates)? {
        add(&mut text, &path, &bytes);
    }
    let mut dependencies = BTreeSet::new();
    for name in &crates {
        let manifest = workspace.table(&format!("{name}/Cargo.toml"))?;
        dependencies.extend(names(manifest.get("dependencies")));
        let own = without(&manifest, "dev-dependencies");
        add(
            &mut text,
            &format!("{name}/Cargo.toml"),
            own.to_string().as_bytes(),
        );
    }
    let dependencies: Vec<String> = dependencies.into_iter().collect();
    let shared = shared_part(&workspace.table("Cargo.toml")?, &dependencies);
    add(&mut text, "workspace", shared.to_string().as_bytes());
    let locked = lock::closure(&workspace.table("Cargo.lock")?, &dependencies);
    add(&mut text, "lock", locked.join("\n").as_bytes());
    Ok(sha256_hex(&text))
}

/// Name and length go before the bytes, so that no two sets of files read alike.
fn add(text: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    text.extend_from_slice(format!("{name} {}\n", bytes.len()).as_bytes());
    text.extend_from_slice(bytes);
}

/// Every source of these crates by its path, and every one that they borrow with `#[path = "..."]`.
fn sources(workspace: &Workspace, crates: &[String]) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut waiting = vec![];
    for name in crates {
        collect(workspace.root(), &Path::new(name).join("src"), &mut waiting)
            .map_err(|e| cannot("read", name, &e))?;
    }
    let mut files = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        let name = plain(&path);
        if files.contains_key(&name) {
            continue;
        }
        let bytes =
            fs::read(workspace.root().join(&name)).map_err(|e| cannot("read", &name, &e))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        waiting.extend(borrowed(&bytes).map(|file| folder.join(file)));
        files.insert(name, bytes);
    }
    Ok(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let path = folder.join(entry?.file_name());
        if root.join(&path).is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The files that a source takes as modules from elsewhere.
fn borrowed(source: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(source).into_owned();
    let named: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"))
        .map(str::to_owned)
        .collect();
    named.into_iter()
}

fn without(manifest: &Table, key: &str) -> Table {
    let mut table = manifest.clone();
    table.remove(key);
    table
}

fn names(dependencies: Option<&Value>) -> Vec<String> {
    let table = dependencies.and_then(Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// What a contract inherits: the release profile, the package fields, and the requirements of its own dependencies.
fn shared_part(workspace: &Table, dependencies: &[String]) -> Table {
    let mut shared = Table::new();
    let mut keep = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            shared.insert(name.to_owned(), value.clone());
        }
    };
    let parent = workspace.get("workspace");
    keep(
        "profile",
        workspace.get("profile").and_then(|p| p.get("release")),
    );
    keep("package", parent.and_then(|w| w.get("package")));
    let required = parent.and_then(|w| w.get("dependencies"));
    for name in dependencies {
        keep(name, required.and_then(|r| r.get(name)));
    }
    shared
}
