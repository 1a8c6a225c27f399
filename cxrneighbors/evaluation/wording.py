"""Numbers in the words of figures, the page and the terminal."""

from __future__ import annotations

from typing import Any

NBSP = "\u00a0"  # a number stays on one line with its unit

TITLES = {
    "image": "Image",
    "report": "Report",
    "fused": "Image and report",
    "random": "Random draw",
    "random-view": "Random, same view",
    "random-view-sex-age": "Random, same view, sex, age band",
    "pixels": "Pixels",
    "pca": "PCA",
    "pca-whitened": "PCA, whitened",
    "pca-centre": "PCA of the centre, half-whitened",
    "hog": "Oriented gradients",
    "tfidf": "Report, TF-IDF",
    "report-masked": "Report, label words masked",
}


def title_of(name: str, summary: dict[str, Any]) -> str:
    """A method's name for readers, with its encoder where the index says which."""
    encoder = summary["settings"]["encoders"].get(name)
    named = TITLES.get(name, name)
    return f"{named} ({encoder})" if encoder and encoder != "arrays" else named


def by(name: str, summary: dict[str, Any]) -> str:
    """'Neighbours by image (vae)': a method as the title of a picture."""
    title = title_of(name, summary)
    return f"Neighbours by {title[0].lower()}{title[1:]}"


def percent(value: float | None, digits: int = 1) -> str:
    """0.4567 as '45.7 %'; a missing number as '–'."""
    return "–" if value is None else f"{round(100 * value, digits) + 0.0:.{digits}f}{NBSP}%"  # no "-0.0"


def points(value: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points with its sign: 0.052 as '+5.2'."""
    if value is None:
        return "–"
    return f"{round(100 * value, digits) + 0.0:+.{digits}f}".replace("-", "−")  # no "−0.0"


def interval(bounds: list[float | None]) -> str:
    """A 95 % interval in percentage points: '+4.1 to +6.3'."""
    return "–" if None in bounds else f"{points(bounds[0])} to {points(bounds[1])}"


def p_text(p: float | None) -> str:
    """A p-value as journals print it: 'p = 0.012', 'p < 0.001'; for a table, see `p_cell`."""
    cell = p_cell(p)
    return f"p{NBSP}{cell}" if cell.startswith("<") else f"p{NBSP}={NBSP}{cell}"


def p_cell(p: float | None) -> str:
    """A p-value for a table: '0.012', '< 0.001'."""
    if p is None:
        return "–"
    return f"<{NBSP}0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def unit_of_overlap(definition: str) -> str:
    """What a mean overlap is, in a sentence about neighbours."""
    return {
        "any": "share a finding with the target",
        "any-disease": "share a disease with the target",
        "jaccard": "of the findings are shared on average",
        "exact": "have exactly the target's findings",
    }[definition]


def neighbours_line(summary: dict[str, Any]) -> str:
    """Which neighbours were scored: '5 neighbours, same patient excluded, one image per patient'."""
    own = "excluded" if summary["same_patient_excluded"] else "included"
    each = "every image counts" if summary["one_per"] == "image" else f"one image per {summary['one_per']}"
    return f"{summary['k']} neighbours, same patient {own}, {each}"


def summary_lines(summary: dict[str, Any]) -> str:
    """The methods of an `overlap.json` as an aligned text table: overlaps in per cent, lifts in points.

    'exchanged' is the mean lift of exchanged findings; p is corrected by Holm.
    """
    head = f"{'method':<22}{'overlap':>9}{'random':>9}{'lift':>8}   "
    lines = [head + f"{'95 % CI':<16}{'exchanged':>9}{'p, Holm':>9}"]
    for name, row in summary["methods"].items():
        low, high = row["lift_ci95"]
        # One patient alone has no interval.
        interval = "" if low is None else f"[{100 * low:5.1f}, {100 * high:5.1f}]"
        lines.append(
            f"{name:<22}{row['mean_overlap']:>9.1%}{row['random_overlap']:>9.1%}{100 * row['lift']:>8.1f}"
            f"   {interval:<16}{100 * row['null_mean_lift']:>9.1f}{row['p_value_adjusted']:>9.4f}"
        )
    return "\n".join(lines)


METHOD_CELLS = ("overlap", "by chance", "lift", "95 % CI", "p, Holm", "targets")


def method_cells(row: dict[str, Any]) -> list[str]:
    """A method's row of an `overlap.json` as texts, one for each of `METHOD_CELLS`; lifts in points."""
    shares = percent(row["mean_overlap"]), percent(row["random_overlap"])
    tested = points(row["lift"]), interval(row["lift_ci95"]), p_cell(row["p_value_adjusted"])
    return [*shares, *tested, f"{row['n_targets']:,}"]


def question_line(summary: dict[str, Any]) -> str:
    """What was asked: '5 neighbours, …; any; 1,025 targets of 480 patients'."""
    targets = f"{summary['n_targets']:,} targets of {summary['n_patients']:,} patients"
    return f"{neighbours_line(summary)}; {summary['definition']}; {targets}"
