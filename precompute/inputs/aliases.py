"""Chromosome names: chr20, 20, NC_000020.11 and CM000682.2 are one chromosome.

A run keeps the name that its configuration uses; every file may use another. A name is looked for
as it is, then without regard to case and the prefix ``chr``, then through the RefSeq and GenBank
accessions of the assembly, then through a UCSC ``chromAlias.txt``. What is not there, could be two
things, or is an accession of another assembly is refused by name.

References
----------
Accessions: NCBI assembly reports of GRCh37, GRCh38, T2T-CHM13v2.0, GRCm38 and GRCm39.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from precompute.errors import ChromosomeError, InputError

#: Each name of a ``chromAlias.txt`` with all names of the same sequence, itself included.
AliasTable = Mapping[str, frozenset[str]]

# Beginnings of an assembly's name; patches and analysis sets keep the chromosomes.
_FAMILY = {
    "hg19": "hg19", "grch37": "hg19", "b37": "hg19", "hs37": "hg19",
    "hg38": "hg38", "grch38": "hg38",
    "hs1": "hs1", "t2t-chm13v2": "hs1", "chm13v2": "hs1",
    "mm10": "mm10", "grcm38": "mm10",
    "mm39": "mm39", "grcm39": "mm39",
}

_HUMAN = [*map(str, range(1, 23)), "x", "y"]
_MOUSE = [*map(str, range(1, 20)), "x", "y"]
_HG19 = [
    10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9,
]
_MM10 = [6, 7, *[6] * 17, 7, 7]


def _accessions() -> dict[str, dict[str, str]]:
    """Family -> accession -> key of the chromosome (see :func:`_key`)."""

    def series(prefix: str, first: int, versions: Iterable[int], names: list[str]) -> dict:
        numbered = zip(versions, names, strict=True)
        return {f"{prefix}{first + i:06d}.{v}": n for i, (v, n) in enumerate(numbered)}

    table = {}
    for family, step in (("hg19", 0), ("hg38", 1)):
        table[family] = {
            **series("NC_", 1, [v + step for v in _HG19], _HUMAN),
            **series("CM", 663, [1 + step] * 24, _HUMAN),
        }
    for family, step in (("mm10", 0), ("mm39", 1)):
        table[family] = {
            **series("NC_", 67, [v + step for v in _MM10], _MOUSE),
            **series("CM", 994, [2 + step] * 21, _MOUSE),
            "NC_005089.1": "m", "AY172335.1": "m",
        }
    # GenBank numbers the chromosomes of CHM13 downwards; Y is another individual's.
    table["hs1"] = {
        **series("NC_", 60925, [1] * 24, _HUMAN),
        **{f"CP{68277 - i:06d}.2": n for i, n in enumerate(_HUMAN[:23])},
        "CP086569.2": "y", "CP068254.1": "m",
    }
    table["hg38"] |= {"NC_012920.1": "m", "J01415.2": "m"}
    # UCSC's hg19 has an older mitochondrion as chrM; GRCh37's own is MT.
    table["hg19"] |= {"NC_001807.4": "m", "NC_012920.1": "mt", "J01415.2": "mt"}
    return table


_ACCESSIONS = _accessions()


def assembly_family(assembly: str) -> str | None:
    """UCSC's name of a known human or mouse assembly (GRCh38.p14 -> hg38), or None."""
    name = assembly.strip().lower()
    for beginning, family in _FAMILY.items():
        if re.match(re.escape(beginning) + r"(?!\d)", name):
            return family
    return None


def _key(name: str, family: str | None) -> str:
    """Name without case and prefix; M and MT are one, but in hg19."""
    core = name.casefold()
    if core.startswith("chr") and len(core) > 3:
        core = core[3:]
    return "m" if core == "mt" and family != "hg19" else core


def _identity(name: str, family: str | None) -> str:
    """Like :func:`_key`, with accessions of the assembly read."""
    accessions = _ACCESSIONS.get(family or "", {})
    return accessions.get(name.upper()) or _key(name, family)


def _foreign(name: str, family: str | None) -> tuple[str, str] | None:
    """(family, key) of an accession that belongs to other assemblies only."""
    owners = [f for f, accessions in _ACCESSIONS.items() if name.upper() in accessions]
    if not owners or family in owners:
        return None
    return owners[0], _ACCESSIONS[owners[0]][name.upper()]


def _shown(key: str) -> str:
    return f"chr{key.upper()}"


def _refuse_foreign(name: str, assembly: str, source: str) -> None:
    foreign = _foreign(name, assembly_family(assembly))
    if foreign:
        raise ChromosomeError(
            f"{source}: {name} is {_shown(foreign[1])} of {foreign[0]}, and genome.assembly is "
            f"{assembly}; give a file of the same assembly, or correct genome.assembly"
        )


def _table_names(name: str, table: AliasTable, family: str | None) -> frozenset[str]:
    if name in table:
        return table[name]
    key = _key(name, family)
    return frozenset().union(*(table[n] for n in table if _key(n, family) == key)) | {name}


def find(
    asked: str,
    present: Iterable[str],
    assembly: str,
    table: AliasTable | None = None,
    source: str = "the file",
) -> str | None:
    """The name in ``present`` that stands for the chromosome ``asked``; None when there is none.

    Parameters
    ----------
    asked : name in the configuration
    present : names in the file
    assembly : ``genome.assembly``; decides which accessions count
    table : names of a ``chromAlias.txt``
    source : what the messages call the file

    Raises
    ------
    ChromosomeError
        When two names could be meant, or the accession is another assembly's.

    Examples
    --------
    >>> find("chr20", ["NC_000019.10", "NC_000020.11"], "hg38")
    'NC_000020.11'
    >>> find("chrM", ["1", "MT"], "GRCm39")
    'MT'
    """
    present = list(present)
    family = assembly_family(assembly)
    if family is not None:
        _refuse_foreign(asked, assembly, source)
    if asked in present:
        return asked
    ways = [
        lambda: [n for n in present if _key(n, family) == _key(asked, family)],
        lambda: [n for n in present if _identity(n, family) == _identity(asked, family)],
    ]
    if table is not None:
        known = {_key(n, family) for n in _table_names(asked, table, family)}
        ways.append(
            lambda: [
                n
                for n in present
                if known & {_key(m, family) for m in _table_names(n, table, family)}
            ]
        )
    for way in ways:
        matches = way()
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ChromosomeError(
                f"{source}: {asked!r} could be {' or '.join(map(repr, matches))}; use the exact "
                "name in the configuration"
            )
    for name in present:
        foreign = _foreign(name, family)
        if foreign and foreign[1] == _identity(asked, family):
            _refuse_foreign(name, assembly, source)
    _refuse_foreign(asked, assembly, source)
    return None


def resolve(
    asked: str,
    present: Iterable[str],
    assembly: str,
    table: AliasTable | None = None,
    source: str = "the file",
) -> str:
    """Like :func:`find`, for a chromosome that must be there.

    Raises
    ------
    ChromosomeError
        When the chromosome is not there, could be two, or is another assembly's.
    """
    present = list(present)
    name = find(asked, present, assembly, table, source)
    if name is None:
        raise ChromosomeError(
            f"{source} has no chromosome {asked!r}; {_nearest(asked, present, assembly)}"
        )
    return name


def _nearest(asked: str, present: list[str], assembly: str) -> str:
    family = assembly_family(assembly)
    if family == "hg19" and _key(asked, family) in ("m", "mt"):
        return (
            "hg19 has two mitochondria that are not the same sequence, chrM (NC_001807.4) and "
            "chrMT (NC_012920.1): name the one that every file has, or leave it out"
        )
    for name in present:
        foreign = _foreign(name, family)
        if foreign:
            return (
                f"its {name} is {_shown(foreign[1])} of {foreign[0]}, and genome.assembly is "
                f"{assembly}: give a file of the same assembly, or correct genome.assembly"
            )
    close = set(difflib.get_close_matches(asked, present, 3, 0.5)) or set(present[:5])
    near = [name for name in present if name in close]
    more = " ..." if len(present) > len(near) else ""
    return (
        f"it has {', '.join(near)}{more}: use a name that every file has, or give a UCSC "
        "chromAlias.txt as genome.aliases"
    )


def matching(pattern: str, present: Iterable[str], assembly: str) -> dict[str, str]:
    """Names in ``present`` that a shell pattern matches -> the name that the run uses.

    A pattern that matches no name as it is written is tried on the names with and without the
    prefix ``chr`` and on what the accessions stand for, so that ``chr[0-9]*`` also finds ``1``
    and ``NC_000001.11``; the run then uses the name that matched.

    >>> matching("chr?", ["1", "2", "10"], "hg38")
    {'1': 'chr1', '2': 'chr2'}
    """
    present = list(present)
    exact = {n: n for n in present if fnmatch.fnmatchcase(n, pattern)}
    if exact:
        return exact
    family = assembly_family(assembly)
    found = {}
    for name in present:
        identity = _identity(name, family)
        core = name[3:] if name.casefold().startswith("chr") else name
        plain = identity.upper() if identity != _key(name, family) else core
        if not plain.isalnum():
            continue  # a scaffold; chr before its name is no name of it
        for other in (f"chr{plain}", plain):
            if fnmatch.fnmatchcase(other, pattern):
                found[name] = other
                break
    return found


def read_aliases(path: Path | None) -> AliasTable | None:
    """Names of a UCSC ``chromAlias.txt``; None without a path.

    Both of UCSC's forms are read: a header that begins with ``#`` and one column per naming, or
    (in its database dumps, without a header) the columns alias, chrom and source.

    Raises
    ------
    InputError
        When it cannot be read, has no such columns, or gives a name to two sequences.
    """
    if path is None:
        return None
    groups: dict[str, set[str]] = {}
    for number, names in _alias_rows(path):
        group = groups.setdefault(names[0], set())
        group.update(names)
        for name in names:
            other = groups.setdefault(name, group)
            if other is not group:
                raise InputError(
                    f"{path} line {number} gives the name {name!r} to two sequences; correct "
                    "genome.aliases"
                )
    if not groups:
        raise InputError(f"{path} names no chromosome; give a UCSC chromAlias.txt")
    return {name: frozenset(group) for name, group in groups.items()}


def _alias_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text file"
        raise InputError(
            f"the alias table {path} cannot be read ({reason}); correct genome.aliases in the "
            "configuration"
        ) from None
    has_header = bool(lines) and lines[0].startswith("#")
    header = lines[0].lstrip("# ").split("\t") if has_header else []
    is_dump = not has_header or header[:2] == ["alias", "chrom"]
    for number, line in enumerate(lines, start=1):
        if line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) < 2:
            raise InputError(
                f"{path} line {number} has no tab-separated names; give a UCSC chromAlias.txt"
            )
        # In a dump the chromosome comes second, and the third column is no name.
        names = [fields[1], fields[0]] if is_dump else [f for f in fields if f]
        yield number, list(dict.fromkeys(name.strip() for name in names))
