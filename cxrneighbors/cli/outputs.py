"""The one rule on outputs: no verb writes over its own input, or over a file or folder of another kind.

Verbs call it first, before any work. Folders that a job writes keep the rest of it themselves
(`cxrneighbors.artifact`): they hold one kind, made with one plan.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

STUDIES, LABELS, REGIONS = "a study table", "a label table", "a region table"
# Columns by which a table is known, the first that fits.
_KINDS = {
    STUDIES: {"image_id", "patient_id", "view", "findings"},
    LABELS: {"study_id", "finding", "status", "evidence"},
    REGIONS: {"image_id", "finding", "mask_path"},
}
_ANOTHER = "give another --out"


def check_table(out: Path, kind: str, inputs: Iterable[Path] = (), list_beside: bool = True) -> None:
    """Raise `UserError` unless a table of `kind` may be written to `out`.

    `out` may be new, or a table of the same kind. `inputs`: what the verb reads. `list_beside`: the verb also
    writes skipped.csv and, for a study table, the regions beside it. A file of a folder that another verb
    made (an index's study table) is not replaced: the folder would no longer be what its manifest says.
    """
    from cxrneighbors.errors import UserError
    from cxrneighbors.files import check_parents

    refuse_inputs(out, inputs)
    check_parents(out)
    if out.is_dir():
        raise UserError(f"{out}: is a folder, and {kind} is a file; {_ANOTHER}")
    written = {out: kind}
    if list_beside:
        written[out.with_name("skipped.csv")] = "a list of what was skipped"
    if list_beside and kind == STUDIES:
        written[out.with_name(f"{out.stem}.regions.parquet")] = REGIONS
    for path, wanted in written.items():
        if os.path.lexists(path) and (found := _kind_of(path)) != wanted:
            raise UserError(f"{path}: is {found}, and {wanted} would replace it; {_ANOTHER}")
        if owner := _owner(path):
            raise UserError(f"{path}: belongs to the {owner} in {path.parent}; {_ANOTHER}")


def refuse_inputs(out: Path, inputs: Iterable[Path]) -> None:
    """Raise `UserError` where `out` is one of `inputs`, by whatever name."""
    from cxrneighbors.errors import UserError

    for path in inputs:
        same = os.path.realpath(out) == os.path.realpath(path)
        if same or (out.exists() and path.exists() and os.path.samefile(out, path)):
            raise UserError(f"{out}: is what this command reads; {_ANOTHER}")


def _kind_of(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cxrneighbors.data.skipped import SKIPPED_COLUMNS

    if not path.is_file():
        return "no file"
    with open(path, "rb") as stream:
        if stream.readline().strip() == ",".join(SKIPPED_COLUMNS).encode():
            return "a list of what was skipped"
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return "another file"
    return next((kind for kind, known in _KINDS.items() if known <= columns), "another table")


def _owner(path: Path) -> str | None:
    """The kind of folder whose manifest lists `path`; phantoms are made anew with their tables."""
    from cxrneighbors.artifact import MANIFEST
    from cxrneighbors.data.readers.phantom import PHANTOMS
    from cxrneighbors.errors import UserError
    from cxrneighbors.files import read_json

    manifest = path.with_name(MANIFEST)
    try:
        found = read_json(manifest, remedy="") if manifest.is_file() else {}
    except UserError:
        return None
    listed = isinstance(found, dict) and path.name in (found.get("files") or {})
    return str(found.get("kind")) if listed and found.get("kind") != PHANTOMS.name else None
