"""Reader `phantom`: the embedded data set, generated where there is none yet."""

from __future__ import annotations

from pathlib import Path

from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.phantom.generate import (
    GENERATOR_VERSION,
    generate_phantoms,
    read_phantoms,
    read_settings,
)
from cxrneighbors.errors import UserError

DEFAULTS = {"n_patients": 400, "image_size": 224, "seed": 0}


def read(
    root: str | Path, n_patients: int | None = None, image_size: int | None = None, seed: int | None = None
) -> ImportResult:
    """Read the phantom set under `root`, or generate it there.

    None takes what an existing set has; for a new one 400 patients, 224 pixels, seed 0.
    Raises `UserError` where an existing set was generated with other settings than those asked for, or by
    another version of the generator.
    """
    options = {"n_patients": n_patients, "image_size": image_size, "seed": seed}
    asked = {name: value for name, value in options.items() if value is not None}
    existing = read_settings(root)
    if existing is None:
        return generate_phantoms(root, **{**DEFAULTS, **asked})
    for name, value in {**asked, "version": GENERATOR_VERSION}.items():
        if existing.get(name) != value:
            raise UserError(
                f"{root}: holds phantoms with {name} {existing.get(name)}, not {value}; "
                "give another folder, or delete this one to generate them anew"
            )
    return read_phantoms(root)
