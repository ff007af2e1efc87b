//! Which compiler builds the WASM: the one on PATH when it has the target, else Debian's with its own source of `core`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// The target that Soroban's virtual machine runs.
pub const TARGET: &str = "wasm32v1-none";
/// What that machine can do beyond the target's least, and every contract uses: copying and filling memory in one
/// instruction, where a loop would stand in each contract. `get_wasmi_config` of soroban-env-host names what it runs.
pub const FEATURES: &str = "+bulk-memory";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const LINKERS: [&str; 3] = ["rust-lld", "wasm-ld", "wasm-ld-14"];
const NONE_FOUND: &str =
    "No compiler for wasm32v1-none was found. Either run `rustup target add wasm32v1-none`, \
    or on Debian `apt-get install rustc-web cargo-web rust-web-src lld`";

/// A compiler that can make the target.
pub enum Toolchain {
    /// On PATH, with the target installed.
    OnPath,
    /// Debian's packages: `core` and `alloc` are compiled from source, linked with `linker`.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// Looks for a compiler.
    ///
    /// # Errors
    /// What to install when there is none.
    pub fn find() -> Outcome<Self> {
        if ask("rustc", &["--print", "target-libdir", "--target", TARGET])
            .is_some_and(|folder| Path::new(&folder).is_dir())
        {
            return Ok(Self::OnPath);
        }
        let sysroot = ask(DEBIAN_RUSTC, &["--print", "sysroot"]).ok_or(NONE_FOUND)?;
        let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core");
        let linker = LINKERS.iter().find_map(|name| on_path(name));
        match linker {
            Some(linker) if source.is_dir() => Ok(Self::Debian { linker }),
            _ => Err(NONE_FOUND.into()),
        }
    }

    /// `rustc --version`, in full.
    pub fn version(&self) -> Outcome<String> {
        ask(self.rustc(), &["--version"])
            .ok_or_else(|| "The compiler doesn't tell its version.".into())
    }

    /// The folder that the standard library's sources are compiled from; no trace of it may stay in the WASM.
    pub fn sysroot(&self) -> Outcome<String> {
        ask(self.rustc(), &["--print", "sysroot"])
            .ok_or_else(|| "The compiler doesn't tell its sysroot.".into())
    }

    /// A cargo that builds for the target, without the subcommand.
    pub fn cargo(&self) -> Command {
        match self {
            Self::OnPath => Command::new("cargo"),
            Self::Debian { linker } => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_UNSTABLE_BUILD_STD", "core,alloc")
                    .env("CARGO_TARGET_WASM32V1_NONE_LINKER", linker)
                    // Set by the cargo that runs this program, for its own compiler.
                    .env_remove("LD_LIBRARY_PATH")
                    .env_remove("RUSTUP_TOOLCHAIN");
                cargo
            }
        }
    }

    const fn rustc(&self) -> &'static str {
        match self {
            Self::OnPath => "rustc",
            Self::Debian { .. } => DEBIAN_RUSTC,
        }
    }
}

/// What a program prints, trimmed; `None` when it can't be run or fails.
pub fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    if program == DEBIAN_RUSTC {
        command.env_remove("LD_LIBRARY_PATH");
    }
    let answer = command.args(arguments).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| text.trim().to_owned())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
