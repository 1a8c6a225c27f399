"""A tree of MIMIC-CXR's exact shape from a study table (Parquet, from `cxrneighbors import`).

    python scripts/make_mimic_tree.py STUDIES OUT [--form dicom|jpg|both] [--reports zip|folder|beside]

Read it back with `cxrneighbors import mimic-cxr OUT/mimic-cxr` or `cxrneighbors import mimic-cxr-jpg
OUT/mimic-cxr-jpg`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cxrneighbors.data.tables import read_table
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say
from cxrneighbors.testing.dicom_file import SYNTAXES
from cxrneighbors.testing.mimic_tree import FORMS, REPORT_PLACES, write_mimic_tree


def main() -> None:
    """Parse, write, say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--form", choices=FORMS, default="both")
    parser.add_argument("--reports", choices=REPORT_PLACES, default="zip")
    parser.add_argument("--labels", choices=("findings", "reports"), default="findings")
    parser.add_argument("--syntax", action="append", choices=SYNTAXES, help="repeatable; default: all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        summary = write_mimic_tree(
            read_table(given.studies),
            given.out,
            given.form,
            given.reports,
            given.labels,
            given.syntax,
            given.seed,
        )
    except UserError as error:
        sys.exit(f"error: {error}")
    for note in summary.notes:
        say(f"note: {note}")
    counts = ", ".join(f"{count} {name}" for name, count in summary.counts.items())
    say(f"{given.out}: {counts}; {summary.skipped.summary()}")


if __name__ == "__main__":
    main()
