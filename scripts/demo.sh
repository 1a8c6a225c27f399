#!/usr/bin/env bash
# The main job on generated phantom X-rays: neighbours, statistics, pictures, report page.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
exec .venv/bin/cxrneighbors demo "$@"
