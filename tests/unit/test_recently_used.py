"""What is kept is what was used last, within its limit, whoever asks."""

from __future__ import annotations

import doctest
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute import recently_used
from precompute.recently_used import RecentlyUsed


@given(st.lists(st.integers(1, 12), max_size=60), st.integers(1, 30))
def test_it_holds_the_last_ones_that_fit_and_makes_nothing_twice(keys, limit):
    kept = RecentlyUsed(limit, float)
    model: list[int] = []  # by last use
    for key in keys:
        made = []
        assert kept.get(key, lambda key=key, made=made: made.append(key) or key) == key
        assert bool(made) == (key not in model)
        model = [k for k in model if k != key] + [key]
        while sum(model) > limit and len(model) > 1:
            model.pop(0)
        assert kept.held == sum(model)
        assert {k for k in range(1, 13) if k in kept} == set(model)
        assert len(kept) == len(model)


def test_a_failure_keeps_nothing_and_a_size_may_be_its_own():
    kept = RecentlyUsed(10)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert len(kept) == 0
    kept.get("a", lambda: 1, lambda _: 9)
    kept.get("b", lambda: 2, lambda _: 2)
    assert "a" not in kept
    assert kept.held == 2


def test_threads_agree_and_stay_within_the_limit():
    kept, wrong = RecentlyUsed(20, lambda value: value % 7 + 1), []

    def work(seed: int) -> None:
        for n in range(400):
            key = (n * seed) % 31
            if kept.get(key, lambda key=key: key * key) != key * key:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert kept.held <= 20


def test_its_examples_are_true():
    assert doctest.testmod(recently_used).failed == 0
