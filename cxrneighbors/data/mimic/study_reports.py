"""Reports joined to the study table, with what does not fit listed or counted."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.data.mimic.layout import Sources, report_file
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.mimic.report_files import ReportArchive, ReportFolder, find_reports, read_reports
from cxrneighbors.data.skipped import Skipped


def add_reports(
    studies: pd.DataFrame,
    known_studies: set[str],
    sources: Sources,
    options: Options,
    skipped: Skipped,
    notes: list[str],
) -> None:
    """Fill `report` and `sections` in place; each study's text is read and split once.

    A report of a study that no list knows, and one that cannot be read or is empty, goes to `skipped`.
    Studies without a report keep None and are counted in `notes`, as are reports of studies whose images
    are not there (a partial download).
    """
    source = find_reports(options.reports, sources.places)
    if source is None:
        studies["report"], studies["sections"] = None, None
        notes.append("no reports found (mimic-cxr-reports.zip, its folder, or texts beside the studies)")
        return
    pairs = studies[["patient_id", "study_id"]].drop_duplicates("study_id")
    names = [report_file(*pair) for pair in pairs.itertuples(index=False)]
    reports = dict(zip(pairs["study_id"], read_reports(source, names), strict=True))
    for (study, report), name in zip(reports.items(), names, strict=True):
        if report.trouble:
            skipped.add(name.rsplit("/", 1)[-1], f"{report.trouble}: study {study} has none")
    found = [reports[study] for study in studies["study_id"]]
    studies["report"] = pd.Series([report.text for report in found], dtype=object, index=studies.index)
    studies["sections"] = pd.Series([report.sections for report in found], dtype=object, index=studies.index)
    without = [study for study, report in reports.items() if report.text is None]
    if without:
        shown = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
        notes.append(f"{len(without)} of {len(reports)} studies have no report ({shown})")
    broken = sum(report.broken for report in reports.values())
    if broken:
        notes.append(f"{broken} reports are not valid UTF-8 and were read as Latin-1 or with gaps")
    if options.check_files:
        _list_strays(source, set(names), known_studies, skipped, notes)


def _list_strays(
    source: ReportFolder | ReportArchive,
    used: set[str],
    known: set[str],
    skipped: Skipped,
    notes: list[str],
) -> None:
    unused = 0
    for name in sorted(source.names() - used):
        file = name.rsplit("/", 1)[-1]
        if file.removeprefix("s").removesuffix(".txt") in known:
            unused += 1
        else:
            skipped.add(file, "report without a study in the lists")
    if unused:
        notes.append(f"{unused} reports belong to studies without images here and were not read")
