"""Figures over time as line charts, in SVG for the page: what a history says of each target and engine."""

from page import Raw, tag, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 680, 250, 66, 14, 30, 42
BINS = 240
GAP = 300     # seconds without a row: it did not run meanwhile
LETTER = 6.4  # of a legend, and a little
UNITS = ((300, 1, "seconds"), (3 * 3600, 60, "minutes"), (float("inf"), 3600, "hours"))


def nice(most, ticks=5):
    """The step of an axis that goes to `most`."""
    raw = max(most, 1e-9) / ticks
    power = 10 ** len(str(int(raw))) / 10 if raw >= 1 else 1
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= raw and (step * power) % 1 == 0)


def shown(value):
    value = float(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / limit if limit != 1e4 else value / 1e3:g}{letter}"
    return f"{value:g}"


def chart(title, unit, series, start, end, colours):
    """series: {(target, engine or ""): [(time, value, or None for a gap)]}."""
    span = max(end - start, 1)
    size, name = next((size, name) for limit, size, name in UNITS if span <= limit)
    most = max((value for points in series.values() for _, value in points if value is not None), default=0) or 1
    step = nice(most)
    top = step * -(-most // step)
    inner, high = WIDTH - LEFT - RIGHT, HEIGHT
    x_of = lambda time: LEFT + inner * (time - start) / span  # noqa: E731
    y_of = lambda value: TOP + high - high * value / top  # noqa: E731
    parts = [tag("text", title, x=LEFT, y=16, kind="t")]
    for i in range(int(round(top / step)) + 1):
        y = f"{y_of(i * step):.1f}"
        parts.append(Raw(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" class="grid"/>'))
        parts.append(tag("text", shown(i * step), x=LEFT - 6, y=f"{float(y) + 4:.1f}", **{"text-anchor": "end"}))
    across = nice(span / size, 6)
    for i in range(int(span / size / across) + 1):
        x = f"{x_of(start + i * across * size):.1f}"
        parts.append(Raw(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + high}" class="grid"/>'))
        parts.append(tag("text", shown(i * across), x=x, y=TOP + high + 15, **{"text-anchor": "middle"}))
    parts.append(Raw(f'<path d="M{LEFT} {TOP}V{TOP + high}H{WIDTH - RIGHT}" class="axis"/>'))
    parts.append(tag("text", f"{name} since the start", x=LEFT + inner / 2, y=TOP + high + 32, **{"text-anchor": "middle"}))
    parts.append(tag("text", unit, x=0, y=0, transform=f"translate(14 {TOP + high / 2}) rotate(-90)", **{"text-anchor": "middle"}))
    bottom, x = TOP + high + FOOT + 10, LEFT
    for key in sorted(series):
        target, engine = key
        kind = f"k{colours[target] % 8}{' dash' if engine == 'afl' else ''}"
        parts.append(Raw(f'<path d="{line(series[key], x_of, y_of)}" class="{kind}"/>'))
        label = f"{target} {engine}".strip()
        if x > LEFT and x + 40 + LETTER * len(label) > WIDTH:
            bottom, x = bottom + 17, LEFT
        parts.append(Raw(f'<path d="M{x:.0f} {bottom - 4}h24" class="{kind}"/>'))
        parts.append(tag("text", label, x=f"{x + 29:.0f}", y=bottom))
        x += 44 + LETTER * len(label)
    view = f"0 0 {WIDTH} {bottom + 10}"
    return tag("div", tag("svg", *parts, kind="chart", viewBox=view, role="img", **{"aria-label": text(title)}), kind="wide")


def line(points, x_of, y_of):
    words, pen = [], False
    for time, value in points:
        if value is None:
            pen = False
            continue
        words.append(f"{'L' if pen else 'M'}{x_of(time):.1f} {y_of(value):.1f}")
        if not pen:
            words.append("h0.1")  # a point alone is seen, too
        pen = True
    return "".join(words)


def instances_of(rows):
    """The rows of each instance, in time."""
    by = {}
    for row in rows:
        by.setdefault(row.key, []).append(row)
    return by


def highest(rows, name, by_engine, start, end):
    """Of each target (and engine) what the best of its instances has come to, over time: the last of each bin."""
    bins, best = {}, {}
    width = max(end - start, 1) / BINS
    for row in rows:
        key = (row.target, row.engine if by_engine else "")
        if row[name] is not None:
            best[key] = max(best.get(key, 0), row[name])
        if key in best:
            bins.setdefault(key, {})[int((row.time - start) / width)] = (row.time, best[key])
    return {key: list(points.values()) for key, points in bins.items()}


def rates(rows, start, end):
    """Executions a second of each target and engine, all instances together."""
    width = max((end - start) / BINS, 60 if end - start > 3600 else 30 if end - start > 600 else 1)
    bins = int((end - start) / width) + 1
    sums = {}
    for key, mine in instances_of(rows).items():
        total = sums.setdefault((key[2], key[3]), [None] * bins)
        for before, after in zip(mine, mine[1:]):
            seconds, more = after.time - before.time, after.executions - before.executions
            if not 0 < seconds <= GAP or more < 0:
                continue
            first, last = int((before.time - start) / width), int((after.time - start) / width)
            for i in range(first, min(last, bins - 1) + 1):
                part = min(after.time, start + (i + 1) * width) - max(before.time, start + i * width)
                if part > 0:
                    total[i] = (total[i] or 0) + more * part / seconds
    series = {}
    for key, total in sums.items():
        lasts = [min(width, end - (start + i * width)) or width for i in range(bins)]
        points = [(min(start + (i + 0.5) * width, end), None if n is None else n / lasts[i]) for i, n in enumerate(total)]
        if any(value is not None for _, value in points):
            series[key] = points
    return series


def charts(rows, targets):
    start, end = min(row.time for row in rows), max(row.time for row in rows)
    colours = {target: i for i, target in enumerate(targets)}
    wanted = (("Rules hit, as the engines count them", "rules", highest(rows, "rules", False, start, end)),
              ("Edges, each engine's own number", "edges", highest(rows, "edges", True, start, end)),
              ("Inputs in the largest corpus", "files", highest(rows, "corpus", True, start, end)),
              ("Executions a second, all instances", "executions/s", rates(rows, start, end)))
    return [chart(title, unit, series, start, end, colours) for title, unit, series in wanted if series]
