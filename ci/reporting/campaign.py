"""What a fuzzing campaign has left in its folder, read: who ran what and for how long (campaign.tsv, history/*.tsv), the
inputs it has collected (sync/) and what it has found (findings/).

All of it may be half-written or damaged: what cannot be read is skipped, and counted. Nothing here looks at what an input does.
"""

import hashlib
import math
import os
import re
import sys
from pathlib import Path

INPUT_MOST = 1 << 20  # octets, as tcpfsm takes them
SAID_MOST = 1 << 16   # octets of what was said of a finding
NEEDED = ("time", "host", "instance", "target", "engine", "seconds", "executions")
TEXTS = ("host", "instance", "target", "engine")
SENSIBLE = (1e9, 1e11)  # of times, in seconds
NUMBERS = ("time", "seconds", "executions", "rules", "reachable", "edges", "corpus", "findings")
ORDER = ("fuzz_trace", "fuzz_pair", "fuzz_listener", "fuzz_endpoint", "fuzz_step", "fuzz_engine", "fuzz_prose", "fuzz_wire",
         "fuzz_script")


class Broken(Exception):
    """There is nothing to report on: one line says why."""


class Row:
    """A row of the history: numbers where it has them, else None. There may be millions."""

    __slots__ = TEXTS + NUMBERS

    def __init__(self, cells):
        for name in TEXTS:
            setattr(self, name, sys.intern(cells[name]))
        for name in NUMBERS:
            setattr(self, name, number(cells.get(name, "")))
        if None in (self.time, self.seconds, self.executions) or not SENSIBLE[0] <= self.time < SENSIBLE[1] or not all(self.key):
            raise ValueError(cells)

    def __getitem__(self, name):
        return getattr(self, name)

    @property
    def key(self):
        return (self.host, self.instance, self.target, self.engine)


def number(text):
    """None where a row has none; ValueError where it is no number that anything counts."""
    if text in ("", "-"):
        return None
    value = float(text) if not re.fullmatch(r"\d{1,18}", text) else int(text)
    if not math.isfinite(value) or not 0 <= value < 1e18:
        raise ValueError(text)
    return value


def lines_of(path):
    """Whole lines; the rest, which a kill has cut off, is told apart: (lines, whether there is a rest)."""
    *lines, rest = path.read_bytes().decode("utf-8", "replace").split("\n")
    return lines, bool(rest)


def read_history(path):
    """(rows, how many lines do not parse)."""
    lines, cut = lines_of(path)
    header = lines[0].split("\t") if lines else []
    if not set(NEEDED) <= set(header):
        return [], len(lines) + cut
    rows, bad = [], int(cut)
    for line in lines[1:]:
        cells = line.split("\t")
        if cells == header:
            continue  # who goes on with a file may head it again
        try:
            if len(cells) != len(header):
                raise ValueError(line)
            rows.append(Row(dict(zip(header, cells))))
        except ValueError:
            bad += 1
    return rows, bad


class Corpus:
    """The inputs of a target, each once."""

    def __init__(self):
        self.files = 0
        self.paths = {}  # by the sum of the octets
        self.unread = 0

    def add(self, folder):
        for path in files_of(folder):
            try:
                octets = read_input(path)
            except OSError:
                self.unread += 1
                continue
            if octets:
                self.files += 1
                self.paths.setdefault(hashlib.sha1(octets).digest(), path)


class Finding:
    """An input on which an engine stopped, and what was said then."""

    def __init__(self, target, path, octets, said):
        self.target, self.path, self.octets, self.said = target, path, octets, said
        self.sha1 = hashlib.sha1(octets).hexdigest()


def files_of(folder):
    """Its files by name, but what begins with a dot; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.name.startswith(".") and is_a(entry.is_file))
    except OSError:
        return []


def is_a(kind):
    try:
        return kind()
    except OSError:  # a link to itself
        return False


def folders_of(folder):
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if not entry.name.startswith(".") and is_a(entry.is_dir))
    except OSError:
        return []


def read_input(path):
    with open(path, "rb") as file:
        octets = file.read(INPUT_MOST + 1)
    return octets if len(octets) <= INPUT_MOST else b""


def sum_of(path):
    try:
        return hashlib.sha1(read_input(path)).hexdigest()
    except OSError:
        return None


def read_said(path):
    try:
        with open(path, "rb") as file:
            return file.read(SAID_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def read_stats(path):
    """fuzzer_stats of AFL++: name : value."""
    pairs = (line.split(":", 1) for line in read_said(path).splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


class Campaign:
    """All of it. facts: (key, value) as campaign.tsv has them; last: of each instance the row that counts."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise Broken(f"{folder}: {'is no folder' if self.folder.exists() else 'there is no such folder'}")
        self.facts, self.bad_facts = self.read_facts()
        self.rows, self.bad_rows = [], {}
        for path in files_of(self.folder / "history"):
            if path.suffix == ".tsv":
                rows, bad = read_history(path)
                self.rows += rows
                if bad:
                    self.bad_rows[path.name] = bad
        if not self.rows:
            raise Broken(f"{folder}: no campaign has run there: " +
                         ("no line of history/*.tsv can be read" if self.bad_rows else "history/*.tsv has no row"))
        self.last = {row.key: row for row in self.rows}  # as they were written: a clock may have been set back
        self.rows.sort(key=lambda row: row.time)
        self.corpora, self.stats = self.read_corpora()
        self.findings = self.read_findings()
        self.others = self.count_others()

    def read_facts(self):
        try:
            lines, rest = lines_of(self.folder / "campaign.tsv")
        except OSError:
            raise Broken(f"{self.folder}: holds no campaign: campaign.tsv cannot be read") from None
        pairs = [line.split("\t", 1) for line in lines if "\t" in line]
        return pairs, sum(1 for line in lines if line and "\t" not in line) + rest

    def fact(self, name):
        return next((value for key, value in self.facts if key == name), None)

    @property
    def targets(self):
        """In a fixed order, unknown ones last."""
        names = {row.target for row in self.rows} | set(self.corpora) | {finding.target for finding in self.findings}
        return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))

    def read_corpora(self):
        corpora, stats = {}, []
        for target in folders_of(self.folder / "sync"):
            corpus = corpora[target.name] = Corpus()
            for instance in folders_of(target):
                corpus.add(instance / "queue")
                if (instance / "fuzzer_stats").is_file():
                    stats.append((target.name, instance.name, read_stats(instance / "fuzzer_stats")))
        return corpora, stats

    def read_findings(self):
        """Those that were kept, each once; what lies with an instance beside them is only counted."""
        found = {}
        for target in folders_of(self.folder / "findings"):
            for path in files_of(target):
                try:
                    octets = read_input(path) if path.suffix != ".txt" else b""
                except OSError:
                    octets = b""
                if octets:
                    finding = Finding(target.name, path, octets, read_said(path.with_name(path.name + ".txt")))
                    found.setdefault((target.name, finding.sha1), finding)
        return list(found.values())

    def count_others(self):
        """Inputs in crashes and hangs of instances that are not among the findings: not looked at yet, or nothing stopped on them
        again."""
        kept = {finding.sha1 for finding in self.findings}
        others = set()
        for target in folders_of(self.folder / "sync"):
            for instance in folders_of(target):
                for folder in folders_of(instance):
                    if folder.name.startswith(("crashes", "hangs")):
                        others |= {path for path in files_of(folder) if path.name != "README.txt" and sum_of(path) not in kept}
        return len(others)
