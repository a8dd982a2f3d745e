"""What a run wrote down: one row a tick, kept as columns, saved and read back exactly."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from course_gan.files import write_atomically


class History(Mapping[str, Tensor]):
    """Columns by name, each a float64 tensor (rows,); "step" is int64, the number of steps done at the row.

    A value that a row does not have is NaN.

    >>> history = History()
    >>> history.append(100, {"critic_loss": 1.25})
    >>> history["critic_loss"]
    tensor([1.2500], dtype=torch.float64)
    """

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._columns: dict[str, list[float]] = {}

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row.  A column that is new is NaN in the rows before; rows follow each other by their step."""
        if self._steps and step <= self._steps[-1]:
            raise ValueError(f"The row is of step {step} and the last one of {self._steps[-1]}; wanted a later step.")
        if "step" in values:
            raise ValueError('A value is called "step", which is the column of the steps; give it another name.')
        for name in values:
            self._columns.setdefault(name, [math.nan] * len(self._steps))
        for name, column in self._columns.items():
            column.append(float(values.get(name, math.nan)))
        self._steps.append(step)

    def __getitem__(self, name: str) -> Tensor:
        if name == "step":
            return torch.tensor(self._steps, dtype=torch.int64)
        if name not in self._columns:
            raise KeyError(f"There is no column {name!r}; the columns are {', '.join(self)}.")
        return torch.tensor(self._columns[name], dtype=torch.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(["step", *self._columns])

    def __len__(self) -> int:
        return 1 + len(self._columns)

    @property
    def last(self) -> dict[str, float]:
        """The values of the last row; {} before the first."""
        return {name: column[-1] for name, column in self._columns.items()} if self._steps else {}

    def state_dict(self) -> dict[str, list[int] | list[float]]:
        """The columns as lists, as a checkpoint holds them."""
        return {"step": list(self._steps), **{name: list(column) for name, column in self._columns.items()}}

    def load_state_dict(self, state: Mapping[str, list[int] | list[float]]) -> None:
        """Replace all rows by those of `state`."""
        columns = {name: [float(value) for value in column] for name, column in state.items()}
        steps = columns.pop("step")
        if any(len(column) != len(steps) for column in columns.values()):
            raise ValueError(f"The columns of the history have {sorted({len(c) for c in columns.values()})} rows each.")
        self._steps, self._columns = [int(step) for step in steps], columns

    def save(self, path: str | Path) -> None:
        """Write `path`, whole or not at all: CSV or JSON, by its ending.  `load` gives back the very same numbers."""
        path = Path(path)
        state = self.state_dict()
        if _ending(path) == ".json":
            # JSON has no NaN or infinity; such an entry is written as a string.
            plain = {key: [v if math.isfinite(v) else repr(v) for v in column] for key, column in state.items()}
            text = json.dumps(plain, indent=1)
        else:
            table = io.StringIO()
            writer = csv.writer(table, lineterminator="\n")
            writer.writerow(state)
            writer.writerows([repr(value) for value in row] for row in zip(*state.values(), strict=True))
            text = table.getvalue()
        write_atomically(path, lambda file: file.write(text.encode()))

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read what `save` wrote."""
        path = Path(path)
        text = path.read_text(encoding="utf-8")
        if _ending(path) == ".json":
            state = json.loads(text)
        else:
            names, *rows = csv.reader(io.StringIO(text))
            state = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        history = cls()
        history.load_state_dict({name: [float(value) for value in column] for name, column in state.items()})
        return history


def _ending(path: Path) -> str:
    if path.suffix not in (".csv", ".json"):
        raise ValueError(f"The file is to be called {path.name}; wanted a name that ends in .csv or .json.")
    return path.suffix
