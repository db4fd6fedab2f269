"""The search box in a browser: what it understood, where it leads, and what it remembers."""

from __future__ import annotations


def test_it_says_what_it_understood_steps_and_remembers(page):
    box = page.locator("#region-input")
    first = box.input_value()
    box.fill("chr20 1050000 1051000")
    offer = page.locator("#search-list .search-hit").first
    offer.wait_for()
    page.wait_for_function(
        "document.querySelector('#search-list').innerText.includes('0-based half-open, 1,000 bp')")
    box.press("Enter")
    page.wait_for_function(
        "document.querySelector('#region-input').value === 'chr20:1,050,001-1,051,000'")
    box.fill("chr20:9-5")
    page.wait_for_function(
        "document.querySelector('#search-list').innerText.includes('swap the two numbers')")
    box.fill("next CTCF")
    page.locator(".search-hit", has_text="Next CTCF").wait_for()
    box.press("Enter")
    page.wait_for_function(
        "!['next CTCF', 'chr20:1,050,001-1,051,000'].includes("
        "document.querySelector('#region-input').value)")
    box.click()
    visited = page.locator("#search-recent button", has_text=first)
    visited.wait_for()
    visited.click()
    page.wait_for_function("first => document.querySelector('#region-input').value === first",
                           arg=first)
