"""How long the explorer takes to answer a query over all of ChestX-ray14's rows.

    python eval/explorer_speed.py ../shared/data/chestxray14-labels [--queries 100]

ROOT: the published label table (Data_Entry_2017_v2020.csv or .csv.gz), no films: findings, patients and views
are real, vectors are drawn (60 dimensions). A query is by the id of a film; its answer holds the films, the
distances and the exact overlap of random films for this target, all but the pictures. Seconds of the wall
clock: the median, the slowest tenth and the slowest. Writes eval/results/explorer_speed.json and .md.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.app.archive import Archive
from cxrneighbors.app.query import Query
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

DIMENSIONS = 60
NEIGHBOURS = (8, 12, 24, 48)


def read_table(root: Path) -> pd.DataFrame:
    """All rows of the published label table, as a study table without files."""
    found = sorted(root.glob("Data_Entry_2017*.csv*"))
    if not found:
        raise UserError(f"{root}: no Data_Entry_2017*.csv; give the folder of the published label table")
    rows = pd.read_csv(found[0])
    sex = next(name for name in ("Patient Sex", "Patient Gender") if name in rows)
    return pd.DataFrame(
        {
            "image_id": rows["Image Index"],
            "patient_id": rows["Patient ID"].astype(str),
            "view": rows["View Position"],
            "sex": rows[sex],
            "age": rows["Patient Age"].astype(float),
            "findings": rows["Finding Labels"].str.split("|"),
        }
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = options(__doc__, "root", "--seed", "--results")
    parser.add_argument("--queries", type=int, default=100)
    given = parser.parse_args(arguments)
    studies, rng = read_table(given.root), np.random.default_rng(given.seed)
    vectors = rng.standard_normal((len(studies), DIMENSIONS)).astype(np.float32)
    index = NeighborIndex.build(Embeddings.from_arrays(studies["image_id"].tolist(), vectors), studies)
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "index")
        archive = Archive.open(Path(folder) / "index")
    rows, uploads = {}, Uploads()
    ids = rng.choice(studies["image_id"].to_numpy(), given.queries + 1, replace=False)
    for k in NEIGHBOURS:
        seconds = []
        for image_id in ids:
            started = time.perf_counter()
            archive.search(Query(image_ids=(str(image_id),), k=k), uploads)
            seconds.append(time.perf_counter() - started)
        first, *rest = seconds  # the first of all loads what queries need
        rows[str(k)] = {
            "first": first,
            "median": float(np.median(rest)),
            "p90": float(np.quantile(rest, 0.9)),
            "most": max(rest),
        }
    summary = {"n_films": len(studies), "n_queries": given.queries, "seconds": rows}
    times = {
        "neighbours:": "{k}",
        "first query:": "{first:.3f}",
        "median:": "{median:.3f}",
        "slowest tenth:": "{p90:.3f}",
        "slowest:": "{most:.3f}",
    }
    text = document(
        f"Seconds from a film's id to its neighbours, {len(studies):,} films; {given.queries} queries each.",
        table(times, [{"k": k, **row} for k, row in rows.items()]),
    )
    write_results(given.results, "explorer_speed", summary, text)


if __name__ == "__main__":
    run(main)
