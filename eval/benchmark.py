"""How fast is each stage beside its rivals? Ratios, measured side by side in one run.

    python eval/benchmark.py [STAGE ...] [--data ../shared/data] [--rounds 5] [--device auto]

Stages (`benchmarks/`, a file each): perturbation, quickshift, cohorts, search, evaluation, reading, encoding,
imports, growth; all without a name. Ways of doing the same work take turns, round after round; a ratio is the
median of the rounds' ratios, with the lowest and the highest. Seconds are of the wall clock and say nothing
about another machine. Rivals that are not installed are left out. Writes eval/results/benchmark-STAGE.json
and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from common.options import options, run
from common.results import write_results
from cxrneighbors.errors import choose
from cxrneighbors.progress import say

STAGES = (
    "perturbation",
    "quickshift",
    "cohorts",
    "search",
    "evaluation",
    "reading",
    "encoding",
    "imports",
    "growth",
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--device", "--results")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real data sets")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        metavar="PLACE",
        help="which of a stage's sizes, 0 the first; results of the others stay as they are (search)",
    )
    parser.add_argument("--small", action="store_true", help="small sizes: to see whether it runs")
    given = parser.parse_args(arguments)
    for name in given.stages or STAGES:
        stage = import_module(f"benchmarks.{choose('stage', name, STAGES)}")
        say(f"benchmark: {name}")
        found = stage.measure(given)
        name = f"benchmark-{name}"
        figures = {name: stage.figure(found)} if hasattr(stage, "figure") else None
        write_results(given.results, name, found, stage.markdown(found), figures, given.device)


if __name__ == "__main__":
    run(main)
