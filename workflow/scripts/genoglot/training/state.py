"""What training must remember if it is killed: a folder that is no output of the workflow.

Snakemake removes outputs before it tries again, so the state lies elsewhere. A record in it says which configuration,
corpus and tokenizer it belongs to; a run that differs in any of them is refused. Devices, and how they share the work,
are no part of it: a run may go on with others.
"""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from genoglot.errors import InputError
from genoglot.files import atomic_path, read_json, write_json

IDENTITY = "identity.json"
LAST = "last.ckpt"


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints whole or not at all, straight to the disk: no second copy of them in memory."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_path(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


def open_state(state: Path, identity: dict[str, Any], writes: bool = True) -> Path | None:
    """The checkpoint to go on from, if there is one; else the folder is made, for a run that begins.

    Args:
        identity: everything that decides the result of the run, as JSON.
        writes: whether this process makes the folder; of several one does.

    Raises:
        InputError: the folder is of a run with another identity; the message says what differs.
    """
    record, checkpoint = state / IDENTITY, state / LAST
    if record.exists() and checkpoint.exists():
        changes = describe_changes(read_json(record), identity)
        if changes:
            raise InputError(
                f"{state} holds the state of an unfinished run with another configuration: {'; '.join(changes)}. "
                "Set the configuration back to go on, or remove the folder to start anew."
            )
        return checkpoint
    if writes:
        state.mkdir(parents=True, exist_ok=True)
        write_json(record, identity)
    return None


def saved_step(checkpoint: Path) -> int:
    """The number of optimizer steps taken before a checkpoint."""
    return int(torch.load(checkpoint, weights_only=True, map_location="meta", mmap=True)["global_step"])


def describe_changes(before: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two nested configurations, one sentence an entry."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*before, *now]))
        return [
            line
            for key in keys
            for line in describe_changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [f"{name} was {before!r} and is now {now!r}"]
