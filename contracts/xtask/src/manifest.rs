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
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// sha256 of the sources, see [`source::hash`].
    pub source_sha256: String,
    /// What `rustc --version` and `wasm-opt --version` said; other versions give other bytes.
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

/// Writes one contract's entry; those of other contracts stay, those of crates that are gone go.
#[cfg(any(feature = "build", test))]
pub fn update(workspace: &Workspace, name: &str, built: Built) -> Outcome<()> {
    let names = workspace.contracts()?;
    let path = workspace.root().join(PATH);
    let mut manifest = if path.exists() {
        read(workspace)?
    } else {
        Manifest::new()
    };
    manifest.retain(|name, _| names.contains(name));
    manifest.insert(name.to_owned(), built);
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| e.to_string())?;
    // Renamed into place, so that a build beside this one never reads half of it.
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&fresh, text + "\n")
        .and_then(|()| fs::rename(&fresh, &path))
        .map_err(|e| cannot("write", PATH, &e))
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

    const ROOT: &str = "[workspace]\nmembers = [\"toy\", \"shared\"]\n\
        [workspace.dependencies]\nshared = { path = \"shared\" }\n[profile.release]\nlto = true\n";
    const TOY: &str = "[lib]\ncrate-type = [\"cdylib\"]\n\
        [dependencies]\nsdk = \"1\"\nshared = { workspace = true }\n";
    const SHARED: &str = "[dependencies]\ndeep = { path = \"../deep\" }\n";
    const LOCK: &str = "[[package]]\nname = \"sdk\"\nversion = \"1.0.0\"\nchecksum = \"aa\"\n";
    const CODE: &str =
        "#[path = \"../../lender/src/rule.rs\"]\nmod rule;\npub fn answer() -> u32 { 42 }";

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
                ("lender/src/rule.rs", "#[path = \"rest.rs\"]\nmod rest;"),
                ("lender/src/rest.rs", ""),
                ("lender/src/lib.rs", ""),
                ("shared/Cargo.toml", SHARED),
                ("shared/src/lib.rs", ""),
                ("deep/Cargo.toml", ""),
                ("deep/src/lib.rs", ""),
                ("wasm/toy.wasm", "module"),
            ] {
                toy.write(path, text);
            }
            let built = built(&source::hash(&toy.workspace(), "toy").expect("readable"));
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

    fn built(source_sha256: &str) -> Built {
        Built {
            source_sha256: source_sha256.into(),
            toolchain: "rustc".into(),
            wasm_bytes: 6,
            wasm_sha256: sha256_hex(b"module"),
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
            // What it is compiled with, and what that is compiled with.
            ("shared/src/lib.rs", "pub fn shared() -> u8 { 8 }"),
            (
                "shared/Cargo.toml",
                "[dependencies.deep]\npath = \"../deep\"\noptional = false",
            ),
            ("deep/src/lib.rs", "pub fn deep() -> u8 { 9 }"),
            // What it borrows with `#[path]`, and what that borrows.
            ("lender/src/rule.rs", "pub fn rule() {}"),
            ("lender/src/rest.rs", "pub fn rest() {}"),
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
        let beside = "pub fn not_borrowed() {}";
        assert_eq!(toy.after("lender/src/lib.rs", beside), Ok(()));
    }

    #[test]
    fn a_build_of_one_contract_leaves_the_others_as_they_are() {
        let toy = Toy::built("one");
        let root = ROOT.replace("\"toy\"", "\"toy\", \"twin\", \"third\"");
        toy.write("Cargo.toml", &root);
        toy.write("twin/Cargo.toml", TOY);
        toy.write("third/Cargo.toml", TOY);
        let before = read(&toy.workspace()).expect("written");
        update(&toy.workspace(), "twin", built("two")).expect("writable");
        let after = read(&toy.workspace()).expect("written");
        assert_eq!(after.keys().collect::<Vec<_>>(), ["toy", "twin"]);
        assert_eq!(after["toy"], before["toy"]);
        update(&toy.workspace(), "twin", built("new")).expect("writable");
        let again = read(&toy.workspace()).expect("written");
        assert_eq!(again["twin"], built("new"));
    }

    #[test]
    fn the_first_build_begins_a_manifest_and_a_later_one_forgets_crates_that_are_gone() {
        let toy = Toy::built("first");
        fs::remove_file(toy.0.join(PATH)).expect("there");
        update(&toy.workspace(), "toy", built("one")).expect("writable");
        assert_eq!(read(&toy.workspace()).expect("written").len(), 1);
        let gone = Manifest::from([("gone".to_owned(), built("old"))]);
        toy.write(PATH, &serde_json::to_string(&gone).expect("plain"));
        update(&toy.workspace(), "toy", built("two")).expect("writable");
        let after = read(&toy.workspace()).expect("written");
        assert_eq!(after.keys().collect::<Vec<_>>(), ["toy"]);
    }

    #[test]
    fn only_contracts_that_exist_can_be_chosen_and_none_chosen_means_all() {
        let toy = Toy::built("chosen");
        let all = toy.workspace().chosen(&[]);
        assert_eq!(all, Ok(vec!["toy".to_owned()]));
        let sentence = toy
            .workspace()
            .chosen(&["shared".to_owned()])
            .expect_err("no contract");
        assert_eq!(sentence, "shared is no contract here. Choose from: toy.");
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
