#!/usr/bin/env bash
# The documentation site in build/docs: reference from docstrings, examples run, a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
if ! cmp -s .venv/.setup-stamp .venv/.docs-stamp; then
    .venv/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt -e '.[docs]'
    cp .venv/.setup-stamp .venv/.docs-stamp
fi
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
rm -rf build/docs
.venv/bin/sphinx-build -W --keep-going --quiet docs build/docs
echo "docs: open build/docs/index.html"
