"""How many records and alleles were scored, and why others were not."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from genoglot.variants.alleles import SCORED, Alleles
from genoglot.variants.records import Record


class Counts:
    """How many records and alleles there were, by kind and by reason; adds up over chunks."""

    def __init__(self) -> None:
        self.records = 0
        self.kinds: Counter[str] = Counter()
        self.scored: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, records: Sequence[Record], alleles: Alleles) -> None:
        self.records += len(records)
        self.kinds.update(alleles.kind.tolist())
        self.scored.update(alleles.kind[alleles.reason == SCORED].tolist())
        self.reasons.update(reason for reason in alleles.reason.tolist() if reason)

    def add_summary(self, summary: dict[str, Any]) -> None:
        """Add what `describe` said of another part."""
        self.records += summary["records"]
        self.reasons.update(summary["unscored"])
        for kind, count in summary["kinds"].items():
            self.kinds[kind] += count["alleles"]
            self.scored[kind] += count["scored"]

    def describe(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "alleles": self.kinds.total(),
            "scored": self.scored.total(),
            "unscored": dict(sorted(self.reasons.items())),
            "kinds": {
                kind: {"alleles": count, "scored": self.scored[kind]} for kind, count in sorted(self.kinds.items())
            },
        }
