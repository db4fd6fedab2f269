"""Seconds that an attribution of one 1,250-bin window takes, beside captum on the same network.

    python -m benchmarks.attributions [--preset paper] [--repeats 5]

Weights and inputs are random: speed does not depend on them. Sizes are those of the demo's tokens.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from precompute.attribution.gradients import GradientExplainer
from precompute.config_models import preset
from precompute.models.architectures import token_network
from precompute.models.dataset import TargetScaling
from precompute.models.deeplift import Explainer
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel

N_CLUSTERS, N_BINS, PER_BIN = 834, 1250, 40


class Summed(nn.Module):
    """The network as captum wants it: own ReLUs and one number per window."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.layers = copy.deepcopy(network)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)[:, 0].sum(dim=-1)


def seconds(function: Callable[[], object], repeats: int) -> str:
    """Median of several calls after a first one, and of the CPU time that one took: on a busy
    machine only the latter says what the work is."""
    function()
    found = []
    for _ in range(repeats):
        began, work = time.perf_counter(), time.process_time()
        function()
        found.append((time.perf_counter() - began, time.process_time() - work))
    wall, cpu = np.median(found, axis=0)
    return f"{wall:.3f} s ({cpu:.3f} s of CPU time)"


def main() -> None:
    """Print one line per method."""
    from captum.attr import DeepLift

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = token_network(preset(args.preset, "conv", "tokens"), N_CLUSTERS, 1).eval()
    model = TrainedModel(network, "tokens", ["t"], [TargetScaling(1.0, 1.0)], {})
    dense = rng.random((N_BINS, N_CLUSTERS)) * (rng.random((N_BINS, N_CLUSTERS)) < PER_BIN / 834)
    rows = SparseRows.from_dense(dense)
    baseline = dense.mean(axis=0)
    x = torch.tensor(dense.T[None], dtype=torch.float32)
    b = torch.tensor(np.repeat(baseline[:, None], N_BINS, axis=1)[None], dtype=torch.float32)
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"{args.preset}, {N_BINS} bins x {N_CLUSTERS} clusters, {threads} threads, "
          f"load {load:.1f}, every position a target")
    for name, rule in (("DeepLIFT", "rescale"), ("Input x Gradient", "gradient")):
        walker = Explainer(model, baseline, 0, rule, torch.float32)  # type: ignore[arg-type]
        print(f"{name:22s} {seconds(lambda w=walker: w.tokens(rows), args.repeats)}, "
              f"completeness error {walker.tokens(rows).error:.1e}")
    middle = rows.rows(N_BINS // 4, N_BINS - N_BINS // 4)
    walker = Explainer(model, baseline, 0, dtype=torch.float32)
    took = seconds(lambda: walker.tokens(middle), args.repeats)
    print(f"{'DeepLIFT, middle half':22s} {took}")
    steps = GradientExplainer(model, 0, steps=8, dtype=torch.float32)
    weights = np.ones(N_BINS)
    print(f"{'integrated, 8 nodes':22s} "
          f"{seconds(lambda: steps.tokens(rows, baseline, weights), 1)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = DeepLift(Summed(network))
        took = seconds(lambda: theirs.attribute(x.clone().requires_grad_(), b), args.repeats)
    print(f"{'captum DeepLift':22s} {took}")


if __name__ == "__main__":
    main()
