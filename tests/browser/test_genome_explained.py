"""Contributions that are worked out live: chosen by hand, kept in the link, opened from it."""

from __future__ import annotations

import re

VIEW = "document.getElementById('genome-graph')"
TOLD = f"{VIEW}?.getAttribute('aria-label') || ''"
#: The models of the synthetic run cannot be opened, which is a sentence in the tracks.
LIVE = f"/Explained stretch|train it again/.test({TOLD})"


def test_contributions_are_chosen_and_kept_in_the_link(at):
    page = at("")
    page.click("#explain-menu")
    page.click("#explain-target")
    page.get_by_role("option", name="centre", exact=False).click()
    page.wait_for_selector("#explain-menu:text('DeepLIFT, centre')")
    page.click("#explain-by")
    page.get_by_role("option", name="factor", exact=True).click()
    page.wait_for_function(f"{LIVE} && ({TOLD}).includes('per factor')", timeout=90_000)
    # The rest is drawn whatever came of it.
    assert "Motif depth" in page.evaluate(TOLD)
    assert page.inner_text("#explain-menu") == "Contributions: DeepLIFT, centre, per factor"
    page.wait_for_url(re.compile(r"explain=tokens%2Conehot%2Cdeeplift%2C\w+%2Ccentre%2Ctf"))
    link = page.url
    # The link opens it anew, in a tab that chose nothing.
    page = at("")
    page.wait_for_function(f"({TOLD}).includes('completeness error')", timeout=60_000)
    page = at(link[link.index("?"):])
    page.wait_for_function(f"{LIVE} && ({TOLD}).includes('per factor')", timeout=90_000)
    page = at("?explain=tokens,onehot,magic,background,all,cluster,")
    page.wait_for_selector("#notice :text('no attribution method')", timeout=60_000)
