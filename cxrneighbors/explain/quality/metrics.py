"""The measures of the benchmark: what they are called and which direction is good."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """`better`: 1 when large is good, -1 when small is good.

    `tested`: compared between methods; `ranked`: a best method is named.
    """

    name: str
    title: str
    better: int
    tested: bool = True
    ranked: bool = True


METRICS = (
    Metric("pointing", "Pointing game", 1),
    Metric("iou", "IoU, top segments", 1),
    Metric("area_iou", "IoU, same area", 1),
    Metric("energy", "Energy inside", 1),
    # Some findings lie outside the lungs, so the most is not the best.
    Metric("in_lungs", "Evidence in lungs", 1, ranked=False),
    Metric("deletion", "Deletion AUC", -1),
    Metric("insertion", "Insertion AUC", 1),
    Metric("donor_deletion", "Deletion AUC, donors", -1),
    Metric("donor_insertion", "Insertion AUC, donors", 1),
    Metric("held_out", "Held-out correlation", 1),
    # Each method's own R² on its own masks: not of the same films, so not compared.
    Metric("fidelity", "Own fidelity (R²)", 1, tested=False, ranked=False),
    Metric("seed_jaccard", "Same top, new seed", 1),
    Metric("seed_rank", "Rank corr., new seed", 1),
    Metric("across", "Corr., other segments", 1),
    Metric("fill_rank", "Rank corr., other fill", 1),
    Metric("sanity", "Like shuffled model", -1, ranked=False),
    Metric("calls", "Classifier calls", -1, tested=False, ranked=False),
    Metric("seconds", "Seconds", -1, tested=False, ranked=False),
)
