"""Cut a long report into chunks that fit a language model, without losing a word."""

from __future__ import annotations

from collections.abc import Callable

from cxrneighbors.reports.sentences import split_sentences


def split_to_fit(text: str, limit: int, count: Callable[[str], int]) -> list[str]:
    """Cut `text` into consecutive chunks of at most `limit` tokens each.

    `count`: number of tokens of a text, special tokens left out. A text that fits stays whole and as it is.
    Otherwise whole sentences are packed together as long as they fit; a sentence that is itself too long is
    cut between words where the tokens run out, and a word that is too long between characters.

    >>> split_to_fit("One two. Three four five. Six.", 4, lambda text: len(text.split()))
    ['One two.', 'Three four five. Six.']
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1 token, got {limit}")
    if count(text) <= limit:
        return [text]
    return _pack(split_sentences(text), limit, count, level=0)


def _pack(units: list[str], limit: int, count: Callable[[str], int], level: int) -> list[str]:
    """Join consecutive units (sentences, words, letters: levels 0, 1, 2) while the joined text fits."""
    glue = "" if level == 2 else " "
    chunks: list[str] = []
    open_chunk = ""
    for unit in units:
        joined = f"{open_chunk}{glue}{unit}" if open_chunk else unit
        if count(joined) <= limit:
            open_chunk = joined
            continue
        if open_chunk:
            chunks.append(open_chunk)
        open_chunk = unit
        if count(unit) > limit and level < 2:
            *full, open_chunk = _pack(unit.split() if level == 0 else list(unit), limit, count, level + 1)
            chunks += full
    return [*chunks, open_chunk] if open_chunk else chunks
