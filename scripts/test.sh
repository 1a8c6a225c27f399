#!/usr/bin/env bash
# Set-up, checks and tests. Arguments go to pytest: scripts/test.sh tests/index -k recall
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/check.sh
if ! command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then
    echo "test: no Chromium found, so the browser tests of explorer and pages are skipped (Debian: chromium)" >&2
fi
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec .venv/bin/python -m pytest -n "${PYTEST_WORKERS:-2}" "$@"
