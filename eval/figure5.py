"""Figure 5 of "Modifying LIME for Medical Images" on a data set: do nearest neighbours share its findings?

    python eval/figure5.py DATASET ROOT [--train DATASET ROOT]... [--name NAME]

Without --train the encoders learn from the data set's own train split and its test split is scored. With
--train they learn from other data sets only (patients of ROOT removed), and every patient of ROOT is scored.
Writes eval/results/NAME.json and NAME-figure5.png and renews the table eval/results/figure5.md. Pictures
and texts of patients stay in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.built_index import OPTIONS, build_index
from common.markdown import LIFT, document, table
from common.options import options, run, sample_name
from common.results import write_results
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.evaluation.baselines import make_baselines
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.graph import embedding_method
from cxrneighbors.evaluation.wording import summary_lines
from cxrneighbors.evaluation.write import write_evaluation
from cxrneighbors.files import read_json, write_text_atomic
from cxrneighbors.progress import say


def main(arguments: Sequence[str] | None = None) -> None:
    given = options(__doc__, *OPTIONS, "--one-per").parse_args(arguments)
    name = sample_name(given)
    work = given.work / name
    built = build_index(given, work)
    # Beside the paper's distance between latent means: the one that minds what they change in the picture.
    vae = built.image_encoder if isinstance(built.image_encoder, VAE) else None
    methods = make_baselines(built.index, train_studies=built.training)
    if vae:
        balanced = encode(built.index.studies, image=vae.with_metric("balanced"))
        methods.append(embedding_method("vae-balanced", balanced, built.index))
    result = evaluate_overlap(
        built.index,
        k=given.k,
        targets=built.targets,
        definition=given.definition,
        one_per=given.one_per,
        methods=methods,
    )
    write_evaluation(result, work / "evaluation")
    learned_from = [Path(root).name for _, root in given.train] or "its own train split"
    summary = result.summary | {
        "dataset": given.dataset,
        "sample": given.root.name,
        "encoders_trained_on": learned_from,
        "n_training_images": int((built.training["split"] == "train").sum()),
    }
    say(summary_lines(summary))
    figures = {f"{name}-figure5": (work / "evaluation" / "figure5.png").read_bytes()}
    write_results(given.results, name, summary, figures=figures, device=given.device)
    write_text_atomic(given.results / "figure5.md", markdown(given.results))


def markdown(folder: Path) -> str:
    """All results of the folder in one table: overlap against random choice, in per cent.

    'exchanged': the lift that is left on average when findings are exchanged between patients with equally
    many films; p is about what goes beyond it.
    """
    columns = {"data": "{data}", "encoders trained on": "{trained}", "targets:": "{n_targets}"}
    columns |= {"method": "{method}", **LIFT, "Holm:": "{p_value_adjusted:.4f}"}
    rows = []
    for path in sorted(folder.glob("*.json")):
        summary = read_json(path, remedy="delete it")
        if "methods" in summary and "sample" in summary:
            trained = summary["encoders_trained_on"]
            shared = {"data": path.stem, "n_targets": summary["n_targets"]}
            shared["trained"] = trained if isinstance(trained, str) else ", ".join(trained)
            rows += [{**shared, "method": name, **row} for name, row in summary["methods"].items()]
    return document(table(columns, rows))


if __name__ == "__main__":
    run(main)
