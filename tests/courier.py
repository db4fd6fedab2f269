"""A stand-in for a Dask cluster, in this process."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Courier:
    """Stands for a cluster: pickles what travels and finishes tasks in any order."""

    is_distributed = True

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.tasks = 0

    def in_order(self, function, items):
        items = list(items)
        self.tasks = len(items)
        results = {}
        for i in np.random.default_rng(0).permutation(len(items)):
            task, item = pickle.loads(pickle.dumps((function, items[i])))
            with ThreadPoolExecutor(1) as pool:
                results[i] = pickle.loads(pickle.dumps(pool.submit(task, item).result()))
        yield from ((items[i], results[i]) for i in range(len(items)))
