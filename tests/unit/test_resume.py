"""What becomes of a run that is killed, told to stop, or started again with something else."""

import json
import shutil
import signal

import numpy as np
import pytest
import torch
from tiny_training import STEP, TinyCorpus, curves, same, send_signal_at, weights

from genoglot.corpus.batches import TrainingBatches
from genoglot.errors import InputError
from genoglot.tokens.encoding import Kmers
from genoglot.tokens.files import save_tokenizer
from genoglot.training.run import Run

# everything that has a state: moments, averages, random numbers of dropout, sums between two rows of the curves
STATEFUL = {"ema": 0.6, "checkpoint_every": 3, "log_every": 4, "validate_every": 5, "schedule": "cosine"}
DROPPING = {"kind": "convnet", "seed": 3}


def stateful(corpus: TinyCorpus, **changes):
    """Arguments of a run in which all that has a state is used."""
    arguments = corpus.arguments(**DROPPING)["architecture"]
    return {**DROPPING, "architecture": {**arguments, "dropout": 0.1}, "training": STATEFUL, **changes}


def assert_equal_runs(one, other):
    assert same(weights(one), weights(other))
    for split in ("train", "validation"):
        assert curves(one, split).equals(curves(other, split))
    records = [json.loads((folder / "training.json").read_text()) for folder in (one, other)]
    for record in records:
        for key in ("seconds", "data_wait_share"):
            del record[key]
    assert records[0] == records[1]


@pytest.mark.parametrize(
    ("signum", "accumulate", "code"),
    [(signal.SIGKILL, 1, -signal.SIGKILL), (signal.SIGTERM, 2, 143)],
)
def test_a_run_that_was_ended_goes_on_as_if_it_had_not_been(training_corpus, signum, accumulate, code):
    step = int(np.random.default_rng([signum, 5]).integers(4, 11))
    settings = stateful(training_corpus, hardware={"accumulate": accumulate})
    undisturbed = training_corpus.train("undisturbed", **settings)
    process = training_corpus.start("ended", env={"TINY_SIGNAL": f"{step}@{int(signum)}"}, **settings)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == code, said
    state = training_corpus.folder / "ended.state"
    assert not (training_corpus.folder / "ended").exists()
    saved = torch.load(state / "last.ckpt", weights_only=True)["global_step"]
    if signum == signal.SIGKILL:
        assert 3 <= saved <= step
    else:
        # batches are prepared one ahead: the signal came in the step before, which was finished
        assert saved == step
        assert f"told to stop by {signal.Signals(signum).name} after step {step} of 12: the state is saved" in said
    resumed = training_corpus.train("ended", **settings)
    assert not state.exists()
    assert_equal_runs(undisturbed, resumed)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGUSR1, 138), (signal.SIGINT, 130)])
def test_other_signals_save_too(training_corpus, monkeypatch, signum, code):
    handler = signal.getsignal(signum)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingBatches, "at", TrainingBatches.at)
        send_signal_at(7, signum)
        with pytest.raises(SystemExit) as ended:
            training_corpus.train("ended")
    assert ended.value.code == code
    assert signal.getsignal(signum) == handler
    assert torch.load(training_corpus.folder / "ended.state" / "last.ckpt", weights_only=True)["global_step"] == 7
    assert_equal_runs(training_corpus.train("undisturbed"), training_corpus.train("ended"))


class KilledError(Exception):
    pass


def killed(corpus: TinyCorpus, monkeypatch, step: int = 7, **changes) -> None:
    """Train until a step, and no further."""
    real = TrainingBatches.at

    def die(self, number, part=0):
        if number == step:
            raise KilledError
        return real(self, number, part)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingBatches, "at", die)
        with pytest.raises(KilledError):
            corpus.train("killed", **changes)


def test_another_run_does_not_go_on_from_a_state(training_corpus, monkeypatch, tmp_path):
    killed(training_corpus, monkeypatch)
    with pytest.raises(InputError, match=r"training.learning_rate was 0.06 and is now 0.02"):
        training_corpus.train("killed", training={"learning_rate": 0.02})
    with pytest.raises(InputError, match=r"seed was 1 and is now 2"):
        training_corpus.train("killed", seed=2)
    save_tokenizer(Kmers(3), tmp_path / "tokens", 64)
    with pytest.raises(InputError, match=r"tokenizer was None and is now '[0-9a-f]{64}'"):
        training_corpus.train("killed", tokenizer=tmp_path / "tokens")
    manifest = tmp_path / "corpus.json"
    shutil.copyfile(manifest, tmp_path / "kept")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "fingerprint": "another"}))
    with pytest.raises(InputError, match=r"corpus was '[0-9a-f]{64}' and is now 'another'"):
        training_corpus.train("killed")
    shutil.copyfile(tmp_path / "kept", manifest)
    # how the work is done is no part of what it is
    training_corpus.train("killed", hardware={"accumulate": 2, "activation_checkpointing": True}, threads=2)


def test_a_state_without_a_checkpoint_is_no_hindrance(training_corpus, monkeypatch):
    killed(training_corpus, monkeypatch, step=2)
    assert (training_corpus.folder / "killed.state" / "identity.json").exists()
    training_corpus.train("killed", seed=2, training={"max_tokens": STEP})


def test_a_run_goes_on_with_other_parts_of_a_step(training_corpus, monkeypatch):
    undisturbed = training_corpus.train("undisturbed", "convnet")
    killed(training_corpus, monkeypatch, kind="convnet")
    resumed = training_corpus.train("killed", "convnet", hardware={"accumulate": 4})
    for split in ("train", "validation"):
        expected, found = (curves(model, split) for model in (undisturbed, resumed))
        assert found["step"].tolist() == expected["step"].tolist()
        np.testing.assert_allclose(found["bits_per_base"], expected["bits_per_base"], atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 0.0, "patience": 1, "validate_every": 2}])
def test_a_run_that_was_killed_at_its_end_only_writes(training_corpus, monkeypatch, settings):
    """It ended after all of its steps, or because it got no better."""
    undisturbed = training_corpus.train("undisturbed", training=settings)

    def die(self, output):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Run, "write", die)
        with pytest.raises(KilledError):
            training_corpus.train("killed", training=settings)
    assert_equal_runs(undisturbed, training_corpus.train("killed", training=settings))
