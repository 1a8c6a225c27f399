"""DLIME: Zafar and Khan, "DLIME: A Deterministic Local Interpretable Model-Agnostic Explanations" (2019)."""

from __future__ import annotations

from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.masks import hadamard_rounds


class DLime(KPLime):
    """Neighbours from agglomerative clusters, and a fixed mask design: no random number anywhere.

    The authors replace LIME's random perturbations by the members of the target's cluster. A film's raw
    pixels are no features for a surrogate, so the target and the K nearest members of its cluster in latent
    space (policy 'cluster') are masked along the target's segments, as in KP-LIME, by one Hadamard design
    with fold-over (`masks.hadamard_design`).

    Number of clusters: the authors cut their dendrogram once, where the gap between two merges is widest (two
    clusters on their data), and K plays no part. Here no number is given: the tree (Ward, over the 1,000
    films nearest to the target) is cut as low as it can be with K other films in the target's cluster, so
    that the cluster is the smallest that holds K neighbours (`index.policies.cluster`).

    `n_masks` is the least number of masks of each film; the
    design's size, a power of two above twice the number of segments, is written to the settings.
    """

    name = "dlime"
    title = "DLIME"
    usual_policy = "cluster"
    rounds = staticmethod(hadamard_rounds)

    @property
    def seed(self) -> None:
        """Nothing is random."""
        return None
