"""Labels of every report of a study table, as one long table."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path
from cxrneighbors.processes import each_by_process, process_count
from cxrneighbors.reports.labeler.labels import Label, label_report
from cxrneighbors.reports.labeler.rules import RULES_FOLDER, load_rules

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LABEL_COLUMNS = ("study_id", *Label._fields)
_CHUNK = 1000
Row = tuple[str, str, str, str, int, int, str | None, str | None]


def label_reports(studies: pd.DataFrame, rules_folder: Path = RULES_FOLDER, workers: int = 1) -> pd.DataFrame:
    """Label the reports of a study table: one row per study and finding that its report speaks of.

    studies: needs columns `study_id` and `report` (text, or missing). A study's images share its report: the
    first that is there is read, once. Studies without a report have no rows.

    Returns columns `study_id`, `finding` (CheXpert and ChestX-ray14 names, further findings, devices),
    `status` ('present', 'absent', 'uncertain'), `evidence` (the deciding sentence), `start`, `end` (int64;
    characters of the report as given: `report[start:end] == evidence`), `side` ('left', 'right',
    'bilateral') and `change` ('new', 'worsened', 'improved', 'unchanged', 'resolved', 'recurrent'), None
    where the report names none. See `labels.label_report` for what decides.

    `workers` processes share the work, with the same result. Raises `UserError` when a column is missing.
    """
    import pandas as pd

    for column in ("study_id", "report"):
        if column not in studies.columns:
            raise UserError(
                f"study table: column {column!r} is missing; label-reports needs study_id and report"
            )
    workers = process_count(workers)
    load_rules(rules_folder)  # a broken rule file is reported once, before the work begins
    reports: dict[str, str] = {}
    for study, report in zip(studies["study_id"].tolist(), studies["report"].tolist(), strict=True):
        if isinstance(report, str) and report.strip():
            reports.setdefault(str(study), report)
    items = list(reports.items())
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    label = partial(label_chunk, rules_folder)
    rows = [row for part in each_by_process(label, chunks, "labelling reports", workers) for row in part]
    table = pd.DataFrame(rows, columns=list(LABEL_COLUMNS))
    return table.astype({"start": "int64", "end": "int64"})


def write_labels(labels: pd.DataFrame, path: str | Path) -> None:
    """Write the table of `label_reports` to `path` as Parquet, in one step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = label_schema()
    arrays = [pa.array(labels[field.name].tolist(), field.type, from_pandas=True) for field in schema]
    with atomic_path(path, clear=True) as temporary:
        pq.write_table(pa.table(arrays, schema=schema), temporary)


def label_schema() -> pa.Schema:
    """Columns and types of the label table as a file."""
    import pyarrow as pa

    kinds = [pa.string()] * 4 + [pa.int64()] * 2 + [pa.string()] * 2
    return pa.schema(list(zip(LABEL_COLUMNS, kinds, strict=True)))


def label_chunk(folder: Path, chunk: list[tuple[str, str]]) -> list[Row]:
    """Rows of the label table for (study id, report) pairs, by the rules of `folder`."""
    rules = load_rules(folder)
    return [(study, *label) for study, report in chunk for label in label_report(report, rules)]
