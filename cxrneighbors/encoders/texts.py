"""Which text of a report its encoder sees."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.errors import choose

MASKS = ("words", "sentences")


def report_texts(studies: pd.DataFrame, mask_labels: bool | str = False) -> pd.Series:
    """The text of each row that report encoders see, None where there is none: Series of str or None (N,).

    Findings (or a body without a heading) and impression where the report has such sections, else what comes
    next to them (`reports.selection.chosen_text`). With `mask_labels`, words that name any finding of the
    table are replaced by '___' ('words'), or sentences that speak of any finding are left out ('sentences'),
    in every report alike: masking only a report's own findings would show by the gaps which it has.
    """
    from cxrneighbors.reports.label_sentences import mask_label_sentences
    from cxrneighbors.reports.label_words import mask_label_words
    from cxrneighbors.reports.selection import report_text

    how = choose("mask_labels", mask_labels, MASKS) if isinstance(mask_labels, str) else MASKS[0]
    mask = mask_label_words if how == "words" else mask_label_sentences
    findings = sorted({name for names in studies["findings"] for name in names})
    masked: dict[str, str] = {}  # the images of a study share its report

    def text_of(report: str | None, sections: dict[str, str] | None) -> str | None:
        text = report_text(report, sections)
        if text is None or not text.strip():
            return None
        if not mask_labels:
            return text
        if text not in masked:
            masked[text] = mask(text, findings)
        return masked[text]

    texts = [text_of(a, b) for a, b in zip(studies["report"], studies["sections"], strict=True)]
    return pd.Series(texts, index=studies.index, dtype=object)


def text_sources(studies: pd.DataFrame) -> dict[str, int]:
    """From which sections the texts of `report_texts` are: names such as 'findings+impression' -> rows."""
    from cxrneighbors.reports.summary import count_sources

    return count_sources(studies["report"].tolist(), studies["sections"].tolist())
