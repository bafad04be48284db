"""The two architectures: what a position may see, equivariance, exchange with Hugging Face."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from genoglot.genome.store import encode
from genoglot.model.inference import Predictor, load_model
from genoglot.model.modeling_genoglot import (
    MASK_TOKEN,
    GenoglotConfig,
    GenoglotForMaskedLM,
    kmer_ids,
    reverse_complement,
)
from genoglot.model.training import save_model

SHAPES = {
    "cloze": {"kernel_size": 3, "dilation_growth": 3, "max_dilation": 9, "left_kmer": 3, "flank_kmer": 2},
    "convnet": {"kernel_size": 5, "dilation_growth": 2, "max_dilation": 4},
}


def random_model(architecture: str) -> GenoglotForMaskedLM:
    """A small model whose every weight is random, those that begin at zero too."""
    torch.manual_seed(0)
    model = GenoglotForMaskedLM(
        GenoglotConfig(architecture=architecture, dim=12, layers=3, window=64, **SHAPES[architecture])
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture(params=["cloze", "convnet"])
def model(request):
    return random_model(request.param)


@pytest.fixture
def tokens():
    return torch.randint(0, 5, (3, 64), generator=torch.Generator().manual_seed(1))


def test_new_models_start_with_empty_residual_branches(model):
    fresh = GenoglotForMaskedLM(model.config)
    downs = [value for name, value in fresh.named_parameters() if ".down." in name]
    assert downs
    assert all((value == 0).all() for value in downs)
    assert fresh.head.weight.std() > 0


def test_cloze_prediction_never_sees_its_own_base_but_its_neighbours(tokens):
    model = random_model("cloze")
    with torch.no_grad():
        before = model.logits(tokens)
        for position in (0, 1, 31, 62, 63):
            changed = tokens.clone()
            changed[:, position] = (changed[:, position] + 1) % 4
            difference = (model.logits(changed) - before).abs().amax(dim=(0, 2))
            assert difference[position] == 0
            neighbours = [place for place in (position - 1, position + 1) if 0 <= place < 64]
            assert all(difference[place] > 0 for place in neighbours)


def test_cloze_is_reverse_complement_equivariant(tokens):
    model = random_model("cloze")
    with torch.no_grad():
        forward = model.logits(tokens)
        reverse = model.logits(reverse_complement(tokens)).flip(1)[..., [3, 2, 1, 0]]
        torch.testing.assert_close(forward, reverse, rtol=0, atol=1e-6)
        torch.testing.assert_close(model.vectors(tokens), model.vectors(reverse_complement(tokens)).flip(1))


def test_logits_at_positions_are_those_of_the_whole(model, tokens):
    where = torch.zeros_like(tokens, dtype=torch.bool)
    where[0, 3] = where[0, 40] = where[2, 7] = True
    with torch.no_grad():
        torch.testing.assert_close(model.logits(tokens, where), model.logits(tokens)[where])


def test_kmer_ids_against_text():
    text = "ACGTNACCGT"
    ids = kmer_ids(torch.from_numpy(encode(text).astype(np.int64))[None], 3)[0]
    for position, number in enumerate(ids.tolist()):
        kmer = text[max(0, position - 2) : position + 1]
        expected = (
            int("".join(str("ACGT".index(base)) for base in kmer), 4) if len(kmer) == 3 and "N" not in kmer else 64
        )
        assert number == expected


def plain_site_log_probabilities(model: GenoglotForMaskedLM, sequence: str, position: int) -> np.ndarray:
    """The slow reference: one window, one site, one strand after the other."""
    window = model.config.window
    half = window // 2
    start = position - half if model.needs_mask else position // half * half - half // 2
    padded = "N" * window + sequence + "N" * window
    piece = padded[start + window : start + 2 * window]
    results = []
    for strand in (piece, piece[::-1].translate(str.maketrans("ACGT", "TGCA"))):
        place = position - start if strand is piece else window - 1 - (position - start)
        tokens = torch.from_numpy(encode(strand).astype(np.int64))[None]
        if model.needs_mask:
            tokens[0, place] = MASK_TOKEN
        with torch.no_grad():
            values = model.logits(tokens)[0, place].log_softmax(-1).numpy()
        results.append(values if strand is piece else values[::-1])
    return np.mean(results, axis=0)


def test_site_log_probabilities_equal_the_plain_reference(model, make_genome):
    rng = np.random.default_rng(2)
    contigs = {"one": "".join(rng.choice(list("ACGTN"), 200)), "two": "".join(rng.choice(list("ACGT"), 90))}
    genome = make_genome(contigs)
    numbers = np.array([1, 0, 0, 1, 0, 0, 1])
    positions = np.array([89, 0, 57, 3, 199, 57, 88])
    found = Predictor(model, 3, "float32").site_log_probabilities(genome, numbers, positions)
    names = list(contigs)
    for row, (number, position) in enumerate(zip(numbers, positions, strict=True)):
        expected = plain_site_log_probabilities(model, contigs[names[number]], int(position))
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_log_probabilities_of_several_positions_in_a_window(model, tokens):
    codes = tokens.numpy().astype(np.uint8)
    chosen = np.random.default_rng(0).random(codes.shape) < 0.1
    found = Predictor(model, 2, "float32").log_probabilities(codes, chosen)
    flipped = Predictor(model, 2, "float32").log_probabilities(
        reverse_complement(tokens).numpy().astype(np.uint8), chosen[:, ::-1].copy()
    )
    # strands are averaged, so the reverse complement gives the same, read from the other end
    owner, place = np.nonzero(chosen)
    order = np.lexsort((-place, owner))
    np.testing.assert_allclose(found[order], flipped[:, ::-1], atol=1e-5)


def test_a_saved_model_loads_in_transformers_alone(model, tokens, tmp_path):
    save_model(model, tmp_path / "model", 64)
    with torch.no_grad():
        expected = model.logits(tokens)
        again = load_model(tmp_path / "model").logits(tokens)
    torch.testing.assert_close(again, expected, rtol=0, atol=0)
    program = (
        "import sys, torch; from transformers import AutoModelForMaskedLM, AutoTokenizer\n"
        "assert not any('genoglot' in path for path in sys.path)\n"
        "model = AutoModelForMaskedLM.from_pretrained('model', trust_remote_code=True).eval()\n"
        "tokenizer = AutoTokenizer.from_pretrained('model', trust_remote_code=True)\n"
        "ids = tokenizer('acGTN[MASK]RT', return_tensors='pt')['input_ids']\n"
        "import json; print(json.dumps([ids[0].tolist(), model(ids).logits[0].tolist()]))\n"
    )
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=home, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    ids, logits = json.loads(run.stdout.splitlines()[-1])
    assert ids == [0, 1, 2, 3, 4, 5, 4, 3]
    with torch.no_grad():
        torch.testing.assert_close(torch.tensor(logits), model.logits(torch.tensor([ids]))[0], rtol=0, atol=1e-5)
