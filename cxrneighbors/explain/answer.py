"""What an explanation says, in plain words: a title for its panel, one sentence, and lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.explain.page import readable
from cxrneighbors.explain.places import place

if TYPE_CHECKING:
    from cxrneighbors.explain.explanation import Explanation

NAMED = 3  # segments that a sentence names


def question(explanation: Explanation) -> str:
    """The title of a panel, such as 'Why Effusion? 0.83 → 0.21 with the marked area ...'."""
    target, score = readable(explanation.target), f"{explanation.prediction:.2f}"
    changed, mirror = explanation.settings.get("counterfactual"), _mirror(explanation)
    asked = f"Why not {target}?" if mirror else f"Why {target}?"
    if changed is None:
        return f"{asked} Score {score}{_already(explanation)}"
    least = "" if changed["flipped"] else " at most" if mirror else " at least"
    other = "with" if mirror else "without"
    move = f"{asked} {score} → {changed['score']:.2f}{least}"
    return f"{move} with the marked area from a film {other} it"


def answer(explanation: Explanation) -> str:
    """The explanation in one sentence.

    Of Contrast-LIME: where the finding would have to look otherwise for the decision to turn, with the
    mirror where it would appear first, as which donor, and what the score is then. Of other methods, and
    where there is no changed film: which segment speaks most for the target.
    """
    changed = explanation.settings.get("counterfactual")
    if changed is None:
        return _strongest(explanation)
    target, mirror = readable(explanation.target), _mirror(explanation)
    where = _where(explanation, changed["segments"])
    does = "would appear first" if mirror else "is seen"
    donor = f"with the look of {changed['donor']}, a film {'with' if mirror else 'without'} it"
    move = "rises" if changed["score"] > explanation.prediction else "falls"
    end = (
        f"to the threshold of {changed['threshold']:g} or above"
        if mirror
        else f"below the threshold of {changed['threshold']:g}"
    )
    score = f"{explanation.prediction:.2f} to {changed['score']:.2f}"
    turned = end if changed["flipped"] else f"not {end}"
    return f"{target} {does} {where}: {donor}, there the score {move} from {score}, {turned}."


def donor_words(explanation: Explanation) -> list[str]:
    """'ID (distance 0.42; Edema)' for each donor or neighbour, nearest first."""
    table = explanation.neighbours
    return [
        f"{name} (distance {distance:.2f}; {', '.join(map(readable, findings)) or 'not labelled'})"
        for name, distance, findings in zip(
            table["neighbor_id"], table["distance"], table["findings"], strict=True
        )
    ]


def evidence(explanation: Explanation, top: int = 5) -> list[dict[str, Any]]:
    """The `top` segments by absolute weight, none of weight 0: number, name, place, weight and, over donors,
    its `standard_error` and `agreement` (see `Explanation`); None where there are no donors' weights."""
    errors, agreement = explanation.standard_error(), explanation.agreement()
    names = explanation.settings.get("segment_names")
    rows = []
    for segment in explanation.order()[:top]:
        if explanation.weights[segment] != 0:
            rows.append(
                {
                    "segment": int(segment),
                    "name": names[segment] if names else f"segment {segment}",
                    "place": place(explanation.segments == segment),
                    "weight": float(explanation.weights[segment]),
                    "standard_error": _number(errors[segment]),
                    "agreement": _number(agreement[segment]),
                }
            )
    return rows


def evidence_words(explanation: Explanation, row: dict[str, Any]) -> str:
    """A row of `evidence` as text: 'segment 12 (lower left): +0.310 ± 0.020, 5 of 5 donors agree'."""
    where = "" if row["name"] == row["place"] else f" ({row['place']})"
    text = f"{row['name']}{where}: {row['weight']:+.3f}"
    text += "" if row["standard_error"] is None else f" ± {row['standard_error']:.3f}"
    if row["agreement"] is None:
        return text
    donors = len(explanation.neighbours)
    return f"{text}, {round(row['agreement'] * donors)} of {donors} donors agree"


def _strongest(explanation: Explanation) -> str:
    score = f"{readable(explanation.target)} scores {explanation.prediction:.2f}"
    rows = evidence(explanation, len(explanation.weights))
    if _mirror(explanation):
        return _first_place(explanation, [row for row in rows if row["weight"] < 0])
    support = [row for row in rows if row["weight"] > 0]
    if not support:
        return f"{score}; no segment speaks for it."
    best = support[0]
    return (
        f"{score}; {best['name']} at the {best['place']} of the picture speaks most for it "
        f"({best['weight']:+.3f})."
    )


def _first_place(explanation: Explanation, opposed: list[dict[str, Any]]) -> str:
    """The mirror's sentence from weights alone, where there is no changed film."""
    target, score = readable(explanation.target), f"the score of {explanation.prediction:.2f}"
    if not opposed:
        return f"{target} would appear nowhere: no segment with the look of donors raises {score}."
    where = _where(explanation, [opposed[0]["segment"]])
    adds = f"the look of donors there adds {-opposed[0]['weight']:.2f} to {score}"
    return f"{target} would appear first {where}: {adds}."


def _already(explanation: Explanation) -> str:
    """', below the threshold of 0.5 already' where Contrast-LIME has no decision to turn; else nothing."""
    threshold, mirror = explanation.settings.get("threshold"), _mirror(explanation)
    if threshold is None or (explanation.prediction >= threshold) != mirror:
        return ""
    return f", {'at or above' if mirror else 'below'} the threshold of {threshold:g} already"


def _where(explanation: Explanation, segments: list[int]) -> str:
    """'at the middle left and lower left of the picture (segments 3, 9, 4 and 2 more)'."""
    places = list(dict.fromkeys(place(explanation.segments == segment) for segment in segments[:NAMED]))
    more = "" if len(segments) <= NAMED else f" and {len(segments) - NAMED} more"
    names = explanation.settings.get("segment_names") or []
    if names and not names[0].startswith("segment "):
        return f"at {', '.join(names[segment] for segment in segments[:NAMED])}{more}"
    numbers = f"segment{'' if len(segments) == 1 else 's'} {', '.join(map(str, segments[:NAMED]))}{more}"
    return f"at the {' and '.join(places)} of the picture ({numbers})"


def short_name(row: dict[str, Any]) -> str:
    """A row of `evidence` by its place, or by its name where segments have one.

    Sides are the image's: on a film as it is hung, the image's right is the patient's left.
    """
    if not row["name"].startswith("segment "):
        return str(row["name"])
    height, _, side = row["place"].partition(" ")
    return f"{height}, image {side}" if side in ("left", "right") else str(row["place"])


def _mirror(explanation: Explanation) -> bool:
    return bool(explanation.settings.get("with_finding"))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
