"""Which of the processes that train one model together this one is, by what their launchers say in the environment.

torchrun numbers its processes in RANK, Slurm in SLURM_PROCID; Lightning, which starts the other processes of a node
itself, in LOCAL_RANK. Nothing here needs torch, so that any script can ask.
"""

import os

NUMBERS = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")


def is_first() -> bool:
    """Whether this is the process that writes logs and results: the only one, or the first of several."""
    return all(os.environ.get(name, "0") == "0" for name in NUMBERS)
