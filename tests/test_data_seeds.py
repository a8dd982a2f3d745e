"""Seeds: the same in every process, other ones for every purpose and step."""

import os
import subprocess
import sys

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_gan.data import seeds
from course_gan.data.seeds import key, spread


def first(seed: int) -> float:
    return torch.rand((), generator=torch.Generator().manual_seed(seed)).item()


@settings(deadline=None)
@given(a=st.integers(0, 2**32 - 1), b=st.integers(0, 2**32 - 1))
def test_spreading_is_one_to_one_on_32_bits(a, b):
    assert (spread(a) == spread(b)) == (a == b)
    assert 0 <= spread(a) < 2**32


def test_no_bit_of_a_number_is_lost():
    """An even factor would shift the highest bits out: numbers far apart, which nobody draws by chance, become one."""
    assert len({spread(number ^ 1 << bit) for number in (0, 12345) for bit in range(32)}) == 64


def test_steps_keep_their_seeds_apart_beyond_32_bits_of_key():
    top = 2**32 - 1
    assert len({spread(top + k) for k in range(1000)}) == 1000


def test_keys_depend_on_seed_and_purpose_and_fit_32_bits():
    keys = [key(seed, purpose) for seed in (0, 1, 2, 2**40) for purpose in ("rows", "sampler", "a")]
    assert len(set(keys)) == 12
    assert max(keys) < 2**32
    assert key(1, "rows") == key(1, "rows")


def test_the_generator_on_the_cpu_uses_the_low_32_bits_alone():
    """Why seeds are spread within 32 bits: a key above them would be lost."""
    assert first(5) == first(5 + 2**32)
    assert first(5) != first(6)


def test_another_process_gets_the_same_seeds():
    """Python's `hash` of a text is another one in each process."""
    code = f"import runpy; print(runpy.run_path({seeds.__file__!r})['key'](3, 'rows'))"  # without waiting for torch
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert int(done.stdout) == key(3, "rows")
