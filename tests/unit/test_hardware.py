"""What is said where a GPU was given and is not used."""

import logging

import pytest
import torch

from genoglot.model import hardware


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Have torch be a build with or without CUDA, which finds a GPU or not, in a job with these variables."""

    def pretend(cuda: str | None, available: bool, driver: bool = False, **variables: str) -> None:
        file = tmp_path / "version"
        if driver:
            file.touch()
        monkeypatch.setattr(hardware, "NVIDIA_DRIVER", file)
        for name in hardware.GPU_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: available)

    return pretend


@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS"])
def test_a_gpu_that_torch_was_not_built_for_is_said(machine, name):
    machine(None, False, **{name: "0"})
    assert "is a build for CPUs: set `pytorch: gpu`, or install one with CUDA" in hardware.unused_gpu()


def test_a_gpu_without_a_driver_is_said(machine):
    machine("12.6", False, CUDA_VISIBLE_DEVICES="0,1")
    assert "finds no driver" in hardware.unused_gpu()


def test_a_driver_says_that_there_is_a_gpu(machine):
    machine(None, False, driver=True)
    assert "is a build for CPUs" in hardware.unused_gpu()


@pytest.mark.parametrize(("value", "driver"), [(None, False), ("", True), ("-1", True), ("NoDevFiles", False)])
def test_nothing_is_said_where_no_gpu_was_given(machine, value, driver):
    machine(None, False, driver, **({} if value is None else {"CUDA_VISIBLE_DEVICES": value}))
    assert hardware.unused_gpu() == ""


def test_nothing_is_said_where_the_gpu_is_used(machine):
    machine("12.6", True, CUDA_VISIBLE_DEVICES="0")
    assert hardware.unused_gpu() == ""


def test_it_is_a_warning_in_the_log(machine, caplog, monkeypatch):
    machine(None, False, SLURM_JOB_GPUS="0")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    with caplog.at_level(logging.WARNING):
        hardware.prepare(1, "float32")
    assert "there is a GPU here, and this job computes on the CPU" in caplog.text
