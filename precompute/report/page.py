"""The report as one HTML file: no request leaves it, every text from the run is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from precompute.report.content import Comparison, Report

_STYLE = """
:root { --ink: #1b2430; --soft: #566270; --line: #dfe4e9; --page: #fff; --card: #f6f8fa;
  --good: #00734f; --off: #a84300; --accent: #c2185b; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a3aeba; --line: #2d353e;
  --page: #12161b; --card: #1a2027; --good: #4fc79a; --off: #f0a35e; --accent: #f06292; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 28px 60px; max-width: 1160px; background: var(--page);
  color: var(--ink); font: 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto,
  sans-serif; }
h1 { margin: 0; font-size: 27px; letter-spacing: -.01em; }
h2 { margin: 38px 0 10px; font-size: 19px; }
.brand { color: var(--soft); font-size: 14px; } .brand b { color: var(--accent);
  font-weight: 650; }
.lead { margin: 6px 0 0; color: var(--soft); } p.note { color: var(--soft); margin: 8px 0; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; }
tbody th { font-weight: 500; } .number { white-space: nowrap; font-weight: 650; }
.why { color: var(--soft); font-size: 13.5px; } .why p { margin: 0 0 5px; }
.mark { white-space: nowrap; font-size: 13px; } .agrees { color: var(--good); }
.differs { color: var(--off); } .source { display: block; color: var(--soft); font-size: 12.5px;
  font-weight: 400; white-space: normal; }
.comparison td:nth-child(2) { width: 120px; } .comparison td:nth-child(3) { width: 128px; }
.comparison td:nth-child(4) { width: 124px; } .comparison tbody th { width: 218px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr));
  gap: 18px; }
figure { margin: 0; padding: 14px 14px 12px; background: var(--card); border: 1px solid
  var(--line); border-radius: 8px; break-inside: avoid; }
figure h3 { margin: 0 0 6px; font-size: 15px; } figure svg { display: block; width: 100%;
  height: auto; color: var(--ink); } figcaption { color: var(--soft); font-size: 13px; }
.small td, .small th { padding: 4px 14px 4px 0; font-size: 13px; } code, .hash { font: 12px
  ui-monospace, "SF Mono", Menlo, monospace; } code { white-space: nowrap; }
.hash { overflow-wrap: anywhere; }
.changed { font-weight: 650; }
.wide { overflow-x: auto; } footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
@media print { :root { --ink: #000; --soft: #444; --line: #ccc; --page: #fff; --card: #fff;
  --good: #00573c; --off: #8a3700; } body { padding: 0; max-width: none; font-size: 11pt; }
  h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def render_page(report: Report) -> str:
    """The whole page."""
    title = f"Reproduction report: {report.name}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # Nothing may be fetched, whatever a text from the run should turn into.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        '<header><div class="brand"><b>motif</b>lens</div>',
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(report.region)}; {escape(report.release)}.</p>',
        *(f'<p class="lead">{escape(text)}</p>' for text in report.scope),
        "</header><main>",
        _comparison(report.comparisons),
        _figures(report),
        _laws(report),
        _stages(report),
        _inputs(report),
        _settings(report),
        _versions(report),
        "</main><footer>",
        *(f"<p>{escape(text)}</p>" for text in report.sources),
        "</footer></body></html>\n",
    ]
    return "".join(parts)


def _table(
    head: Iterable[str], rows: Iterable[str], kind: str = "", caption: str = ""
) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    shown = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table class="{kind}">{shown}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, *cells: str, key: str = "") -> str:
    """A row; cells are escaped already."""
    place = f' id="{escape(key)}"' if key else ""
    return f'<tr{place}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _comparison(rows: Iterable[Comparison]) -> str:
    out = []
    for row in rows:
        kind = "agrees" if row.agrees else "differs"
        why = "".join(f"<p>{escape(sentence)}</p>" for sentence in row.why)
        source = f'<span class="source">{escape(row.source)}</span>' if row.source else ""
        out.append(_row(
            row.name, _cell(row.text, "number"),
            f'<td class="number">{escape(row.reference_text)}{source}</td>',
            _cell(row.verdict, f"mark {kind}"), f'<td class="why">{why}</td>', key=row.key,
        ))
    return "<h2>This run beside the paper</h2>" + _table(
        ("", "this run", "reference", "difference", "why"), out, "comparison",
        "A number agrees when both are equal to within the rounding of the reference.",
    )


def _figures(report: Report) -> str:
    parts = [
        f"<figure><h3>{escape(f.title)}</h3>{f.svg}<figcaption>{escape(f.caption)}</figcaption>"
        "</figure>"
        for f in report.figures
    ]
    return f'<h2>Distributions</h2><div class="figures">{"".join(parts)}</div>'


def _r(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "not defined"
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _range(ends: tuple[float, float] | None) -> str:
    """An interval under its number, escaped."""
    if ends is None:
        return ""
    return f'<span class="source">{escape(f"{_r(ends[0])} to {_r(ends[1])}")}</span>'


def _laws(report: Report) -> str:
    if not report.laws:
        return ""
    rows = [
        _row(law.label, _cell(f"{law.tokens:,}"), _cell(f"{law.types:,}"),
             _cell(_r(law.r_all), "number"),
             f'<td class="number">{_r(law.r_seen3)}{_range(law.r_seen3_range)}</td>',
             _cell("" if law.paper_r is None else _r(law.paper_r, 2)), _cell(_r(law.r_shuffled)),
             _cell(_r(law.exponent, 2)), _cell(_r(law.heaps)), _cell(_r(law.kendall)))
        for law in report.laws
    ]
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in report.law_notes)
    return "<h2>Rank and frequency</h2>" + _table(
        ("tokenizer", "tokens", "types", "r, all types", "r, types seen at least 3 times",
         "r, the paper", "r, shuffled", "power law", "Heaps", "length"), rows, "",
        "r: Pearson correlation of log rank and log frequency, with its 95 % interval; shuffled: "
        "r over types seen at least 3 times; power law: maximum-likelihood exponent of "
        "frequencies; Heaps: exponent of vocabulary growth; length: Kendall's tau of length and "
        "frequency",
    ) + notes


def _stages(report: Report) -> str:
    rows = [
        _row(stage.title, _cell(stage.name), _cell(f"{stage.seconds:,.1f}", "number"),
             _cell(f"{stage.peak_gb:.2f}", "number"),
             _cell(stage.finished.replace("T", " ").removesuffix("+00:00")))
        for stage in report.stages
    ]
    total = sum(stage.seconds for stage in report.stages)
    most = max((stage.peak_gb for stage in report.stages), default=0.0)
    return "<h2>Time and memory</h2>" + _table(
        ("stage", "name", "seconds", "peak memory (GB)", "finished (UTC)"), rows, "small",
        f"{total:,.0f} s of work in all; at most {most:.2f} GB",
    )


def _inputs(report: Report) -> str:
    rows = [
        _row(item.role, _cell(item.name),
             f'<td class="hash">{escape(item.sha256 or "not recorded")}</td>')
        for item in report.inputs
    ]
    return "<h2>Inputs</h2>" + _table(("", "file", "SHA-256 of its content"), rows, "small")


def _settings(report: Report) -> str:
    rows = [
        f'<tr><th scope="row"><code>{escape(s.name)}</code></th>'
        f'<td class="{"" if s.is_default else "changed"}">{escape(s.value)}</td></tr>'
        for s in report.settings
    ]
    return "<h2>Settings</h2>" + _table(
        ("setting", "value"), rows, "small", "Bold: given in the configuration, not the default"
    )


def _versions(report: Report) -> str:
    rows = [_row(name, _cell(version)) for name, version in report.versions]
    return "<h2>Versions</h2>" + _table(
        ("", "version"), rows, "small",
        "Packages are those installed when this page was written",
    )
