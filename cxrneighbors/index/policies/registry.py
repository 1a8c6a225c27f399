"""Neighbour policies by name: which of the admitted rows are taken as a query's neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrneighbors.index.policies.cluster import cluster
from cxrneighbors.index.policies.diverse import diverse
from cxrneighbors.index.policies.nearest import nearest
from cxrneighbors.index.policies.random import random
from cxrneighbors.index.request import Hits, Request

# A policy returns k hits for each query, each admitted and once.
Policy = Callable[[Request, np.random.Generator], Hits]

POLICIES: dict[str, Policy] = {
    "nearest": nearest,
    "diverse": diverse,
    "cluster": cluster,
    "random": random,
}
