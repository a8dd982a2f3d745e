"""Train a small classifier whose features the metrics compare, keep it in a file, and have one for the digits ready."""

import contextlib
import os
import warnings
from pathlib import Path

import torch
from jaxtyping import Integer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_gan.data import digits
from course_gan.data.sets import root
from course_gan.files import write_atomically
from course_gan.inputs import require_count
from course_gan.metrics.features import Classifier, as_images, require_images

DIGITS_FILE = "digits-classifier-1.pt"  # another number for another architecture or training


def train_classifier(
    images: Tensor,
    labels: Integer[Tensor, " n"],
    *,
    seed: int = 0,
    epochs: int = 30,
    batch: int = 64,
    rate: float = 2e-3,
    held_out: float = 0.2,
    width: int = 16,
    device: torch.device | str | None = None,
) -> Classifier:
    """A `Classifier` for images (n, c, s, s), bytes or numbers in [-1, 1], with labels (n,) from 0.

    A random share `held_out` of the images is not trained on, but gives `test_accuracy`.  Adam, its rate falling to 0
    along a cosine.  On one CPU the same arguments give the same weights; the global random state is neither used nor
    changed.  The model comes back in evaluation mode, on `device` (default: that of the images).
    """
    _check(images, labels, epochs, batch, held_out)
    device = torch.device(device) if device is not None else images.device
    draw = torch.Generator().manual_seed(seed)
    images = images.float() if images.is_floating_point() else images  # as the network has float32 weights
    order = torch.randperm(len(images), generator=draw)
    test = max(1, round(held_out * len(images)))
    images, labels = images[order.to(images.device)].to(device), labels[order.to(labels.device)].to(device).long()
    with torch.random.fork_rng(devices=[]):  # torch's own initialization, which is overwritten, draws from it
        model = Classifier(images.shape[2], images.shape[1], max(2, int(labels.max()) + 1), width)
    _initialize(model, draw)
    model.to(device)
    steps = epochs * -(-(len(images) - test) // batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in range(epochs):
            order = test + torch.randperm(len(images) - test, generator=draw)
            for rows in torch.split(order.to(device), batch):
                optimizer.zero_grad()
                cross_entropy(model(as_images(images[rows])), labels[rows]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
    model.eval()
    model.test_accuracy = _accuracy(model, images[:test], labels[:test])
    return model


def _initialize(model: Classifier, draw: torch.Generator) -> None:
    """Kaiming's normal weights for ReLU, zero biases, from one generator."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=draw)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _accuracy(model: Classifier, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        told = [model(as_images(part)).argmax(1) for part in torch.split(images, 256)]
    return (torch.cat(told) == labels).double().mean().item()


def save_classifier(model: Classifier, path: str | os.PathLike[str]) -> None:
    """Write a classifier to a file, all or nothing: plain tensors and numbers, which `load_classifier` reads."""
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    content = {"settings": model.settings, "test_accuracy": model.test_accuracy, "state": state}
    write_atomically(Path(path), lambda file: torch.save(content, file), many=True)


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Read a classifier that `save_classifier` wrote, in evaluation mode, on the CPU.  No code in the file is run."""
    try:
        with warnings.catch_warnings():  # of an unexpected pickle protocol, in a file that is no file of ours
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
        with torch.random.fork_rng(devices=[]):
            model = Classifier(**content["settings"])
        model.load_state_dict(content["state"])
        model.test_accuracy = float(content["test_accuracy"])
    except OSError:  # not there, or not ours to read
        raise
    except Exception as error:  # what a damaged file raises has no common type
        raise ValueError(
            f"{os.fspath(path)} is no classifier that save_classifier wrote ({type(error).__name__}); "
            "wanted one. Delete the file, and train again."
        ) from error
    return model.eval()


def digits_classifier(folder: str | os.PathLike[str] | None = None) -> Classifier:
    """The classifier of scikit-learn's 8×8 digits: trained once, offline, in seconds, then read from `folder`.

    The default folder is the one of the image sets (COURSE_GAN_DATA, else `course-gan` in the user's cache folder).
    A damaged file is replaced by training again; so is one that another process is about to write, by the same content.
    Where the folder cannot be written, the classifier is trained each time.
    """
    path = (Path(folder) if folder is not None else root()) / DIGITS_FILE
    try:
        return load_classifier(path)
    except (OSError, ValueError):
        model = train_classifier(*digits())
    with contextlib.suppress(OSError):  # a folder that is read-only, or full: what was trained is right all the same
        save_classifier(model, path)
    return model


def _check(images: object, labels: object, epochs: object, batch: object, held_out: float) -> None:
    images = require_images(images)
    if images.shape[2] != images.shape[3] or len(images) < 2:
        raise ValueError(f"images has shape {tuple(images.shape)}; wanted (n, c, s, s), at least two square images.")
    if not isinstance(labels, Tensor) or labels.shape != images.shape[:1] or labels.is_floating_point():
        given = f"{tuple(labels.shape)}, {labels.dtype}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(f"labels are {given}; wanted whole numbers ({len(images)},), one an image.")
    if labels.min() < 0:
        raise ValueError(f"the least label is {labels.min().item()}; wanted labels from 0 on.")
    if images.is_floating_point() and not images.isfinite().all():
        raise ValueError("an image has nan or inf; wanted finite numbers in [-1, 1].")
    require_count("epochs", epochs)
    require_count("batch", batch)
    if not (0 < held_out < 1 and round(held_out * len(images)) < len(images)):
        raise ValueError(f"held_out is {held_out:g}; wanted a share between 0 and 1 that leaves images to train on.")
