"""Everything that changes while a run goes on, in one place: what a checkpoint has to hold."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from course_gan.train.distributed import rank
from course_gan.train.ema import EMA
from course_gan.train.objective import Objective
from course_gan.train.optimizers import factor, optimizer, set_rate
from course_gan.train.randomness import seed_for
from course_gan.train.settings import Settings
from course_gan.train.terms import Terms


class Player:
    """One side of the game: its modules, those of their parameters that learn, and what updates them."""

    def __init__(self, modules: Sequence[nn.Module], settings: Settings, rate: float) -> None:
        self.modules, self.rate = modules, rate
        # What the user froze stays frozen, and is none of the optimizer's business.
        self.parameters = [value for module in modules for value in module.parameters() if value.requires_grad]
        self.optimizer = optimizer(settings, self.parameters, rate) if self.parameters else None

    def freeze(self) -> None:
        """No gradient for the parameters, until `thaw`."""
        for parameter in self.parameters:
            parameter.requires_grad = False

    def thaw(self) -> None:
        """Let the parameters learn again: those that `freeze` froze."""
        for parameter in self.parameters:
            parameter.requires_grad = True


class State:
    """The players, the average, the random numbers of the noise, and how far they are."""

    def __init__(self, objective: Objective, settings: Settings) -> None:
        self.objective, self.settings = objective, settings
        self.critic = Player(objective.critics, settings, settings.critic_rate)
        self.generator = Player(objective.generators, settings, settings.generator_rate)
        self.average = EMA(objective.generators[0], settings.ema) if settings.ema is not None else None
        self.rng = torch.Generator(settings.device).manual_seed(seed_for("noise", settings.seed, rank()))
        objective.rng, objective.fresh_noise = self.rng, settings.fresh_noise
        self.steps = 0  # updates of the generator
        self.critic_updates = 0  # and of the critic: lazy penalties count these, over the whole run
        self.terms = Terms()
        self.autocast: AbstractContextManager[object] = (
            torch.autocast(torch.device(settings.device).type, torch.bfloat16)
            if settings.precision == "bfloat16"
            else nullcontext()
        )

    def set_rates(self) -> None:
        """Set both rates for the step to come: a function of its number alone."""
        if self.settings.schedule == "constant":
            return
        for player in (self.critic, self.generator):
            if player.optimizer is not None:
                set_rate(player.optimizer, player.rate * factor(self.settings, self.steps))

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors, numbers, lists and dicts."""
        return {
            "steps": self.steps,
            "critic_updates": self.critic_updates,
            "objective": dict(self.objective.state_dict()),
            "optimizers": [player.optimizer.state_dict() if player.optimizer else None for player in self._players()],
            "average": self.average.state_dict() if self.average is not None else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.steps, self.critic_updates = state["steps"], state["critic_updates"]
        self.objective.load_state_dict(state["objective"])
        for player, saved in zip(self._players(), state["optimizers"], strict=True):
            if player.optimizer is not None:
                player.optimizer.load_state_dict(saved)
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _players(self) -> tuple[Player, Player]:
        return self.critic, self.generator
