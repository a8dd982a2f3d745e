"""TensorBoard, for those who ask for it and have it installed."""

from collections.abc import Mapping
from pathlib import Path


class Board:
    """Writes each row of the history as scalars, or nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._writer = None
        if folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ModuleNotFoundError(
                    "tensorboard=True, but TensorBoard is not installed. Run pip install tensorboard, "
                    "or leave it out: the history is saved in any case."
                ) from error
            self._writer = SummaryWriter(str(folder / "tensorboard"))

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Write one row."""
        if self._writer is not None:
            for name, value in row.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left, and close the file."""
        if self._writer is not None:
            self._writer.close()
