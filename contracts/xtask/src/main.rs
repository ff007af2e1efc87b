//! The one program that turns contract crates into WASM, and the one that tells when what is committed has grown old.
//!
//! `cargo run -p xtask -- build` compiles every contract crate, shakes its spec and writes `wasm/NAME.wasm` and
//! `wasm/manifest.json`. `cargo run -p xtask --no-default-features -- check` compares the two with the sources;
//! it needs no compiler for WASM. Neither ever touches the network or a key.

#[cfg(feature = "build")]
mod compile;
mod lock;
mod manifest;
#[cfg(feature = "build")]
mod shake;
mod source;
#[cfg(feature = "build")]
mod toolchain;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

/// A sentence that tells what is wrong and what to do.
pub type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let workspace = Workspace::here();
    let task = std::env::args().nth(1);
    let outcome = match task.as_deref() {
        #[cfg(feature = "build")]
        Some("build") => compile::build_all(&workspace),
        #[cfg(not(feature = "build"))]
        Some("build") => {
            Err("This xtask was built without `build`: leave out --no-default-features.".into())
        }
        Some("check") => manifest::check(&workspace),
        _ => Err("Usage: cargo run -p xtask -- build | check".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
