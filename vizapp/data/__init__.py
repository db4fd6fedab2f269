"""The only reader: a run's artefacts, lazy, cached, read-only, shared by all threads."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.errors import RunFolderError
from precompute.token_store import TokenStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vizapp.data.attributions_live import LiveAttributions
    from vizapp.data.effects import EffectData
    from vizapp.data.explorer import ExplorerData
    from vizapp.data.genome import GenomeData
    from vizapp.data.genome_tracks import GenomeTracks
    from vizapp.data.interactions import InteractionData
    from vizapp.data.language import LanguageData
    from vizapp.data.lexicon import LexiconData
    from vizapp.data.model_scores import ModelScores
    from vizapp.data.motif_hits import MotifHits
    from vizapp.data.motif_matrix import MotifMatrix
    from vizapp.data.reproduction import Reproduction
    from vizapp.data.search import Search
    from vizapp.data.tf_benchmark import TfBenchmark
    from vizapp.data.what_if import WhatIfData
    from vizapp.data.window_neighbors import WindowNeighbors
    from vizapp.data.word_table import WordTable

_MANIFEST_VERSION = 1


class RunData:
    """One run folder, opened for viewing.

    Parameters
    ----------
    root : path of the run folder

    Raises
    ------
    RunFolderError
        When there is no run, it is incomplete, or a newer version wrote it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.manifest = self._read_json("manifest.json")
        version = self.manifest.get("version")
        if self.manifest.get("kind") != "motiflens.manifest":
            raise RunFolderError(f"{self.root} is not a motiflens run folder; give one with --run")
        if not isinstance(version, int) or version > _MANIFEST_VERSION:
            raise RunFolderError(
                f"the run folder {self.root} was written by a newer motiflens (manifest version "
                f"{version}, this one reads up to {_MANIFEST_VERSION}); update motiflens"
            )
        self.config = self._read_json("config.json")
        self.run = RunFolder(self.root)
        missing = [
            name
            for name, artefact in ARTEFACTS.items()
            if not artefact.is_optional and not self.run.exists(name)
        ]
        if missing:
            raise RunFolderError(
                f"the run {self.root} is not complete ({', '.join(missing[:3])}"
                f"{' ...' if len(missing) > 3 else ''} missing); run `python -m precompute run` "
                "with its configuration"
            )
        self.tokens = TokenStore(self.run)

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.root / name
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunFolderError(
                f"there is no run in {self.root} ({name} is missing); make one with "
                "`python -m precompute run configs/demo.yaml`, or give another with --run"
            ) from None
        except (OSError, ValueError):
            raise RunFolderError(
                f"{path} cannot be read; make the run again or give another with --run"
            ) from None
        if not isinstance(data, dict):
            raise RunFolderError(f"{path} is not what a run folder holds; make the run again")
        return data

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.manifest["name"])

    @property
    def assembly(self) -> str:
        """Name of the assembly, for example hg19."""
        return str(self.manifest["assembly"])

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """Facts of each stage."""
        return {name: stage["facts"] for name, stage in self.manifest["stages"].items()}

    @cached_property
    def identity(self) -> str:
        """What a browser keeps its own notes of the run under: words, communities and layouts of
        the same number mean the same in runs of the same identity."""
        import hashlib

        means = {"points", "layouts", "communities", "words", "clusters"}
        made = {
            name: digest
            for stage in self.manifest["stages"].values()
            for name, digest in stage.get("outputs", {}).items()
            if name in means
        }
        text = json.dumps([self.assembly, self.name, made], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def chroms(self) -> dict[str, tuple[int, int]]:
        """Region of each chromosome that the run covers, 0-based half-open."""
        group = self.run.group("sequence")
        return {
            name: (int(group[name].attrs["start"]), int(group[name].attrs["end"]))
            for name in group.attrs["chroms"]
        }

    @cached_property
    def region_text(self) -> str:
        """The run's region for titles, for example 'hg19 chr20:1-13,400,000'."""
        parts = [f"{c}:{start + 1:,}-{end:,}" for c, (start, end) in self.chroms.items()]
        shown = ", ".join(parts[:2]) + (f" and {len(parts) - 2} more" if len(parts) > 2 else "")
        return f"{self.assembly} {shown}"

    @cached_property
    def pfms(self) -> dict[str, NDArray[np.float64]]:
        """Base frequencies of each profile, float64 (width, 4), by profile id."""
        table = self.run.table("pfms")
        return {
            str(name): rows[list("ACGT")].to_numpy()
            for name, rows in table.groupby("profile_id", sort=False)
        }

    @cached_property
    def explorer(self) -> ExplorerData:
        """The token map."""
        from vizapp.data.explorer import ExplorerData

        threshold = float(self.config["lexicon"]["threshold"])
        return ExplorerData(self.run, self.tokens, threshold)

    @cached_property
    def language(self) -> LanguageData:
        """The laws of every tokenizer, and motif coverage."""
        from vizapp.data.language import LanguageData

        return LanguageData(self.run)

    @cached_property
    def lexicon(self) -> LexiconData:
        """Words and their places."""
        from vizapp.data.lexicon import LexiconData

        return LexiconData(self.run, self.tokens)

    @cached_property
    def word_table(self) -> WordTable:
        """The table of words, searched, sorted and paged."""
        from vizapp.data.word_search import WordSearch
        from vizapp.data.word_table import WordTable

        lexicon = self.lexicon
        return WordTable(self.run, WordSearch(self.run), lexicon.frequency, lexicon.chroms)

    @cached_property
    def reproduction(self) -> Reproduction | None:
        """The reproduction report, None when none was written."""
        from vizapp.data.reproduction import read_reproduction

        return read_reproduction(self.root, self.manifest)

    @cached_property
    def search(self) -> Search:
        """What a typed text may mean."""
        from vizapp.data.search import Search

        return Search(self)

    @cached_property
    def matrix(self) -> MotifMatrix:
        """Interdependence scores of the motif features."""
        from vizapp.data.motif_matrix import MotifMatrix

        config = self.config["motif_clusters"]
        return MotifMatrix(self.run, self.pfms, str(config["linkage"]), float(config["cut"]))

    @cached_property
    def effects(self) -> EffectData:
        """Contributions of the motif clusters over the whole run."""
        from vizapp.data.effects import EffectData

        return EffectData(self.run)

    @cached_property
    def interactions(self) -> InteractionData:
        """Pairs of motif clusters that were knocked out."""
        from vizapp.data.interactions import InteractionData

        facts = self.facts.get("interactions", {})
        return InteractionData(self.run, float(facts.get("pseudo_value", 0.0)))

    @cached_property
    def window_neighbors(self) -> WindowNeighbors:
        """Windows of the run by the motif clusters they are made of."""
        from vizapp.data.window_neighbors import WindowNeighbors

        return WindowNeighbors(self.run, self.tokens, self.chroms)

    @cached_property
    def model_scores(self) -> ModelScores:
        """How good the models are."""
        from vizapp.data.model_scores import ModelScores

        return ModelScores(self.run, self.genome.tracks)

    @cached_property
    def tf_benchmark(self) -> TfBenchmark:
        """Which scores tell bound motif hits from others."""
        from vizapp.data.tf_benchmark import TfBenchmark

        return TfBenchmark(self.run)

    @cached_property
    def genome(self) -> GenomeData:
        """Tracks along the genome."""
        from vizapp.data.genome import GenomeData

        return GenomeData(self.run, self.tokens)

    @cached_property
    def tracks(self) -> GenomeTracks:
        """The catalogue of tracks along the genome."""
        from vizapp.data.genome_tracks import GenomeTracks

        return GenomeTracks(self)

    @cached_property
    def live(self) -> LiveAttributions:
        """Contributions that are worked out when they are looked at."""
        from vizapp.data.attributions_live import LiveAttributions

        return LiveAttributions(self.run, self.tokens, int(self.config["run"]["seed"]))

    @cached_property
    def motif_hits(self) -> MotifHits:
        """Motif hits of a window, and the next hit of a motif."""
        from vizapp.data.motif_hits import MotifHits

        return MotifHits(self.run, self.genome.chroms, self.genome.codes)

    @cached_property
    def what_if(self) -> WhatIfData:
        """Edited windows, predicted when they are asked for."""
        from vizapp.data.what_if import WhatIfData

        return WhatIfData(self.run, self.tokens, int(self.config["run"]["seed"]))
