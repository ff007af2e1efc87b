//! Where things lie, and which crates of the workspace are contracts.

use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};
use toml::Table;

use crate::Outcome;

/// The Cargo workspace that this program belongs to.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Found from where this crate was compiled, so the caller's directory doesn't matter.
    pub fn here() -> Self {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::at(xtask.parent().unwrap_or(xtask))
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

    /// A TOML file of the workspace, by its path from the root.
    pub fn table(&self, path: &str) -> Outcome<Table> {
        let text =
            fs::read_to_string(self.root.join(path)).map_err(|e| cannot("read", path, &e))?;
        text.parse()
            .map_err(|e| format!("contracts/{path} isn't valid TOML: {e}"))
    }
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
