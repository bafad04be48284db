"""What the report says of tasks that find genes: exons and genes with the right ends, and splice sites."""

from typing import Any

from genoglot.report.blocks import Block, Table
from genoglot.report.task_words import called, contestants
from genoglot.report.verdicts import number

RATES = ("recall", "precision", "f1")
COLUMNS = (
    "contestant", "exons found", "exons right", "F1 of exons", "genes found", "genes right", "F1 of genes",
    "donors, AUPRC", "donors, top k", "acceptors, AUPRC", "acceptors, top k",
)  # fmt: skip


def genes_blocks(metrics: dict[str, Any]) -> list[Block]:
    """A table of the contestants; nothing where the task does not find genes."""
    scored = [key for key in contestants(metrics) if key != "majority" and metrics[key].get("genes")]
    if not scored:
        return []
    rows = [[called(metrics, key), *_cells(metrics[key]["genes"])] for key in scored]
    true = {kind: _first(metrics, scored, kind) for kind in ("exons", "genes")}
    sites = metrics[scored[0]]["genes"].get("splice", {})
    counted = ", ".join(f"{round(entry['n']):,} {site}s" for site, entry in sites.items())
    note = (
        f"Exons (coding parts) and genes of the test sequence with exactly the right ends, of {true['exons']:,} and "
        f"{true['genes']:,}: the share that is found, the share of the calls that is right, and their harmonic mean. "
        "Networks' genes are the likeliest ones by a hidden Markov model that knows start and stop codons and the ends "
        "of introns; those of open reading frames are these frames. Splice sites: average precision over all bases and "
        f"strands, and the share of sites among as many likeliest bases ({counted or 'there is none'})."
    )
    return [Table(list(COLUMNS), rows, set(range(1, len(COLUMNS))), note)]


def _first(metrics: dict[str, Any], scored: list[str], kind: str) -> int:
    """How many there are, which is the same for everyone that is scored on them."""
    return next((round(entry[kind]["true"]) for key in scored if kind in (entry := metrics[key]["genes"])), 0)


def _cells(genes: dict[str, Any]) -> list[str]:
    rates = [number(genes.get(kind, {}).get(rate)) for kind in ("exons", "genes") for rate in RATES]
    splice = genes.get("splice", {})
    sites = [number(splice.get(site, {}).get(key)) for site in ("donor", "acceptor") for key in ("auprc", "top_k")]
    return [*rates, *sites]
