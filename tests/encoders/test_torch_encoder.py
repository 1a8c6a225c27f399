from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder
from cxrneighbors.encoders.torch_encoder import TorchEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

FILMS = np.random.default_rng(0).random((5, 1, 16, 16)).astype(np.float32)


def network(channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())


def test_a_module_gets_standardised_channels(tmp_path: Path) -> None:
    module = network(3)
    encoder = TorchEncoder(module, 16, "crop", 3, (0.1, 0.2, 0.3), 0.5, "mine", device="cpu")
    colour = torch.from_numpy(np.repeat(FILMS, 3, axis=1))
    with torch.inference_mode():
        wanted = module((colour - torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)) / 0.5)
    np.testing.assert_allclose(encoder.encode(FILMS), wanted, atol=1e-6)
    assert encoder.dim == 16 and encoder.encode(FILMS[:0]).shape == (0, 16)
    encoder.save(tmp_path)
    back = load_encoder_folder(tmp_path, "cpu")
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash()
    np.testing.assert_allclose(back.encode(FILMS), wanted, atol=1e-5)
    unit = TorchEncoder(module, 16, channels=3, normalise=True, device="cpu").encode(FILMS)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def test_a_file_by_name_with_its_settings_beside_it(studies: pd.DataFrame, tmp_path: Path) -> None:
    program = tmp_path / "net.pt2"
    batch = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(
        torch.export.export(network(), (torch.zeros(2, 1, 16, 16),), dynamic_shapes=batch), program
    )
    settings = tmp_path / "net.pt2.json"
    settings.write_text(json.dumps({"image_size": 16, "mean": 0.5, "std": 0.25}))
    encoder = load_image_encoder(f"torch:{program}", "cpu")
    assert (encoder.name, encoder.image_size, encoder.config()["mean"]) == ("net", 16, [0.5])
    with torch.inference_mode():
        wanted = network()((torch.from_numpy(FILMS) - 0.5) / 0.25)
    np.testing.assert_allclose(encoder.encode(FILMS), wanted, atol=1e-5)
    embeddings = encode(studies, image=encoder, out=tmp_path / "emb", device="cpu")
    NeighborIndex.build(embeddings, studies).save(tmp_path / "index")
    program.unlink()
    shutil.rmtree(tmp_path / "emb")
    index = NeighborIndex.load(tmp_path / "index")
    by_film, by_id = index.search(image=studies["path"][3], k=3), index.search("i03", k=3)
    assert by_film["neighbor_id"].tolist() == by_id["neighbor_id"].tolist()
    settings.write_text('{"colour": 1}')
    with pytest.raises(UserError, match="cannot be read"):
        load_image_encoder(f"torch:{program}")
    program.write_bytes(b"")
    with pytest.raises(UserError, match=r"net\.pt2\.json: .*'colour'; write the settings of TorchEncoder"):
        load_image_encoder(f"torch:{program}")


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"image encoder 'torch': gives \(5, 1, 16, 16\) for 5 images; give a network"
    ):
        TorchEncoder(nn.Identity(), 16, device="cpu").encode(FILMS)
    with pytest.raises(
        UserError, match=r"fails on images \(5, 1, 16, 16\) \(.*; check image_size and channels"
    ):
        TorchEncoder(network(3), 16, device="cpu").encode(FILMS)
    with pytest.raises(UserError, match="2 channels; films have 1"):
        TorchEncoder(nn.Identity(), channels=2)
    with pytest.raises(UserError, match="2 means or deviations; give 1 or 3"):
        TorchEncoder(nn.Identity(), channels=3, mean=(0.1, 0.2))
    TorchEncoder(network(), 16, device="cpu").save(tmp_path)
    (tmp_path / "network.pt2").write_bytes(b"other")
    with pytest.raises(UserError, match=r"does not fit config\.json beside it"):
        load_encoder_folder(tmp_path)
