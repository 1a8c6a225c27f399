"""The stretches of a report that describe the image."""

from __future__ import annotations

from cxrneighbors.reports.sections import _HEADING, _SECTION_OF

# What the patient came with, how the picture was taken, and what it was compared with say nothing of the
# image.
NOT_READ = frozenset({"examination", "indication", "history", "comparison", "technique"})


def read_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of the parts of `text` to label: everything but the sections in `NOT_READ`.

    Where headings leave nothing else, the paragraphs after the last headed one are read; without headings,
    all.
    """
    marks = list(_HEADING.finditer(text))
    if not marks:
        return [(0, len(text))]
    spans = []
    sections = []
    for mark, end in zip(marks, [m.start() for m in marks[1:]] + [len(text)], strict=True):
        heading = " ".join(str(mark["line"] or mark["capitals"] or mark["inline"]).lower().split())
        sections.append(_SECTION_OF.get(heading, ""))
        if sections[-1] not in NOT_READ:
            spans.append((mark.end(), end))
        elif end == len(text) and (blank := text.find("\n\n", mark.end())) >= 0:
            spans.append((blank, end))
    if "findings" not in sections and text[: marks[0].start()].strip():
        spans.insert(0, (0, marks[0].start()))
    return spans
