"""Records every scenario and writes the folder's MANIFEST.tsv and README.md.

ci/record-captures runs this in namespaces of its own; it is not meant to be started by hand.

usage: record.py DIR TRACE [SCENARIO...]   (TRACE: a tracefs instance of our own)
"""

import os
import platform
import re
import signal
import sys
from datetime import date
from multiprocessing import Pool

import check
from lab import Lab, Missing, transitions
from scenarios import SCENARIOS

TRIES = 5      # a busy machine makes spurious retransmissions, which the checks refuse
LIMIT = 150    # seconds for the whole run; it takes about ten
WORKERS = 6    # scenarios mostly sleep
PORTS = 20000  # the first server port; the tracepoint's filter in ci/record-captures knows it

README = """# Recorded captures

Connections of a real kernel with itself: inputs for the tests, and evidence of how TCP is spoken.

Recorded by `ci/record-captures` on {date} with Linux {kernel}. Both ends were sockets of that
kernel, in two network namespaces; the wire between them was a small relay, which lost, held back or
doubled the segments a scenario names. Offloads were off, so segments and checksums are as on a cable.
Nothing was edited afterwards.

These are our own recordings, under this project's licence. Addresses are those reserved for
documentation (RFC 5737, RFC 3849, RFC 7042); payloads were written for the purpose.

## Files

* `SCENARIO.client.pcap`, `SCENARIO.server.pcap`: one connection, as each end's kernel sent and received
  it (classic pcap, Ethernet, whole frames). A lost segment is in its sender's file only. The client is
  {client4} or {client6}, the server {server4} or {server6}; where nobody
  listens, as in a simultaneous open, they are merely the left and the right end.
* `SCENARIO.states.tsv`: every change of state the kernel reported at either end, in order, from its
  tracepoint `sock:inet_sock_set_state`, with the RFC's names.
* `MANIFEST.tsv`: for each view, the path of states in the sense of RFC 9293. It was reasoned from the
  RFC; `ci/record/check.py` follows the segments of the view and finds the same path.

`python3 ci/record/check.py corpus/captures` checks all of it without any privilege: checksums, paths,
and that each capture shows what its name claims.

## Where the kernel and the RFC say it differently

* A passive open in progress is a small request, not a socket, until the third segment comes. So
  `states.tsv` has LISTEN to SYN-RECEIVED to ESTABLISHED at that moment, both at once, and nothing at
  all in `rst_in_syn_received`. `MANIFEST.tsv` enters SYN-RECEIVED when the SYN arrives. With Fast Open
  the socket exists from the SYN on.
* TIME-WAIT is a small socket too: the kernel reports FIN-WAIT-2 (or CLOSING) to CLOSED while the small
  socket lives on. Recording looked for it in the kernel's table and found it. It lasts a minute; the
  captures end before, and so do the paths.
* When one segment carries the peer's FIN and the ACK of ours, the path still has FIN-WAIT-2 between
  FIN-WAIT-1 and TIME-WAIT: the ACK is looked at before the FIN.
* A reset is CLOSED for the end that sends it and for the end that receives it.
* `half_open`: the server's entry into CLOSED made no segment; the RST that tells of it comes later.
* A capture ends in LISTEN only where RFC 9293 sends the connection back there. The listening socket
  itself stays open in every passive open; it is not shown again.

## Worth knowing before a test trips over it (seen with Linux 6.18)

* `simultaneous_open`: the peer's SYN-ACK repeats a SYN that is below RCV.NXT. The kernel takes its ACK and
  is ESTABLISHED, and also answers it by an ACK (with a D-SACK for the SYN), as it would answer any segment
  that is not acceptable. So either reading of RFC 9293 finds its segment.
* `close_in_syn_received`: the FIN waits for ESTABLISHED, then goes out before that ACK.
* `zero_window`, `keep_alive`: a probe is an empty segment one below SND.NXT; it carries no octet. Answers
  to probes are limited to one in 500 ms, so a probe may stay unanswered while the window is shut.
* `retransmission_synack`: both ends time out after a second, so SYN and SYN-ACK may both come again, and a
  SYN-ACK that reaches ESTABLISHED is answered by an ACK.
* A RST that aborts has ACK set; a RST that answers an ACK has not, and takes its number from SEG.ACK.
* `reordered_fin`: the FIN that came too early is acknowledged by SACK as one octet.
* `urgent`: the pointer shows the octet after the urgent one (RFC 6093).

## Scenarios

{scenarios}
"""


def record_once(name, attempt, folder, trace):
    """One attempt at a scenario; the files are judged as the finished folder will be."""
    act, family, client, server, sysctls, _ = SCENARIOS[name]
    port = PORTS + list(SCENARIOS).index(name) * TRIES + attempt
    paths = {"client": client.split(), "server": server.split()}
    lab = Lab(f"{name}-{attempt}", family, port, sysctls)
    try:
        lab.record(f"{folder}/{name}")
        act(lab)
        lab.finish_recording()
        for end, space in (("client", lab.client), ("server", lab.server)):
            expected = paths[end][-1].replace("LISTEN", "CLOSED")
            if lab.leftover(space) != expected:
                raise Missing(f"the {end} ended in {lab.leftover(space)}")
        rows = transitions(trace, port)
    finally:
        lab.remove()
    with open(f"{folder}/{name}.states.tsv", "w", encoding="ascii") as file:
        for row in [["end", "family", "lport", "dport", "oldstate", "newstate"], *rows]:
            file.write("\t".join(row) + "\n")
    check.check_scenario(folder, name, paths)


def record(task):
    """A scenario with its retries: None, or what went wrong the last time."""
    problem = None
    for attempt in range(TRIES):
        try:
            record_once(task[0], attempt, *task[1:])
            return None
        except (Missing, check.Wrong, OSError) as error:
            problem = f"{task[0]}: {error}"
    return problem


def write_manifest(folder):
    with open(f"{folder}/MANIFEST.tsv", "w", encoding="ascii") as file:
        file.write("capture\tview\tpath\n")
        for name, (_, _, client, server, _, _) in SCENARIOS.items():
            file.write(f"{name}\tclient\t{client}\n{name}\tserver\t{server}\n")


def write_readme(folder):
    kernel = re.match(r"[0-9.]*[0-9]", platform.release()).group()
    lines = "\n".join(f"* `{name}`: {text}." for name, (*_, text) in SCENARIOS.items())
    with open(f"{folder}/README.md", "w", encoding="ascii") as file:
        file.write(README.format(date=date.today().isoformat(), kernel=kernel, scenarios=lines,
                                 client4=check.tcp.CLIENT[4], client6=check.tcp.CLIENT[6],
                                 server4=check.tcp.SERVER[4], server6=check.tcp.SERVER[6]))


def too_long(*_):
    """Ends this process at once, and with it its PID namespace and all that runs in there."""
    print(f"record-captures: not done after {LIMIT} seconds", file=sys.stderr)
    os._exit(1)


def main(argv):
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT)
    folder, trace = argv[1:3]
    names = argv[3:] or list(SCENARIOS)
    with Pool(WORKERS) as pool:
        found = pool.map(record, [(name, folder, trace) for name in names], chunksize=1)
    problems = [problem for problem in found if problem]
    if not argv[3:]:
        write_manifest(folder)
        write_readme(folder)
        problems = problems or check.check_folder(folder)
    for problem in problems:
        print(f"record-captures: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
