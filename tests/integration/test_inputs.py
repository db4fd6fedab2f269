"""The same sequence and profiles in other files and under other names give the same artefacts."""

from __future__ import annotations

import gzip

import pytest

from precompute.artefacts import RunFolder
from precompute.inputs.nucleotides import decode
from precompute.inputs.profile_formats import read_profiles
from precompute.manifest import hash_path
from tests.integration.test_pipeline import run_chain, write_config
from tests.sequence_files import bgzip, fasta, two_bit

END = 110_000
CHAIN = ["genome", "motifs", "depth", "bins", "tokens", "annotation", "tracks"]
RESULTS = [
    "sequence", "profiles", "features", "pfms", "depth", "bins", "tokens", "transcripts", "genes",
    "intervals", "peaks", "signal",
]
WHOLE = {"regions": [{"chrom": "chr20", "start": 0, "end": END}]}


def results(folder, **changes) -> dict[str, str]:
    folder.mkdir()
    run_chain(write_config(folder, **changes), folder / "run", CHAIN)
    run = RunFolder(folder / "run")
    return {name: hash_path(run.path(name)) for name in RESULTS}


@pytest.fixture(scope="module")
def text(demo_codes) -> str:
    return decode(demo_codes[:END])


@pytest.fixture(scope="module")
def expected(text, tmp_path_factory) -> dict[str, str]:
    """From a plain FASTA with the configuration's names and the profiles' file."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "x.fa").write_bytes(fasta({"chr19": "ACGT" * 9, "chr20": text}))
    return results(folder / "r", genome={**WHOLE, "fasta": str(folder / "x.fa")})


def test_2bit_with_accessions_and_profiles_by_name(text, expected, tmp_path):
    path = tmp_path / "x.2bit"
    path.write_bytes(two_bit({"NC_000019.9": "ACGT" * 9, "NC_000020.10": text}))
    genome = {"fasta": str(path), "regions": [], "include": ["chr[0-9]*"], "exclude": ["19"]}
    jaspar = {"profiles": None, "jaspar": {"release": "JASPAR2022"}}
    assert results(tmp_path / "r", genome=genome, motifs=jaspar) == expected


def test_bgzip_with_plain_names_and_a_folder_of_profiles(text, expected, tmp_path, demo_profiles):
    path = tmp_path / "x.fa.gz"
    path.write_bytes(bgzip(fasta({"20": text, "19": "ACGT" * 9}, 61), 65_280))
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    for number, profile in enumerate(read_profiles(demo_profiles)):
        rows = [" ".join(repr(float(x)) for x in row) for row in profile.counts.T]
        raw = f">{profile.profile_id} {profile.tf}\n" + "\n".join(rows) + "\n"
        (profiles / f"{number:03d}.pfm").write_text(raw)
    genome = {**WHOLE, "fasta": str(path)}
    motifs = {"profiles": str(profiles)}
    assert results(tmp_path / "r", genome=genome, motifs=motifs) == expected
    assert (tmp_path / "x.fa.gz.gzi").exists()


def test_gzip_in_lower_case_with_an_alias_table(text, expected, tmp_path):
    path = tmp_path / "x.fa.gz"
    path.write_bytes(gzip.compress(fasta({"XY1.1": text.lower()})))
    (tmp_path / "a.txt").write_text("# ucsc\tgenbank\nchr20\tXY1.1\n")
    genome = {**WHOLE, "fasta": str(path), "aliases": str(tmp_path / "a.txt")}
    assert results(tmp_path / "r", genome=genome) == expected
