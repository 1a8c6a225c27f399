#!/usr/bin/env bash
# Writes constraints-hashed.txt: each release in constraints.txt with the SHA-256 of all its files, as the package
# index that uv is set up for lists them. Run it when constraints.txt changes; needs uv (pip install uv).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null 2>&1 || { echo "hashes: uv not found; pip install uv" >&2; exit 2; }
hashed=$(grep -v '^torch==' constraints.txt |
    uv pip compile - --no-config --no-deps --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet)
{
    echo "# Written by scripts/hashes.sh. torch is left out: each of its builds (CPU, CUDA, ROCm) has files of its"
    echo "# own under one version, from indexes of its own; install the build you want first."
    echo "$hashed"
} > constraints-hashed.txt
