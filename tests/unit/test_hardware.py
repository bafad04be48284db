"""A machine whose GPU would lie idle says so."""

import logging

import pytest
import torch

from genoglot.model import hardware


@pytest.mark.parametrize(
    ("driver", "cuda", "warned"), [(True, None, True), (True, "12.8", False), (False, None, False)]
)
def test_a_build_without_cuda_is_named_where_there_is_a_driver(tmp_path, monkeypatch, caplog, driver, cuda, warned):
    file = tmp_path / "version"
    if driver:
        file.touch()
    monkeypatch.setattr(hardware, "NVIDIA_DRIVER", file)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    with caplog.at_level(logging.WARNING):
        hardware.prepare(1, "float32")
    assert ("without CUDA" in caplog.text) == warned
    if warned:
        assert torch.__version__ in caplog.text
