//! Compiles every contract, shakes its spec, and writes the WASM with its manifest.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::{self, Built, Manifest};
use crate::shake::shake;
use crate::source;
use crate::toolchain::{Toolchain, TARGET};
use crate::workspace::{cannot, sha256_hex, Workspace};
use crate::Outcome;

/// Tells soroban-sdk that its spec will be shaken; [`shake`] keeps that promise.
const SHAKING_PROMISE: &str = "SOROBAN_SDK_BUILD_SYSTEM_SUPPORTS_SPEC_SHAKING_V2";

/// Builds every contract crate of the workspace.
pub fn build_all(workspace: &Workspace) -> Outcome<()> {
    let toolchain = Toolchain::find()?;
    let names = workspace.contracts()?;
    let private = private_folders(workspace, &toolchain)?;
    let target = target_dir(workspace);
    let version = toolchain.version()?;
    let mut built = Manifest::new();
    for name in &names {
        compile(workspace, &toolchain, name, &private, &target)?;
        let raw = target
            .join(TARGET)
            .join("release")
            .join(format!("{name}.wasm"));
        let wasm = finish(&raw, &private)?;
        let path = format!("wasm/{name}.wasm");
        fs::create_dir_all(workspace.root().join("wasm"))
            .map_err(|e| cannot("create", "wasm", &e))?;
        fs::write(workspace.root().join(&path), &wasm).map_err(|e| cannot("write", &path, &e))?;
        println!("contracts/{path}: {} bytes", wasm.len());
        built.insert(name.clone(), describe(workspace, name, &version, &wasm)?);
    }
    manifest::write(workspace, &built)
}

/// Compiles one crate. Only a `cdylib` that is built alone gets link-time optimisation, which halves it.
fn compile(
    workspace: &Workspace,
    toolchain: &Toolchain,
    name: &str,
    private: &[(String, &str)],
    target: &Path,
) -> Outcome<()> {
    let flags: Vec<String> = private
        .iter()
        .map(|(folder, public)| format!("--remap-path-prefix={folder}={public}"))
        .collect();
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

fn finish(raw: &Path, private: &[(String, &str)]) -> Outcome<Vec<u8>> {
    let compiled =
        fs::read(raw).map_err(|e| format!("The compiler left no {}: {e}.", raw.display()))?;
    let wasm = shake(&compiled)?;
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

fn describe(workspace: &Workspace, name: &str, version: &str, wasm: &[u8]) -> Outcome<Built> {
    Ok(Built {
        source_sha256: source::hash(workspace, name)?,
        toolchain: version.to_owned(),
        wasm_bytes: wasm.len(),
        wasm_sha256: sha256_hex(wasm),
    })
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
