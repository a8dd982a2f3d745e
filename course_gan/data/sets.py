"""The real image sets that some chapters can use: which are present, where, and how to get them.

No chapter needs one.  The files lie as torchvision lays them, below the folder that `root()` names.
"""

import gzip
import os
import shutil
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

IDX = tuple(f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
CELEBA_TABLES = (
    *("list_attr_celeba", "list_bbox_celeba", "list_landmarks_align_celeba", "list_eval_partition"),
    "identity_CelebA",
)
GITHUB = "https://github.com"
VARIABLE = "COURSE_GAN_DATA"


@dataclass(frozen=True)
class ImageSet:
    """One set: torchvision's class for it, its files below the root, its size on disk, and where they come from."""

    name: str
    loader: str
    folder: str
    files: tuple[str, ...]
    megabytes: int
    source: str


@dataclass(frozen=True)
class Status:
    """Whether a set can be used; if not, what is missing or damaged, as paths below the root."""

    state: str
    where: Path
    faults: tuple[str, ...] = ()

    @property
    def present(self) -> bool:
        """Ready to be loaded as it is."""
        return self.state == "present"


SETS: dict[str, ImageSet] = {
    image_set.name: image_set
    for image_set in (
        ImageSet("MNIST", "MNIST", "MNIST/raw", IDX, 55, "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        ImageSet(
            "FashionMNIST", "FashionMNIST", "FashionMNIST/raw", IDX, 55, f"{GITHUB}/zalandoresearch/fashion-mnist"
        ),
        ImageSet(
            "CIFAR-10",
            "CIFAR10",
            "cifar-10-batches-py",
            (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"),
            178,
            "https://www.cs.toronto.edu/~kriz/cifar.html (the Python version; unpack it)",
        ),
        ImageSet(
            "CelebA",
            "CelebA",
            "celeba",
            ("img_align_celeba", *(f"{what}.txt" for what in CELEBA_TABLES)),
            1600,
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (aligned images, unpacked, and the text files)",
        ),
        ImageSet(
            "StackedMNIST", "MNIST", "MNIST/raw", IDX, 55, "where MNIST comes from: it is made of it while it is read"
        ),
    )
}


class NotObtained(RuntimeError):
    """A set could not be had; the message says which files to put where."""


def root(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The folder that all sets lie in: COURSE_GAN_DATA, else `course-gan` in the user's cache folder."""
    if chosen := environment.get(VARIABLE, "").strip():
        return Path(chosen).expanduser()
    if platform == "win32" and (local := environment.get("LOCALAPPDATA")):
        return Path(local) / "course-gan"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "course-gan"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "course-gan"


def find(name: str) -> ImageSet:
    """The set with this name, however it is written (`cifar10`); else `ValueError` with the names."""
    spelled = {key.lower().replace("-", ""): image_set for key, image_set in SETS.items()}
    wanted = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if wanted not in spelled:
        raise ValueError(f"There is no data set {name!r}. The sets are: {', '.join(SETS)}.")
    return spelled[wanted]


def status(image_set: ImageSet, folder: Path) -> Status:
    """Look for the files of one set: "present", "packed" (to be unpacked), "damaged", "incomplete" or "absent"."""
    where = folder / image_set.folder
    faults = {name: _fault(where / name) for name in image_set.files}
    wrong = [f"{image_set.folder}/{name}" for name, fault in faults.items() if fault]
    if not wrong:
        return Status("present", where)
    if "damaged" in faults.values():
        damaged = tuple(f"{image_set.folder}/{name}" for name, fault in faults.items() if fault == "damaged")
        return Status("damaged", where, damaged)
    if "missing" not in faults.values():
        return Status("packed", where, tuple(wrong))
    missing = tuple(f"{image_set.folder}/{name}" for name, fault in faults.items() if fault == "missing")
    return Status("absent" if len(missing) == len(faults) else "incomplete", where, missing)


def get(image_set: ImageSet, folder: Path, fetch: Callable[[str, Path], None] | None = None) -> Status:
    """Make one set usable: unpack what is packed, else let torchvision download it.  `NotObtained` says what to do."""
    if status(image_set, folder).state == "packed":
        _unpack(image_set, folder)
    elif not status(image_set, folder).present:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (fetch or _fetch)(image_set.loader, folder)
        except Exception as error:  # no network, a full disk, a server that refuses: all end in the same advice
            reason = " ".join(str(error).split())[:200]
            raise NotObtained(f"The download failed ({reason}).\n{by_hand(image_set, folder)}") from error
    found = status(image_set, folder)
    if not found.present:
        raise NotObtained(f"The files are not all there: {', '.join(found.faults)}.\n{by_hand(image_set, folder)}")
    return found


def by_hand(image_set: ImageSet, folder: Path) -> str:
    """Which files to put where."""
    files = "\n".join(f"  {folder / image_set.folder / name}" for name in image_set.files)
    packed = "\nEach may stay packed (with .gz behind its name)." if image_set.files == IDX else ""
    return f"To do it by hand, put these files in place, from {image_set.source}:\n{files}{packed}"


def _fault(path: Path) -> str:
    """What is wrong with one file (or folder of images): "" for nothing, "packed", "missing" or "damaged"."""
    if path.is_dir():
        return "" if any(path.iterdir()) else "damaged"
    if path.is_file():
        return "damaged" if path.stat().st_size == 0 or (path.name in IDX and not _whole_idx(path)) else ""
    return "packed" if path.name in IDX and path.with_name(path.name + ".gz").is_file() else "missing"


def _whole_idx(path: Path) -> bool:
    """Whether a file in the idx format is as long as its header says: a download that was cut off is not."""
    with path.open("rb") as file:
        head = file.read(4)
        axes = head[3] if len(head) == 4 and head[:3] == b"\0\0\x08" else 0
        lengths = file.read(4 * axes)
    if not axes or len(lengths) < 4 * axes:
        return False
    size = 4 + 4 * axes
    count = 1
    for length in struct.unpack(f">{axes}I", lengths):
        count *= length
    return path.stat().st_size == size + count


def _unpack(image_set: ImageSet, folder: Path) -> None:
    for name in image_set.files:
        target = folder / image_set.folder / name
        if _fault(target) != "packed":
            continue
        part = target.with_name(name + ".part")
        try:
            with gzip.open(f"{target}.gz", "rb") as packed, part.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
            os.replace(part, target)
        except (OSError, EOFError) as error:
            part.unlink(missing_ok=True)
            raise NotObtained(f"{target}.gz cannot be unpacked ({error}). Delete it and get it again.") from error


def _fetch(loader: str, folder: Path) -> None:
    import torchvision

    getattr(torchvision.datasets, loader)(str(folder), download=True)
