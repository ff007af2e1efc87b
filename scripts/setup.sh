#!/usr/bin/env bash
# Install what is missing and build the local ledger. Safe to repeat; quick when nothing is missing.
#   --test      also what the tests need (a browser, SQLite's shell)
#   --wasm      also what rebuilding the contracts needs
#   --coverage  also what counting the lines that run needs
#   --fuzz      also what fuzzes the decoders, in .venv-fuzz (x86-64)
#   --peers     also other projects' programs that benchmarks run beside ours, in .venv-peers
# Downloads from package registries only (Debian, PyPI, crates.io).
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
peers=
fuzz=
need() {  # need COMMAND PACKAGE...
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing+=("${@:2}")
}

need mosquitto mosquitto
need mosquitto_passwd mosquitto
need gcc gcc libc6-dev
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
scripts/cargo.sh --version >/dev/null 2>&1 || missing+=(rustc-web cargo-web)
for option in "$@"; do
    case $option in
        --test) need chromium chromium; need mosquitto_pub mosquitto-clients ;;
        --wasm)
            need wasm-ld-14 lld
            need wasm-opt binaryen
            [ -d /usr/lib/rustlib/src/rust ] || [ -d /usr/src/rustc-src ] || missing+=(rust-web-src)
            [ -x /usr/bin/cargo ] || missing+=(rustc-web cargo-web) ;;
        --coverage) need llvm-cov-22 llvm-22 ;;
        --fuzz) fuzz=yes ;;
        --peers) peers=yes ;;
        *) echo "setup.sh: unknown option $option (known: --test, --wasm, --coverage, --fuzz, --peers)" >&2; exit 2 ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

stamp=.venv/.installed-from
wanted=$(cat requirements-uv.lock requirements-dev.lock pyproject.toml | sha256sum)
if [ ! -x .venv/bin/gateway ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing the Python environment"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --default-pip >/dev/null
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
    export VIRTUAL_ENV=$PWD/.venv
    .venv/bin/uv pip install -q --require-hashes -r requirements-dev.lock
    .venv/bin/uv pip install -q --no-deps --no-build-isolation -e .
    echo "$wanted" > "$stamp"
fi

if [ -n "$fuzz" ]; then
    lock=tests/fuzz/requirements.lock
    stamp=.venv-fuzz/.installed-from
    wanted=$(sha256sum < "$lock")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        echo "installing the fuzzer's Python environment"
        [ -x .venv-fuzz/bin/python ] || python3 -m venv --without-pip .venv-fuzz
        VIRTUAL_ENV=$PWD/.venv-fuzz .venv/bin/uv pip install -q --require-hashes -r "$lock"
        echo "$wanted" > "$stamp"
    fi
fi

if [ -n "$peers" ]; then
    lock=benchmarks/peers/requirements.lock
    stamp=.venv-peers/.installed-from
    wanted=$(sha256sum < "$lock")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        echo "installing the peers' Python environment"
        [ -x .venv-peers/bin/python ] || python3 -m venv --without-pip .venv-peers
        # One of them has no wheel: what builds it is held to the lock as well.
        VIRTUAL_ENV=$PWD/.venv-peers .venv/bin/uv pip install -q --require-hashes --build-constraints "$lock" -r "$lock"
        echo "$wanted" > "$stamp"
    fi
fi

echo "building the local ledger (the first time takes minutes)"
scripts/cargo.sh build --quiet --locked --manifest-path contracts/Cargo.toml --profile localnet -p localnet
