"""The terms of the losses since the last tick: kept on the device, and read all at once."""

from typing import Any

import torch
from torch import Tensor

from course_gan.train.distributed import world


class Terms:
    """The values of each term, in order, each with the step in which it was computed (from 1).

    `add` only keeps a reference, so nothing waits for the device before `read`.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._steps: dict[str, list[list[int]]] = {}  # for each value its step, and its place among all updates
        self._sides: dict[str, str] = {}
        self._updates: dict[str, int] = {}

    def add(self, side: str, step: int, terms: dict[str, Tensor]) -> None:
        """Keep the terms of one update of a side ("critic" or "generator"), without their graphs."""
        self._updates[side] = self._updates.get(side, 0) + 1
        for name, value in terms.items():
            self._values.setdefault(name, []).append(value.detach())
            self._steps.setdefault(name, []).append([step, sum(self._updates.values())])
            self._sides[name] = side

    def read(self) -> dict[str, Tensor]:
        """All values so far by name, on the CPU; the mean over the processes if there are several."""
        filled = {name: torch.stack(values) for name, values in self._values.items() if values}
        if not filled:
            return {}
        flat = torch.cat([values.flatten() for values in filled.values()])
        if world() > 1:
            torch.distributed.all_reduce(flat)
            flat = flat / world()
        # The host waits for the device here.
        pieces = flat.cpu().double().split([len(values) for values in filled.values()])  # type: ignore[no-untyped-call]
        return dict(zip(filled, pieces, strict=True))

    def first_not_finite(self, read: dict[str, Tensor]) -> tuple[int, str, float] | None:
        """Step, name and value of the earliest NaN or infinity in what `read` returned, if there is one."""
        bad = [
            (self._steps[name][index], name, float(values[index]))
            for name, values in read.items()
            for index in (~values.isfinite()).nonzero().flatten().tolist()
        ]
        if not bad:
            return None
        (step, _), name, value = min(bad, key=lambda entry: entry[0][1])
        return step, name, value

    def means(self, read: dict[str, Tensor]) -> dict[str, float]:
        """The mean of each term over the updates of its side, from what `read` returned.

        A lazy penalty enters few updates and counts as 0 in the others, so that the means add up to the mean loss.
        """
        nothing = torch.zeros(0)
        return {
            name: float(read.get(name, nothing).sum()) / max(self._updates.get(side, 0), 1)
            for name, side in self._sides.items()
        }

    def clear(self) -> None:
        """Forget the values, and keep the names."""
        self._updates = {}
        for name in self._values:
            self._values[name], self._steps[name] = [], []

    def __bool__(self) -> bool:
        return any(self._updates.values())

    def state_dict(self) -> dict[str, Any]:
        """What was kept since the last tick, as plain tensors and numbers."""
        values = {name: torch.stack(kept) if kept else torch.zeros(0) for name, kept in self._values.items()}
        steps = {name: list(steps) for name, steps in self._steps.items()}
        return {"values": values, "steps": steps, "sides": dict(self._sides), "updates": dict(self._updates)}

    def load_state_dict(self, state: dict[str, Any], device: str) -> None:
        """Go on from what `state_dict` returned."""
        self._values = {name: list(values.to(device).unbind()) for name, values in state["values"].items()}
        self._steps = {name: list(steps) for name, steps in state["steps"].items()}
        self._sides, self._updates = dict(state["sides"]), dict(state["updates"])
