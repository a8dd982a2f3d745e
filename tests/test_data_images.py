"""Real sets come as uint8 (n, c, h, w) and int64 labels, and what is missing is named; nothing is ever downloaded."""

import gzip
import inspect
import pickle
import socket

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch.testing import assert_close

from course_gan.data import load, sets
from tests.test_data_sets import plant_mnist


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("nothing is to be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def plant_idx(root, folder, images, labels):
    """The four files of an MNIST, with the same content for training and test but for the order."""
    where = root / folder
    where.mkdir(parents=True)
    for part, step in (("train", 1), ("t10k", -1)):
        n, height, width = images.shape
        head = b"\0\0\x08\x03" + b"".join(int(x).to_bytes(4) for x in (n, height, width))
        (where / f"{part}-images-idx3-ubyte").write_bytes(head + images[::step].tobytes())
        (where / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + n.to_bytes(4) + labels[::step].tobytes())


@pytest.mark.parametrize(("name", "folder"), [("MNIST", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw")])
def test_gray_sets_get_a_channel_and_keep_their_order(tmp_path, name, folder):
    pixels = np.random.default_rng(0).integers(256, size=(5, 28, 28), dtype=np.uint8)
    plant_idx(tmp_path, folder, pixels, np.arange(5, dtype=np.uint8))
    images, labels = load(name, folder=tmp_path)
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert_close(images, torch.from_numpy(pixels)[:, None], rtol=0, atol=0)
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert images.is_contiguous()
    assert load(name, "test", folder=tmp_path)[1].tolist() == [4, 3, 2, 1, 0]
    few, few_labels = load(name, folder=str(tmp_path), limit=2)
    assert (len(few), few_labels.tolist()) == (2, [0, 1])


def test_the_folder_is_the_one_of_the_environment(tmp_path, monkeypatch):
    plant_idx(tmp_path, "MNIST/raw", np.zeros((3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8))
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path))
    assert load("MNIST")[0].shape == (3, 1, 28, 28)


def test_packed_files_are_unpacked_without_being_asked(tmp_path):
    plant_mnist(tmp_path, packed=True)
    assert load("MNIST", folder=tmp_path)[0].shape == (3, 1, 28, 28)
    archive = tmp_path / "MNIST/raw" / f"{sets.IDX[0]}.gz"
    (tmp_path / "MNIST/raw" / sets.IDX[0]).unlink()
    archive.write_bytes(gzip.compress(b"x")[:-3])
    with pytest.raises(sets.NotObtained, match="cannot be unpacked"):
        load("MNIST", folder=tmp_path)


def test_trap_cifar_channels_come_last(tmp_path, monkeypatch):
    """A `view(n, 3, 32, 32)` of torchvision's (n, 32, 32, 3) has the right shape and scrambled images."""
    where = tmp_path / "cifar-10-batches-py"
    where.mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(6, 3, 32, 32), dtype=np.uint8)
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for k, name in enumerate(names):
        content = {"data": pixels[k : k + 1].reshape(1, -1), "labels": [k]}
        (where / name).write_bytes(pickle.dumps(content))
    (where / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(k) for k in range(10)]}))
    monkeypatch.setattr(
        "torchvision.datasets.cifar.check_integrity", lambda *a, **k: True
    )  # the sums of the real files
    images, labels = load("cifar10", folder=tmp_path)
    assert_close(images, torch.from_numpy(pixels[:5]), rtol=0, atol=0)
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert labels.dtype == torch.int64
    assert images.is_contiguous()
    wrong = torch.from_numpy(torchvision.datasets.CIFAR10(str(tmp_path)).data).reshape(5, 3, 32, 32)
    assert not torch.equal(images, wrong)
    assert_close(load("CIFAR-10", "test", folder=tmp_path)[0], torch.from_numpy(pixels[5:]), rtol=0, atol=0)


@pytest.fixture
def celeba(tmp_path, monkeypatch):
    """Six pictures of 178×218, gray with a red square in the middle: two to train, two to validate, two to test."""
    where = tmp_path / "celeba"
    (where / "img_align_celeba").mkdir(parents=True)
    names = [f"{k:06}.png" for k in range(1, 7)]
    for k, name in enumerate(names):
        pixels = np.full((218, 178, 3), 30 * k, np.uint8)
        pixels[100:118, 80:98] = [255, 0, 0]
        pixels[:20] = 255  # above the central square
        Image.fromarray(pixels).save(where / "img_align_celeba" / name)
    lines = {
        "list_eval_partition": [f"{name} {split}" for name, split in zip(names, (0, 0, 1, 1, 2, 2))],
        "identity_CelebA": [f"{name} {k}" for k, name in enumerate(names)],
        "list_attr_celeba": [
            "6",
            "Male Smiling",
            *(f"{name} {m} {s}" for name, m, s in zip(names, (1, -1, 1, 1, 1, 1), (-1, 1, 1, -1, 1, 1))),
        ],
        "list_bbox_celeba": ["6", "x y w h", *(f"{name} 0 0 1 1" for name in names)],
        "list_landmarks_align_celeba": [
            "6",
            " ".join(["a"] * 10),
            *(f"{name} {' '.join(['0'] * 10)}" for name in names),
        ],
    }
    for name, content in lines.items():
        (where / f"{name}.txt").write_text("\n".join(content) + "\n", encoding="utf-8")
    monkeypatch.setattr(torchvision.datasets.CelebA, "_check_integrity", lambda self: True)
    return tmp_path


def test_celeba_is_cropped_to_the_central_square_and_labeled_by_an_attribute(celeba):
    images, labels = load("CelebA", folder=celeba, size=32)
    assert images.shape == (2, 3, 32, 32)
    assert labels.tolist() == [0, 1]
    assert labels.dtype == torch.int64
    assert load("celeba", folder=celeba, size=8, attribute="Male")[1].tolist() == [1, 0]
    assert_close(images[1, :, -1, -1].tolist(), [30, 30, 30])
    assert images[1, 0, 0, 0] == 30  # the white rows lie outside
    assert images[1, 0, 15, 15] > 200
    assert images[1, 2, 15, 15] < 30


@pytest.mark.parametrize(("split", "count"), [("train", 2), ("valid", 2), ("test", 2), ("all", 6)])
def test_celeba_has_its_own_splits(celeba, split, count):
    assert len(load("CelebA", split, folder=celeba, size=8)[0]) == count
    assert len(load("CelebA", split, folder=celeba, size=8, limit=1)[1]) == 1


def test_celeba_refuses_unknown_attributes_and_too_much_memory(celeba):
    with pytest.raises(ValueError, match="no attribute 'Hat'; wanted one of Male, Smiling"):
        load("CelebA", folder=celeba, attribute="Hat")
    with pytest.raises(ValueError, match="wanted at most 1e-06 GB"):
        load("CelebA", folder=celeba, size=64, gigabytes=1e-6)
    with pytest.raises(ValueError, match="size is 0"):
        load("CelebA", folder=celeba, size=0)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "CIFAR-10", "CelebA"])
def test_a_set_that_is_missing_names_every_file_and_the_ways_to_get_it(tmp_path, name):
    with pytest.raises(sets.NotObtained) as caught:
        load(name, folder=tmp_path)
    message = str(caught.value)
    assert f"{name} is absent in {tmp_path}" in message
    assert "COURSE_GAN_DATA" in message
    assert f"course-gan data --download {name}" in message
    image_set = sets.find(name)
    for file in image_set.files:
        assert str(tmp_path / image_set.folder / file) in message
    assert not list(tmp_path.iterdir())


def test_a_damaged_set_is_named_damaged(tmp_path):
    plant_mnist(tmp_path)
    (tmp_path / "MNIST/raw" / sets.IDX[1]).write_bytes(b"<html>")
    with pytest.raises(sets.NotObtained, match=f"MNIST is damaged.*{sets.IDX[1]}"):
        load("MNIST", folder=tmp_path)


def test_it_is_downloaded_only_if_asked_for(tmp_path, monkeypatch):
    asked = []

    def fetch(loader, folder):
        asked.append(loader)
        plant_mnist(folder)

    monkeypatch.setattr(sets, "_fetch", fetch)
    with pytest.raises(sets.NotObtained):
        load("MNIST", folder=tmp_path)
    assert asked == []
    assert load("MNIST", folder=tmp_path, download=True)[0].shape == (3, 1, 28, 28)
    assert asked == ["MNIST"]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("imagenet",), {}, "The sets are: MNIST"),
        (("MNIST", "valid"), {}, "split is 'valid'; MNIST has train, test"),
        (("CelebA", "val"), {}, "CelebA has train, valid, test, all"),
        (("StackedMNIST",), {}, r"Call stacked_mnist\(n, generator\)"),
        (("MNIST",), {"limit": 0}, "limit is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(load)(*arguments, folder=tmp_path, **options)


def test_the_real_mnist_is_as_published():
    if not sets.status(sets.find("MNIST"), sets.root()).present:
        pytest.skip("MNIST is not present; set COURSE_GAN_DATA to the folder that holds MNIST/raw")
    images, labels = load("MNIST", "test")
    assert images.shape == (10_000, 1, 28, 28)
    # The class counts of LeCun's test set, and the widely used mean of the training pixels.
    assert torch.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    train, train_labels = load("MNIST")
    assert train.shape == (60_000, 1, 28, 28)
    assert train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.double().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)
