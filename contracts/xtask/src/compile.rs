//! Compiles contracts, shakes their spec, makes them small, and writes the WASM with its manifest.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::{self, Built};
use crate::optimise::Optimiser;
use crate::reference;
use crate::shake::{self, shake, Detail};
use crate::source;
use crate::toolchain::{self, Toolchain, TARGET};
use crate::workspace::{cannot, sha256_hex, Workspace};
use crate::Outcome;

/// Tells soroban-sdk that its spec will be shaken; [`shake`] keeps that promise.
const SHAKING_PROMISE: &str = "SOROBAN_SDK_BUILD_SYSTEM_SUPPORTS_SPEC_SHAKING_V2";

/// The most bytes that a contract should have: rent of code is what a provider pays most for.
const MAX_BYTES: usize = 32_768;

/// Builds the named contract crates; what the manifest says of others stays as it is.
pub fn build(workspace: &Workspace, names: &[String]) -> Outcome<()> {
    let toolchain = Toolchain::find()?;
    let optimiser = Optimiser::find()?;
    let private = private_folders(workspace, &toolchain)?;
    let target = target_dir(workspace);
    let version = format!("{}, {}", toolchain.version()?, optimiser.version());
    for name in names {
        let source_sha256 = source::hash(workspace, name)?;
        compile(workspace, &toolchain, name, &private, &target)?;
        let raw = target
            .join(TARGET)
            .join("release")
            .join(format!("{name}.wasm"));
        let wasm = finish(&raw, &optimiser, &private)?;
        let built = Built {
            source_sha256,
            toolchain: version.clone(),
            wasm_bytes: wasm.len(),
            wasm_sha256: sha256_hex(&wasm),
        };
        write(workspace, name, &wasm)?;
        document(workspace, name, &raw)?;
        manifest::update(workspace, name, built)?;
    }
    Ok(())
}

/// Writes the contract's page for people, from what was compiled; not for one whose manifest says `metadata.page = false`.
fn document(workspace: &Workspace, name: &str, raw: &Path) -> Outcome<()> {
    let manifest = workspace.table(&format!("{name}/Cargo.toml"))?;
    let metadata = manifest["package"].get("metadata");
    if metadata.and_then(|m| m.get("page")) == Some(&toml::Value::Boolean(false)) {
        return Ok(());
    }
    let about = manifest["package"].get("description");
    let about = about.and_then(toml::Value::as_str).unwrap_or_default();
    let page = reference::page(name, about, &shake::used(&compiled(raw)?)?);
    let path = format!("../docs/contracts/{name}.md");
    let file = workspace.root().join(&path);
    let folder = file.parent().unwrap_or(workspace.root());
    fs::create_dir_all(folder).map_err(|e| cannot("create", "../docs/contracts", &e))?;
    fs::write(&file, page).map_err(|e| cannot("write", &path, &e))
}

fn compiled(raw: &Path) -> Outcome<Vec<u8>> {
    fs::read(raw).map_err(|e| format!("The compiler left no {}: {e}.", raw.display()))
}

fn write(workspace: &Workspace, name: &str, wasm: &[u8]) -> Outcome<()> {
    let path = format!("wasm/{name}.wasm");
    fs::create_dir_all(workspace.root().join("wasm")).map_err(|e| cannot("create", "wasm", &e))?;
    fs::write(workspace.root().join(&path), wasm).map_err(|e| cannot("write", &path, &e))?;
    println!("contracts/{path}: {} bytes", wasm.len());
    if wasm.len() > MAX_BYTES {
        println!("  that is more than {MAX_BYTES}, even without events and docs in its spec");
    }
    Ok(())
}

/// Compiles one crate. Only a `cdylib` that is built alone gets link-time optimisation, which halves it.
fn compile(
    workspace: &Workspace,
    toolchain: &Toolchain,
    name: &str,
    private: &[(String, &str)],
    target: &Path,
) -> Outcome<()> {
    let mut flags = vec![format!("-Ctarget-feature={}", toolchain::FEATURES)];
    let remapped = private
        .iter()
        .map(|(folder, public)| format!("--remap-path-prefix={folder}={public}"));
    flags.extend(remapped);
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(workspace.root())
        .args(["rustc", "--locked", "--release", "--crate-type", "cdylib"])
        .args(["--package", name, "--target", TARGET, "--target-dir"])
        .arg(target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env(SHAKING_PROMISE, "1");
    let status = cargo
        .status()
        .map_err(|e| format!("cargo can't be run: {e}."))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} doesn't compile: see above."))
    }
}

/// Shakes and optimises, with as much of the spec as keeps the module within its bounds.
fn finish(raw: &Path, optimiser: &Optimiser, private: &[(String, &str)]) -> Outcome<Vec<u8>> {
    let compiled = compiled(raw)?;
    let mut wasm = vec![];
    for detail in Detail::ALL {
        // Shaken first: the optimiser may cut through the marks in the data that tell which types are used.
        wasm = optimiser.shrink(&shake(&compiled, detail)?, raw)?;
        if wasm.len() <= MAX_BYTES {
            break;
        }
    }
    let leak = private
        .iter()
        .find(|(folder, _)| holds(&wasm, folder.as_bytes()));
    match leak {
        Some((folder, _)) => Err(format!(
            "{folder} is written inside {}: remap it.",
            raw.display()
        )),
        None => Ok(wasm),
    }
}

/// Folders of this machine that must not be told to the world, and what stands for each in the WASM.
fn private_folders(
    workspace: &Workspace,
    toolchain: &Toolchain,
) -> Outcome<Vec<(String, &'static str)>> {
    let sysroot = toolchain.sysroot()?;
    let mut folders = vec![(workspace.root().display().to_string(), "contracts")];
    // The last prefix that fits wins, so the narrower ones come later.
    if let Some(home) = std::env::var_os("HOME") {
        folders.push((Path::new(&home).display().to_string(), "home"));
    }
    if let Some(home) = cargo_home() {
        folders.push((home.display().to_string(), "cargo"));
    }
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust");
    folders.push((library.display().to_string(), "rust"));
    if let Ok(real) = library.canonicalize() {
        folders.push((real.display().to_string(), "rust"));
    }
    // A home at the root of the disk names nobody, and would match everything.
    folders.retain(|(folder, _)| folder.len() > 1);
    Ok(folders)
}

fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
}

/// A folder of its own: the two compilers must not throw out each other's work.
fn target_dir(workspace: &Workspace) -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| workspace.root().join("target"))
        .join("contracts")
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
