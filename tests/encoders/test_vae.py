from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cxrneighbors.encoders.registry import load_image_encoder
from cxrneighbors.encoders.vae import TRAINING, VAE
from cxrneighbors.encoders.vae_network import (
    VAENetwork,
    elbo_terms,
    sigma_vae_loss,
    start_from_ppca,
)
from cxrneighbors.encoders.vae_picture import Picture
from cxrneighbors.errors import UserError
from cxrneighbors.training.exposure import standardise

Films = Callable[..., np.ndarray]
SMALL = {"latent_dim": 4, "image_size": 32, "width": 8, "device": "cpu"}
FIT = {"epochs": 4, "batch_size": 16, "patience": 99}
LONGER = {**FIT, "epochs": 12}


@pytest.fixture(scope="module")
def trained(films: Films, tmp_path_factory: pytest.TempPathFactory) -> tuple[VAE, Path]:
    out = tmp_path_factory.mktemp("vae") / "model"
    return VAE(**SMALL).fit(films(128, 32), out=out, **LONGER), out


def test_latents_and_reconstructions_have_their_shapes(trained: tuple[VAE, Path], films: Films):
    vae, _ = trained
    latents = vae.encode(films(5, 32, seed=1), batch_size=2)
    assert latents.shape == (5, 4) and latents.dtype == np.float32 and vae.dim == 4
    assert vae.reconstruct(films(2, 32)).shape == (2, 1, 32, 32)
    assert vae.encode(films(5, 32)[:0]).shape == (0, 4)
    assert VAE(device="cpu").dim == 60 and VAE(device="cpu").image_size == 224


def test_default_network_takes_224_pixels():
    assert VAE(device="cpu").encode(np.zeros((1, 1, 224, 224), np.float32)).shape == (1, 60)


def test_training_lowers_the_loss_and_latents_follow_the_picture(trained: tuple[VAE, Path], films: Films):
    vae, _ = trained
    assert vae.history[-1]["val_loss"] < vae.history[0]["val_loss"] - 0.05
    assert vae.history[-1]["train_mse"] < 0.8 * vae.history[0]["train_mse"]
    # Neighbours in latent space must be nearer in the picture's true factor than chance.
    y, x = np.mgrid[0:32, 0:32] / 32
    centres = np.linspace(0.3, 0.7, 9)
    moved = np.stack([np.exp(-(((x - c) / 0.2) ** 2) - ((y - 0.5) / 0.2) ** 2)[None] for c in centres])
    latents = vae.encode(moved.astype(np.float32))
    steps = np.linalg.norm(np.diff(latents, axis=0), axis=1)
    assert np.linalg.norm(latents[0] - latents[-1]) > 2 * steps.max()


def test_saved_model_encodes_to_the_same_bits(trained: tuple[VAE, Path], films: Films, tmp_path: Path):
    vae, out = trained
    images = films(6, 32, seed=2)
    vae.save(tmp_path / "saved")
    for folder in (out, tmp_path / "saved"):
        back = load_image_encoder(folder, device="cpu")
        assert back.config() == vae.config() and back.weights_hash() == vae.weights_hash()
        assert np.array_equal(back.encode(images), vae.encode(images))


def test_exposure_does_not_move_a_latent(trained: tuple[VAE, Path], films: Films):
    vae, _ = trained
    images = films(4, 32, seed=3)
    np.testing.assert_allclose(vae.encode(0.4 * images + 0.3), vae.encode(images), atol=1e-3)


def test_what_a_training_leaves_behind(trained: tuple[VAE, Path]):
    vae, out = trained
    rows = list(csv.DictReader((out / "history.csv").open()))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 13)] and float(
        rows[-1]["beta"]
    ) == 1
    assert float(rows[2]["val_loss"]) == pytest.approx(vae.history[2]["val_loss"], rel=1e-4)
    assert Image.open(out / "figure3.png").size[0] > 400
    manifest = TRAINING.read(out)
    assert manifest["settings"]["epochs"] == 12 and manifest["model"]["width"] == 8
    assert set(manifest["files"]) == {"config.json", "model.safetensors", "history.csv", "figure3.png"}
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["epoch-00012.ckpt"]


def test_same_seed_gives_the_same_model_and_no_global_seed_is_touched(films: Films):
    images = films(40, 32)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = VAE(**SMALL).fit(images, epochs=2, batch_size=8)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert VAE(**SMALL).fit(images, epochs=2, batch_size=8).weights_hash() == first.weights_hash()
    assert VAE(**SMALL).fit(images, epochs=2, batch_size=8, seed=1).weights_hash() != first.weights_hash()


class Interruption(Exception):
    pass


def test_interrupted_training_continues_to_the_same_model(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from cxrneighbors.encoders.vae_training import VAETraining

    images = films(48, 32)
    whole = VAE(**SMALL).fit(images, out=tmp_path / "whole", **FIT)
    start = VAETraining.on_train_epoch_start

    def failing(self: VAETraining) -> None:
        if self.current_epoch == 2:
            raise Interruption
        start(self)

    monkeypatch.setattr(VAETraining, "on_train_epoch_start", failing)
    with pytest.raises(Interruption):
        VAE(**SMALL).fit(images, out=tmp_path / "broken", **FIT)
    epochs: list[tuple[int, int]] = []

    def noting(self: VAETraining) -> None:
        epochs.append((self.current_epoch, self.trainer.train_dataloader.sampler.epoch))
        start(self)

    monkeypatch.setattr(VAETraining, "on_train_epoch_start", noting)
    resumed = VAE(**SMALL).fit(images, out=tmp_path / "broken", **FIT)
    assert epochs == [(2, 2), (3, 3)], "epochs and the seeds of their order"
    assert len(resumed.history) == 4
    assert resumed.weights_hash() == whole.weights_hash()


def test_finished_training_is_read_back_and_others_are_refused(
    trained: tuple[VAE, Path], films: Films, monkeypatch: pytest.MonkeyPatch
):
    from cxrneighbors.encoders import vae_training

    vae, out = trained
    monkeypatch.setattr(vae_training, "train_vae", lambda *a, **k: pytest.fail("nothing is left to train"))
    assert VAE(**SMALL).fit(films(128, 32), out=out, **LONGER).weights_hash() == vae.weights_hash()
    with pytest.raises(
        UserError, match=r"VAE training made with settings epochs 12, now 5; give another folder"
    ):
        VAE(**SMALL).fit(films(128, 32), out=out, **{**FIT, "epochs": 5})
    with pytest.raises(UserError, match="model width 8, now 16"):
        VAE(**{**SMALL, "width": 16}).fit(films(128, 32), out=out, **LONGER)
    with pytest.raises(UserError, match="images hash"):
        VAE(**SMALL).fit(films(127, 32), out=out, **LONGER)


def test_a_finished_training_goes_on_to_more_epochs(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from cxrneighbors.encoders.vae_training import VAETraining

    images, out = films(48, 32), tmp_path / "vae"
    first = VAE(**SMALL).fit(images, out=out, **FIT)
    before = first.weights_hash()
    start, epochs = VAETraining.on_train_epoch_start, []

    def noting(self: VAETraining) -> None:
        epochs.append(self.current_epoch)
        start(self)

    monkeypatch.setattr(VAETraining, "on_train_epoch_start", noting)
    with pytest.raises(UserError, match="settings patience 99, now 98"):
        VAE(**SMALL).fit(images, out=out, **{**FIT, "epochs": 6, "patience": 98})
    assert VAE.load(out).weights_hash() == before and not epochs
    capsys.readouterr()
    longer = VAE(**SMALL).fit(images, out=out, **{**FIT, "epochs": 6})
    assert epochs == [4, 5] and f"{out}: 4 epochs are done, going on to 6" in capsys.readouterr().err
    assert longer.history[:4] == first.history and len(longer.history) == 6
    best = int(np.argmin([row["val_loss"] for row in longer.history]))
    assert (longer.weights_hash() == before) == (best < 4)
    assert longer.weights_hash() == VAE.load(out).weights_hash()
    assert TRAINING.read(out)["settings"]["epochs"] == 6
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["epoch-00006.ckpt"]
    again = VAE(**SMALL).fit(images, out=out, **{**FIT, "epochs": 6})
    assert again.weights_hash() == longer.weights_hash() and len(epochs) == 2
    for path in (out / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="finished training of 6 epochs without its last checkpoint"):
        VAE(**SMALL).fit(images, out=out, **{**FIT, "epochs": 8})
    assert TRAINING.read(out)["complete"]


def test_another_metric_needs_no_other_training(trained: tuple[VAE, Path], films: Films):
    vae, out = trained
    again = VAE(**SMALL, metric="picture").fit(films(128, 32), out=out, **LONGER)
    assert again.weights_hash() == vae.weights_hash() and VAE.load(out).metric == "picture"
    TRAINING.read(out)
    VAE(**SMALL).fit(films(128, 32), out=out, **LONGER)
    assert VAE.load(out).metric == "latent"


def test_too_few_films_leave_no_folder(films: Films, tmp_path: Path):
    with pytest.raises(UserError, match="fewer than 2 readable images"):
        VAE(**SMALL).fit(films(2, 32), out=tmp_path / "out", epochs=1)
    assert not (tmp_path / "out").exists()
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(UserError, match="holds other files, not VAE training"):
        VAE(**SMALL).fit(films(20, 32), out=tmp_path, epochs=1)


def test_without_resume_a_folder_is_trained_anew(films: Films, tmp_path: Path):
    images = films(20, 32)
    VAE(**SMALL).fit(images, out=tmp_path, epochs=1, batch_size=8)
    again = VAE(**SMALL).fit(images, out=tmp_path, epochs=2, batch_size=8, resume=False)
    assert [row["epoch"] for row in again.history] == [1, 2]


def test_training_stops_early_after_the_warmup(films: Films):
    vae = VAE(**SMALL)
    vae.fit(films(32, 32), epochs=30, batch_size=16, patience=1, warmup=0.1, learning_rate=1e-9)
    assert 3 < len(vae.history) < 12


def test_only_train_rows_train(studies: pd.DataFrame, monkeypatch: pytest.MonkeyPatch):
    from cxrneighbors.encoders import vae_images
    from cxrneighbors.training import images as training_images

    train, val = vae_images.split_rows(studies)
    assert set(train["split"]) == {"train"} and set(val["split"]) == {"train"}
    assert not set(train["patient_id"]) & set(val["patient_id"])
    assert len(set(val["patient_id"])) == 2, "a tenth of 12 patients, rounded up"
    marked = studies.assign(split=["val" if split == "test" else split for split in studies["split"]])
    train, val = vae_images.split_rows(marked)
    assert set(train["split"]) == {"train"} and set(val["split"]) == {"val"}
    read: list[str] = []
    load = training_images.load_images
    monkeypatch.setattr(
        training_images, "load_images", lambda paths, *a, **k: read.extend(paths) or load(paths, *a, **k)
    )
    VAE(**SMALL).fit(studies, epochs=1, batch_size=4)
    tested = set(studies.loc[studies["split"] == "test", "path"].dropna())
    assert read and not tested & set(read)
    with pytest.raises(UserError, match="no row of split 'train'"):
        VAE(**SMALL).fit(studies.assign(split="test"))


def test_loss_is_the_gaussian_log_likelihood_at_its_best_variance():
    rng = np.random.default_rng(0)
    error = rng.normal(0, 0.3, (7, 50))
    sigma = np.sqrt(np.mean(error**2))
    log_density = -0.5 * (error / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
    expected = (-log_density.sum(1).mean() + 0.5 * 11.0) / 50
    loss = sigma_vae_loss(torch.tensor(np.mean(error**2)), torch.tensor(11.0), 50, beta=0.5)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_kl_divergence_is_that_of_torch_distributions():
    network = VAENetwork(4, 32, 8, Picture()).eval()
    images = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, kl, n_pixels = elbo_terms(network, images, torch.zeros(6, 4))
        mean, log_variance = network.encode(standardise(images))
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    expected = (
        torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    )
    torch.testing.assert_close(kl, expected, rtol=1e-4, atol=1e-6)
    assert n_pixels == 2 * 64


def test_training_starts_at_probabilistic_pca(films: Films):
    from sklearn.decomposition import PCA

    grain = np.random.default_rng(0).normal(0, 0.1, (120, 1, 32, 32)).astype(np.float32)
    images = torch.from_numpy(films(120, 32) + grain)
    x = standardise(images)
    cells = torch.nn.functional.avg_pool2d(x, 4).flatten(1).double().numpy()
    network = VAENetwork(5, 32, 8, Picture(local=False)).eval()
    start_from_ppca(network, network.pictures(images))
    with torch.no_grad():
        mean, log_variance = network.encode(x)
        painted = network.decode(mean)
    # Gaussian conditioning with the model that scikit-learn fits: z | x ~ N(M^-1 W' (x - m), s2 M^-1).
    pca = PCA(5, svd_solver="full").fit(cells)
    weights = pca.components_.T * np.sqrt(pca.explained_variance_ - pca.noise_variance_)
    precision = np.linalg.inv(weights.T @ weights + pca.noise_variance_ * np.eye(5))
    expected = (cells - pca.mean_) @ weights @ precision
    np.testing.assert_allclose(np.abs(mean.numpy()), np.abs(expected), atol=2e-3)
    variance = pca.noise_variance_ * np.diag(precision)
    np.testing.assert_allclose(log_variance.exp().numpy(), np.tile(variance, (120, 1)), rtol=2e-2)
    assert painted.shape == (120, 1, 8, 8)
    kept = np.mean((painted.flatten(1).numpy() - cells) ** 2)
    assert kept < 0.5 * cells.var(0).mean()


def test_start_with_fewer_films_than_dimensions_is_finite(films: Films):
    network = VAENetwork(30, 32, 8, Picture()).eval()
    images = torch.from_numpy(films(4, 32))
    start_from_ppca(network, network.pictures(images))
    with torch.no_grad():
        mean = network.means(images)
    assert torch.isfinite(mean).all() and (mean[:, 3:] == 0).all() and (mean[:, :3].std(0) > 0.5).all()


def test_learning_rate_rises_and_falls_for_any_number_of_steps():
    from cxrneighbors.encoders.vae_training import learning_rate_factor

    assert learning_rate_factor(0, 1) == 1
    for steps in (2, 5, 7, 100):
        factors = [learning_rate_factor(step, steps) for step in range(steps + 1)]
        top = factors.index(max(factors))
        assert 0.5 < max(factors) <= 1 and factors[-1] == 0
        assert factors[: top + 1] == sorted(factors[: top + 1])
        assert factors[top:] == sorted(factors[top:], reverse=True)


def test_bad_arguments(films: Films):
    with pytest.raises(UserError, match="image size 100: must be a multiple of 32"):
        VAE(image_size=100)
    with pytest.raises(UserError, match="latent dim 0"):
        VAE(latent_dim=0)
    with pytest.raises(UserError, match="epochs 0: must be at least 1"):
        VAE(**SMALL).fit(films(9, 32), epochs=0)
    with pytest.raises(UserError, match="fewer than 2 readable images"):
        VAE(**SMALL).fit(films(2, 32), epochs=1)
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), got"):
        VAE(**SMALL).encode(films(2, 64))
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), got"):
        VAE(**SMALL).fit(films(20, 64))


def test_weights_of_another_shape_are_refused(trained: tuple[VAE, Path], tmp_path: Path):
    vae, _ = trained
    vae.save(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    settings["config"]["latent_dim"] = 5
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match="7 of another shape"):
        VAE.load(tmp_path)
