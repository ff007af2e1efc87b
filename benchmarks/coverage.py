"""How many lines of the contracts their own tests run: ``make coverage``.

Not part of ``make bench``, for it needs LLVM's tools.

Counted are the sources of the contracts and of what they share, run as Rust; the same laws on the
WASM aren't seen. Tests, ``localnet``, ``xtask`` and the layout for comparison don't count.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import Benchmark, Claim

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "contracts"
TESTED = ("certification", "electric", "market", "meter", "oracle", "scheduler")
COUNTED = (*TESTED, "upkeep")
_LLVM = 22  # of Rust 1.95 and 1.96


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one crate that hold code.

    Args:
        covered: those that ran.
        count: all of them.
    """

    covered: int
    count: int

    @property
    def share(self) -> float:
        """Of all that ran, 0..1."""
        return self.covered / self.count


@dataclass(frozen=True, slots=True)
class Program:
    """One crate's tests, built.

    Args:
        path: of the program.
        crate: the folder that it is run in.
    """

    path: Path
    crate: Path


def measure() -> Benchmark:
    """Run the contracts' tests with counters in them, and add up what ran."""
    crates = _crates(_exported())
    whole = Lines(
        sum(lines.covered for lines in crates.values()),
        sum(lines.count for lines in crates.values()),
    )
    return Benchmark(
        "coverage",
        (
            Claim(
                "contracts.line_coverage",
                round(whole.share, 3),
                "of the lines of the contracts",
                ">=",
                0.90,
            ),
        ),
        (
            "| crate | lines run | of | share |",
            "|---|--:|--:|--:|",
            *(
                f"| {name} | {lines.covered:,} | {lines.count:,} | {lines.share:.3f} |"
                for name, lines in crates.items()
            ),
        ),
    )


def _crates(files: Iterable[tuple[str, Lines]]) -> dict[str, Lines]:
    found = dict.fromkeys(COUNTED, Lines(0, 0))
    for name, lines in files:
        path = Path(name)
        if not path.is_relative_to(CONTRACTS):
            continue
        crate, folder, *_ = path.relative_to(CONTRACTS).parts
        if crate in found and folder == "src":
            sofar = found[crate]
            found[crate] = Lines(sofar.covered + lines.covered, sofar.count + lines.count)
    return found


def _exported() -> list[tuple[str, Lines]]:
    """Every source file with its lines, after the tests have run."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "RUSTC_WORKSPACE_WRAPPER": str(ROOT / "scripts" / "instrumented-rustc.sh"),
            "LLVM_PROFILE_FILE": f"{folder}/%p-%m.profraw",
        }
        programs = _programs(environment)
        for program in programs:
            # As cargo does it: some tests look for files beside their crate.
            _run([str(program.path)], environment, program.crate)
        profile = f"{folder}/all.profdata"
        raw = [str(path) for path in Path(folder).glob("*.profraw")]
        _run([_tool("llvm-profdata"), "merge", "-sparse", "-o", profile, *raw], environment)
        export = [_tool("llvm-cov"), "export", "-summary-only", "-instr-profile", profile]
        for program in programs:
            export += ["-object", str(program.path)]
        summary = json.loads(_run(export, environment))
    found = {file["filename"]: file["summary"]["lines"] for file in summary["data"][0]["files"]}
    return [(name, Lines(lines["covered"], lines["count"])) for name, lines in found.items()]


def _programs(environment: dict[str, str]) -> list[Program]:
    """Build the tests and name their programs."""
    command = [str(ROOT / "scripts" / "cargo.sh"), "test", "--quiet", "--locked", "--no-run"]
    command += ["--message-format", "json"]
    for crate in TESTED:
        command += ["--package", crate]
    lines = _run(command, environment).splitlines()
    messages = [json.loads(line) for line in lines]
    return [
        Program(Path(message["executable"]), Path(message["manifest_path"]).parent)
        for message in messages
        if message["reason"] == "compiler-artifact" and message["profile"]["test"]
    ]


def _tool(name: str) -> str:
    found = shutil.which(f"{name}-{_LLVM}")
    if found is None:
        raise SystemExit(f"{name}-{_LLVM} isn't installed: run `make coverage`, which installs it")
    return found


def _run(command: list[str], environment: dict[str, str], folder: Path = CONTRACTS) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout[-2000:]}")
    return done.stdout
