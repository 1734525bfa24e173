"""The page: text made safe, tables, and the style for light, dark, narrow and paper. Whatever comes from a campaign's folder
goes through text() before it stands between tags. The page can be read as XML, too.
"""

import html
import math
import re

UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # for XML

STYLE = """
:root{--paper:#fff;--ink:#1c2733;--muted:#5b6875;--line:#d3dae1;--soft:#f3f6f9;--bad:#c1121f;--good:#17713a;--link:#1f5fa8;
--h1:#e4eefb;--h2:#bcd6f4;--h3:#86b3e6;--h4:#3f7cc0;--h5:#1d4f8a;--h4i:#fff;
--c0:#1f77b4;--c1:#d1600a;--c2:#2a8a2a;--c3:#c62828;--c4:#7b52ab;--c5:#8c564b;--c6:#c2438f;--c7:#6b6b6b}
@media (prefers-color-scheme:dark){:root{--paper:#14191f;--ink:#dde4ea;--muted:#98a6b3;--line:#36424e;--soft:#1d252d;--bad:#ff7b7b;
--good:#6fcf8e;--link:#7db8f7;--h1:#1b2a3b;--h2:#1f3d5e;--h3:#28598f;--h4:#4c8fd6;--h5:#9cc8f8;--h4i:#0b1015;
--c0:#63b3f0;--c1:#ff9d52;--c2:#6fd06f;--c3:#ff7a7a;--c4:#b898e6;--c5:#c9998f;--c6:#f08cc8;--c7:#b0b0b0}}
*{box-sizing:border-box}
html{color-scheme:light dark}
body{margin:0 auto;padding:1rem 1.2rem 3rem;max-width:1240px;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.5rem;margin:.3rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.3rem 0 .4rem;overflow-wrap:anywhere}p{margin:.4rem 0}a{color:var(--link)}
nav a{margin-right:1rem}
.muted{color:var(--muted)}.bad{color:var(--bad)}.good{color:var(--good)}
.wide{overflow-x:auto;max-width:100%;margin:.5rem 0}
table{border-collapse:collapse;font-size:.86rem}
th,td{padding:.2rem .55rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}
th{background:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td.w{white-space:normal;overflow-wrap:anywhere;min-width:12rem}
.heat td.n{border:1px solid var(--paper);min-width:4.2rem}
.h0{color:var(--bad)}.h1{background:var(--h1)}.h2{background:var(--h2)}.h3{background:var(--h3)}
.h4{background:var(--h4);color:var(--h4i)}.h5{background:var(--h5);color:var(--h4i)}
.tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}
.tile{flex:1 1 8rem;border:1px solid var(--line);border-radius:6px;padding:.5rem .7rem;background:var(--soft)}
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.charts{display:flex;flex-wrap:wrap;gap:1rem}.charts>.wide{flex:1 1 34rem;min-width:0}
.chart{min-width:520px;width:100%;max-width:680px;height:auto;display:block}
.chart text{font-size:11px;fill:var(--ink)}.chart .t{font-size:13px;font-weight:600}.chart .axis{stroke:var(--muted)}
.chart .grid{stroke:var(--line);stroke-width:.7}.chart path{fill:none;stroke-width:1.7}.chart .dash{stroke-dasharray:5 3}
.k0{stroke:var(--c0)}.k1{stroke:var(--c1)}.k2{stroke:var(--c2)}.k3{stroke:var(--c3)}.k4{stroke:var(--c4)}.k5{stroke:var(--c5)}
.k6{stroke:var(--c6)}.k7{stroke:var(--c7)}
.states svg{min-width:640px;max-width:100%;height:auto;display:block}
.states text{fill:var(--ink)}.states .graph>polygon{fill:var(--paper);stroke:none}
.states .cluster path{fill:none;stroke:var(--line)}
.states .node path{fill:var(--soft);stroke:var(--muted)}.states .node.h0 path{stroke:var(--bad)}
.states .edge path,.states .edge polygon{stroke:var(--h4)}.states .edge polygon{fill:var(--h4)}
.states .edge.e1 path{stroke-width:1.2}.states .edge.e2 path{stroke-width:1.7}.states .edge.e3 path{stroke-width:2.3}
.states .edge.e4 path{stroke-width:3}.states .edge.e5 path{stroke-width:3.8}
.states .edge.e0 path{stroke:var(--bad);stroke-width:2;stroke-dasharray:5 4}
.states .edge.e0 polygon{stroke:var(--bad);fill:var(--bad)}
.states .edge.e0 text,.states .node.h0 text{fill:var(--bad);font-weight:bold}.states .edge.off{opacity:.35}
.swatch{display:inline-block;width:1.6rem;height:.9em;vertical-align:-.1em;margin-right:.3rem;border:1px solid var(--line)}
pre{background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:.5rem .7rem;overflow-x:auto;
font-size:.8rem;margin:.4rem 0}
pre.fold{white-space:pre-wrap;overflow-wrap:anywhere}
code{font-size:.85em;overflow-wrap:anywhere}
details{margin:.4rem 0}summary{cursor:pointer}
.group{border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:4px;padding:.2rem .9rem .6rem;margin:1rem 0}
.names{columns:14rem;font-size:.82rem;margin:.3rem 0;padding-left:1.1rem}
.lad{display:block}
@media (max-width:600px){body{padding:.6rem .7rem 2rem;font-size:14px}.tile{flex-basis:42%}.tile b{font-size:1.15rem}}
@media print{body{max-width:none;padding:0;font-size:11px}.wide{overflow:visible}h2,h3{break-after:avoid}
.chart,.tile,tr{break-inside:avoid}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
.lad,.states svg{max-width:100%;max-height:235mm;width:auto;height:auto;break-inside:avoid}
.group{break-inside:auto}nav{display:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


class Raw(str):
    """Markup that was made here."""


def text(value):
    """Whatever it is, as text between tags or within quotes."""
    if isinstance(value, Raw):
        return value
    return Raw(html.escape(UNFIT.sub("?", str(value)), quote=True))


def tag(name, *inside, **attributes):
    """An element; `kind` is its class."""
    given = {"class" if key == "kind" else key: value for key, value in attributes.items() if value is not None}
    words = "".join(f' {key}="{text(value)}"' for key, value in given.items())
    return Raw(f"<{name}{words}>{''.join(text(part) for part in inside)}</{name}>")


def count(value):
    """A number with its thousands apart; nothing where there is none."""
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.0f}"


def plural(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def table(heads, rows, kind=None):
    """heads: a name each, with `#` before those of numbers; a cell is a value, or (value, class)."""
    numeric = [head.startswith("#") for head in heads]
    top = [tag("th", head.lstrip("#"), kind="n" if is_number else None) for head, is_number in zip(heads, numeric)]
    body = []
    for row in rows:
        cells = []
        for cell, is_number in zip(row, numeric):
            value, extra = cell if isinstance(cell, tuple) else (cell, "")
            if is_number and not isinstance(value, str):
                value = count(value)
            cells.append(tag("td", value, kind=" ".join(filter(None, ("n" if is_number else "", extra))) or None))
        body.append(tag("tr", *cells))
    head = tag("thead", tag("tr", *top)) if any(heads) else ""
    return tag("div", tag("table", head, tag("tbody", *body), kind=kind), kind="wide")


def heat(times, most):
    """How hot a count is: 0 for never, else 1 to 5 by its digits."""
    if times <= 0:
        return 0
    return min(5, 1 + int(5 * math.log(times) / math.log(most))) if most > 1 else 5


def folded(summary, *inside):
    return tag("details", tag("summary", summary), *inside)


def names(these):
    return tag("ul", *(tag("li", tag("code", name)) for name in these), kind="names")


def inline(picture):
    """An SVG as part of the page: what belongs to a file of its own goes, and its width is only what it wants."""
    picture = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->", "", picture, flags=re.S)
    return Raw(re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", picture).strip())


def document(title, style, *inside):
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
            + tag("title", title) + tag("style", Raw(STYLE + style)) + "</head>\n<body>\n"
            + "\n".join(text(part) for part in inside) + "\n</body></html>\n")
