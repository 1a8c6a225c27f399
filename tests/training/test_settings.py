from __future__ import annotations

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.training.settings import TrainingSettings, check_rate


def test_the_plan_holds_every_setting() -> None:
    settings = TrainingSettings(epochs=3, batch_size=4, seed=5, patience=6)
    assert settings.plan() == {"epochs": 3, "batch_size": 4, "seed": 5, "patience": 6}


def test_a_setting_below_its_least_value_is_named() -> None:
    settings = TrainingSettings(epochs=3, batch_size=1)
    settings.check_least(epochs=3, batch_size=1)
    with pytest.raises(UserError, match="batch size 1: must be at least 2; give another value"):
        settings.check_least(epochs=1, batch_size=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_is_no_number_of_use_is_refused(value: float) -> None:
    settings = TrainingSettings(epochs=value, batch_size=1)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"epochs .*: must be (at least 0|a whole number)"):
        settings.check_least(epochs=0)
    for rate in (value, 0.0):
        with pytest.raises(UserError, match=r"learning rate .*: must be above 0"):
            check_rate(rate)
    check_rate(1e-9)
