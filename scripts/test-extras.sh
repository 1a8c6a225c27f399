#!/usr/bin/env bash
# Installs the optional libraries (Ray, Milvus, h5py, Quantus, UMAP) and runs their tests: here a skipped test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
python=.venv-extras/bin/python
[ -x $python ] || .venv/bin/python -m venv .venv-extras
# On top of .venv: what is installed there, torch above all, counts as installed and is not touched.
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
echo "import site; site.addsitedir('$(site .venv/bin/python)')" > "$(site $python)/base.pth"
$python -m pip --disable-pip-version-check --quiet install -c constraints.txt -e '.[extras]'
export CXRNEIGHBORS_EXTRAS=1 HF_HUB_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec $python -m pytest -n "${PYTEST_WORKERS:-2}" \
    tests/app/test_umap.py tests/classifiers/test_resnet101v2.py tests/encoders/test_ray_engine.py \
    tests/explain/quality/test_quantus.py tests/explain/test_many_on_ray.py tests/test_ray_cluster.py \
    tests/index/backends/test_milvus.py tests/index/backends/test_milvus_store.py \
    tests/index/backends/test_graphs.py "$@"
