"""Whole-region predictions of the models that come with motiflens, beside the run's own."""

from __future__ import annotations

from precompute.artefacts import RunFolder
from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.models.bigwig import BigWigWriter
from precompute.models.dataset import Source
from precompute.models.predict import Predictor
from precompute.models.registry import ModelEntry, model_names, open_model


def chosen_models(run: RunFolder, wanted: list[str] | None) -> list[ModelEntry]:
    """The shipped models to predict with: those asked for, or all that fit the run.

    Raises
    ------
    StageError
        When one that is asked for is not there or does not fit.
    """
    fitting = {entry.name: entry for entry in model_names(run) if entry.shipped}
    if wanted is None:
        return list(fitting.values())
    for name in wanted:
        if name not in fitting:
            raise StageError(
                f"shipped.models asks for {name!r}, and the shipped models that fit this run are "
                f"{', '.join(fitting) or 'none'}; correct the configuration"
            )
    return [fitting[name] for name in wanted]


def run(context: StageContext) -> Facts:
    """Write the artefact ``predictions_shipped``; without a model that fits it holds none."""
    import torch

    # Chunks run side by side, each on one thread: the many small layers share better that way.
    torch.set_num_threads(1)
    entries = chosen_models(context.run, context.config.shipped.models)
    with context.run.writing("predictions_shipped") as folder:
        for number, entry in enumerate(entries):
            model = open_model(context.run, entry.name)
            source = Source(context.run, model.encoding, [], clusters=model.clusters)
            sequence = context.run.group("sequence")
            chroms = source.store.chroms
            sizes = {c: int(sequence[c].attrs["length"]) for c in chroms}
            (folder / entry.name).mkdir()
            writers = [
                BigWigWriter(folder / entry.name / f"{track}.bw", sizes) for track in model.tracks
            ]
            predictor = Predictor(model)
            total = sum(source.n_positions(c) for c in chroms)
            done = 0
            for chrom in chroms:
                edges = source.edges(chrom)
                pieces = predictor.pieces(source, chrom, workers=context.config.run.workers)
                for lo, hi, values in pieces:
                    for writer, row in zip(writers, values, strict=True):
                        writer.add(chrom, (edges[lo : hi + 1], row))
                    done += hi - lo
                    context.progress(number + done / total, len(entries), entry.name)
            for writer in writers:
                writer.close()
    return {"models": [entry.name for entry in entries]}
