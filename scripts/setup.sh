#!/usr/bin/env bash
# Makes .venv with the pinned dependencies. Safe to run again: when nothing changed it ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-}" python3.12 python3.11 python3 python3.13 python; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
            && { echo "$candidate"; return; }
    done
    echo "setup: no Python >= 3.11 with venv found; install one or set PYTHON=/path/to/python" >&2
    exit 2
}

want=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum | tr ' ' '-')-$(pwd | cksum | tr ' ' '-')
if [ "$(cat .venv/.setup-stamp 2>/dev/null)" = "$want" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi
if ! command -v c++ >/dev/null 2>&1 && ! command -v g++ >/dev/null 2>&1 && ! command -v clang++ >/dev/null 2>&1; then
    echo "setup: no C++ compiler found, hnswlib is built from source; install g++ (or clang)" >&2
    exit 2
fi
echo "setup: installing the pinned dependencies into .venv (a few minutes, once)" >&2
[ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 || {
    rm -rf .venv
    "$(find_python)" -m venv .venv
}
pip=".venv/bin/python -m pip --disable-pip-version-check --quiet"
# torch first and by its exact name: later packages then find it present and ask for no other build.
$pip install -c constraints.txt torch
$pip install -c constraints.txt -e '.[backbones,dev]'
echo "$want" > .venv/.setup-stamp
echo "setup: done" >&2
