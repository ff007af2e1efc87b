//! Makes a module small with binaryen's `wasm-opt`: the network charges rent for every byte of code.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::toolchain::ask;
use crate::Outcome;

const PROGRAM: &str = "wasm-opt";
/// What the network's virtual machine runs beyond the first WASM, and nothing else: the optimiser may use no more.
const FEATURES: [&str; 4] = [
    "--mvp-features",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-bulk-memory",
];
/// For size, again and again until nothing changes, without what compilers say of themselves. Spec and meta stay.
const PASSES: [&str; 4] = [
    "-Oz",
    "--converge",
    "--strip-producers",
    "--strip-target-features",
];
const NONE_FOUND: &str =
    "wasm-opt was not found. `make contracts` installs it (Debian's package binaryen)";

/// An optimiser that is installed.
pub struct Optimiser {
    version: String,
}

impl Optimiser {
    /// Looks for `wasm-opt` on PATH.
    ///
    /// # Errors
    /// What installs it when there is none.
    pub fn find() -> Outcome<Self> {
        let version = ask(PROGRAM, &["--version"]).ok_or(NONE_FOUND)?;
        Ok(Self { version })
    }

    /// What it says of itself: "wasm-opt version 108".
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same module in fewer bytes; `beside` is a file next to which it may write.
    pub fn shrink(&self, wasm: &[u8], beside: &Path) -> Outcome<Vec<u8>> {
        let whole = beside.with_extension("shaken.wasm");
        let small = beside.with_extension("small.wasm");
        let failed = |e: std::io::Error| format!("{} can't be optimised: {e}.", beside.display());
        fs::write(&whole, wasm).map_err(failed)?;
        let status = Command::new(PROGRAM)
            .args(FEATURES)
            .args(PASSES)
            .arg(&whole)
            .arg("-o")
            .arg(&small)
            .status()
            .map_err(failed)?;
        if !status.success() {
            return Err(format!("wasm-opt refuses {}: see above.", beside.display()));
        }
        fs::read(&small).map_err(failed)
    }
}
