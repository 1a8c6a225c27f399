"""MIMIC-CXR's reports a thousand at a time: memory does not grow with their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cxrneighbors.data.mimic.report_files import (
    Report,
    ReportArchive,
    ReportFolder,
    find_reports,
    read_report,
)
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path
from cxrneighbors.processes import process_count
from cxrneighbors.progress import track
from cxrneighbors.reports.labeler.rules import RULES_FOLDER, load_rules
from cxrneighbors.reports.labeler.table import label_chunk, label_schema

BLOCK = 1000


def open_reports(given: Path) -> ReportFolder | ReportArchive:
    """The reports in the published zip, or its folder, `given`; a `UserError` where there is none."""
    source = find_reports(given, []) if given.exists() else None
    if source is None or not source.names():
        raise UserError(f"{given}: no reports there; give mimic-cxr-reports.zip or its folder")
    return source


def stream_reports(
    source: ReportFolder | ReportArchive, block: int = BLOCK
) -> Iterator[list[tuple[str, Report]]]:
    """(study id, report) of every report in `source`, by path, `block` at a time.

    Study ids are those of the study table: '50414267' for 'p10/p10000032/s50414267.txt'.
    """
    names = sorted(source.names())
    for start in range(0, len(names), block):
        part = names[start : start + block]
        yield [(name.rsplit("/", 1)[-1][1:].removesuffix(".txt"), read_report(source, name)) for name in part]


def label_archive(
    given: Path, out: Path, skipped: Skipped, rules_folder: Path = RULES_FOLDER, workers: int = 1
) -> dict[str, int]:
    """Label every report of the published zip (or its folder) `given`; write the label table to `out`.

    The table is that of `label_reports`, written a block of reports at a time, in one step; a report that
    cannot be read or is empty goes to `skipped`. `workers` processes share the work, with the same result.
    Returns counts: 'reports', 'labelled' (reports), 'present', 'absent', 'uncertain' (rows).

    Raises `UserError` where there is no report.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from joblib import Parallel, delayed

    source = open_reports(given)
    load_rules(rules_folder)  # a broken rule file is reported before the work begins
    schema = label_schema()
    counts = Counter({"reports": 0, "labelled": 0, "present": 0, "absent": 0, "uncertain": 0})
    blocks = (_told(part, skipped, counts) for part in stream_reports(source, BLOCK))
    jobs = Parallel(process_count(workers), return_as="generator")
    done = jobs(delayed(label_chunk)(rules_folder, block) for block in blocks)
    total = -(-len(source.names()) // BLOCK)
    with atomic_path(out, clear=True) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for rows in track(done, "labelling reports", total):
            columns = list(zip(*rows, strict=True)) or [()] * len(schema)
            arrays = [pa.array(each, kind) for each, kind in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            counts["labelled"] += len({row[0] for row in rows})
            counts.update(row[2] for row in rows)
    return dict(counts)


def _told(part: list[tuple[str, Report]], skipped: Skipped, counts: Counter[str]) -> list[tuple[str, str]]:
    """(study id, text) of the reports that have one; the others are listed."""
    for study, report in part:
        if report.text is None:
            skipped.add(f"s{study}.txt", report.trouble or "report is not there")
    told = [(study, report.text) for study, report in part if report.text is not None]
    counts["reports"] += len(told)
    return told
