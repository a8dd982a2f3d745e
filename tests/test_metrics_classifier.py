"""The classifier: accuracy, determinism, files that are whole or absent, concurrent processes, features in batches."""

import math
import multiprocessing
import pickle
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan.metrics import (
    Classifier,
    as_images,
    classifier,
    digits_classifier,
    extract,
    fid,
    load_classifier,
    save_classifier,
    train_classifier,
)


def digits() -> tuple[Tensor, Tensor]:
    data = load_digits()
    return torch.from_numpy(data.images).float()[:, None] / 8 - 1, torch.from_numpy(data.target)


@pytest.fixture(scope="module")
def trained() -> Classifier:
    return train_classifier(*digits(), epochs=12)


def few(n: int = 40) -> tuple[Tensor, Tensor]:
    images, labels = digits()
    return images[:n], labels[:n]


# ---------------------------------------------------------------- training


def test_digits_are_learned_and_the_accuracy_is_that_of_images_held_out(trained: Classifier) -> None:
    assert trained.test_accuracy >= 0.97
    assert not trained.training
    images, labels = digits()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))[:359]
    accuracy = (trained(images[order]).argmax(1) == labels[order]).double().mean().item()
    assert accuracy == trained.test_accuracy
    assert not all(weight.grad is None for weight in trained.parameters())


def test_held_out_images_are_not_trained_on() -> None:
    """Random labels: what was trained on is known by heart, what was held out is guessed."""
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(300, 1, 8, 8, generator=draw) * 2 - 1
    labels = torch.randint(10, (300,), generator=draw)
    model = train_classifier(images, labels, held_out=1 / 3, epochs=40)
    assert (model(images).argmax(1) == labels).double().mean() > 0.6
    assert model.test_accuracy < 0.2


def test_same_arguments_same_weights_and_no_global_randomness() -> None:
    images, labels = few()
    state = torch.get_rng_state()
    first = train_classifier(images, labels, seed=3, epochs=2)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    with torch.no_grad():
        second = train_classifier(images, labels, seed=3, epochs=2)
    other = train_classifier(images, labels, seed=4, epochs=2)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name])
    assert not torch.equal(first.head.weight, other.head.weight)


def test_bytes_become_numbers_from_minus_one_to_one() -> None:
    levels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert_close(as_images(levels), torch.tensor([-1.0, -0.6, 1.0]))
    assert as_images(torch.tensor([0.25])).item() == 0.25


def test_bytes_train_as_numbers_do() -> None:
    images, labels = few()
    levels = ((images + 1) * 127.5).round().to(torch.uint8)
    by_bytes = train_classifier(levels, labels, epochs=1)
    by_numbers = train_classifier(as_images(levels), labels.to(torch.uint8), epochs=1)
    assert_close(by_bytes.head.weight, by_numbers.head.weight, rtol=0, atol=0)


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (16, 3), (28, 1), (32, 3)])
def test_sizes(size: int, channels: int) -> None:
    model = Classifier(size, channels, classes=7)
    images = torch.randn(3, channels, size, size)
    assert model(images).shape == (3, 7)
    assert model.features(images).shape == (3, 64)
    assert_close(model(images), model.head(model.features(images)))
    assert (model.features(images) >= 0).all()


@pytest.mark.parametrize(("size", "side"), [(8, 4), (10, 2), (11, 2), (12, 3), (28, 3), (32, 4)])
def test_pooling_halves_the_sides_until_they_are_four_or_less(size: int, side: int) -> None:
    model = Classifier(size, classes=2)
    maps = model.body[:-3](torch.zeros(1, 1, size, size))
    assert maps.shape[2:] == (side, side)


def test_the_rate_falls_to_zero_over_exactly_the_steps_that_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, *arguments: object) -> object:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    train_classifier(*few(), epochs=3, batch=8, rate=0.01, held_out=0.25)  # 30 images a round: 8, 8, 8 and 6
    expected = [0.01 * (1 + math.cos(math.pi * i / 12)) / 2 for i in range(12)]
    assert_close(rates, expected, rtol=1e-6, atol=1e-9)


def test_each_round_takes_the_same_images_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.linspace(-1, 1, 29)[:, None, None, None].expand(29, 1, 8, 8)
    seen: list[float] = []

    def watched(rows: Tensor) -> Tensor:
        seen.extend(rows[:, 0, 0, 0].tolist())
        return rows

    monkeypatch.setattr(classifier, "as_images", watched)
    train_classifier(images, torch.arange(29) % 2, epochs=2, batch=8, held_out=0.2)
    first, second, held_out = seen[:23], seen[23:46], seen[46:]
    assert len(held_out) == 6  # 5.8, rounded
    assert first != second
    assert sorted(first) == sorted(second)
    assert sorted(first + held_out) == images[:, 0, 0, 0].tolist()


def test_two_images_are_enough_and_one_of_them_is_held_out() -> None:
    images, labels = few(2)
    model = train_classifier(images, labels, epochs=1, held_out=0.1)
    assert model.test_accuracy in (0, 1)
    assert model.settings == {"size": 8, "channels": 1, "classes": 2, "width": 16}
    same = train_classifier(images, labels, epochs=1, held_out=0.1, seed=0)
    assert torch.equal(same.head.weight, model.head.weight)
    assert train_classifier(images, 0 * labels, epochs=1).settings["classes"] == 2  # the fewest there can be
    assert train_classifier(images, labels + 5, epochs=1).settings["classes"] == 7


def test_parameter_counts_of_the_docstring() -> None:
    counts = {size: sum(weight.numel() for weight in Classifier(size).parameters()) for size in (8, 28)}
    assert counts == {8: 38_282, 28: 171_594}
    for count in counts.values():
        assert f"{count:,}".replace(",", " ") in (Classifier.__doc__ or "")


def test_weights_are_drawn_for_rectified_units() -> None:
    model = train_classifier(*few(), epochs=1, rate=0.0, width=64)
    conv = model.body[2]
    assert_close(conv.weight.std().item(), (2 / (64 * 9)) ** 0.5, rtol=0.03, atol=0)
    assert conv.bias.abs().max() == 0


def test_features_tell_digits_from_noise(trained: Classifier) -> None:
    images, _ = digits()
    near, far = images[:800], torch.rand(800, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    reference = extract(trained, images[800:1600])
    assert fid(reference, extract(trained, far)) > 10 * fid(reference, extract(trained, near))


# ---------------------------------------------------------------- files


def test_a_file_gives_back_the_model(trained: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.pt"
    save_classifier(trained.train(), path)
    trained.eval()
    again = load_classifier(path)
    images, _ = few()
    assert torch.equal(again(images), trained(images))
    assert again.test_accuracy == trained.test_accuracy
    assert again.settings == trained.settings
    assert not again.training
    assert [file.name for file in path.parent.iterdir()] == ["model.pt"]
    state = torch.get_rng_state()
    load_classifier(str(path))
    assert torch.equal(torch.get_rng_state(), state)


def test_trap_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    """What torch.load with weights_only=False would run, the loader refuses."""
    path, ran = tmp_path / "evil.pt", tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (open, (str(ran), "w"))

    torch.save({"settings": Evil()}, path)
    torch.load(path, weights_only=False)["settings"].close()
    assert ran.exists(), "the wrong variant runs it"
    ran.unlink()
    with pytest.raises(ValueError, match="no classifier that save_classifier wrote"):
        load_classifier(path)
    assert not ran.exists()
    content = torch.load(_saved(tmp_path), weights_only=True)
    assert set(content) == {"settings", "test_accuracy", "state"}


def _saved(folder: Path) -> Path:
    save_classifier(Classifier(8), folder / "plain.pt")
    return folder / "plain.pt"


@pytest.mark.parametrize("damage", ["empty", "half", "text", "other", "pickle", "weights"])
def test_a_damaged_file_is_told(damage: str, tmp_path: Path) -> None:
    path = _saved(tmp_path)
    whole = path.read_bytes()
    if damage == "other":
        torch.save({"weights": torch.zeros(3)}, path)
    elif damage == "weights":
        content = torch.load(path, weights_only=True)
        content["settings"]["width"] = 8
        torch.save(content, path)
    else:
        damaged = {"empty": b"", "half": whole[: len(whole) // 2], "text": b"hello", "pickle": pickle.dumps([1])}
        path.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match=r"plain\.pt is no classifier .* Delete the file"):
        load_classifier(path)


def test_a_missing_file_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_classifier(tmp_path / "none.pt")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _saved(tmp_path)
    before = path.read_bytes()

    def full(content: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        save_classifier(Classifier(8), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# ---------------------------------------------------------------- the digits' classifier


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Training that takes no time, and is counted."""
    calls: list[int] = []

    def train(images: Tensor, labels: Tensor) -> Classifier:
        calls.append(len(images))
        assert images.shape == (1797, 1, 8, 8)
        assert (images.min(), images.max()) == (-1, 1)
        assert labels.shape == (1797,)
        return Classifier(8).eval()

    monkeypatch.setattr(classifier, "train_classifier", train)
    return calls


def test_trained_once_then_read(quick: list[int], tmp_path: Path) -> None:
    first, second = digits_classifier(tmp_path), digits_classifier(str(tmp_path))
    assert quick == [1797]
    assert torch.equal(first.head.weight, second.head.weight)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"damaged")
    third = digits_classifier(tmp_path)
    assert quick == [1797, 1797]
    assert torch.equal(load_classifier(file).head.weight, third.head.weight)


def test_default_folder_is_that_of_the_image_sets(
    quick: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path / "sets"))
    digits_classifier()
    assert [file.name for file in (tmp_path / "sets").iterdir()] == ["digits-classifier-1.pt"]
    assert quick == [1797]


def test_a_folder_that_cannot_be_written_costs_time_only(quick: list[int], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        assert isinstance(digits_classifier(tmp_path / "file"), Classifier)
    assert quick == [1797, 1797]


def _write_and_read(path: Path, seed: int) -> bool:
    model = Classifier(8)
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(seed)
    for _ in range(20):
        save_classifier(model, path)
        values = torch.cat([weight.flatten() for weight in load_classifier(path).parameters()])
        if len(values.unique()) != 1:
            return False
    return True


def test_concurrent_processes_see_whole_files(tmp_path: Path) -> None:
    # Not by fork: a child of a process whose threads have computed may wait for them forever.
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        whole = pool.starmap(_write_and_read, [(tmp_path / "shared.pt", seed) for seed in range(3)])
    assert whole == [True, True, True]
    assert [file.name for file in tmp_path.iterdir()] == ["shared.pt"]


# ---------------------------------------------------------------- features in batches


def test_extract_in_batches_is_extract_at_once(trained: Classifier) -> None:
    images, _ = few(23)
    whole = trained.features(images)
    for batch in (1, 7, 23, 100):
        found = extract(trained, images, batch=batch)
        assert_close(found, whole, rtol=1e-5, atol=1e-5)
        assert not found.requires_grad
    levels = torch.full((2, 1, 8, 8), 255, dtype=torch.uint8)
    assert_close(extract(trained, levels), trained.features(torch.ones(2, 1, 8, 8)))


def test_extract_evaluates_and_restores_each_module() -> None:
    seen: list[bool] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.frozen = nn.BatchNorm2d(1), nn.BatchNorm2d(1)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(self.training or self.norm.training)
            hidden: Tensor = self.norm(x).flatten(1)
            return hidden

    model = Watched()
    model.frozen.eval()
    extract(model, torch.randn(4, 1, 8, 8) + 5)
    assert seen == [False]
    assert (model.training, model.norm.training, model.frozen.training) == (True, True, False)
    assert model.norm.running_mean.abs().max() == 0
    with pytest.raises(RuntimeError):
        extract(model, torch.randn(4, 2, 8, 8))
    assert model.training


def test_extract_takes_any_function_and_another_dtype(trained: Classifier) -> None:
    images, _ = few(5)
    assert torch.equal(extract(lambda x: x.flatten(1), images, batch=2), images.flatten(1))
    assert extract(lambda x: x.flatten(1), torch.ones(1, 1, 1, 1)).tolist() == [[1.0]]
    assert_close(extract(trained, images.double()), trained.features(images))
    assert extract(trained, images.half()).dtype == torch.float32
