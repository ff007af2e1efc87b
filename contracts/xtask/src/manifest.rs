//! `wasm/manifest.json`: for each contract, what it was built from and with, and the hash that the network knows it by.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::source;
use crate::workspace::{cannot, sha256_hex, Workspace};
use crate::Outcome;

const PATH: &str = "wasm/manifest.json";
const REMEDY: &str = "run `cargo run -p xtask -- build` in contracts/ and commit contracts/wasm";

/// One built contract.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// sha256 of the sources, see [`source::hash`].
    pub source_sha256: String,
    /// What `rustc --version` said; another compiler gives other bytes.
    pub toolchain: String,
    pub wasm_bytes: usize,
    /// sha256 of the file, which is also its hash on the network.
    pub wasm_sha256: String,
}

/// Built contracts by name.
pub type Manifest = BTreeMap<String, Built>;

/// Compares the committed WASM with its sources, without building anything.
///
/// # Errors
/// The first contract that isn't what its sources say, and what to do about it.
pub fn check(workspace: &Workspace) -> Outcome<()> {
    let manifest = read(workspace)?;
    let names = workspace.contracts()?;
    for name in &names {
        let built = manifest
            .get(name)
            .ok_or_else(|| format!("{name} was never built: {REMEDY}."))?;
        check_one(workspace, name, built)?;
    }
    match manifest.keys().find(|name| !names.contains(name)) {
        Some(name) => Err(format!(
            "{PATH} lists {name}, which is no contract of the workspace: {REMEDY}."
        )),
        None => {
            println!("{} contracts are what their sources say.", names.len());
            Ok(())
        }
    }
}

fn check_one(workspace: &Workspace, name: &str, built: &Built) -> Outcome<()> {
    if source::hash(workspace, name)? != built.source_sha256 {
        return Err(format!("{name}.wasm is older than its sources: {REMEDY}."));
    }
    let path = format!("wasm/{name}.wasm");
    let wasm = fs::read(workspace.root().join(&path)).map_err(|e| cannot("read", &path, &e))?;
    if sha256_hex(&wasm) != built.wasm_sha256 {
        return Err(format!(
            "contracts/{path} isn't the file that {PATH} describes: {REMEDY}."
        ));
    }
    Ok(())
}

/// Writes the manifest.
#[cfg(feature = "build")]
pub fn write(workspace: &Workspace, manifest: &Manifest) -> Outcome<()> {
    let text = serde_json::to_string_pretty(manifest).map_err(|e| e.to_string())?;
    fs::write(workspace.root().join(PATH), text + "\n").map_err(|e| cannot("write", PATH, &e))
}

fn read(workspace: &Workspace) -> Outcome<Manifest> {
    let text = fs::read_to_string(workspace.root().join(PATH))
        .map_err(|e| format!("{} {REMEDY}.", cannot("read", PATH, &e)))?;
    serde_json::from_str(&text)
        .map_err(|e| format!("contracts/{PATH} can't be understood ({e}): {REMEDY}."))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    const ROOT: &str = "[workspace]\nmembers = [\"toy\"]\n[profile.release]\nlto = true\n";
    const TOY: &str = "[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nsdk = \"1\"\n";
    const LOCK: &str = "[[package]]\nname = \"sdk\"\nversion = \"1.0.0\"\nchecksum = \"aa\"\n";
    const CODE: &str = "pub fn answer() -> u32 { 42 }";

    /// A workspace of one contract that was built, in a folder of its own.
    struct Toy(PathBuf);

    impl Toy {
        fn built(test: &str) -> Self {
            let folder = format!("xtask-{}-{test}", std::process::id());
            let toy = Self(std::env::temp_dir().join(folder));
            for (path, text) in [
                ("Cargo.toml", ROOT),
                ("Cargo.lock", LOCK),
                ("toy/Cargo.toml", TOY),
                ("toy/src/lib.rs", CODE),
                ("wasm/toy.wasm", "module"),
            ] {
                toy.write(path, text);
            }
            let built = Built {
                source_sha256: source::hash(&toy.workspace(), "toy").expect("readable"),
                toolchain: "rustc".into(),
                wasm_bytes: 6,
                wasm_sha256: sha256_hex(b"module"),
            };
            let manifest = Manifest::from([("toy".to_owned(), built)]);
            toy.write(PATH, &serde_json::to_string(&manifest).expect("plain"));
            toy
        }

        fn workspace(&self) -> Workspace {
            Workspace::at(&self.0)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("writable");
            fs::write(path, text).expect("writable");
        }

        /// What `check` says after a file was changed.
        fn after(&self, path: &str, text: &str) -> Outcome<()> {
            self.write(path, text);
            check(&self.workspace())
        }
    }

    impl Drop for Toy {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_just_built_is_what_its_sources_say() {
        let toy = Toy::built("fresh");
        assert_eq!(check(&toy.workspace()), Ok(()));
    }

    #[test]
    fn whatever_decides_the_wasm_makes_it_old() {
        for (number, (path, text)) in [
            ("toy/src/lib.rs", "pub fn answer() -> u32 { 43 }"),
            ("toy/src/more.rs", ""),
            ("toy/Cargo.toml", &TOY.replace("\"1\"", "\"2\"")),
            ("Cargo.toml", &ROOT.replace("true", "false")),
            ("Cargo.lock", &LOCK.replace("aa", "bb")),
        ]
        .into_iter()
        .enumerate()
        {
            let toy = Toy::built(&format!("old{number}"));
            let sentence = toy.after(path, text).expect_err(path);
            assert!(sentence.contains("older than its sources"), "{sentence}");
        }
    }

    #[test]
    fn tests_and_what_only_they_need_do_not_make_it_old() {
        let toy = Toy::built("same");
        let tested = format!("{TOY}[dev-dependencies]\nproptest = \"1\"\n");
        assert_eq!(
            toy.after("toy/tests/laws.rs", "#[test] fn law() {}"),
            Ok(())
        );
        assert_eq!(toy.after("toy/Cargo.toml", &tested), Ok(()));
        let grown = format!("{LOCK}[[package]]\nname = \"proptest\"\nversion = \"1.0.0\"\n");
        assert_eq!(toy.after("Cargo.lock", &grown), Ok(()));
    }

    #[test]
    fn another_file_than_the_one_that_was_built_is_noticed() {
        let toy = Toy::built("swapped");
        let sentence = toy.after("wasm/toy.wasm", "Module").expect_err("swapped");
        assert!(sentence.contains("isn't the file"), "{sentence}");
    }

    #[test]
    fn a_contract_that_was_never_built_is_noticed() {
        let toy = Toy::built("missing");
        let sentence = toy.after(PATH, "{}").expect_err("missing");
        assert!(sentence.contains("never built"), "{sentence}");
    }
}
