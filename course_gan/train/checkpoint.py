"""Checkpoints of plain tensors and numbers, written whole or not at all, and refused by a run of other settings."""

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_gan.files import write_atomically
from course_gan.train.settings import Settings, differences

LAST, PREVIOUS = "checkpoint.pt", "checkpoint-previous.pt"
FORMAT = "course_gan run, version 1"
PLAIN = {int, float, bool, str, type(None)}


def save_checkpoint(folder: str | Path, contents: dict[str, Any]) -> Path:
    """Write `contents` as the folder's last checkpoint; the one that was the last becomes the previous one.

    At every moment, also when the process is killed, the folder's `checkpoint.pt` can be read, once there was one.
    `contents` are tensors, numbers, strings, and lists and dicts of these: `torch.load(weights_only=True)` reads them.
    """
    _require_plain(contents, "the checkpoint")
    path = Path(folder) / LAST
    if path.exists():
        _link(path, Path(folder) / PREVIOUS)
    whole = io.BytesIO()  # in memory first: on a full disk torch's own writer hides the reason behind another error
    torch.save({"format": FORMAT, **contents}, whole)
    write_atomically(path, lambda file: file.write(whole.getbuffer()))
    return path


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint, given its file or its folder, onto the CPU; nothing but data is unpickled.

    A file that is missing raises FileNotFoundError, one that is damaged or something else ValueError.
    """
    path = Path(path)
    if path.is_dir():
        path = path / LAST
    if not path.exists():
        raise FileNotFoundError(f"There is no checkpoint {path}. Start with resume=False, or resume='auto'.")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums that it writes
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged archive makes torch raise
        raise ValueError(f"The checkpoint {path} cannot be read; {_way_out(path)}. ({_first_line(error)})") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of a run ({FORMAT!r}); {_way_out(path)}.")
    return contents


def architecture(objective: nn.Module) -> dict[str, str]:
    """Name, shape and precision of each parameter and buffer, and which are frozen: what a checkpoint must fit."""
    frozen = {name for name, parameter in objective.named_parameters() if not parameter.requires_grad}
    return {
        name: f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}{' frozen' * (name in frozen)}"
        for name, value in objective.state_dict().items()
    }


def require_same_run(
    contents: dict[str, Any], settings: Settings, described: dict[str, str], objective: nn.Module, path: Path
) -> None:
    """Refuse a checkpoint of another run, naming each setting, and each weight, in which it differs."""
    found = differences(contents["settings"], settings)
    for saved, mine in ((contents["described"], described), (contents["architecture"], architecture(objective))):
        names = [*saved, *(name for name in mine if name not in saved)]
        found += [
            f"{name}: {saved.get(name, 'absent')} in the checkpoint, {mine.get(name, 'absent')} now"
            for name in names
            if saved.get(name) != mine.get(name)
        ]
    if found:
        more = f"\n  and {len(found) - 20} more" if len(found) > 20 else ""
        raise ValueError(
            f"The checkpoint {path} is of another run. It differs in\n  " + "\n  ".join(found[:20]) + more + "\n"
            "Resume with the settings and networks it was trained with (more steps are allowed where the schedule is "
            "constant), or take another folder."
        )


def _require_plain(value: object, where: str) -> None:
    """Refuse what `load_checkpoint` would refuse, while nothing is lost yet: a NumPy number in a state, say."""
    if isinstance(value, dict):
        for key, entry in value.items():
            _require_plain(entry, f"{where}, {key!r}")
    elif isinstance(value, list | tuple):
        for entry in value:
            if type(entry) not in PLAIN:
                _require_plain(entry, where)
    elif type(value) not in PLAIN and not isinstance(value, Tensor):
        raise TypeError(
            f"{where}, holds a {type(value).__module__}.{type(value).__name__}, which no checkpoint can give back; "
            "wanted tensors, numbers of Python, strings, and lists and dicts of these."
        )


def _link(path: Path, other: Path) -> None:
    """Give the file a second name, in one step: `path` itself is never away."""
    beside = other.with_name(other.name + ".partial")
    beside.unlink(missing_ok=True)
    try:
        os.link(path, beside)
    except OSError:  # a file system without links
        shutil.copyfile(path, beside)
    os.replace(beside, other)


def _way_out(path: Path) -> str:
    previous = path.with_name(PREVIOUS)
    if path.name == LAST and previous.exists():
        return f"the one before it is {previous.name}: rename that to {path.name}, and resume again"
    return "delete it and start again with resume=False, or take it from a copy"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
