"""Which text of many reports is read, and how much of them lies in no section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cxrneighbors.reports.sections import unplaced
from cxrneighbors.reports.selection import text_source

Sections = Mapping[str, str] | None


def count_sources(reports: Sequence[str | None], sections: Sequence[Sections]) -> dict[str, int]:
    """`selection.text_source` -> reports that are read so, the commonest first; blank reports left out.

    >>> count_sources(["Clear.", None], [None, {"findings": "Clear.", "impression": "Normal."}])
    {'whole': 1, 'findings+impression': 1}
    """
    sources = Counter(text_source(*pair) for pair in zip(reports, sections, strict=True))
    return {source: count for source, count in sources.most_common() if source}


def unplaced_share(reports: Sequence[str | None]) -> float:
    """Share of the reports' letters and digits, headings apart, that lie in no section; 0 without any."""
    counts = [unplaced(report) for report in reports if isinstance(report, str)]
    return sum(count for count, _ in counts) / max(1, sum(total for _, total in counts))


def reports_line(reports: Sequence[str | None], sections: Sequence[Sections]) -> str:
    """One line on both.

    >>> reports_line(["FINDINGS: Clear."], [{"findings": "Clear."}])
    'reports are read by: findings (1); 0.0 % of their text lies in no section'
    """
    sources = ", ".join(f"{name} ({count:,})" for name, count in count_sources(reports, sections).items())
    share = f"{100 * unplaced_share(reports):.1f} %"
    return f"reports are read by: {sources}; {share} of their text lies in no section"
