r"""One step of adversarial training: the algorithm."""

from collections.abc import Iterator

from torch import Tensor

from course_gan.penalties import clip_weights_
from course_gan.train.distributed import sync_gradients
from course_gan.train.objective import Batch, total
from course_gan.train.optimizers import update
from course_gan.train.state import Player, State


def step(state: State, batches: Iterator[Batch]) -> None:
    r"""Update the critic `critic_steps` times, then the generator once.

    repeat `critic_steps` times:

    1. take a batch $x_1, \dots, x_n$ of data and fresh noise $z_1, \dots, z_n \sim N(0, I)$;
    2. descend $\nabla_\psi L_D(\ell_\psi(x), \ell_\psi(G_\theta(z)))$, penalties included;  [θ is not touched]
    3. clip ψ, if there is a bound.

    take fresh noise, unless the settings keep the last;
    descend $\nabla_\theta L_G(\ell_\psi(G_\theta(z)))$;  [ψ is not touched]
    $\bar\theta \leftarrow d \bar\theta + (1 - d) \theta$, if there is an average.

    Nothing in here waits for the device.
    References: Goodfellow et al., Generative adversarial nets, 2014, Algorithm 1; Arjovsky, Chintala and Bottou,
    Wasserstein GAN, 2017, Algorithm 1; Gulrajani et al., Improved training of Wasserstein GANs, 2017, Algorithm 1.
    """
    objective, settings, critic, generator = state.objective, state.settings, state.critic, state.generator
    state.set_rates()
    for _ in range(settings.critic_steps):
        batch = next(batches)
        noise = objective.noise(batch)
        with state.autocast:
            terms = objective.critic_terms(batch, noise, state.critic_updates)
        descend(critic, terms)
        if settings.clip is not None:
            for module in critic.modules:
                clip_weights_(module, settings.clip)  # after the update: the critic is used inside the box only
        state.critic_updates += 1
        state.terms.add("critic", state.steps + 1, terms)

    if settings.fresh_noise:
        noise = objective.noise(batch)
    critic.freeze()  # the gradient goes through the critic, and none is computed for its weights
    try:
        with state.autocast:
            terms = objective.generator_terms(batch, noise)
        descend(generator, terms)
    finally:
        critic.thaw()
    state.steps += 1
    state.terms.add("generator", state.steps, terms)
    if state.average is not None:
        state.average.update()


def descend(player: Player, terms: dict[str, Tensor]) -> None:
    """Update one player by the gradient of the sum of its terms."""
    if player.optimizer is None:  # nothing to learn: a fixed generator, say
        return
    for parameter in player.parameters:
        parameter.grad = None  # nothing is left over from before
    total(terms).backward()  # type: ignore[no-untyped-call]
    sync_gradients(player.parameters)  # the mean over the processes, if there are several
    update(player.optimizer)
