"""Steps of a training run, from budgets in bases."""

import pickle

import pytest

from genoglot.corpus.schedule import Lengths, Schedule, shared_rows
from genoglot.errors import InputError


def settings(**changes):
    return {
        "max_tokens": 1_000_000,
        "batch_tokens": 16_384,
        "warmup_tokens": 100_000,
        "length_warmup": {"window": None, "tokens": 0},
        **changes,
    }


def test_budgets_in_bases_become_steps():
    schedule = Schedule.of(settings(), 512)
    assert (schedule.batch, schedule.first, schedule.last, schedule.warmup_steps) == (32, 0, 62, 7)
    # 16,384 bases a step: 61 would be too few by 576 bases, and 6 by 1,696
    assert 61 * 16_384 < 1_000_000 <= 62 * 16_384
    assert {schedule.window_of_step(step) for step in range(62)} == {512}
    exact = Schedule.of(settings(max_tokens=163_840, warmup_tokens=0), 512, first=4)
    assert (exact.first, exact.last, exact.warmup_steps) == (4, 10, 0)
    # what does not divide is left out of a step, and a step has at least one window
    assert Schedule.of(settings(batch_tokens=1000), 300).batch == 3
    long = Schedule.of(settings(batch_tokens=1000), 4096)
    assert (long.batch, long.last) == (1, 245)


def test_lengths_double_in_equal_stages():
    warmup = {"window": 64, "tokens": 12 * 16_384 - 5}
    schedule = Schedule.of(settings(length_warmup=warmup), 512)
    lengths = [schedule.window_of_step(step) for step in range(schedule.last)]
    assert lengths == [64] * 4 + [128] * 4 + [256] * 4 + [512] * 50
    assert [Lengths(40, 10, 5)(step) for step in range(7)] == [10, 10, 10, 20, 20, 40, 40]
    assert [Lengths(40, 5, 2)(step) for step in range(4)] == [5, 10, 40, 40]
    sent = pickle.loads(pickle.dumps(schedule))
    assert [sent.window_of_step(step) for step in range(schedule.last)] == lengths


@pytest.mark.parametrize("warmup", [{"window": 512, "tokens": 10**6}, {"window": 64, "tokens": 0}])
def test_no_warmup_of_lengths(warmup):
    schedule = Schedule.of(settings(length_warmup=warmup), 512)
    assert {schedule.window_of_step(step) for step in range(62)} == {512}


@pytest.mark.parametrize(
    ("shortest", "window", "message"),
    [
        (100, 512, r"100 bases do not double to the corpus' window of 512; .* \(256, 128, 64, 32, 16\), or null"),
        (1024, 512, "1024 bases do not double"),
        (4, 12, r"\(6, 3\)"),
        (5, 15, "none, since an odd window has no halves"),
    ],
)
def test_lengths_that_do_not_double_to_the_window(shortest, window, message):
    with pytest.raises(InputError, match=rf"training\.length_warmup\.window: .*{message}"):
        Schedule.of(settings(length_warmup={"window": shortest, "tokens": 1000}), window)


def test_steps_that_cannot_be_shared():
    assert Schedule.of(settings(), 512, ranks=4, accumulate=8).batch == 32
    assert shared_rows(32, 512, 4, 8) == 1
    with pytest.raises(InputError, match=r"batch_tokens: 32 windows of 512 bases .* by 3 processes; .* of 1536 tokens"):
        Schedule.of(settings(), 512, ranks=3)
    with pytest.raises(InputError, match=r"by 4 processes with accumulate: 16; choose a multiple of 32768 tokens"):
        Schedule.of(settings(), 512, ranks=4, accumulate=16)
