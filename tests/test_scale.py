import pytest
import torch

from course_gan import scale


def test_without_the_variable_everything_is_laptop_sized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_GAN_SCALE", raising=False)
    assert scale.scale() == "cpu"
    assert scale.by_scale(cpu=1, gpu=2) == 1
    assert scale.device() == torch.device("cpu")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "")
    assert scale.scale() == "cpu"


def test_full_scale_takes_the_full_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "gpu")
    assert scale.by_scale(cpu=1, gpu=2) == 2


def test_full_scale_uses_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert scale.device() == torch.device("cuda")


def test_full_scale_without_a_gpu_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="unset it"):
        scale.device()


def test_an_unknown_scale_is_refused_and_the_two_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "tpu")
    with pytest.raises(ValueError, match=r"'tpu'.*'cpu'.*'gpu'"):
        scale.scale()
