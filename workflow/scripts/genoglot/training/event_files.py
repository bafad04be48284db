"""Learning curves as TensorBoard reads them: event files with a scalar per figure."""

import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

FLUSH_SECONDS = 30


class EventFiles:
    """Writes rows of curves to event files in `folder`, as scalars such as `bits_per_base/train`.

    The files are written anew whenever training goes on, from the curves, so that no step is in them twice.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._writer: EventFileWriter | None = None
        self._began = 0.0

    def begin(self, seconds: float) -> None:
        """Begin anew, `seconds` of training after its first beginning."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._writer = EventFileWriter(str(self.folder), flush_secs=FLUSH_SECONDS)
        self._began = time.time() - seconds

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the figures of a row of curves, which has `step`, `seconds` and `split`."""
        assert self._writer is not None
        split = row["split"]
        values = [
            Summary.Value(tag=f"{name}/{split}", simple_value=float(value))
            for name, value in row.items()
            if name not in ("step", "seconds", "split", "tokens") and not math.isnan(value)
        ]
        moment = self._began + float(row["seconds"])
        self._writer.add_event(Event(wall_time=moment, step=int(row["step"]), summary=Summary(value=values)))

    def close(self) -> None:
        """Write what has not been written; nothing more is added."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
