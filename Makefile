# The same commands on a laptop, on a Pi and in CI.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: setup setup-test demo test check bench coverage fuzz torture contracts lock

PYTHON := .venv/bin/python
FUZZ_S := 60

setup:  ## install what is missing, build the local ledger
	@scripts/setup.sh

setup-test:  ## what the tests need besides
	@scripts/setup.sh --test

demo: setup  ## a whole village on this machine; Ctrl-C ends it
	@.venv/bin/gateway demo

test: setup-test check  ## everything that must pass
	@scripts/cargo.sh test --locked --manifest-path contracts/Cargo.toml --workspace
	@$(PYTHON) -m pytest

check: setup-test  ## style, types, architecture, committed WASM
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@scripts/cargo.sh fmt --manifest-path contracts/Cargo.toml --all --check
	@scripts/cargo.sh clippy --locked --manifest-path contracts/Cargo.toml --workspace --all-targets -- -D warnings
	@scripts/cargo.sh run --quiet --locked --manifest-path contracts/Cargo.toml -p xtask --no-default-features -- check

bench: setup-test  ## measure, beside peers, and render docs/performance.md
	@scripts/setup.sh --peers
	@$(PYTHON) -m benchmarks

coverage: setup-test  ## how many lines of the contracts their tests run; installs LLVM's tools
	@scripts/setup.sh --coverage
	@$(PYTHON) -m benchmarks coverage

fuzz: setup-test  ## a minute of the worst bytes for each decoder; FUZZ_S=seconds
	@scripts/setup.sh --fuzz
	@for target in frames messages groups; do \
	    .venv-fuzz/bin/python -m tests.fuzz $$target $(FUZZ_S) || exit 1; \
	done

torture: setup-test  ## faults of every kind, for an hour; writes docs/reliability.md
	@$(PYTHON) -m tests.torture

contracts: setup-test  ## rebuild contracts/wasm from source
	@scripts/setup.sh --wasm
	@scripts/cargo.sh run --quiet --locked --manifest-path contracts/Cargo.toml -p xtask -- build

lock:  ## pin the Python environment anew
	@uv pip compile --universal --generate-hashes --no-emit-index-url --no-header -q pyproject.toml -o requirements.lock
	@uv pip compile --universal --generate-hashes --no-emit-index-url --no-header -q pyproject.toml --extra dev -o requirements-dev.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q benchmarks/peers/requirements.txt -o benchmarks/peers/requirements.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q tests/fuzz/requirements.txt -o tests/fuzz/requirements.lock
