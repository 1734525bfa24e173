"""The section of the findings: groups of those that break an invariant, each with its smallest input minimized and drawn; crashes,
timeouts and what only the target itself can tell, by what was said of them; and what breaks nothing any more.
"""

import re
import shlex

from machine import DRAWN_MOST, GONE, PARTLY, is_gone, is_name, summary_of
from page import Raw, inline, plural, table, tag

SAID_LINES = 14
HEX_MOST = 1024  # octets of an input that are shown
STARTS = re.compile(r"ERROR|runtime error|violation|ALARM")  # what the engine says before that is of no use


def octets(these):
    shown = tag("pre", these[:HEX_MOST].hex(), kind="fold")
    more = len(these) - HEX_MOST
    return Raw(shown + tag("p", f"and {more} octets more", kind="muted")) if more > 0 else shown


def place(campaign, finding):
    return finding.path.relative_to(campaign.folder)


def smallest_of(path, finding, command):
    return [tag("p", "Smallest: ", tag("code", path), f", {plural(len(finding.octets), 'octet')}. To see it again:"),
            tag("pre", command, kind="fold")]


def minimized(machine, group):
    if group.small is None:
        return [tag("p", f"Only the first {DRAWN_MOST} groups are minimized and drawn.", kind="muted")]
    parts = []
    if group.events:
        before, after = group.events
        parts.append(tag("p", f"Minimized: {plural(after, 'event')} (of {before:,}), {plural(len(group.small), 'octet')}:"))
    elif group.note:
        parts.append(tag("p", group.note, kind="bad"))
    parts.append(octets(group.small))
    if group.events and len(group.small) <= HEX_MOST:
        command = f"printf {group.small.hex()} | xxd -r -p >small && {machine.repeat(group.target, 'small')}"
        parts.append(tag("pre", command, kind="fold"))
    if group.ladder:
        parts.append(tag("div", inline(re.sub(r"<style>.*?</style>", "", group.ladder, flags=re.S)), kind="wide"))
    if group.words:
        parts.append(tag("pre", group.words))
    return parts


def group_of(campaign, machine, group):
    path = place(campaign, group.smallest)
    after = tag("p", "after ", tag("code", group.after), kind="muted") if group.after else ""
    return tag("div", tag("h3", f"{group.target} {group.invariant}: {plural(len(group.findings), 'input')}"),
               tag("p", group.requirement or "a property of the codec"), after,
               *smallest_of(path, group.smallest, machine.repeat(group.target, path)), *minimized(machine, group), kind="group")


def said_of(finding, what):
    lines = finding.said.splitlines()
    start = next((i for i, line in enumerate(lines) if STARTS.search(line)), 0)
    return "\n".join(([what] if what else []) + [line for line in lines[start:] if line.strip()][:SAID_LINES])


def other_groups(others):
    """What is no invariant by tcpfsm: (findings that broke one then, and do not now; the others by what was said)."""
    gone, by = [], {}
    for finding, what in others:
        if is_gone(finding, what):
            gone.append(finding)
        else:
            died = what if what and what != GONE else ""
            by.setdefault((finding.target, died or summary_of(finding.said)), []).append((finding, died))
    return gone, sorted(by.items(), key=lambda one: (-len(one[1]), one[0]))


def other_of(campaign, machine, target, summary, these):
    finding, died = min(these, key=lambda one: (len(one[0].octets), one[0].sha1))
    path = place(campaign, finding)
    alone = target in PARTLY or not is_name(target)
    command = f"{target} {shlex.quote(str(path))}" if alone else machine.repeat(target, path)
    return tag("div", tag("h3", f"{target}: {plural(len(these), 'input')}: {summary}"), *smallest_of(path, finding, command),
               octets(finding.octets), tag("pre", said_of(finding, died)), kind="group")


def findings(campaign, machine, groups, others):
    gone, by = other_groups(others)
    sections = [tag("h2", "Findings", id="findings-list")]
    if not campaign.findings:
        return sections + [tag("p", "None.", kind="good")]
    counts = (("repeat", sum(len(group.findings) for group in groups), f" break an invariant, in {plural(len(groups), 'group')}; "),
              ("crashes", sum(len(these) for _, these in by), " are crashes, timeouts and what only their target can tell; "),
              ("gone", len(gone), " break nothing any more."))
    sections.append(tag("p", *(part for name, n, words in counts for part in (tag("b", n, id=name), words))))
    if groups:
        sections.append(table(("target", "invariant", "#inputs", "#smallest, octets", "#minimized", "after"), [
            [group.target, group.invariant, len(group.findings), len(group.smallest.octets),
             len(group.small) if group.events else None, (group.after, "w")] for group in groups]))
    sections += [group_of(campaign, machine, group) for group in groups]
    sections += [other_of(campaign, machine, target, summary, these) for (target, summary), these in by]
    if gone:
        rows = [[one.target, place(campaign, one), len(one.octets), (summary_of(one.said), "w")] for one in gone]
        sections.append(tag("h3", f"No longer reproduced: {plural(len(gone), 'input')}"))
        sections.append(table(("target", "input", "#octets", "what was said"), rows))
    return sections


def ladder_style(groups):
    """Of the ladders, once for all of them."""
    styles = (re.search(r"<style>(.*?)</style>", group.ladder, re.S) for group in groups if group.ladder)
    return next((style[1] for style in styles if style), "")
