"""The configuration and the sheets of a study, read once, checked and made whole.

Nothing here needs torch or a genome: a mistake is named before the first job starts. What only the data can tell
(a validation contig that does not exist, say) is checked where the data are read.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from genoglot.errors import InputError
from genoglot.references.configuration import configuration_problems
from genoglot.references.models import import_problems
from genoglot.references.sheets import genome_problems, variant_problems
from genoglot.schema import fill_defaults, load_schema, problems
from genoglot.sheets import read_sheet
from genoglot.study import STANDARD, Study
from genoglot.sweeps.expansion import unfold


def read_study(config: Mapping[str, Any], schemas: Mapping[str, str | Path]) -> Study:
    """Check a configuration and the sheets it names.

    Args:
        config: the configuration as Snakemake read it.
        schemas: paths of the schemas `config`, `genomes` and `variants`.

    Raises:
        InputError: with everything found wrong, one line each, beginning with the key or the line of the sheet.
    """
    schema = load_schema(schemas["config"])
    filled = fill_defaults(_with_standard_cleaning(config), schema)
    _refuse(f"configuration: {problem}" for problem in problems(filled, schema))
    _refuse(f"configuration: {problem}" for problem in import_problems(config["models"]))
    genomes = read_sheet(filled["genomes"], load_schema(schemas["genomes"]))
    if not genomes:
        raise InputError(f"{filled['genomes']}: there is no genome below the header")
    variants = read_sheet(filled["variants"], load_schema(schemas["variants"])) if filled["variants"] else {}
    models, sweeps = unfold(filled["models"])
    study = Study(
        filled,
        {name: row for name, (row, _) in genomes.items()},
        {name: row for name, (row, _) in variants.items()},
        models,
        sweeps,
    )
    _refuse(genome_problems(study, {name: where for name, (_, where) in genomes.items()}))
    places = {name: where for name, (_, where) in variants.items()}
    _refuse([*configuration_problems(study), *variant_problems(study, places)])
    return study


def _with_standard_cleaning(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the way to clean that every study has, where it does not say itself what that is."""
    given = config.get("cleaning") or {}
    return {**config, "cleaning": {STANDARD: {}, **given} if isinstance(given, dict) else given}


def _refuse(wrong: Iterable[str]) -> None:
    if lines := list(wrong):
        raise InputError("\n".join(lines))
