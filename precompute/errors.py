"""One tree of errors that a user can cause.

Every message is one sentence saying what was got, what was expected and what to do. The command
line prints it without a stack trace and exits with 2; the app shows it as a notice in place.
"""

from __future__ import annotations


class MotiflensError(Exception):
    """Base of every error that a user, a file or the machine can cause."""


class ConfigError(MotiflensError):
    """A configuration file is missing, unreadable, or holds a key or value that is not allowed."""


class InputError(MotiflensError):
    """An input file is missing, truncated, or does not hold what its name promises."""


class ChromosomeError(InputError):
    """Two inputs name their chromosomes differently, or one lacks a chromosome asked for."""


class ArtefactError(MotiflensError):
    """A run folder lacks an artefact, or holds one of a kind or version this code does not know."""


class RunFolderError(MotiflensError):
    """A run folder cannot be read, written or locked."""


class StageError(MotiflensError):
    """A stage cannot go on with the data it was given, for example too few words to embed."""


class ExecutionError(MotiflensError):
    """The workers that a stage needs cannot be reached, or were lost."""


class RegionError(MotiflensError):
    """A region is malformed, reversed, empty, or outside the sequence of the run."""
