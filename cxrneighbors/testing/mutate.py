"""Damage to files as it happens, and as somebody means it: seeded, so that a finding can be made again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_EXTREMES = (b"\x00" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x01\x00\x00\x00")


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` after one to three kinds of damage, drawn from `rng`."""
    for number in rng.integers(len(DAMAGES), size=rng.integers(1, 4)):
        content = DAMAGES[int(number)](content, rng)
    return content


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    """Up to eight bits turned over."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9)) if content else 0):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    """The end is missing."""
    return content[: int(rng.integers(len(content) + 1))]


def _drop(content: bytes, rng: np.random.Generator) -> bytes:
    """A block within is missing."""
    start, stop = _block(content, rng)
    return content[:start] + content[stop:]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    """Noise between two bytes."""
    place = int(rng.integers(len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 65))) + content[place:]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    """A block is there several times."""
    start, stop = _block(content, rng)
    return content[:stop] + content[start:stop] * int(rng.integers(1, 4)) + content[stop:]


def _blank(content: bytes, rng: np.random.Generator) -> bytes:
    """A block is all zeros."""
    start, stop = _block(content, rng)
    return content[:start] + bytes(stop - start) + content[stop:]


def _extreme(content: bytes, rng: np.random.Generator) -> bytes:
    """A number is the least or the greatest there is; half the time in the head, where sizes stand."""
    reach = min(len(content), 1024) if rng.random() < 0.5 else len(content)
    place = int(rng.integers(reach + 1))
    return content[:place] + _EXTREMES[int(rng.integers(len(_EXTREMES)))] + content[place + 4 :]


def _block(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = int(rng.integers(len(content) + 1))
    return start, min(len(content), start + int(rng.integers(1, 257)))


DAMAGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flip, _cut, _drop, _insert, _repeat, _blank, _extreme,
)  # fmt: skip
