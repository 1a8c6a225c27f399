"""The stretches of a report that describe the image."""

from __future__ import annotations

from cxrneighbors.reports.sections import heading_spans

# What the patient came with, how the picture was taken, and what it was compared with say nothing of the
# image.
NOT_READ = frozenset({"examination", "indication", "history", "comparison", "technique"})


def read_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of the parts of `text` to label: everything but the sections in `NOT_READ`.

    Where headings leave nothing else, the paragraphs after the last headed one are read; without headings,
    all.
    """
    headed = heading_spans(text)
    if not headed:
        return [(0, len(text))]
    spans = []
    for section, _, start, end in headed:
        if section not in NOT_READ:
            spans.append((start, end))
        elif end == len(text) and (blank := text.find("\n\n", start)) >= 0:
            spans.append((blank, end))
    before = headed[0][1]
    if all(section != "findings" for section, *_ in headed) and text[:before].strip():
        spans.insert(0, (0, before))
    return spans
