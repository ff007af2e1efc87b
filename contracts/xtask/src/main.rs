//! The one program that turns contract crates into WASM, and the one that tells when what is committed has grown old.
//!
//! `cargo run -p xtask -- build [NAME...]` compiles the named contract crates (all without a name), shakes their spec,
//! optimises for size, and writes `wasm/NAME.wasm` and `wasm/manifest.json`.
//! `cargo run -p xtask --no-default-features -- check` compares the two with the sources; it needs no compiler for WASM.
//! Neither ever touches the network or a key.

#[cfg(feature = "build")]
mod compile;
mod lock;
mod manifest;
#[cfg(feature = "build")]
mod optimise;
#[cfg(feature = "build")]
mod reference;
#[cfg(feature = "build")]
mod shake;
mod source;
#[cfg(feature = "build")]
mod toolchain;
#[cfg(feature = "build")]
mod unmark;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

/// A sentence that tells what is wrong and what to do.
pub type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let workspace = Workspace::here();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((task, names)) if task == "build" => workspace
            .chosen(names)
            .and_then(|names| build(&workspace, &names)),
        Some((task, [])) if task == "check" => manifest::check(&workspace),
        _ => Err("Usage: cargo run -p xtask -- build [NAME...] | check".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "build")]
fn build(workspace: &Workspace, names: &[String]) -> Outcome<()> {
    compile::build(workspace, names)
}

#[cfg(not(feature = "build"))]
fn build(_: &Workspace, _: &[String]) -> Outcome<()> {
    Err("This xtask was built without `build`: leave out --no-default-features.".into())
}
