"""Draw the workflow's rules into README.md, from the workflow itself: `python docs/rulegraph.py`.

Edges that follow from others are left out, so that the picture shows the order of the work and no more.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- rulegraph -->\n", "<!-- /rulegraph -->"
# rules that make nothing of their own
TARGETS = {"all", "default"}


def rule_edges() -> set[tuple[str, str]]:
    """Pairs (rule, rule that uses its output) of the default study."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "dot", "--forceall", "--quiet"]
    graph = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"(\d+)\[label = \"(\w+)\"", graph))
    edges = {(names[one], names[other]) for one, other in re.findall(r"(\d+) -> (\d+)", graph)}
    return {edge for edge in edges if edge[1] not in TARGETS}


def reduce(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges that do not follow from longer paths."""
    after: dict[str, set[str]] = {}
    for one, other in edges:
        after.setdefault(one, set()).add(other)

    def reached(rule: str) -> set[str]:
        return after.get(rule, set()).union(*(reached(other) for other in after.get(rule, set())))

    return {
        (one, other)
        for one, other in edges
        if not any(other in reached(between) for between in after[one] if between != other)
    }


def mermaid(edges: set[tuple[str, str]]) -> str:
    lines = [f"    {one} --> {other}" for one, other in sorted(edges)]
    return "\n".join(["```mermaid", "flowchart TB", *lines, "```", ""])


def readme_with_graph() -> str:
    text = README.read_text()
    before, rest = text.split(BEGIN)
    return before + BEGIN + mermaid(reduce(rule_edges())) + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(readme_with_graph())
