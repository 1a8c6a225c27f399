from __future__ import annotations

from cxrneighbors.evaluation.summarise import adjust


def test_holm_is_over_one_family_for_each_question() -> None:
    def row(p: float, matched: float | None, finding: float) -> dict:
        return {
            "p_value": p,
            "tests": {"matched": {"view": {"p_value": matched}}},
            "per_finding": [{"p_value": finding}],
        }

    summary = {
        "methods": {
            "image": row(0.01, 0.04, 0.02),
            "fused": row(0.03, None, 0.5),
            "random": row(0.2, 0.6, 0.4),
        },
        "comparisons": [{"p_value": 0.3}],
    }
    adjust(summary, {"random"})
    image, fused, random = (summary["methods"][name] for name in ("image", "fused", "random"))

    def adjusted(row: dict) -> list[float]:
        lines = (row, row["tests"]["matched"]["view"], row["per_finding"][0])
        return [round(line["p_value_adjusted"], 9) for line in lines]

    # three tests of the methods 0.01, 0.03, 0.04: times 3, 2 and 1, never falling
    assert adjusted(image) == [0.03, 0.06, 0.06]
    assert adjusted(fused)[0] == 0.06 and adjusted(fused)[2] == 0.8
    # random draws are a family of their own: 0.2 times 2; findings of all methods are one: 0.4 times 2
    assert adjusted(random) == [0.4, 0.6, 0.8]
    assert summary["comparisons"][0]["p_value_adjusted"] == 0.3
