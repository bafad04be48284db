"""Whether a training run fits into memory, said in words before it starts."""

import logging
from bisect import bisect_left
from dataclasses import dataclass, replace

from genoglot.corpus.batches import TrainingBatches
from genoglot.corpus.masking import IGNORED
from genoglot.errors import InputError
from genoglot.model.hardware import device, return_freed_memory
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.training.estimate import Estimate, Part, estimate
from genoglot.training.memory import GIGABYTE, MEGABYTE, available_memory, resident_memory

log = logging.getLogger(__name__)

# how many times the activations' bytes the heap of glibc grows to if it keeps what is freed, without and with
# recomputed activations; measured for each architecture (1.5 to 2.2, and 2.5 to 3.5)
HOLES = (2.0, 3.0)


@dataclass(frozen=True)
class Plan:
    """How steps are computed, as far as it decides on memory.

    Attributes:
        part: one part of a step.
        parts: parts of a step that a process has (`hardware.accumulate`).
        checkpointing: whether activations are recomputed (`hardware.activation_checkpointing`).
        processes: on this machine, which share its memory unless they have GPUs.
        shares: processes that share the weights and what belongs to them out among themselves.
    """

    config: GenoglotConfig
    part: Part
    parts: int
    checkpointing: bool
    precision: str
    averages: bool
    processes: int
    shares: int = 1

    def cost(self) -> Estimate:
        """Of one process."""
        cost = estimate(self.config, self.part, self.parts, self.precision, self.checkpointing, self.averages)
        return replace(cost, states=cost.states // self.shares)

    def memory(self, cost: Estimate, lean: bool = True) -> int:
        """Bytes of the processes that share memory, with what they have taken already.

        That is `lean` where freed memory is returned at once; where it is kept, for speed, holes come in between.
        """
        if device().type == "cuda":
            return cost.memory
        holes = 1.0 if lean else HOLES[self.checkpointing]
        return self.processes * (resident_memory() + cost.states + int(holes * cost.activations))

    def smallest_change(self, checkpointing: bool, have: int) -> "Plan | None":
        """The plan with the fewest parts that needs no more than `have` bytes; None if none does."""
        plans = [
            replace(self, part=self.part.divided(times), parts=self.parts * times, checkpointing=checkpointing)
            for times in range(1, self.part.rows + 1)
            if self.part.rows % times == 0
        ]

        def fits(plan: "Plan") -> bool:
            return plan.memory(plan.cost()) <= have

        # the more parts, the less memory
        return plans[bisect_left(plans, True, key=fits)] if fits(plans[-1]) else None

    def differences(self, other: "Plan") -> str:
        """What to set to get the other plan."""
        settings = []
        if other.parts != self.parts:
            settings.append(f"accumulate: {other.parts}")
        if other.checkpointing != self.checkpointing:
            settings.append("activation_checkpointing: true")
        return "hardware." + " with hardware.".join(settings)

    def check(self, memory_mb: int | None) -> Estimate:
        """What a process takes, which is also said in the log; where memory is short, none of it is kept for speed.

        Args:
            memory_mb: megabytes that the job was given, if that is known.

        Raises:
            InputError: there is less memory than is needed.
        """
        cost, found = self.cost(), available_memory(memory_mb)
        need = self.memory(cost, lean=False)
        if found and need > found[0]:
            need = self.memory(cost)
            if need > found[0]:
                raise InputError(self._refusal(need, *found))
            return_freed_memory()
            log.info("memory is short: what is freed is returned to the system at once, which takes time")
        log.info(
            "memory: about %s, of which weights, gradients and optimizer %s, activations %s%s",
            size_in_words(need),
            size_in_words(cost.states),
            size_in_words(cost.activations),
            f"; {size_in_words(found[0])} {found[1]}" if found else "",
        )
        return cost

    def _refusal(self, need: int, have: int, said: str) -> str:
        changes = [self.smallest_change(flag, have) for flag in (False, True)[self.checkpointing :]]
        fitting = [
            f"{self.differences(plan)} (about {size_in_words(plan.memory(plan.cost()))})" for plan in changes if plan
        ]
        advice = f"What would fit: {'; or '.join(fitting)}." if fitting else "No way to divide a step makes it fit."
        return (
            f"training does not fit into memory: it needs about {size_in_words(need)}, and there are "
            f"{size_in_words(have)} {said}. {advice} Smaller networks and shorter windows need less, too."
        )


def sample_part(batches: TrainingBatches) -> Part:
    """The shape of a part of a step, taken from the last one: sequences are longest then."""
    batch = batches.at(batches.schedule.last - 1)
    rows, length = batch["tokens"].shape
    return Part(rows, length, int((batch["targets"] != IGNORED).sum()))


def size_in_words(size: float) -> str:
    """Bytes as a person reads them."""
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE else f"{size / MEGABYTE:.0f} MB"
