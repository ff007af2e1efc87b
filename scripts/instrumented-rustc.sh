#!/usr/bin/env bash
# Stands before rustc as RUSTC_WORKSPACE_WRAPPER: counts the lines that run, in our own crates only.
set -euo pipefail
exec "$@" -Cinstrument-coverage
