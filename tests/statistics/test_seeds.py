from __future__ import annotations

from cxrneighbors.statistics.seeds import generator


def test_generators_depend_on_seed_and_purpose_only():
    assert generator(1, "a").random() == generator(1, "a").random()
    assert len({generator(1, "a").random(), generator(1, "b").random(), generator(2, "a").random()}) == 3
