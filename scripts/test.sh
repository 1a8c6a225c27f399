#!/usr/bin/env bash
# Set-up, checks and tests. Arguments go to pytest: scripts/test.sh tests/index -k recall
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/check.sh
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec .venv/bin/python -m pytest -n "${PYTEST_WORKERS:-2}" "$@"
