"""Image sets are found where torchvision puts them, and what is missing or damaged is named."""

import gzip
import struct
from pathlib import Path

import pytest

from course_gan.data import sets as datasets


def idx(*lengths: int) -> bytes:
    count = 1
    for length in lengths:
        count *= length
    return b"\0\0\x08" + bytes([len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths) + bytes(count)


def plant_mnist(root: Path, packed: bool = False, folder: str = "MNIST/raw") -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in datasets.IDX:
        content = idx(3, 28, 28) if "images" in name else idx(3)
        if packed:
            (root / folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (root / folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"COURSE_GAN_DATA": "/somewhere"}, "linux", Path("/somewhere")),
        ({"COURSE_GAN_DATA": "~/sets"}, "linux", Path.home() / "sets"),
        ({"COURSE_GAN_DATA": " ", "XDG_CACHE_HOME": "/cache"}, "linux", Path("/cache/course-gan")),
        ({}, "linux", Path.home() / ".cache" / "course-gan"),
        ({}, "darwin", Path.home() / "Library" / "Caches" / "course-gan"),
        ({"LOCALAPPDATA": "/local"}, "win32", Path("/local/course-gan")),
    ],
)
def test_the_folder_is_the_chosen_one_or_the_users_cache(environment, platform, expected):
    assert datasets.root(environment, platform) == expected


def test_mnist_is_present_in_torchvisions_layout_and_stacked_mnist_with_it(tmp_path):
    plant_mnist(tmp_path)
    assert datasets.status(datasets.find("MNIST"), tmp_path).present
    assert datasets.status(datasets.find("StackedMNIST"), tmp_path).present
    assert not datasets.status(datasets.find("FashionMNIST"), tmp_path).present


def test_nothing_in_the_folder_is_absent_and_a_part_is_incomplete(tmp_path):
    mnist = datasets.find("mnist")
    assert datasets.status(mnist, tmp_path).state == "absent"
    plant_mnist(tmp_path)
    (tmp_path / "MNIST/raw" / datasets.IDX[2]).unlink()
    found = datasets.status(mnist, tmp_path)
    assert (found.state, found.faults) == ("incomplete", (f"MNIST/raw/{datasets.IDX[2]}",))


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", idx(3, 28, 28)[:-1], idx(3, 28, 28)[:6]])
def test_a_download_that_was_cut_off_is_damaged_not_present(tmp_path, content):
    plant_mnist(tmp_path)
    (tmp_path / "MNIST/raw" / datasets.IDX[0]).write_bytes(content)
    found = datasets.status(datasets.find("MNIST"), tmp_path)
    assert (found.state, found.faults) == ("damaged", (f"MNIST/raw/{datasets.IDX[0]}",))


def test_packed_files_are_unpacked_without_any_download(tmp_path):
    plant_mnist(tmp_path, packed=True)
    mnist = datasets.find("MNIST")
    assert datasets.status(mnist, tmp_path).state == "packed"

    def fetch(loader, folder):
        raise AssertionError("nothing is to be downloaded")

    assert datasets.get(mnist, tmp_path, fetch).present
    assert (tmp_path / "MNIST/raw" / datasets.IDX[1]).read_bytes() == idx(3)
    assert not list(tmp_path.rglob("*.part"))


def test_a_broken_archive_is_named_and_leaves_nothing_half_unpacked(tmp_path):
    plant_mnist(tmp_path, packed=True)
    archive = tmp_path / "MNIST/raw" / f"{datasets.IDX[0]}.gz"
    archive.write_bytes(archive.read_bytes()[:-10])
    with pytest.raises(datasets.NotObtained, match=rf"{datasets.IDX[0]}\.gz cannot be unpacked"):
        datasets.get(datasets.find("MNIST"), tmp_path)
    assert not (tmp_path / "MNIST/raw" / datasets.IDX[0]).exists()
    assert not list(tmp_path.rglob("*.part"))


def test_a_download_goes_through_torchvisions_class(tmp_path):
    asked = []

    def fetch(loader, folder):
        asked.append((loader, folder))
        plant_mnist(folder, folder="FashionMNIST/raw")

    assert datasets.get(datasets.find("fashion-mnist"), tmp_path / "new", fetch).present
    assert asked == [("FashionMNIST", tmp_path / "new")]


def test_a_download_that_fails_says_which_files_to_put_where(tmp_path):
    def fetch(loader, folder):
        raise OSError("no network")

    with pytest.raises(datasets.NotObtained) as caught:
        datasets.get(datasets.find("CIFAR-10"), tmp_path, fetch)
    assert "no network" in str(caught.value)
    for name in ("data_batch_1", "data_batch_5", "test_batch"):
        assert str(tmp_path / "cifar-10-batches-py" / name) in str(caught.value)


def test_a_download_that_brings_nothing_is_not_taken_for_a_success(tmp_path):
    with pytest.raises(datasets.NotObtained, match="not all there"):
        datasets.get(datasets.find("MNIST"), tmp_path, lambda loader, folder: None)


def test_celeba_needs_its_tables_and_at_least_one_picture(tmp_path):
    celeba = datasets.find("celeba")
    (tmp_path / "celeba" / "img_align_celeba").mkdir(parents=True)
    for name in celeba.files[1:]:
        (tmp_path / "celeba" / name).write_text("x", encoding="utf-8")
    assert datasets.status(celeba, tmp_path).faults == ("celeba/img_align_celeba",)
    (tmp_path / "celeba" / "img_align_celeba" / "000001.jpg").write_bytes(b"x")
    assert datasets.status(celeba, tmp_path).present


@pytest.mark.parametrize("name", ["cifar10", "CIFAR-10", "Cifar_10"])
def test_a_set_is_found_however_its_name_is_spelled(name):
    assert datasets.find(name).loader == "CIFAR10"


def test_an_unknown_set_lists_the_sets():
    with pytest.raises(ValueError, match="MNIST, FashionMNIST, CIFAR-10, CelebA, StackedMNIST"):
        datasets.find("imagenet")


def test_the_real_mnist_is_recognized_where_it_is_installed():
    mnist = datasets.status(datasets.find("MNIST"), datasets.root())
    if not mnist.present:
        pytest.skip("MNIST is not present; set COURSE_GAN_DATA to the folder that holds MNIST/raw")
    assert (mnist.where / "train-images-idx3-ubyte").stat().st_size == 16 + 60_000 * 28 * 28
