"""Exact nearest neighbours by matrix products on a torch device, where the vectors lie: `exact` on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cxrneighbors.devices import full_precision, halved, resolve_device
from cxrneighbors.index.backends.exact import SPARE, UNIT_ROWS
from cxrneighbors.index.backends.nearest_rows import NONE
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import Factors, scaled_concatenation

# Distances at once, and queries at once: 128 MiB of distances and some ten times as much to choose from them.
# Not measured on a GPU.
AT_ONCE = 2**25
QUERY_BLOCK = 2048
# Greater than every key; see `_keys`.
LAST = torch.iinfo(torch.int64).max
_ROW = 2**32 - 1


def place(
    vectors: Mapping[str, np.ndarray],
    centre: Mapping[str, np.ndarray],
    apart: Mapping[str, np.ndarray],
    device: str,
) -> VectorsOnDevice | None:
    """The vectors on `device`, see `resolve_device`; None where that is 'cpu', which has its own search.

    Raises `UserError` for a device that is not there or has no memory for them.
    """
    device = resolve_device(device)
    if device == "cpu":
        return None
    try:
        return VectorsOnDevice(vectors, centre, apart, device)
    except (RuntimeError, MemoryError) as error:
        halved(1, error, device, f"index: device {device} has no memory for the vectors")
        raise


class VectorsOnDevice:
    """Vectors of N rows on `device`, put there once, and the exact search among them.

    `vectors`: float32 (N, D) per modality; `centre` float32 (D,) is subtracted, `apart` float32 (N,) put
    beside them (see `scaled_concatenation`). N may be up to 2³².
    """

    def __init__(
        self,
        vectors: Mapping[str, np.ndarray],
        centre: Mapping[str, np.ndarray],
        apart: Mapping[str, np.ndarray],
        device: str,
    ) -> None:
        self.device, self.at_once = device, AT_ONCE
        self._centre = centre
        self._held = {
            name: torch.cat(
                [self._put(values) - self._put(centre[name]), self._put(apart[name])[:, None]], dim=1
            )
            for name, values in vectors.items()
        }

    def nearest(
        self,
        rows: np.ndarray,
        queries: Mapping[str, np.ndarray],
        factors: Factors,
        k: int,
        admission: Admission,
    ) -> np.ndarray:
        """As `exact.nearest_exact`, with the same candidates: int64 (Q, C), C >= k, -1 where fewer pass.

        Of equal distances the lowest rows count. Where the device has no memory for as many distances at
        once, it is asked for half as many, from then on.
        """
        m, depth = min(k + SPARE, max(len(rows), k)), 1 if admission.units is None else UNIT_ROWS
        sides = scaled_concatenation(queries, factors, centre=self._centre)
        while True:
            try:
                with torch.inference_mode(), full_precision(torch.device(self.device).type):
                    return self._nearest(rows, sides, factors, (m, depth), admission)
            except (RuntimeError, MemoryError) as error:
                noun = f"index: device {self.device} has no memory for one distance"
                self.at_once = halved(self.at_once, error, self.device, noun)

    def _nearest(
        self,
        rows: np.ndarray,
        sides: np.ndarray,
        factors: Factors,
        shape: tuple[int, int],
        admission: Admission,
    ) -> np.ndarray:
        """Rows int64 (Q, m · s) for `shape` (m, s): s of each of the m nearest units, where known."""
        n_queries = max(1, min(len(sides), QUERY_BLOCK, self.at_once))
        blocks = _blocks(rows, admission, max(1, self.at_once // max(n_queries, sides.shape[1])))
        found = np.full((len(sides), shape[0] * shape[1]), NONE, dtype=np.int64)
        for start in range(0, len(sides), n_queries):
            part = slice(start, start + n_queries)
            left, own = self._put(sides[part]), self._put(admission.query_keys[part])[:, None]
            best = torch.full((len(left), *shape), LAST, device=self.device)
            for block in blocks:
                of_rows = self._put(block.rows)
                points = self._points(of_rows, factors)
                # |a - b|² without |a|², the same for all b of a query.
                distances = torch.addmm(points.square().sum(1), left, points.T, alpha=-2)
                keys = _keys(distances, of_rows).masked_fill_(self._put(block.keys) == own, LAST)
                seen = keys[:, :, None] if block.units is None else _of_units(keys, self._put(block.units))
                best = _least(torch.cat([best, _least(seen, shape[0])], dim=1), shape[0])
            found[part] = torch.where(best == LAST, NONE, best & _ROW).flatten(1).cpu().numpy()
        return found

    def _points(self, rows: Tensor, factors: Factors) -> Tensor:
        """What `scaled_concatenation` makes of `rows` int64 (n,): float32 (n, sum of D; + 2 for two)."""
        parts = []
        for name, factor in factors.items():
            held = self._held[name][rows]
            parts.append((held if len(factors) > 1 else held[:, :-1]) * float(np.float32(np.sqrt(factor))))
        return torch.cat(parts, dim=1)

    def _put(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


@dataclass(frozen=True)
class _Block:
    """Rows that are looked at together, int64 (n,) each: `rows`; `keys`, see `Admission`; `units`: which of
    the block's units, 0, 1, ..., each belongs to, None where each row is one."""

    rows: np.ndarray
    keys: np.ndarray
    units: np.ndarray | None


def _blocks(rows: np.ndarray, admission: Admission, size: int) -> list[_Block]:
    """`rows` in blocks of at most `size`, or of one unit, which is never cut."""
    if admission.units is None:
        cuts = np.arange(size, len(rows), size)
        return [_Block(part, admission.keys[part], None) for part in np.split(rows, cuts) if len(part)]
    rows = rows[np.argsort(admission.units[rows], kind="stable")]
    borders = np.append(np.flatnonzero(np.diff(admission.units[rows], prepend=-1)), len(rows))
    blocks, start = [], 0
    while start < len(rows):
        end = int(borders[np.searchsorted(borders, start + size, side="right") - 1])
        if end <= start:
            end = int(borders[np.searchsorted(borders, start, side="right")])
        part = rows[start:end]
        places = np.unique(admission.units[part], return_inverse=True)[1]
        blocks.append(_Block(part, admission.keys[part], places))
        start = end
    return blocks


def _keys(distances: Tensor, rows: Tensor) -> Tensor:
    """Whole numbers that order as `distances` float32 (Q, n) do, equal ones as `rows` int64 (n,): (Q, n).

    The high half is the float's bits, those but the sign inverted where it is negative; the low half the row.
    """
    bits = distances.view(torch.int32)
    ordered = bits ^ ((bits >> 31) & (2**31 - 1))
    return (ordered.long() << 32) | rows


def _of_units(keys: Tensor, units: Tensor) -> Tensor:
    """The `UNIT_ROWS` least keys of each of the U units: (Q, n) and int64 (n,) -> (Q, U, UNIT_ROWS)."""
    found, places = [], units.expand_as(keys)
    for _ in range(UNIT_ROWS):
        none = keys.new_full((len(keys), int(units[-1]) + 1), LAST)
        found.append(none.scatter_reduce(1, places, keys, "amin"))
        keys = keys.masked_fill(keys == found[-1][:, units], LAST)
    return torch.stack(found, dim=2)


def _least(keys: Tensor, m: int) -> Tensor:
    """The m units with the least first keys, in order: (Q, U, s) -> (Q, at most m, s)."""
    first = keys[:, :, 0].topk(min(m, keys.shape[1]), dim=1, largest=False).indices
    return keys.gather(1, first[:, :, None].expand(-1, -1, keys.shape[2]))
