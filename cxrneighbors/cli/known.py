"""Values that options take, by the option's parameter: for early checks and for the shell's completion.

Written here once more than where they are used, because those modules take seconds to load; a test holds
both against each other.
"""

from __future__ import annotations

POLICIES = ("nearest", "diverse", "cluster", "random")
DEFINITIONS = ("any", "any-disease", "jaccard", "exact")
ONE_PER = ("image", "study", "patient")
MODALITIES = ("image", "report", "fused")
ACROSS = ("image-to-report", "report-to-image")
FUSIONS = ("distance", "ranks")
BACKENDS = ("hnsw", "exact", "milvus")
BASELINES = (
    "random",
    "random-view",
    "random-view-sex-age",
    "pixels",
    "pca",
    "pca-whitened",
    "pca-centre",
    "tfidf",
    "report-masked",
)
DATASETS = (
    "chestxray14",
    "mimic-cxr",
    "mimic-cxr-jpg",
    "openi",
    "covid-chestxray",
    "folder",
    "lime-ray",
    "phantom",
    "chexpert",
    "padchest",
    "vindr-cxr",
)
MODELS = (
    "chexnet",
    "small-cnn",
    "cnn-lstm",
    "alexnet",
    "resnet101v2",
    "mobilenetv2",
    "efficientnet-lite0",
    "efficientnet-lite2",
)
IMAGE_ENCODERS = (
    "pca-centre",
    "pca",
    "pca-half",
    "pca-whitened",
    "hog",
    "pixels",
    "efficientnet-lite0",
    "efficientnet-lite2",
    "rad-dino",
    "dinov2",
    "clip",
    "siglip",
    "none",
)
REPORT_ENCODERS = ("minilm", "clinicalbert", "tfidf", "findings", "none")
METHODS = ("lime", "k-lime", "sigma-lime", "kp-lime", "dlime", "alime", "contrast-lime")
RIVALS = (
    "rise",
    "occlusion",
    "grad-cam",
    "score-cam",
    "kernel-shap",
    "integrated-gradients",
    "latent-shift",
    "inpainting",
    "vae-infill",
)
SEGMENTATIONS = ("quickshift", "slic", "felzenszwalb", "lungs")
FILLS = ("grey", "black", "mean", "blur", "neighbour")
DEVICES = ("auto", "cpu", "cuda")

# The one value that an option takes is one of these; `verb option` goes before `option`.
ONE_OF: dict[str, tuple[str, ...]] = {
    "policy": POLICIES,
    "definition": DEFINITIONS,
    "one_per": ONE_PER,
    "modality": MODALITIES,
    "search modality": (*MODALITIES, *ACROSS),
    "fusion": FUSIONS,
    "backend": BACKENDS,
    "dataset": DATASETS,
    "model": MODELS,
    "engine": ("local", "ray"),
    "predict method": ("grad-cam", "occlusion"),
    "aspect": ("pad", "crop"),
    "metric": ("latent", "balanced", "picture"),
    "positives": ("film", "patient"),
    "backbone": ("efficientnet-lite0", "efficientnet-lite2", "small-cnn"),
    "objective": ("sections", "simcse", "tsdae", "statements"),
    "crop": ("center", "none", "ten"),
    "optimiser": ("adam", "adamw", "sgd"),
    "schedule": ("constant", "plateau", "cosine", "one-cycle"),
    "keep": ("best", "last"),
    "class_weights": ("none", "balanced"),
    "augment": ("none", "light", "strong"),
    "precision": ("auto", "float32", "bfloat16"),
    "segmentation": SEGMENTATIONS,
    "feature_selection": ("auto", "none", "forward_selection", "highest_weights", "lasso_path"),
    "as_published": ("lime", "paper"),
    "errors": ("false-positive", "false-negative"),
    "donors": ("label", "no-finding", "classifier", "report"),
    "registration": ("none", "lungs", "affine"),
    "intensity": ("none", "mean-std", "histogram"),
    "images": ("required", "optional"),
    "splits": ("folders", "patients"),
    "labeler": ("chexpert", "negbio"),
    "uncertain": ("ignore", "positive", "negative"),
}
# Several of these with commas between them, or one of the words behind.
SEVERAL_OF: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "baselines": (BASELINES, ("all", "none")),
    "segmentations": (SEGMENTATIONS, ()),
}
# Names that may be followed by ':' and more; in `methods` several with commas between them.
WITH_OPTIONS: dict[str, tuple[str, ...]] = {
    "method": (*METHODS, *RIVALS),
    "methods": (*METHODS, *RIVALS, "random", "lime-equal-cost"),
}
# Offered by the shell, while other values are right too.
OFFERED: dict[str, tuple[str, ...]] = {
    "image_encoder": (*IMAGE_ENCODERS, "classifier:", "torch:"),
    "report_encoder": REPORT_ENCODERS,
    "base": ("minilm", "clinicalbert"),
    "device": DEVICES,
    "fill": FILLS,
    "methods": ("all", *METHODS, *RIVALS),
}
# The least that a number may be; `verb option` goes before `option`.
AT_LEAST: dict[str, float] = {
    "k": 1,
    "epochs": 1,
    "train-contrastive epochs": 0,
    "train-classifier epochs": 0,
    "batch_size": 1,
    "train-contrastive batch_size": 2,
    "shard_size": 1,
    "latent_dim": 1,
    "dim": 1,
    "image_size": 1,
    "view_size": 32,
    "width": 1,
    "max_tokens": 1,
    "permutations": 1,
    "masks": 1,
    "pool": 1,
    "calls": 1,
    "seeds": 1,
    "top": 1,
    "max_rounds": 1,
    "limit": 1,
    "sanity": 0,
    "targets": 0,
    "evaluate-explanations donors": 0,
    "feather": 0,
    "overlap": 0,
    "mixup": 0,
    "average": 0,
    "patience": 0,
    "workers": 1,
    "patients": 1,
    "num_features": 1,
}
# The most that a number may be; what is not listed, `ANY_AT_MOST`: more is a slip of the pen.
AT_MOST: dict[str, float] = {
    "epochs": 100_000,
    "batch_size": 65_536,
    "shard_size": 1_000_000,
    "latent_dim": 4096,
    "dim": 4096,
    "image_size": 4096,
    "view_size": 4096,
    "width": 512,
    "max_tokens": 8192,
    "permutations": 10_000_000,
    "masks": 1_000_000,
    "pool": 1_000_000,
    "calls": 1_000_000,
    "seeds": 1000,
    "top": 1000,
    "max_rounds": 100_000,
    "evaluate-explanations donors": 1000,
    "feather": 1000,
    "workers": 1024,
    "patients": 1_000_000,
}
ANY_AT_MOST = 10**9
ABOVE_ZERO = ("lr",)
SHARES = ("threshold", "min_score", "least_probability", "until_stable")  # from 0 to 1
