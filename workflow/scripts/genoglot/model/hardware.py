"""What the machine offers: device, threads and the number format that is fastest on it."""

import atexit
import contextlib
import ctypes
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Literal

import torch
import transformers

from genoglot.errors import InputError

log = logging.getLogger(__name__)

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
PRECISIONS = ("auto", "float32", "bfloat16")
# what Lightning calls them
TRAINER_PRECISION: dict[str, Literal["32-true", "bf16-mixed"]] = {"float32": "32-true", "bfloat16": "bf16-mixed"}

# where a scheduler names the GPUs of a job, and what means that there are none
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS")
NO_GPU = ("", "-1", "NoDevFiles")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def unused_gpu() -> str:
    """In words, why a GPU that the job was given is not used; empty if it is, or if there is none.

    A solver may take a build of torch for CPUs, and a job then runs for days where it should for hours.
    """
    named = [os.environ[name] for name in GPU_VARIABLES if name in os.environ]
    given = any(value not in NO_GPU for value in named) if named else NVIDIA_DRIVER.exists()
    if not given or torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        why = f"torch {torch.__version__} is a build for CPUs: set `pytorch: gpu`, or install one with CUDA "
        why += "(docs/environments.md)"
    else:
        why = f"torch {torch.__version__} finds no driver for it: see what nvidia-smi says on that machine"
    return f"there is a GPU here, and this job computes on the CPU, which takes many times as long; {why}"


def log_gpu_memory() -> None:
    """Say how much of a GPU's memory the process had at most: Snakemake's benchmarks do not know."""
    for index in range(torch.cuda.device_count()):
        if peak := torch.cuda.max_memory_reserved(index):
            log.info("peak memory of GPU %d: %d MB", index, peak // 10**6)


def choose_precision(wanted: str) -> str:
    """`float32` or `bfloat16`; `auto` takes bfloat16 where the processor computes in it.

    A CPU without bfloat16 instructions (AVX512-BF16 or AMX) emulates them several times slower than float32.
    """
    if wanted not in PRECISIONS:
        raise InputError(f"precision {wanted!r} is not one of {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    if device().type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bfloat16" if native else "float32"


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory rather than return it to the system after every large tensor.

    Without this, each activation is mapped and zeroed anew; `make benchmark` measures what that costs.
    """
    _set_malloc(mmap_threshold=1 << 30)


def return_freed_memory() -> None:
    """Ask glibc to return every large tensor's memory to the system when it is freed: the opposite, where it is short.

    No holes are left between what lives long and what does not, which else take as much as the tensors themselves.
    """
    _set_malloc(mmap_threshold=1 << 20)


def _set_malloc(mmap_threshold: int) -> None:
    """Have glibc map blocks of so many bytes one by one, and keep what it frees of the others."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-3, mmap_threshold)
            libc.mallopt(-1, 2**31 - 1)


def quieten_libraries() -> None:
    """Leave the log to what a user needs: no advertisements, no progress bar for a file that loads at once."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    # a state folder is meant to hold an earlier run's checkpoints; the other concerns Lightning's own code
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\)")


def prepare(threads: int, wanted: str) -> str:
    """Set the number of CPU threads and return the precision to use."""
    torch.set_num_threads(max(1, threads))
    keep_freed_memory()
    quieten_libraries()
    atexit.register(log_gpu_memory)
    precision = choose_precision(wanted)
    log.info("device %s, %d CPU threads, %s", device(), threads, precision)
    if reason := unused_gpu():
        log.warning("%s", reason)
    return precision


def autocast(precision: str) -> contextlib.AbstractContextManager:
    """Autocast to `precision` on the machine's device; nothing for float32."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device().type, dtype=torch.bfloat16)
