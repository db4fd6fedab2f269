"""Make ``tf_families.tsv`` from the databases inside the package pyjaspar.

    python data/tf_families/build.py [TARGET]

Every vertebrate CORE profile of the releases that the package holds, by base id; the newest release
and version that classifies a profile decides. pyjaspar itself is not imported.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import sqlite3
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RELEASES = (2026, 2024, 2022, 2020, 2018)
QUERY = """
    select m.BASE_ID, m.VERSION, m.NAME, lower(a.TAG), a.VAL
    from MATRIX m
    join MATRIX_ANNOTATION a on a.ID = m.ID and lower(a.TAG) in ('family', 'class')
    join MATRIX_ANNOTATION t on t.ID = m.ID and t.TAG = 'tax_group' and t.VAL = 'vertebrates'
    where m.COLLECTION = 'CORE'
"""

#: One name where releases word one family in several ways ("factors" at the end is dropped first).
SAME = {
    "EBF-related": "Early B-Cell Factor-related",
    "FTZF1related(NR5A)": "FTZF1-related (NR5A)",
    "Myb-SANT": "Myb/SANT domain",
    "NFkappaB-related": "NF-kappaB-related",
    "NFY": "Heteromeric CCAAT-binding",
    "PAS": "PAS domain",
    "TALE-type HD": "TALE-type homeo domain",
}


def named(value: str) -> str:
    """The one name of a family or class."""
    value = " ".join(value.split()).removesuffix(" factors")
    return SAME.get(value, value)


def classified(database: Path) -> dict[str, tuple[str, str, str]]:
    """TF, family and class of each base id of one release; of a dimer, both in order of name."""
    latest: dict[str, tuple[int, str, dict[str, set[str]]]] = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for base, version, tf, tag, value in connection.execute(QUERY):
            if base not in latest or int(version) > latest[base][0]:
                latest[base] = (int(version), tf, {"family": set(), "class": set()})
            if int(version) == latest[base][0] and value.strip():
                latest[base][2][tag].update(named(part) for part in value.split("::"))
    return {
        base: (tf, " :: ".join(sorted(tags["family"])), " :: ".join(sorted(tags["class"])))
        for base, (_, tf, tags) in latest.items()
    }


def main(target: Path) -> None:
    spec = importlib.util.find_spec("pyjaspar")
    if spec is None or spec.origin is None:
        raise SystemExit("pyjaspar is not installed; pip install pyjaspar")
    folder = Path(spec.origin).parent / "data"
    rows: dict[str, tuple[str, str, str]] = {}
    for release in RELEASES:
        for base, row in classified(folder / f"JASPAR{release}.sqlite").items():
            if base not in rows or not rows[base][1]:
                rows[base] = row
    with target.open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(("base_id", "tf", "family", "tf_class"))
        writer.writerows((base, *rows[base]) for base in sorted(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "tf_families.tsv")
