"""The folder of a model, as Hugging Face libraries read it: configuration, weights, tokenizer and code."""

import shutil
from pathlib import Path

from safetensors.torch import save_file

from genoglot.network import CODE, FOLDER
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.tokens.encoding import Encoding
from genoglot.tokens.files import save_tokenizer

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MODEL_FILES = (CONFIG, WEIGHTS, "tokenizer.json", "tokenizer_config.json", *CODE)


def save_model(network: GenoglotModel, source: Encoding | Path, output: Path, window: int) -> None:
    """Write the files of `MODEL_FILES` into the folder `output`, each whole or not at all.

    Args:
        source: the encoding that the model reads, or the folder of its tokenizer, whose files are copied.
        window: bases of a window.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    kind = type(network).__name__
    task = "AutoModelForCausalLM" if network.config.causal else "AutoModelForMaskedLM"
    network.config.auto_map = {
        "AutoConfig": "configuration_genoglot.GenoglotConfig",
        task: f"modeling_genoglot.{kind}",
    }
    network.config.architectures = [kind]
    staging = output / ".saving"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    network.config.save_pretrained(staging)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, staging / WEIGHTS, metadata={"format": "pt"})
    save_tokenizer(source, staging, window)
    for name in CODE:
        shutil.copyfile(FOLDER / name, staging / name)
    for name in MODEL_FILES:
        (staging / name).replace(output / name)
    shutil.rmtree(staging)
