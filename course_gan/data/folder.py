r"""A folder of your own images as one tensor: found in a fixed order, cropped square, resized, and checked."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from course_gan.inputs import require_count

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
GIGABYTE = 2**30


class ImageFolder(NamedTuple):
    """Images, the class of each (an index into `classes`), the file of each, and what could not be read, and why."""

    images: UInt8[Tensor, "n channels size size"]
    labels: Int64[Tensor, " n"]
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    skipped: tuple[str, ...]


def image_folder(
    path: str | Path,
    size: int,
    *,
    channels: int = 3,
    recursive: bool = True,
    classes: bool = False,
    skip_damaged: bool = False,
    gigabytes: float | int = 4,
) -> ImageFolder:
    r"""Read all PNG, JPEG and WebP files below `path` as uint8 images (n, channels, size, size).

    Parameters:
        size: the side of the images; each is cropped to its central square, and that resized with antialiasing.
        channels: 3 for red, green and blue, 1 for gray.
        recursive: look into folders within, too.
        classes: the folder right below `path` that a file lies in is its class; the classes count in the order of
            their names.  Without, all labels are 0.
        skip_damaged: leave out files that cannot be read and name them in `.skipped`, instead of raising ValueError.
        gigabytes: refuse to start if the images would take more memory.

    The files come in the order of their names, the same on every machine; hidden files and folders are left out.

    >>> image_folder("no/such/folder", size=64)
    Traceback (most recent call last):
    FileNotFoundError: There is no folder no/such/folder. Pass the folder that holds the images.
    """
    require_count("size", size)
    _require_channels(channels)
    path = Path(path)
    files = find_images(path, recursive)
    names = _classes(path, files) if classes else [""] * len(files)
    require_memory(len(files), (channels, size, size), gigabytes)
    images = torch.empty(len(files), channels, size, size, dtype=torch.uint8)
    kept: list[int] = []
    damaged: list[str] = []
    for index, file in enumerate(files):
        try:
            images[len(kept)] = read_image(file, size, channels)
            kept.append(index)
        except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, struct.error and others
            damaged.append(f"{file.relative_to(path).as_posix()} ({' '.join(str(error).split())[:100]})")
    if damaged and not (skip_damaged and kept):
        shown = "\n".join(f"  {line}" for line in damaged[:20])
        more = f"\n  and {len(damaged) - 20} more" if len(damaged) > 20 else ""
        raise ValueError(
            f"{len(damaged)} of the {len(files)} images below {path} cannot be read:\n{shown}{more}\n"
            "Delete or repair them, or pass skip_damaged=True to leave them out."
        )
    found = sorted(set(names))
    labels = torch.tensor([found.index(names[index]) for index in kept], dtype=torch.int64)
    return ImageFolder(
        images[: len(kept)], labels, tuple(found) if classes else (), tuple(files[i] for i in kept), tuple(damaged)
    )


def find_images(path: Path, recursive: bool = True) -> list[Path]:
    """The image files in a folder, sorted by their path in it; an error if there is none."""
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path.as_posix()}. Pass the folder that holds the images.")
    found = [
        (file.relative_to(path).as_posix(), file)
        for file in (path.rglob("*") if recursive else path.glob("*"))
        if file.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    ]
    if not found:
        deeper = "" if recursive else " Pass recursive=True to look into the folders within."
        raise FileNotFoundError(f"There is no image ({', '.join(ENDINGS)}) in {path.as_posix()}.{deeper}")
    return [file for _, file in sorted(found)]


def read_image(file: Path, size: int, channels: int = 3) -> UInt8[Tensor, "{channels} {size} {size}"]:
    r"""One image file as (channels, size, size): turned upright, its central square, resized with antialiasing.

    What is transparent is laid on white.
    """
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(file) as opened:
        image = _opaque(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cropped first: resize(box=…) lets pixels outside the box into its edges.  Pillow's bicubic filter widens as the
    # image shrinks, which is the antialiasing.
    square = image.crop((left, top, left + side, top + side))
    pixels = np.array(square.resize((size, size), Image.Resampling.BICUBIC))
    return torch.from_numpy(pixels).view(size, size, channels).permute(2, 0, 1).contiguous()


def require_memory(n: int, shape: tuple[int, int, int], gigabytes: float | int) -> None:
    """Raise if n uint8 images of this shape take more than `gigabytes`."""
    need = n * shape[0] * shape[1] * shape[2] / GIGABYTE
    if not need <= gigabytes:  # NaN too
        raise ValueError(
            f"{n} images of {shape[0]}×{shape[1]}×{shape[2]} take {need:.1f} GB; wanted at most {gigabytes:g} GB. "
            "Choose a smaller size or fewer images, or pass gigabytes=… if the memory is there."
        )


def _require_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; wanted 3 for color or 1 for gray.")


def _classes(path: Path, files: list[Path]) -> list[str]:
    """The name of the folder below `path` that each file lies in; a file that lies in none has no class."""
    parts = [file.relative_to(path).parts for file in files]
    loose = [part[0] for part in parts if len(part) == 1]
    if loose:
        raise ValueError(
            f"{len(loose)} images lie in {path.as_posix()} itself, such as {loose[0]}; with classes=True wanted each "
            "in a folder named after its class. Move them, or pass classes=False."
        )
    return [part[0] for part in parts]


def _opaque(image: "Image") -> "Image":
    """The image without transparency, on white, and with 8 bits a channel."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits: convert("L") would cut off at 255 instead of scaling
        return image.convert("I").point(lambda value: value / 257 + 0.5).convert("L")  # point cuts the fraction off
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image
