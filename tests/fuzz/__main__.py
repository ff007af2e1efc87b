"""``python -m tests.fuzz TARGET [SECONDS]``: let libFuzzer look for bytes that break a target.

Needs Atheris, which is installed apart (``scripts/setup.sh --fuzz``). New inputs of interest are
kept outside the repository; what breaks a target is written beside them and belongs, once it is
understood, into ``tests/fuzz/corpus/TARGET``.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

TARGETS = ("frames", "messages", "groups")
CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 4_200


def main() -> None:
    """Fuzz one target for so many seconds (60); a crash ends it with its bytes and status 77."""
    name, seconds = (*sys.argv[1:], "60")[:2]
    if name not in TARGETS:
        sys.exit(f"{name} is no target: {', '.join(TARGETS)}")
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["gateway", f"tests.fuzz.{name}"]):
        target = importlib.import_module(f"tests.fuzz.{name}").one_input
    kept = Path(tempfile.gettempdir()) / f"fuzz-{name}"
    kept.mkdir(exist_ok=True)
    options = [f"-max_total_time={int(seconds)}", f"-max_len={MOST_BYTES}", "-timeout=10"]
    options.append(f"-artifact_prefix={kept}-")
    atheris.Setup([sys.argv[0], str(kept), str(CORPUS / name), *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
