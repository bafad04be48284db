"""The networks, as Hugging Face classes.

The other files of this folder are copied into every model folder, so that
`AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True)` works where Genoglot is not installed. They
therefore import torch, transformers and one another (by relative imports) only.
"""

import shutil
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
FOLDER = Path(__file__).parent


def copy_code(folder: Path) -> None:
    """Copy the files of `CODE` into a model folder."""
    for name in CODE:
        shutil.copyfile(FOLDER / name, folder / name)
