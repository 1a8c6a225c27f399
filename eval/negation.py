"""Are two wordings of one finding nearer than the pair that differs by "no" or by the side?

    python eval/negation.py DATASET ROOT [--encoders minilm tfidf findings minilm+findings FOLDER ...]

`negation_triples.csv`, written by hand for this: an anchor, the same in other words, and the anchor with its
meaning turned by a word or two. A triple is right where the first two are nearer in the encoder's space;
equal distances are wrong. Encoders that are fitted learn from the reports of split 'train' of DATASET. Half
of the triples, 'development', may be looked at; the other half is for figures. A count of shared words, as
the easiest answer, is right in none. Writes eval/results/negation.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.base import Fittable, TextEncoder
from cxrneighbors.encoders.registry import load_report_encoder
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError

TRIPLES = Path(__file__).with_name("negation_triples.csv")
NEARER = 1e-6  # differences of distance below are none
NAMES = ("minilm", "tfidf", "findings", "minilm+findings")


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = options(__doc__, "dataset", "root", "--device", "--results")
    parser.add_argument("--encoders", nargs="+", default=list(NAMES))
    given = parser.parse_args(arguments)
    studies = import_dataset(given.dataset, given.root).studies
    studies = studies.assign(report=report_texts(studies))
    triples = pd.read_csv(TRIPLES)
    rows = []
    for name in given.encoders:
        encoder = load_report_encoder(name, given.device)
        if encoder is None:
            raise UserError(f"--encoders {name}: none cannot read; leave it out")
        if isinstance(encoder, Fittable) and not encoder.fitted:
            encoder.fit(studies)
        rows.append({"encoder": encoder.name, **shares(triples, right(encoder, triples))})
    write_results(given.results, "negation", {"encoders": rows}, markdown(rows, triples), device=given.device)


def right(encoder: TextEncoder, triples: pd.DataFrame) -> np.ndarray:
    """Whether 'same' is nearer to 'anchor' than 'different' is: bool (N,)."""
    anchor, same, different = (
        encoder.encode(triples[name].tolist()).astype(np.float64) for name in ("anchor", "same", "different")
    )
    near, far = (np.linalg.norm(anchor - other, axis=1) for other in (same, different))
    return np.asarray(near < far - NEARER)


def shares(triples: pd.DataFrame, right: np.ndarray) -> dict[str, dict[str, float]]:
    """Share of triples that are right, by part and kind."""
    found: dict[str, dict[str, float]] = {}
    for part, rows in triples.groupby("part"):
        kinds = {str(kind): float(right[of.index].mean()) for kind, of in rows.groupby("kind")}
        found[str(part)] = {"all": float(right[rows.index].mean()), **kinds}
    return found


def markdown(rows: list[dict[str, Any]], triples: pd.DataFrame) -> str:
    """A row an encoder, held-back triples first."""
    columns = {"report encoder": "{encoder}"}
    for part in ("held-back", "development"):
        for kind in ("all", "negation", "side"):
            columns[f"{part}, {kind}:"] = f"{{{part}[{kind}]:.1%}}"
    counts = triples.groupby(["part", "kind"]).size().rename("n").reset_index()
    told = ", ".join(f"{row['part']} {row['kind']} {row['n']}" for row in counts.to_dict("records"))
    return document(f"Triples that are right ({told}).", table(columns, rows))


if __name__ == "__main__":
    run(main)
