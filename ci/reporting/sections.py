"""The sections of the report but for the findings, each from what was read of the campaign and what tcpfsm said of it."""

import re
import shutil
import subprocess
import time

from campaign import ORDER
from charts import charts
from machine import GONE
from page import count, folded, heat, inline, names, plural, table, tag

PARTS = (("ran", "What ran"), ("findings-list", "Findings"), ("states", "States"), ("cover", "Rules"), ("time", "Over time"))
OF_AFL = ("afl_version", "cycles_done", "corpus_count", "pending_total", "stability", "saved_crashes", "saved_hangs", "execs_per_sec")
EDGE = re.compile(r'^(    (\w+) -> (\w+) \[(?:ltail=\w+ )?label=")(.*?)(".*)(\];)$', re.M)
NODE = re.compile(r'^( +)(\w+) \[label="([A-Z0-9-]+)"\];', re.M)


def stamp(seconds):
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(float(seconds)))
    except (TypeError, ValueError, OverflowError, OSError):
        return seconds


def total(rows, name):
    return sum(row[name] or 0 for row in rows)


def hours(seconds):
    return f"{seconds / 3600:.2f}" if seconds < 360000 else f"{seconds / 3600:,.0f}"


# ---- what ran ----

def head(campaign, groups, others, now):
    rows = list(campaign.last.values())
    distinct = sum(len(corpus.paths) for corpus in campaign.corpora.values())
    tiles = (("cpu-hours", hours(total(rows, "seconds")), "CPU hours, a core for each instance"),
             ("executions", count(int(total(rows, "executions"))), "executions"),
             ("inputs", count(distinct), "different inputs in the corpora"),
             ("findings", count(len(campaign.findings)), "findings"),
             ("groups", count(len(groups)), "groups of those that repeat"),
             ("hosts", count(len({row.host for row in rows})), "hosts"))
    first, last = campaign.rows[0].time, campaign.rows[-1].time
    facts = [(key, stamp(value) if key == "started" else value) for key, value in campaign.facts]
    facts += [("first and last line of the history", f"{stamp(first)}, {stamp(last)}"), ("this report was written", stamp(now))]
    return [tag("h1", f"Fuzzing campaign: {campaign.folder.resolve().name}"),
            tag("nav", *(tag("a", name, href=f"#{anchor}") for anchor, name in PARTS)),
            tag("div", *(tag("div", tag("b", value, id=name), what, kind="tile") for name, value, what in tiles), kind="tiles"),
            *warnings(campaign, others),
            table(("", ""), [(key, (value, "w")) for key, value in facts])]


def warnings(campaign, others):
    bad = {f"history/{name}": lines for name, lines in sorted(campaign.bad_rows.items())}
    bad["campaign.tsv"] = campaign.bad_facts
    said = [f"{name}: {plural(lines, 'line')} cut off or damaged, left out" for name, lines in bad.items() if lines]
    unread = {target: corpus.unread for target, corpus in campaign.corpora.items()}
    said += [f"sync/{target}: {plural(n, 'input')} could not be read" for target, n in unread.items() if n]
    if not campaign.corpora:
        said.append("sync: there is no corpus yet")
    if campaign.others:
        said.append(f"{plural(campaign.others, 'input')} in crashes and hangs of the instances: not looked at yet, or nothing stopped on "
                    "them again")
    died = sum(1 for _, what in others if what and what != GONE)
    if died:
        said.append(f"tcpfsm itself does not survive {plural(died, 'finding')}")
    return [tag("p", line, kind="bad") for line in said]


def ran(campaign):
    def summed(rows):
        seconds, executions = total(rows, "seconds"), int(total(rows, "executions"))
        return [hours(seconds), executions, count(executions / seconds) if seconds else ""]

    def grouped(*parts):
        by = {}
        for row in campaign.last.values():
            by.setdefault(tuple(row[part] for part in parts), []).append(row)
        return sorted(by.items())

    def best(rows, name):
        return max((int(row[name]) for row in rows if row[name] is not None), default=None)

    by_engine = [[target, engine, len(rows), *summed(rows), best(rows, "rules"), best(rows, "reachable"), best(rows, "edges"),
                  best(rows, "corpus"), int(total(rows, "findings"))] for (target, engine), rows in grouped("target", "engine")]
    by_engine.append(["all", "", len(campaign.last), *summed(campaign.last.values()), None, None, None, None,
                      int(total(campaign.last.values(), "findings"))])
    by_host = [[host, len(rows), *summed(rows), stamp(max(row.time for row in rows))] for (host,), rows in grouped("host")]
    each = [[row.host, row.instance, row.target, row.engine, *summed([row]), row.rules, row.edges, row.corpus, row.findings,
             stamp(row.time)] for _, row in sorted(campaign.last.items())]
    corpora = [[target, corpus.files, len(corpus.paths)] for target, corpus in sorted(campaign.corpora.items())]
    sections = [
        tag("h2", "What ran", id="ran"),
        table(("target", "engine", "#instances", "#CPU hours", "#executions", "#executions/s", "#rules", "#in reach", "#edges",
               "#corpus", "#findings"), by_engine),
        tag("p", "Rules, edges and corpus: the highest of the instances, as the engine counts. "
                 "Findings: as often as an engine stopped on one.", kind="muted"),
        table(("host", "#instances", "#CPU hours", "#executions", "#executions/s", "last heard of"), by_host)]
    if corpora:
        sections.append(table(("corpora", "#files of all instances", "#different inputs"), corpora))
    sections.append(folded("Every instance", table((
        "host", "instance", "target", "engine", "#CPU hours", "#executions", "#executions/s", "#rules", "#edges", "#corpus", "#findings",
        "last heard of"), each)))
    if campaign.stats:
        told = [[target, name, *(stats.get(key, "") for key in OF_AFL)] for target, name, stats in campaign.stats]
        sections.append(folded("What AFL++ says of its instances", table(("target", "instance", *OF_AFL), told)))
    return sections


# ---- the machine ----

def node_of(state):
    return state.lower().replace("-", "_")


def coloured(dot, covers):
    """The diagram with the counts of all targets: an arrow's label ends with how often it was taken."""
    taken, visited = {}, {}
    for cover in covers.values():
        for move in cover["transitions"]:
            key = "abrupt" if move["abrupt"] else (node_of(move["from"]), node_of(move["to"]))
            taken[key] = taken.get(key, 0) + move["times"]
        for state, events in cover["steps"].items():
            visited[node_of(state)] = visited.get(node_of(state), 0) + sum(events.values())
    most = max(taken.values(), default=0)

    def edge(match):
        start, tail, head_, label, rest, end = match.groups()
        tail, head_ = (name.replace("closed_again", "closed") for name in (tail, head_))
        key = "abrupt" if "ltail" in start else (head_, tail) if "dir=back" in rest else (tail, head_)
        times = taken.get(key)
        kind = "off" if times is None else f"e{heat(times, most)}"
        said = "not in reach" if times is None else "NEVER" if times == 0 else plural(times, "time")
        breaks = "\\l" if label.endswith("\\l") else ""
        return f'{start}{label}{"" if breaks else chr(92) + "n"}  {said}{breaks}{rest} class="{kind}"{end}'

    def node(match):
        indent, name, label = match.groups()
        times = visited.get(name.replace("closed_again", "closed"), 0)
        return f'{indent}{name} [label="{label}\\n{times:,}" class="h{heat(times, max(visited.values(), default=0))}"];'

    return NODE.sub(node, EDGE.sub(edge, dot))


def drawn(dot):
    """Null where graphviz is missing."""
    if shutil.which("dot") is None:
        return None
    ran_ = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=False, timeout=120)
    return inline(ran_.stdout.decode("utf-8", "replace")) if ran_.returncode == 0 else None


def transitions(covers):
    by = {}
    for target, cover in covers.items():
        for move in cover["transitions"]:
            by.setdefault((move["from"], move["to"], move["abrupt"]), {})[target] = move["times"]
    never = [key for key, times in by.items() if not any(times.values())]
    rows = []
    for (start, end, abrupt), times in by.items():
        cells = [(times.get(target), "h0" if times.get(target) == 0 else "") for target in covers]
        rows.append([start, end, "cut off" if abrupt else "in order", *cells])
    return never, table(("from", "to", "how", *(f"#{target}" for target in covers)), rows)


def states(covers, dot):
    sections = [tag("h2", "States and transitions", id="states")]
    if not covers:
        return sections + [tag("p", "No corpus of a target in which rules fire: nothing to count.", kind="muted")]
    picture = drawn(coloured(dot, covers))
    never, listed = transitions(covers)
    sections.append(tag("p", "Under a state events that met it, under an arrow how often it was taken, when each input of the corpora "
                             "runs once, all targets together. Red and dashed: never."))
    sections.append(tag("div", picture, kind="wide states") if picture else
                    tag("p", "graphviz (dot) is missing: no diagram is drawn.", kind="bad"))
    sections.append(tag("p", f"Transitions never taken: {len(never)}", id="never", kind="bad" if never else "good"))
    if never:
        sections.append(names(f"{start} to {end}{', cut off' if abrupt else ''}" for start, end, abrupt in never))
    sections.append(folded("Transitions by target", listed))
    for target, cover in covers.items():
        events = list(next(iter(cover["steps"].values())))
        most = max(max(of.values()) for of in cover["steps"].values())
        rows = [[state, *((of[event], f"h{heat(of[event], most)}") for event in events)] for state, of in cover["steps"].items()]
        sections.append(tag("h3", f"{target}: events by the state they met"))
        sections.append(table(("state", *(f"#{event}" for event in events)), rows, "heat"))
    return sections


def cover(covers, failed):
    sections = [tag("h2", "Rules", id="cover")]
    sections += [tag("p", f"{target}: {why}", kind="bad") for target, why in failed.items()]
    if not covers:
        return sections
    rows = [[target, of["inputs"], of["events"], of["rules"]["hit"], of["rules"]["reachable"], of["pairs"]["hit"],
             of["pairs"]["possible"], (of["broken"], "bad" if of["broken"] else "")] for target, of in covers.items()]
    sections.append(table(("target", "#inputs", "#events", "#rules hit", "#of those in reach", "#pairs of rules", "#of at most",
                           "#inputs that break something"), rows))
    for target, of in covers.items():
        missing = of["rules"]["missing"]
        sections.append(tag("h3", f"{target}: {plural(len(missing), 'rule')} in reach, and not hit"))
        if missing:
            sections.append(names(missing) if len(missing) <= 30 else folded("which", names(missing)))
        counters = of.get("counters")
        if counters and counters["missing"]:
            sections.append(tag("p", f"{len(counters['missing'])} of {counters['all']} counters of the listener did not move:"))
            sections.append(names(counters["missing"]))
    by = {target: of["rules"]["fired"] for target, of in covers.items()}
    every = list(dict.fromkeys(rule for fired in by.values() for rule in fired))
    fired = [[rule, *((times.get(rule), "h0" if times.get(rule) == 0 else "") for times in by.values())] for rule in every]
    sections.append(folded("How often each rule fired", table(("rule", *(f"#{target}" for target in covers)), fired)))
    return sections


def over_time(campaign):
    return [tag("h2", "Over time", id="time"), tag("div", *charts(campaign.rows, campaign.targets), kind="charts")]


def programs(covers):
    """Those with counts apart from those that say why there are none."""
    order = sorted(covers, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return ({target: covers[target] for target in order if isinstance(covers[target], dict)},
            {target: covers[target] for target in order if isinstance(covers[target], str)})
