"""Take the trained models of a run as shipped models.

    python data/models/publish.py RUN [PREFIX]

Copies the best weights and the training curve of each model of RUN to data/models/PREFIX_tokens and
PREFIX_onehot (PREFIX: the run's name), and names them so. The model cards are written after the
run's predictions are evaluated: `python -m precompute model-card FOLDER`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LABELS = {"tokens": "tokens", "onehot": "one-hot"}


def publish(run: Path, prefix: str) -> None:
    """Copy what a prediction needs; the last epoch's weights stay behind."""
    for encoding, what in LABELS.items():
        source = run / "models" / encoding
        if not (source / "model.json").is_file():
            continue
        target = HERE / f"{prefix}_{encoding}"
        target.mkdir(exist_ok=True)
        for name in ("weights.safetensors", "curves.parquet"):
            shutil.copyfile(source / name, target / name)
        card = json.loads((source / "model.json").read_text(encoding="utf-8"))
        card |= {"name": target.name, "label": f"K562 DNase, {what} (shipped)"}
        text = json.dumps(card, sort_keys=True) + "\n"
        (target / "model.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not (Path(sys.argv[1]) / "models").is_dir():
        sys.exit(
            f"got {' '.join(sys.argv[1:]) or 'nothing'}, expected a run folder with trained "
            "models; train them with `python -m precompute run configs/k562_dnase.yaml`"
        )
    run = Path(sys.argv[1])
    publish(run, sys.argv[2] if len(sys.argv) == 3 else run.resolve().name)
