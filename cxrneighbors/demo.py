"""The main job end to end on the embedded phantom data: from films and reports to Figure 5."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cxrneighbors.progress import say


def run_demo(
    out: str | Path = "demo-output",
    *,
    patients: int = 480,
    epochs: int = 12,
    image_size: int = 224,
    seed: int = 0,
) -> dict[str, Any]:
    """Generate phantoms, train the VAE on the training patients, encode, index, and score the test patients.

    Writes `phantom/`, `vae/`, `embeddings/`, `index/` and `evaluation/` below `out`; what an earlier run with
    the same settings left is used again. Returns the `overlap.json` dictionary.
    """
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.vae import VAE
    from cxrneighbors.evaluation.baselines import make_baselines
    from cxrneighbors.evaluation.evaluate import evaluate_overlap
    from cxrneighbors.evaluation.wording import neighbours_line, summary_lines
    from cxrneighbors.evaluation.write import write_evaluation
    from cxrneighbors.index.neighbor_index import NeighborIndex

    out, started = Path(out), time.perf_counter()
    # Among phantoms what shows most in the picture is the disease, and it is large: the picture metric has a
    # say, and the picture is coarse. An image size that the encoder does not take fails here, before phantoms
    # of that size are written.
    vae = VAE(latent_dim=60, image_size=image_size, metric="balanced", stride=8, local=False)
    say(f"1/5 phantoms: {patients} patients at {image_size} x {image_size}")
    studies = import_dataset(
        "phantom", out / "phantom", n_patients=patients, image_size=image_size, seed=seed
    ).studies
    say(f"2/5 image encoder: VAE on the {(studies['split'] == 'train').sum()} training images")
    vae.fit(studies, out=out / "vae", epochs=epochs, seed=seed)
    vae.save(out / "vae")
    say(f"3/5 embeddings: {len(studies)} images and their reports")
    embeddings = encode(studies, image=vae, report="minilm", out=out / "embeddings")
    say("4/5 index")
    index = NeighborIndex.build(embeddings, studies)
    index.save(out / "index")
    say("5/5 evaluation: patients of the test split, who trained nothing")
    baselines = make_baselines(index, seed=seed)
    result = evaluate_overlap(index, k=5, targets="split == 'test'", methods=baselines, seed=seed)
    write_evaluation(result, out / "evaluation")
    say(neighbours_line(result.summary))
    say(summary_lines(result.summary))
    say(f"done in {time.perf_counter() - started:.0f} s; open {out / 'evaluation' / 'report.html'}")
    say(f"pictures: {out / 'evaluation' / 'figure5.png'}, {out / 'evaluation' / 'figure4.png'}")
    return result.summary
