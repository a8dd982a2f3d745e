r"""MNIST, FashionMNIST, CIFAR-10 and CelebA as tensors, read by torchvision from the folder COURSE_GAN_DATA names."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from course_gan.data import sets
from course_gan.data.folder import read_image, require_memory
from course_gan.inputs import require_count

SPLITS = {"CelebA": ("train", "valid", "test", "all")}


def load(
    name: str,
    split: str = "train",
    *,
    download: bool = False,
    folder: str | Path | None = None,
    size: int = 64,
    attribute: str = "Smiling",
    limit: int | None = None,
    gigabytes: float | int = 4,
) -> tuple[UInt8[Tensor, "n channels height width"], Int64[Tensor, " n"]]:
    r"""Images (n, channels, height, width), uint8, and their labels (n,), int64.

    | name | train | test | image | labels |
    |---|---|---|---|---|
    | MNIST, FashionMNIST | 60 000 | 10 000 | 1×28×28 | 0…9 |
    | CIFAR-10 | 50 000 | 10 000 | 3×32×32 | 0…9 |
    | CelebA | 162 770 | 19 962 (and valid: 19 867) | 3×size×size | 1 where `attribute` holds, else 0 |

    Nothing is downloaded unless `download` is true; what is missing is an error (`sets.NotObtained`) that says which
    file to put where.  `folder` is the data folder, by default `sets.root()`.  `limit` takes the first images only.
    CelebA's are photographs of 178×218; their central square is resized to `size` with antialiasing.
    """
    image_set = sets.find(name)
    if image_set.name == "StackedMNIST":
        raise ValueError("StackedMNIST is drawn from MNIST without end. Call stacked_mnist(n, generator).")
    splits = SPLITS.get(image_set.name, ("train", "test"))
    if split not in splits:
        raise ValueError(f"split is {split!r}; {image_set.name} has {', '.join(splits)}.")
    if limit is not None:
        require_count("limit", limit)
    root = sets.root() if folder is None else Path(folder)
    _make_present(image_set, root, download)
    if image_set.name == "CelebA":
        require_count("size", size)
        return _celeba(root, split, size, attribute, limit, gigabytes)
    found = _torchvision(image_set.loader, root, train=split == "train")
    images, labels = torch.as_tensor(found.data), torch.as_tensor(found.targets, dtype=torch.int64)
    # torchvision keeps MNIST as (n, height, width) and CIFAR-10 as (n, height, width, channels).
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return images[:limit].contiguous(), labels[:limit]


def _make_present(image_set: sets.ImageSet, root: Path, download: bool) -> None:
    """Unpack what is packed; get what is missing only if asked to; else say what is missing and what to do."""
    found = sets.status(image_set, root)
    if found.present:
        return
    if download or found.state == "packed":
        sets.get(image_set, root)
        return
    faults = ", ".join(found.faults)
    raise sets.NotObtained(
        f"{image_set.name} is {found.state} in {root} ({faults}). Run `course-gan data --download {image_set.name}`, "
        f"pass download=True, or set {sets.VARIABLE} to the folder that has it.\n{sets.by_hand(image_set, root)}"
    )


def _torchvision(loader: str, root: Path, **options: Any) -> Any:
    from torchvision import datasets

    return getattr(datasets, loader)(str(root), download=False, **options)


def _celeba(
    root: Path, split: str, size: int, attribute: str, limit: int | None, gigabytes: float | int
) -> tuple[Tensor, Tensor]:
    found = _torchvision("CelebA", root, split=split, target_type="attr")
    if attribute not in found.attr_names:
        raise ValueError(
            f"CelebA has no attribute {attribute!r}; wanted one of {', '.join(filter(None, found.attr_names))}."
        )
    files = found.filename[:limit]
    require_memory(len(files), (3, size, size), gigabytes)
    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)
    for index, file in enumerate(files):
        images[index] = read_image(root / "celeba" / "img_align_celeba" / file, size)
    return images, found.attr[: len(files), found.attr_names.index(attribute)].long()
