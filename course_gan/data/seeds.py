r"""Seeds for many independent streams of random numbers, made from one seed of the user."""

import hashlib


def key(seed: int, purpose: str) -> int:
    """A number for each seed and purpose: the latents drawn with the same seed elsewhere must not be these numbers."""
    return int.from_bytes(hashlib.blake2b(f"{purpose}/{seed}".encode(), digest_size=4).digest())


def spread(number: int) -> int:
    """A seed for each number, far apart for neighbors; torch's generator on the CPU uses the low 32 bits alone.

    Multiplying by an odd number is one to one on 32 bits, so no two steps of a run share their random numbers.
    """
    return number * 0x9E3779B1 % 2**32
