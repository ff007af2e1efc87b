#!/usr/bin/env bash
# The cargo to use: the one on PATH when it is recent enough, else Debian's (rustc-web, cargo-web).
set -euo pipefail
least=91  # 1.91, contracts/Cargo.toml rust-version

recent() {
    local minor
    minor=$("$1" --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$least" ]
}

if recent cargo; then
    exec cargo "$@"
fi
if recent /usr/bin/cargo; then
    PATH=/usr/bin:$PATH exec /usr/bin/cargo "$@"
fi
echo "no Rust compiler >= 1.$least: run 'make setup' first" >&2
exit 1
