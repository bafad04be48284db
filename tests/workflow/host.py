"""Snakemake as it is, but that each rule's script is run by the Python of the rule's environment, as with conda.

`host.py INTERPRETERS ARGUMENTS`: a JSON file with the interpreter of each rule, and arguments for Snakemake.
"""

import json
import sys
from pathlib import Path

from snakemake.cli import main
from snakemake.script import PythonScript

INTERPRETERS = json.loads(Path(sys.argv[1]).read_text())


def execute_script(self: PythonScript, fname: str, edit: bool = False) -> None:
    python = INTERPRETERS[self.rulename]
    self._execute_cmd("{python} {fname:q}", python=python, fname=fname, is_python_script=True)


PythonScript.execute_script = execute_script

if __name__ == "__main__":
    main(sys.argv[2:])
