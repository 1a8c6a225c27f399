"""The benchmark's running record: one JSON line a result, appended, so that an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import Kind
from cxrneighbors.errors import UserError
from cxrneighbors.files import plain, write_text_atomic

RECORDS = "records.jsonl"
BENCHMARK = Kind("benchmark records", version=3, made_by="evaluate-explanations")
Record = dict[str, Any]
KEY = ("image_id", "finding", "method", "segmentation")


class Journal:
    """Records of one benchmark in `folder`, beside a manifest.

    `settings`: what all records share (masks, seeds, weights of the classifier, ...). Records written under
    other settings are refused: their figures could not be compared. A last line that was cut off when the
    program was stopped is dropped.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        self._work = BENCHMARK.begin(folder, settings)
        self.folder = self._work.folder
        self.records = read_records(self.folder)
        self._done = {self._key(record) for record in self.records}

    def __contains__(self, key: tuple[str, ...]) -> bool:
        """Whether (image_id, finding, method, segmentation) has been done."""
        return key in self._done

    def append(self, record: Record) -> None:
        """Write one record; NaN becomes null."""
        self.reopen()  # a finished benchmark gets more targets or methods
        record = plain(record)
        with open(self.folder / RECORDS, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
        self.records.append(record)
        self._done.add(self._key(record))

    def preparing(self) -> AbstractContextManager[None]:
        """Take the folder back when the block raises a `UserError` and it is new and without a record."""
        return nullcontext() if self.records else self._work.preparing()

    def reopen(self) -> None:
        """What is made of the records is about to be written anew."""
        if self._work.complete:
            self._work.reopen()

    def finish(self, made: Iterable[str] = ()) -> None:
        """All that was asked for is there; `made`: names of what was made of the records, to be described."""
        if made or not self._work.complete:
            self._work.finish({"n_records": len(self.records)}, files=[RECORDS, *made])

    @staticmethod
    def _key(record: Record) -> tuple[str, ...]:
        return tuple(record[name] for name in KEY)


def read_records(folder: Path) -> list[Record]:
    """All whole lines of records.jsonl; half a line at its end is cut off the file."""
    path = folder / RECORDS
    if not path.is_file():
        return []
    whole, _, rest = path.read_text(encoding="utf-8").rpartition("\n")
    if rest:
        write_text_atomic(path, whole + "\n" if whole else "")
    try:
        return [json.loads(line) for line in whole.splitlines() if line]
    except ValueError as error:
        raise UserError(f"{path}: a line is no JSON ({error}); delete that line, or the file") from None
