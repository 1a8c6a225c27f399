"""The benchmark's running record: one JSON line a result, appended, so that an interrupted run goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, write_json_atomic, write_text_atomic

RECORDS, SETTINGS = "records.jsonl", "settings.json"
KEY = ("image_id", "finding", "method", "segmentation")


class Journal:
    """Records of one benchmark in `folder`.

    `settings`: what all records share (masks, seeds, weights of the classifier, ...). Records written under
    other settings are refused: their figures could not be compared. A last line that was cut off when the
    program was stopped is dropped.
    """

    def __init__(self, folder: str | Path, settings: dict[str, Any]) -> None:
        self.folder = Path(folder)
        self.path = self.folder / RECORDS
        self._check(settings)
        self.records: list[dict[str, Any]] = self._read()
        self._done = {self._key(record) for record in self.records}

    def __contains__(self, key: tuple[str, ...]) -> bool:
        """Whether (image_id, finding, method, segmentation) has been done."""
        return key in self._done

    def append(self, record: dict[str, Any]) -> None:
        """Write one record; NaN becomes null."""
        line = json.dumps(_finite(record), ensure_ascii=False, allow_nan=False)
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        self.records.append(_finite(record))
        self._done.add(self._key(record))

    def _check(self, settings: dict[str, Any]) -> None:
        path = self.folder / SETTINGS
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json_atomic(path, settings)
            return
        earlier = read_json(path, "give another folder")
        for name, value in json.loads(json.dumps(settings)).items():
            if earlier.get(name) != value:
                raise UserError(
                    f"{self.folder}: holds a benchmark with {name} {earlier.get(name)!r}, not {value!r}; "
                    "give another folder, or delete this one"
                )

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole, _, rest = text.rpartition("\n")
        if rest:
            write_text_atomic(self.path, whole + "\n" if whole else "")
        try:
            return [json.loads(line) for line in whole.splitlines() if line]
        except ValueError as error:
            raise UserError(
                f"{self.path}: a line is no JSON ({error}); delete that line, or the file"
            ) from None

    @staticmethod
    def _key(record: dict[str, Any]) -> tuple[str, ...]:
        return tuple(record[name] for name in KEY)


def _finite(value: Any) -> Any:
    """JSON values with NaN and infinity as None."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
