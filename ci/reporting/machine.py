"""What tcpfsm says of a campaign's inputs: what its corpora reach, what its findings break and how little of each is enough.

Every run of the command has a limit, for an input may be what makes it hang or crash.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COVER_MOST = 1800  # seconds for the corpora of a target
RUN_MOST = 20      # for one input
MINIMIZE_MOST = 120
DRAWN_MOST = 60    # groups that are minimized and drawn
LINES_MOST = 40    # of a ladder: it goes on one sheet of paper
NOT_ITS = ("no such target", "no program of events", "is a script")  # a target that tcpfsm has nothing to say of
PARTLY = ("fuzz_engine", "fuzz_prose")  # of these it sees invariants, not whether two engines, or the prose, agree
GONE = "this input breaks nothing now"


class Ask:
    """How a command ended: status is None where it did not, and negative where a signal ended it."""

    def __init__(self, words, limit, folder):
        try:
            ran = subprocess.run(words, cwd=folder, capture_output=True, timeout=limit, stdin=subprocess.DEVNULL, check=False)
            self.status, out, err = ran.returncode, ran.stdout, ran.stderr
        except subprocess.TimeoutExpired:
            self.status, out, err = None, b"", b""
        self.out, self.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    @property
    def is_refused(self):
        """It is about a target of which tcpfsm has nothing to say."""
        return self.status == 2 and any(words in self.err for words in NOT_ITS)

    @property
    def died(self):
        """In words, where it did not end as it should; else nothing."""
        if self.status is None:
            return "it does not end"
        return "" if self.status in (0, 1) else f"signal {-self.status}" if self.status < 0 else f"status {self.status}"


class Group:
    """Findings that are likely one bug: as tcpfsm triage has it, the same invariant after the same rules."""

    def __init__(self, target, invariant, requirement, after):
        self.target, self.invariant, self.requirement, self.after = target, invariant, requirement, after
        self.findings = []
        self.smallest = self.small = self.note = self.ladder = self.words = None
        self.events = None

    def add(self, finding):
        self.findings.append(finding)
        self.smallest = min(self.findings, key=lambda one: (len(one.octets), one.sha1))


class Machine:
    """The command, and a folder for what it is given."""

    def __init__(self, program, scratch):
        self.program, self.scratch = str(program), Path(scratch)
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def ask(self, limit, *words, folder=None):
        return Ask([self.program, *map(str, words)], limit, folder)

    # ---- corpora ----

    def cover(self, target, corpus):
        """What a corpus reaches, as tcpfsm cover has it; null where no rule fires; or a text that says why that is not known."""
        folder = self.scratch / "corpora" / target
        folder.mkdir(parents=True)
        for name, path in corpus.paths.items():
            try:
                shutil.copyfile(path, folder / name.hex())
            except OSError:
                corpus.unread += 1
        ask = self.ask(COVER_MOST, "cover", f"--target={target}", "--format=json", folder)
        shutil.rmtree(folder)
        if ask.is_refused:
            return None
        try:
            document = json.loads(ask.out)
            return dict(document["targets"][0], broken=len(document["findings"]))
        except (ValueError, LookupError, TypeError):
            said = ask.err.replace(str(self.scratch), "").strip()[-300:]
            return f"tcpfsm cover: {ask.died or 'says nothing that can be read'}: {said}"

    def cover_all(self, corpora):
        wanted = [(target, corpus) for target, corpus in corpora.items() if is_name(target) and corpus.paths]
        return dict(zip((target for target, _ in wanted), self.pool.map(lambda one: self.cover(*one), wanted)))

    def diagram(self):
        """In graphviz's language."""
        return self.ask(RUN_MOST, "table", "--format=dot").out

    # ---- findings ----

    def place(self, finding):
        path = self.scratch / "findings" / finding.target / finding.sha1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.octets)
        return path

    def judge(self, finding):
        """(invariant, requirement, rules it came after), or a text that says what happened else; null: nothing can be said."""
        if not is_name(finding.target):
            return None
        ask = self.ask(RUN_MOST, "triage", f"--target={finding.target}", self.place(finding))
        if ask.is_refused:
            return None
        if ask.died:
            return f"tcpfsm itself: {ask.died}"
        head = re.match(r"\S+ (.+): 1 input\n((?:  .*\n)*)", ask.out)
        if ask.status == 0 or head is None:
            return GONE
        lines = [line.strip() for line in head[2].splitlines()]
        after = next((line[6:] for line in lines if line.startswith("after ")), "")
        requirement = next((line for line in lines if not line.startswith(("after ", "smallest: "))), "")
        return head[1], requirement, after

    def judge_all(self, findings):
        """(groups, largest first; and of the others each with what happened)."""
        groups, others = {}, []
        for finding, said in zip(findings, self.pool.map(self.judge, findings)):
            if isinstance(said, tuple):
                groups.setdefault((finding.target, said[0], said[2]), Group(finding.target, *said)).add(finding)
            else:
                others.append((finding, said))
        ordered = sorted(groups.values(), key=lambda one: (-len(one.findings), one.target, one.invariant, one.after))
        list(self.pool.map(self.draw, ordered[:DRAWN_MOST]))
        return ordered, others

    def draw(self, group):
        """The smallest of a group made smaller, and drawn."""
        path = self.place(group.smallest)
        small = path.with_name(f"{path.name[:16]}, minimized")
        group.small = group.smallest.octets
        if group.target == "fuzz_wire":  # a packet: it is shown in octets and in words
            group.words = self.ask(RUN_MOST, "replay", f"--target={group.target}", path).out
            return
        ask = self.ask(MINIMIZE_MOST, "minimize", f"--target={group.target}", "-o", small, path)
        told = re.match(r".*: (\d+) events? before, (\d+) after;", ask.out)
        if ask.status == 0 and told is not None and small.is_file():
            group.events = (int(told[1]), int(told[2]))
            group.small, path = small.read_bytes(), small
        else:
            group.note = f"not minimized: {ask.died or ask.err.strip()}"
        picture = path.with_name(path.name + ".svg")
        self.ask(RUN_MOST, "replay", f"--target={group.target}", f"--last={LINES_MOST}", "--svg", picture.name, path.name,
                 folder=path.parent)  # its title is the name
        if picture.is_file():
            group.ladder = picture.read_text(encoding="utf-8", errors="replace")

    def repeat(self, target, path):
        """The command that shows what an input does, as one would type it."""
        variant = os.environ.get("TFSM_VARIANT")
        before = f"TFSM_VARIANT={shlex.quote(variant)} " if variant else ""
        return f"{before}tcpfsm replay --target={target} {shlex.quote(str(path))}"


def is_name(target):
    return re.fullmatch(r"fuzz_[a-z]+", target) is not None


def is_gone(finding, what):
    """It broke an invariant when it was found, and breaks none now; or its target did not stop on it a second time even then."""
    if "does not stop the target again" in finding.said:
        return not what or what == GONE
    broke = re.search(r"^violation ", finding.said, re.M) or not finding.said.strip()
    return bool(what == GONE and finding.target not in PARTLY and broke)


def summary_of(said):
    """What the engine or the sanitizer says in a line, without what differs from run to run."""
    for wanted in (r"violation .*", r".*runtime error: .*", r"SUMMARY: .*", r"ERROR: .*", r"does not .*",
                   r".*\b(?:timeout|ALARM)\b.*"):
        found = re.search(wanted, said)
        if found:
            return re.sub(r"0x[0-9a-f]+|==\d+==|\bpid \d+", "", found[0]).strip()[:300]
    return next((line.strip()[:300] for line in said.splitlines() if line.strip()), "nothing was said")
