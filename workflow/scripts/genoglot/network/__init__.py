"""The networks, as Hugging Face classes.

The other files of this folder are copied into every model folder, so that
`AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True)` works where Genoglot is not installed; those of
`TASK_CODE` into folders of heads. They therefore import torch, transformers and one another (by relative imports) only.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

# what `modeling_genoglot.py` needs beside it in a model folder
CODE = (
    "modeling_genoglot.py",
    "configuration_genoglot.py",
    "layers_genoglot.py",
    "convolutions_genoglot.py",
    "attention_genoglot.py",
    "hyena_genoglot.py",
)
# what `tasks_genoglot.py` needs besides in the folder of a head
TASK_CODE = ("tasks_genoglot.py", "pooling_genoglot.py", "inner_genoglot.py")
FOLDER = Path(__file__).parent


def copy_code(folder: Path, names: Iterable[str] = CODE) -> None:
    """Copy files of this folder into a model folder."""
    for name in names:
        shutil.copyfile(FOLDER / name, folder / name)
