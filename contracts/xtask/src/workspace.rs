//! Where things lie, and which crates of the workspace are contracts.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::Outcome;

/// The Cargo workspace that this program belongs to.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Found from where this crate lies, so the caller's directory doesn't matter.
    ///
    /// `cargo run` says where that is; two copies of the workspace may share one target folder, and so one program.
    pub fn here() -> Self {
        let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let xtask = told.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Self::at(xtask.parent().unwrap_or(&xtask))
    }

    /// The workspace in a folder.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names of the contract crates, sorted: the members that are a `cdylib`.
    pub fn contracts(&self) -> Outcome<Vec<String>> {
        let workspace = self.table("Cargo.toml")?;
        let mut names = vec![];
        for member in strings(workspace["workspace"].get("members")) {
            let manifest = self.table(&format!("{member}/Cargo.toml"))?;
            let library = manifest.get("lib").and_then(|lib| lib.get("crate-type"));
            if strings(library).any(|kind| kind == "cdylib") {
                names.push(member.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The contracts of these names, all of them without a name.
    ///
    /// # Errors
    /// A name that no contract has.
    pub fn chosen(&self, names: &[String]) -> Outcome<Vec<String>> {
        let contracts = self.contracts()?;
        match names.iter().find(|name| !contracts.contains(name)) {
            Some(unknown) => Err(format!(
                "{unknown} is no contract here. Choose from: {}.",
                contracts.join(", ")
            )),
            None if names.is_empty() => Ok(contracts),
            None => Ok(names.to_vec()),
        }
    }

    /// A crate and every crate of the workspace that it is compiled with, sorted.
    pub fn relatives(&self, name: &str) -> Outcome<Vec<String>> {
        let shared = self.table("Cargo.toml")?;
        let shared = shared
            .get("workspace")
            .and_then(|parent| parent.get("dependencies"));
        let mut waiting = vec![name.to_owned()];
        let mut found = BTreeSet::new();
        while let Some(member) = waiting.pop() {
            if !found.insert(member.clone()) {
                continue;
            }
            let manifest = self.table(&format!("{member}/Cargo.toml"))?;
            let own = manifest.get("dependencies").and_then(Value::as_table);
            for (dependency, wanted) in own.into_iter().flatten() {
                let inherited = shared.and_then(|all| all.get(dependency));
                let own_path = path_of(Some(wanted)).map(|path| Path::new(&member).join(path));
                let path = own_path.or_else(|| path_of(inherited).map(PathBuf::from));
                waiting.extend(path.map(|path| plain(&path)));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// A TOML file of the workspace, by its path from the root.
    pub fn table(&self, path: &str) -> Outcome<Table> {
        let text =
            fs::read_to_string(self.root.join(path)).map_err(|e| cannot("read", path, &e))?;
        text.parse()
            .map_err(|e| format!("contracts/{path} isn't valid TOML: {e}"))
    }
}

fn path_of(dependency: Option<&Value>) -> Option<&str> {
    dependency?.get("path")?.as_str()
}

/// A relative path without `.` and `..`, with `/` on every machine.
pub fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = vec![];
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The strings of a TOML array; nothing when it isn't one.
pub fn strings(value: Option<&toml::Value>) -> impl Iterator<Item = &str> {
    let items = value.and_then(toml::Value::as_array);
    items.into_iter().flatten().filter_map(toml::Value::as_str)
}

/// The sentence for a file that can't be read or written.
pub fn cannot(verb: &str, path: &str, error: &io::Error) -> String {
    format!("Can't {verb} contracts/{path}: {error}.")
}

/// sha256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
