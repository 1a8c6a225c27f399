from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

from cxrneighbors.classifiers import backbone_weights
from cxrneighbors.classifiers.registry import build
from cxrneighbors.errors import UserError

# Keras 3.15, applications.ResNet101V2(include_top=False) with the weights of `formula` on the image below:
# the last map (3, 2, 2048) times sin(0.11 channel), and its sum over channels.
KERAS_PROJECTION = [
    [0.35200868, 0.35633803],
    [0.35489657, 0.36014696],
    [0.35303292, 0.3572283],
]
KERAS_SUM = [[210.17352, 209.24409], [212.90395, 210.50296], [210.48285, 209.53510]]


def formula(layer: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Weights that anyone can compute, in Keras' shapes."""
    phase = zlib.crc32(f"{layer}/{kind}".encode()) % 1000
    wave = np.sin(np.arange(np.prod(shape), dtype=np.float64) * 0.7548776662 + phase).reshape(shape)
    if kind == "kernel":
        return (wave * np.sqrt(2 / np.prod(shape[:3]))).astype(np.float32)
    return ((1 + 0.3 * wave) if kind in ("gamma", "moving_variance") else 0.1 * wave).astype(np.float32)


def keras_layers() -> dict[str, np.ndarray]:
    """All arrays of Keras' weight file: 'layer/kind'."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name, size, narrow, wide, bias):
        shapes[f"{name}/kernel"] = (size, size, narrow, wide)
        if bias:
            shapes[f"{name}/bias"] = (wide,)

    def norm(name, channels):
        shapes.update(
            {f"{name}/{k}": (channels,) for k in ("gamma", "beta", "moving_mean", "moving_variance")}
        )

    conv("conv1_conv", 7, 3, 64, True)
    inputs = 64
    for stack, channels, blocks in (
        ("conv2", 64, 3),
        ("conv3", 128, 4),
        ("conv4", 256, 23),
        ("conv5", 512, 3),
    ):
        for block in range(1, blocks + 1):
            name = f"{stack}_block{block}"
            norm(f"{name}_preact_bn", inputs)
            if block == 1:
                conv(f"{name}_0_conv", 1, inputs, 4 * channels, True)
            conv(f"{name}_1_conv", 1, inputs, channels, False)
            norm(f"{name}_1_bn", channels)
            conv(f"{name}_2_conv", 3, channels, channels, False)
            norm(f"{name}_2_bn", channels)
            conv(f"{name}_3_conv", 1, channels, 4 * channels, True)
            inputs = 4 * channels
    norm("post_bn", inputs)
    return {name: formula(*name.rsplit("/", 1), shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return keras_layers()


@pytest.fixture(scope="module")
def model():
    return build("resnet101v2", 2, image_size=64).eval()


def test_equals_keras_with_the_same_weights(arrays, model, monkeypatch, tmp_path) -> None:
    torch.set_num_threads(1)
    assert sum(array.size for array in arrays.values()) == 42_626_560
    (tmp_path / "w.h5").touch()
    monkeypatch.setattr(backbone_weights, "_read_h5", lambda path: {**arrays, "predictions/bias": np.ones(9)})
    model.load_checkpoint(tmp_path / "w.h5")
    image = np.sin(np.arange(67 * 64 * 3) * 0.37).reshape(1, 67, 64, 3).astype(np.float32)
    with torch.no_grad():
        found = model.backbone(torch.from_numpy(image.transpose(0, 3, 1, 2)))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found @ np.sin(np.arange(2048) * 0.11), KERAS_PROJECTION, atol=2e-4)
    np.testing.assert_allclose(found.sum(-1), KERAS_SUM, rtol=1e-5)


def test_every_tensor_of_the_file_is_used_once(arrays, model, monkeypatch, tmp_path) -> None:
    (tmp_path / "w.h5").touch()
    less = {name: array for name, array in arrays.items() if name != "post_bn/beta"}
    monkeypatch.setattr(backbone_weights, "_read_h5", lambda path: {**less, "conv6_conv/bias": np.ones(3)})
    with pytest.raises(UserError, match=r"1 missing: post_bn.bias; 1 left over: conv6_conv.bias"):
        model.load_checkpoint(tmp_path / "w.h5")


def test_reads_keras_h5_files(arrays, tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    some = {name: array for name, array in arrays.items() if name.startswith(("conv2_block1_", "conv1_conv"))}
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, array in some.items():
            layer, kind = name.split("/")
            file[f"{layer}/{layer}/{kind}:0"] = array
    found = backbone_weights._read_h5(tmp_path / "w.h5")
    assert found.keys() == some.keys()
    np.testing.assert_array_equal(found["conv2_block1_0_conv/kernel"], some["conv2_block1_0_conv/kernel"])
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(UserError, match=r"bad.h5: is no Keras .h5 weight file"):
        backbone_weights._read_h5(tmp_path / "bad.h5")


def test_file_errors(model, monkeypatch, tmp_path) -> None:
    with pytest.raises(UserError, match=r"none.h5: no such file"):
        model.load_checkpoint(tmp_path / "none.h5")
    import builtins

    real = builtins.__import__

    def without_h5py(name, *arguments, **options):
        if name == "h5py":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    (tmp_path / "w.h5").touch()
    monkeypatch.setattr(builtins, "__import__", without_h5py)
    with pytest.raises(UserError, match="read with h5py; install it"):
        model.load_checkpoint(tmp_path / "w.h5")
