"""The folder of a model, as Hugging Face libraries read it: configuration, weights, tokenizer and code."""

from pathlib import Path

from safetensors.torch import save_file

from genoglot.files import read_json, staged
from genoglot.network import CODE, copy_code
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.tokens.encoding import Encoding
from genoglot.tokens.files import save_tokenizer
from genoglot.tokens.pipelines import CONFIG as TOKENIZER_CONFIG
from genoglot.tokens.pipelines import TOKENIZER

CONFIG, WEIGHTS = "config.json", "model.safetensors"
# what `genoglot.model.importing` keeps in the configuration of a model of others
CONFIG_KEY = "genoglot"
# how the model came to be; written by those who make one
TRAINING = "training.json"
MODEL_FILES = (CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG, *CODE)


def model_window(folder: Path) -> int:
    """Bases of the windows that the model of a folder reads; its network is not loaded."""
    settings = read_json(Path(folder) / CONFIG)
    return int(settings.get(CONFIG_KEY, settings)["window"])


def save_model(network: GenoglotModel, source: Encoding | Path, output: Path, window: int) -> None:
    """Write the files of `MODEL_FILES` into the folder `output`, each whole or not at all.

    Args:
        source: the encoding that the model reads, or the folder of its tokenizer, whose files are copied.
        window: bases of a window.
    """
    kind = type(network).__name__
    task = "AutoModelForCausalLM" if network.config.causal else "AutoModelForMaskedLM"
    network.config.auto_map = {
        "AutoConfig": "configuration_genoglot.GenoglotConfig",
        task: f"modeling_genoglot.{kind}",
    }
    network.config.architectures = [kind]
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with staged(Path(output)) as staging:
        network.config.save_pretrained(staging)
        save_file(tensors, staging / WEIGHTS, metadata={"format": "pt"})
        save_tokenizer(source, staging, window)
        copy_code(staging)
