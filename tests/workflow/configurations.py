"""Configurations read as the workflow reads them, and the words with which they are refused."""

from pathlib import Path
from typing import Any

import pytest

from genoglot.config import read_study
from genoglot.errors import InputError
from genoglot.study import Study

ROOT = Path(__file__).parents[2]
SCHEMAS = {name: ROOT / f"workflow/schemas/{name}.schema.yaml" for name in ("config", "genomes", "variants")}

GENOMES = "genome\tfasta\tannotation\na\ta.fa\ta.gff\nb\thttps://host/b.fa.gz\t\n"
VARIANTS = "variants\tgenome\tvcf\tcontigs\nknown\ta\tknown.vcf\tI, II\nderived\ta\tconsequences\t\n"


def read(config: dict[str, Any]) -> Study:
    return read_study(config, SCHEMAS)


def refused(config: dict[str, Any], *words: str) -> str:
    """The message with which a configuration is refused; all of `words` must be in it."""
    with pytest.raises(InputError) as caught:
        read(config)
    message = str(caught.value)
    for word in words:
        assert word in message
    return message
