"""What a user of the search tab asks: films, words, filters, and how neighbours are chosen."""

from __future__ import annotations

from dataclasses import dataclass

OLDEST = 130  # years, of the study table
MOST = 48  # neighbours a target
MANY = 8  # targets at once


@dataclass(frozen=True)
class Query:
    """One state of the search tab; the defaults are those of an empty page.

    image_ids: films of the index. uploads: tokens of uploaded films (`Uploads`), which no link carries. text:
    words, alone or in place of the films' reports. share: of the image in the fused distance, 0 to 1; None:
    the index's own. views, sexes, findings: any of them may be found; empty: all. ages: (from, to), years.
    where: a predicate beside these. policy, one_per, same_patient, k: see `NeighborIndex.search`.
    """

    image_ids: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    text: str = ""
    share: float | None = None
    k: int = 6
    views: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    ages: tuple[int, int] = (0, OLDEST)
    findings: tuple[str, ...] = ()
    where: str = ""
    same_patient: bool = False
    one_per: str = "patient"
    policy: str = "nearest"

    @property
    def asks(self) -> bool:
        """Whether there is anything to search by."""
        return bool(self.image_ids or self.uploads or self.text.strip())

    @property
    def weights(self) -> dict[str, float] | None:
        """Weights of image and report that `share` stands for."""
        return None if self.share is None else {"image": 2 * self.share, "report": 2 - 2 * self.share}

    def filter(self) -> str | None:
        """All filters as one `where` expression; None where there is none.

        >>> Query(views=("AP",), ages=(40, 130), where="mentions('tube')").filter()
        "view in ['AP'] and age >= 40 and (mentions('tube'))"
        """
        parts = []
        if self.views:
            parts.append(f"view in {list(self.views)!r}")
        if self.sexes:
            parts.append(f"sex in {list(self.sexes)!r}")
        low, high = self.ages
        if low > 0:
            parts.append(f"age >= {low}")
        if high < OLDEST:
            parts.append(f"age <= {high}")
        if self.findings:
            parts.append(f"({' or '.join(f'findings.has({name!r})' for name in self.findings)})")
        if self.where.strip():
            parts.append(f"({self.where.strip()})")
        return " and ".join(parts) or None
