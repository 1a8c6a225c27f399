"""The corpus of damaged files at a small size, read in this process: each is read or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.broken_files import READERS, Outcome, _read
from faults import SUFFIX, counted, damaged, markdown, originals


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    folder = tmp_path_factory.mktemp("faults")
    return originals(folder / "no data", folder / "made", seed=0)


def test_every_kind_has_a_reader(sources: dict[str, list[bytes]]) -> None:
    assert list(sources) == list(READERS)


@pytest.mark.parametrize("kind", READERS)
def test_whole_files_are_read_and_damaged_ones_end_well(
    kind: str, sources: dict[str, list[bytes]], tmp_path: Path
) -> None:
    paths = damaged(kind, sources[kind], tmp_path / kind, 24, np.random.default_rng(0))
    assert _read(READERS[kind], tmp_path / kind / f"good{SUFFIX.get(kind, '.txt')}") == ("read", "")
    ends = {path.name: _read(READERS[kind], path) for path in paths}
    assert {outcome for outcome, _ in ends.values()} <= {"read", "refused"}, ends


def test_the_table_counts_and_names() -> None:
    found = [Outcome("a", "read", "", 0.5), Outcome("b", "crash", "exit code -11", 0.0)]
    rows = [{"kind": "png", "files": 2, **counted(found)}]
    text = markdown(rows, [{"kind": "png", "outcome": "crash", "said": "exit code -11"}])
    assert "2 damaged files; 1 neither" in text and "| png | crash | exit code -11 | 1 |" in text
