"""The contents at the top of a page that is long: what leads where, with the number that matters most."""

from dataclasses import dataclass

from genoglot.report.blocks import Heading, Section

# with fewer headings than this, the navigation is enough
FEWEST = 8


@dataclass(frozen=True)
class Part:
    """A section and the headings within it that have a number to show."""

    section: str
    title: str
    items: list[Heading]


def contents(sections: list[Section]) -> list[Part]:
    """The parts of a page, or none where there is little to find."""
    parts = []
    for section in sections:
        named = [block for block in section.blocks if isinstance(block, Heading) and block.name]
        if named:
            parts.append(Part(section.name, section.title, named))
    return parts if sum(len(part.items) for part in parts) >= FEWEST else []
