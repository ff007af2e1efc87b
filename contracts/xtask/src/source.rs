//! One hash over everything that decides what a contract's WASM does, the same on every machine.
//!
//! Tests, development dependencies and other crates don't count: changing them doesn't ask for a new build.

use std::path::Path;
use std::{fs, io};

use toml::{Table, Value};

use crate::lock;
use crate::workspace::{cannot, sha256_hex, Workspace};
use crate::Outcome;

/// sha256 over the crate's sources, its manifest, the workspace's part in it and the locked dependencies, in hex.
pub fn hash(workspace: &Workspace, name: &str) -> Outcome<String> {
    let manifest = workspace.table(&format!("{name}/Cargo.toml"))?;
    let dependencies = names(manifest.get("dependencies"));
    let mut text = Vec::new();
    for (path, bytes) in sources(workspace, name)? {
        add(&mut text, &path, &bytes);
    }
    let own = without(&manifest, "dev-dependencies");
    add(&mut text, "manifest", own.to_string().as_bytes());
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

fn sources(workspace: &Workspace, name: &str) -> Outcome<Vec<(String, Vec<u8>)>> {
    let root = workspace.root().join(name);
    let mut files = vec![];
    collect(&root, &root.join("src"), &mut files).map_err(|e| cannot("read", name, &e))?;
    files.sort();
    Ok(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let name = relative.to_string_lossy().replace('\\', "/");
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(())
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
