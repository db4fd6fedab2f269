"""The second place: opened where the view is, moved by what is typed, closed again."""

from __future__ import annotations

import pytest

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.genome_second import second_place
from vizapp.state import Region


def test_it_opens_where_the_view_is_goes_where_one_types_and_closes(data):
    low, _ = data.genome.chroms["chr21"]
    first = Region("chr21", low + 100, low + 900)._asdict()
    opened = second_place(data, ids.SECOND_BUTTON, "", first, None)
    assert opened == Region("chr21", low + 100, low + 900)
    for trigger in (ids.SECOND_GO, ids.SECOND_INPUT):
        typed = f"chr21:{low + 1}-{low + 300}"
        there = second_place(data, trigger, typed, first, opened._asdict())
        assert there == Region("chr21", low, low + 300)
    for trigger in (ids.SECOND_BUTTON, ids.SECOND_CLOSE):
        assert second_place(data, trigger, "", first, opened._asdict()) is None


@pytest.mark.parametrize(("trigger", "text", "first"), [
    (ids.SECOND_GO, "chrZ:1-5", None), (ids.SECOND_INPUT, None, None),
    (ids.SECOND_BUTTON, "", {"chrom": "chrZ", "start": 1, "end": 2}), (ids.SECOND_BUTTON, "", 7),
])
def test_what_leads_nowhere_is_a_sentence(data, trigger, text, first):
    with pytest.raises(MotiflensError):
        second_place(data, trigger, text, first, None)
