"""hnswlib's graph file, checked field by field before hnswlib follows its links into memory.

The layout is that of `HierarchicalNSW::saveIndex` (hnswlib 0.8): a head, then for each element its links on
the lowest level, its vector and its label, then for each element its links on the levels above. hnswlib
itself believes every number in it; a file from strangers whose links lead outside ends the process.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrneighbors.errors import UserError

_HEAD = np.dtype(
    [
        ("offset_level0", "<u8"),
        ("max_elements", "<u8"),
        ("count", "<u8"),
        ("element_bytes", "<u8"),
        ("label_offset", "<u8"),
        ("vector_offset", "<u8"),
        ("max_level", "<i4"),
        ("entry", "<u4"),
        ("max_links", "<u8"),
        ("max_links_level0", "<u8"),
        ("M", "<u8"),
        ("mult", "<f8"),
        ("ef_construction", "<u8"),
    ]
)


def check_graph_file(path: Path, vectors: np.ndarray, M: int) -> None:
    """Raise `UserError` unless `path` is a whole graph over exactly `vectors` float32 (n, D), links of M.

    Checked: every number of the head, each vector and label, and that each link leads to an element that has
    the level on which the link lies.
    """
    content = np.fromfile(path, dtype=np.uint8)
    reason = _fault(content, vectors, M)
    if reason:
        raise UserError(f"{path}: graph {reason}; build the index again")


def _fault(content: np.ndarray, vectors: np.ndarray, M: int) -> str | None:
    n, size = len(vectors), vectors.shape[1] * 4
    level0 = 2 * M * 4 + 4
    per_element = level0 + size + 8
    end = _HEAD.itemsize + n * per_element
    if len(content) < end:
        return "is cut off"
    head = content[: _HEAD.itemsize].view(_HEAD)[0]
    wanted = {"offset_level0": 0, "count": n, "element_bytes": per_element, "label_offset": level0 + size}
    wanted |= {"vector_offset": level0, "max_links": M, "max_links_level0": 2 * M, "M": M}
    for name, value in wanted.items():
        if head[name] != value:
            return f"has {name} {head[name]} in its head, not {value}"
    if head["max_elements"] < n or head["entry"] >= n or not np.isclose(head["mult"], 1 / np.log(M)):
        return "has a head of impossible numbers"
    elements = content[_HEAD.itemsize : end].reshape(n, per_element)
    held = np.ascontiguousarray(elements[:, level0 : level0 + size]).view("<f4")
    labels = np.ascontiguousarray(elements[:, -8:]).view("<u8")[:, 0]
    if not np.array_equal(held, vectors) or not np.array_equal(labels, np.arange(n)):
        return "does not hold the vectors beside it"
    try:
        above = _above(content[end:], n, M)
    except ValueError as error:
        return str(error)
    levels = np.bincount(above[0], minlength=n) if len(above[0]) else np.zeros(n, np.int64)
    if head["max_level"] != levels.max() or levels[head["entry"]] != levels.max():
        return "enters at an element without its highest level"
    lowest = np.ascontiguousarray(elements[:, :level0]).view("<u4")
    lists = [(lowest, np.zeros(n, np.int64))]
    if len(above[0]):
        within = np.arange(len(above[0])) - np.repeat(np.cumsum(levels) - levels, levels)
        lists.append((above[1], within + 1))
    if any(not _links_hold(links, level, levels) for links, level in lists):
        return "has links that lead outside"
    return None


def _above(rest: np.ndarray, n: int, M: int) -> tuple[np.ndarray, np.ndarray]:
    """Links above the lowest level: their elements int64 (L,), ascending, and uint32 (L, 1 + M)."""
    one = M * 4 + 4
    owners, parts, place = [], [], 0
    for element in range(n):
        if place + 4 > len(rest):
            raise ValueError("is cut off")
        size = int(rest[place : place + 4].view("<u4")[0])
        place += 4
        if size % one or place + size > len(rest):
            raise ValueError("has lists of links of impossible length")
        if size:
            owners += [element] * (size // one)
            parts.append(rest[place : place + size])
            place += size
    if place != len(rest):
        raise ValueError("has bytes behind its end")
    lists = np.concatenate(parts).view("<u4").reshape(-1, M + 1) if parts else np.zeros((0, M + 1), "<u4")
    return np.array(owners, dtype=np.int64), lists


def _links_hold(lists: np.ndarray, level: np.ndarray, levels: np.ndarray) -> bool:
    """Whether lists uint32 (L, 1 + m), each a count and links, on `level` (L,), lead to elements with it.

    The count is the low half of its word; the high half marks deleted elements, of which there are none.
    """
    counts, links = lists[:, 0], lists[:, 1:]
    if counts.max(initial=0) > links.shape[1]:
        return False
    used = np.arange(links.shape[1]) < counts[:, None]
    if links[used].max(initial=0) >= len(levels):
        return False
    reached = levels[np.where(used, links, 0)]
    return bool((~used | (reached >= level[:, None])).all())
