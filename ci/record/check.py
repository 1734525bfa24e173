"""Checks a folder of recorded captures; needs no privilege.

For every scenario: the files parse and hold one connection with right checksums; the states that the
segments imply are those of MANIFEST.tsv; the kernel's own transitions agree with them; and what the
scenario's name claims is to be seen.

usage: check.py DIR
"""

import os
import sys
from collections import Counter

sys.dont_write_bytecode = True  # nothing but what is recorded belongs in the tree

import segment as tcp
from segment import ACK, CWR, ECE, FIN, RST, SYN, URG

VIEWS = ("client", "server")
MAX_FILE = 16 * 1024


class Wrong(Exception):
    """A capture is not what it should be."""


def after(a, b):
    """How far sequence number a lies after b; negative when before."""
    return (a - b + 2**31) % 2**32 - 2**31


class View:
    """One connection as one end saw it."""

    def __init__(self, end, segments):
        self.end, self.segments = end, segments

    def __iter__(self):
        return iter(self.segments)

    def is_out(self, s):
        return s.from_client == (self.end == "client")

    def out(self, match=lambda s: True):
        return [s for s in self if self.is_out(s) and match(s)]

    def into(self, match=lambda s: True):
        return [s for s in self if not self.is_out(s) and match(s)]

    def resent(self):
        """The segments by which this end sent a sequence number again."""
        again, top = [], None
        synack = first(self, lambda s: self.is_out(s) and s.has(SYN | ACK))
        for s in self.out(lambda s: s.len and not s.has(RST)):
            # The SYN of a simultaneous open comes again as a SYN-ACK: that says something new.
            if top is not None and after(s.seq, top) < 0 and s not in self.segments[synack:synack + 1]:
                again.append(s)
            end = (s.seq + s.len) % 2**32
            top = end if top is None or after(end, top) > 0 else top
        return again


def walk(view, passive):
    """The states of RFC 9293 3.10 that the segments of a view imply."""
    end = Endpoint(passive)
    for s in view:
        (end.sends if view.is_out(s) else end.gets)(s)
    return end.path


class Endpoint:
    """Just enough of TCP to follow the states of one end; no window, no option."""

    def __init__(self, passive):
        self.path = ["CLOSED", "LISTEN"] if passive else ["CLOSED"]
        self.passive = passive
        self.iss = self.fin_end = self.rcv_nxt = None
        self.early = []  # out-of-order segments: (seq, end, fin)

    def go(self, **moves):
        """Moves when the present state, with _ for -, is among `moves`."""
        target = moves.get(self.path[-1].replace("-", "_"))
        if target:
            self.path.append(target)

    def sends(self, s):
        if s.has(RST):
            if self.path[-1] not in ("CLOSED", "LISTEN"):
                self.path.append("CLOSED")
            return
        if s.has(SYN):
            self.iss = s.seq
            self.go(CLOSED="SYN-SENT")
        if s.has(FIN):
            self.fin_end = (s.seq + s.len) % 2**32
            self.go(SYN_RECEIVED="FIN-WAIT-1", ESTABLISHED="FIN-WAIT-1", CLOSE_WAIT="LAST-ACK")

    def gets(self, s):
        state = self.path[-1]
        if s.has(RST):
            if state == "SYN-RECEIVED" and self.passive:
                self.path.append("LISTEN")
            elif state not in ("CLOSED", "LISTEN"):
                self.path.append("CLOSED")
            return
        if s.has(SYN) and state in ("LISTEN", "SYN-SENT"):
            self.rcv_nxt = (s.seq + 1) % 2**32
            answered = s.has(ACK) and self.iss is not None and after(s.ack, self.iss) > 0
            self.path.append("ESTABLISHED" if answered else "SYN-RECEIVED")
        elif state in ("CLOSED", "LISTEN", "SYN-SENT"):
            return
        if s.has(ACK):
            self.gets_ack(s.ack)
        if s.data or s.has(FIN):
            self.gets_text((s.seq + s.has(SYN)) % 2**32, len(s.data), s.has(FIN))

    def gets_ack(self, ack):
        if self.iss is not None and after(ack, self.iss) > 0:
            self.go(SYN_RECEIVED="ESTABLISHED")
        if self.fin_end is not None and after(ack, self.fin_end) >= 0:
            self.go(FIN_WAIT_1="FIN-WAIT-2", CLOSING="TIME-WAIT", LAST_ACK="CLOSED")

    def gets_text(self, seq, length, fin):
        self.early.append((seq, (seq + length) % 2**32, fin))
        moved = True
        while moved:
            moved = False
            for seq, end, fin in self.early:
                # Once the FIN is taken RCV.NXT lies beyond `end`, so it is taken once.
                if after(seq, self.rcv_nxt) <= 0 and after(end + fin, self.rcv_nxt) > 0:
                    self.rcv_nxt = (end + fin) % 2**32
                    moved = True
                    if fin:
                        self.go(SYN_RECEIVED="CLOSE-WAIT", ESTABLISHED="CLOSE-WAIT",
                                FIN_WAIT_1="CLOSING", FIN_WAIT_2="TIME-WAIT")


def kernel_path(rows, end):
    """The path the kernel's transitions tell, in the RFC's terms; README.md says what differs."""
    path = ["CLOSED"]
    for row in rows:
        if row[0] == end:
            if row[4] != path[-1]:
                raise Wrong(f"the kernel moved from {row[4]} when it was in {path[-1]}")
            path.append(row[5])
    # TIME-WAIT lives in a small socket of its own, so the kernel closes the full one instead.
    if path[-2:] in (["FIN-WAIT-2", "CLOSED"], ["CLOSING", "CLOSED"]):
        path[-1] = "TIME-WAIT or CLOSED"
    return path


def kernel_agrees(kernel, path):
    if kernel[-1:] == ["TIME-WAIT or CLOSED"]:
        return kernel[:-1] == path[:-1] and path[-1] in ("TIME-WAIT", "CLOSED")
    # A half-open passive connection is a request, not a socket: the kernel only ever says LISTEN.
    return kernel == path or (kernel == ["CLOSED", "LISTEN"] and path[-1] == "LISTEN")


# What the names claim. `c` and `s` are the views of the client and the server.

def first(view, match):
    """The position of the first matching segment of a view; beyond the end when there is none."""
    return next((at for at, s in enumerate(view) if match(s)), len(view.segments))


def fin_of(end):
    return lambda s: s.has(FIN) and s.from_client == (end == "client")


def data_of(end):
    return lambda s: s.data and s.from_client == (end == "client")


def lost(sender, receiver):
    """What one end sent and the other never saw."""
    arrived = Counter(s.identity() for s in receiver.into())
    gone = []
    for s in sender.out():
        if arrived[s.identity()] > 0:
            arrived[s.identity()] -= 1
        else:
            gone.append(s)
    return gone


def client_first(c, s):
    return first(s, fin_of("client")) < first(s, fin_of("server")) < len(s.segments)


def client_talks_and_closes(c, s):
    return c.out(data_of("client")) and client_first(c, s)


def syns_cross(c, s):
    return all(first(v, lambda x: v.is_out(x) and x.is_just(SYN))
               < first(v, lambda x: not v.is_out(x) and x.is_just(SYN))
               < first(v, lambda x: v.is_out(x) and x.is_just(SYN | ACK))
               < first(v, lambda x: not v.is_out(x) and x.is_just(SYN | ACK))
               < len(v.segments) for v in (c, s))


def fins_cross(c, s):
    return all(first(v, lambda x: v.is_out(x) and x.has(FIN))
               < first(v, lambda x: not v.is_out(x) and x.has(FIN)) < len(v.segments)
               for v in (c, s))


def talks_after_half_close(c, s):
    return any(data_of("server")(x) for x in c.segments[first(c, fin_of("client")):]) \
        and client_first(c, s)


def refused(c, s):
    return all([x.flags & (SYN | RST | ACK | FIN) for x in v] == [SYN, RST | ACK] for v in (c, s))


def rst_after_data(end):
    def claim(c, s):
        return any(x.has(RST) and x.from_client == (end == "client") for x in c) \
            and c.out(data_of("client")) and s.out(data_of("server"))
    return claim


def loses_one(match, end="client"):
    """Exactly one segment is lost, it matches, and its sender sends it again."""
    def claim(c, s):
        sender, receiver = (c, s) if end == "client" else (s, c)
        gone = lost(sender, receiver)
        return len(gone) == 1 and match(gone[0]) and not lost(receiver, sender) \
            and gone[0].seq in [x.seq for x in sender.resent()]
    return claim


def arrives_disordered(c, s):
    seqs = [x.seq for x in s.into(data_of("client"))]
    return len(seqs) == 2 and after(seqs[0], seqs[1]) > 0


def out_of_order(c, s):
    return arrives_disordered(c, s) and loses_one(lambda x: x.data)(c, s)


def sack_sent(c, s):
    return bool(s.out(lambda x: tcp.OPT_SACK in x.options))


def options_absent(*kinds):
    def claim(c, s):
        return not any(kind in x.options for x in c for kind in kinds) \
            and all(tcp.OPT_MSS in x.options for x in c if x.has(SYN))
    return claim


def window_scale_14(c, s):
    syns = [x for x in c if x.has(SYN)]
    return len(syns) == 2 and all(x.options.get(tcp.OPT_WSCALE) == b"\x0e" for x in syns) \
        and all(any(x.wnd << 14 > 65535 for x in v.out(lambda x: not x.has(SYN))) for v in (c, s))


def zero_window(c, s):
    """Closed, probed at least twice below SND.NXT while closed, opened, and used again."""
    shut = first(c, lambda x: not x.from_client and x.wnd == 0)
    wide = next((at for at, x in enumerate(c) if at > shut and not x.from_client and x.wnd), None)
    if wide is None:
        return False
    probes = [x for x in c.segments[shut:wide] if x.from_client]
    return len(probes) >= 2 and any(data_of("client")(x) for x in c.segments[wide:]) \
        and all(x.seq == (c.segments[shut].ack - 1) % 2**32 and not x.len for x in probes)


def keep_alive(c, s):
    """The client sends an empty segment one below SND.NXT, and the server answers it."""
    top = None
    for at, x in enumerate(c.segments[:-1]):
        if x.from_client:
            if top is not None and x.len == 0 and x.seq == (top - 1) % 2**32:
                return not c.segments[at + 1].from_client and c.segments[at + 1].is_just(ACK)
            top = (x.seq + x.len) % 2**32
    return False


def sequence_wrap(c, s):
    return c.out(lambda x: x.data and x.seq + len(x.data) > 2**32) and c.segments[0].seq == 2**32 - 9


def ecn(c, s):
    return c.segments[0].flags == SYN | ECE | CWR and c.segments[1].flags == SYN | ACK | ECE


def urgent(c, s):
    """Linux points at the octet after the urgent one, as RFC 6093 wants."""
    return any(x.has(URG) and x.up == 1 and x.data == b"!" for x in s.into())


def close_in_syn_received(c, s):
    """The SYN-ACK that establishes the client is answered by its FIN, first of all."""
    at = first(c, lambda x: not x.from_client and x.has(SYN | ACK))
    return syns_cross(c, s) and client_first(c, s) and fin_of("client")(c.segments[at + 1])


def rst_in_syn_received(c, s):
    return [x.flags for x in s.into()] == [SYN, RST | ACK] and s.out(lambda x: x.is_just(SYN | ACK)) \
        and all(x.is_just(ACK) for x in lost(c, s))


def lost_handshake_ack(c, s):
    gone = lost(c, s)
    return len(gone) == 1 and gone[0].is_just(ACK) and not gone[0].data \
        and s.into()[1].data and not s.into()[0].data


def lost_last_ack(c, s):
    gone = lost(c, s)
    return len(gone) == 1 and gone[0].is_just(ACK) and len(s.out(fin_of("server"))) == 2 \
        and first(c, fin_of("client")) < first(c, fin_of("server"))


def late_duplicate_syn(c, s):
    """The server answers the second SYN by an ACK, a challenge, and the connection goes on."""
    at = [n for n, x in enumerate(s) if x.is_just(SYN)]
    return len(at) == 2 and at[1] > 2 and s.segments[at[1] + 1].is_just(ACK) \
        and not s.segments[at[1] + 1].from_client and not any(x.has(RST) for x in s)


def reordered_fin(c, s):
    return first(s, fin_of("client")) < first(s, data_of("client")) < len(s.segments) \
        and not lost(c, s)


def fin_with_data(c, s):
    return all(any(x.has(FIN) and x.data for x in v.out()) for v in (c, s))


def reset_unread_data(c, s):
    return s.segments[-1].has(RST) and not s.segments[-1].from_client \
        and not s.out(data_of("server")) and not any(x.has(FIN) for x in s)


def data_after_close(c, s):
    return first(c, fin_of("client")) < first(c, data_of("server")) < len(c.segments) - 1 \
        and c.segments[-1].from_client and c.segments[-1].has(RST)


def half_open(c, s):
    at = first(s, lambda x: x.has(RST))
    return at < len(s.segments) and s.segments[at].is_just(RST) \
        and s.segments[at].seq == s.segments[at - 1].ack and s.segments[at - 1].data


def duplicated_data(c, s):
    return len(s.into(data_of("client"))) == 2 and len(c.out(data_of("client"))) == 1


CLAIMS = {
    "handshake_data_close_client": client_talks_and_closes,
    "handshake_data_close_server": lambda c, s: s.out(data_of("server")) and not client_first(c, s),
    "both_directions": lambda c, s: len(c.out(data_of("client"))) == len(s.out(data_of("server"))) == 3,
    "half_close_data_after": talks_after_half_close,
    "simultaneous_close": fins_cross,
    "simultaneous_open": syns_cross,
    "close_in_syn_received": close_in_syn_received,
    "fin_with_data": fin_with_data,
    "syn_with_data": lambda c, s: s.segments[0].has(SYN) and s.segments[0].data
        and s.segments[1].ack == (s.segments[0].seq + s.segments[0].len) % 2**32,
    "refused": refused,
    "rst_in_the_middle_by_client": rst_after_data("client"),
    "rst_in_the_middle_by_server": rst_after_data("server"),
    "rst_in_syn_received": rst_in_syn_received,
    "reset_unread_data": reset_unread_data,
    "data_after_close": data_after_close,
    "half_open": half_open,
    "retransmission_data": loses_one(lambda x: x.data),
    "retransmission_syn": loses_one(lambda x: x.is_just(SYN)),
    "retransmission_synack": loses_one(lambda x: x.is_just(SYN | ACK), "server"),
    "retransmission_fin": loses_one(lambda x: x.has(FIN)),
    "lost_handshake_ack": lost_handshake_ack,
    "lost_last_ack": lost_last_ack,
    "out_of_order": lambda c, s: out_of_order(c, s) and sack_sent(c, s),
    "reordered": lambda c, s: arrives_disordered(c, s) and not lost(c, s),
    "reordered_fin": reordered_fin,
    "duplicated_data": duplicated_data,
    "late_duplicate_syn": late_duplicate_syn,
    "zero_window": zero_window,
    "window_scale_14": window_scale_14,
    "keep_alive": keep_alive,
    "no_window_scale": options_absent(tcp.OPT_WSCALE),
    "no_timestamps": options_absent(tcp.OPT_TS),
    "no_window_scale_no_timestamps": options_absent(tcp.OPT_WSCALE, tcp.OPT_TS),
    "no_options": options_absent(tcp.OPT_WSCALE, tcp.OPT_TS, tcp.OPT_SACK_OK, tcp.OPT_SACK),
    "no_sack": lambda c, s: out_of_order(c, s)
        and options_absent(tcp.OPT_SACK_OK, tcp.OPT_SACK)(c, s),
    "urgent": urgent,
    "ecn": ecn,
    "sequence_wrap": sequence_wrap,
}

# Elsewhere a loss or a retransmission means that the recording machine stalled.
LOSSY = {"retransmission_data", "retransmission_syn", "retransmission_synack", "retransmission_fin",
         "lost_handshake_ack", "lost_last_ack", "out_of_order", "no_sack", "rst_in_syn_received"}


def check_view(view, name):
    """What holds for every capture, whatever its name."""
    if not view.segments:
        raise Wrong("no segment")
    if not all(s.sums_good for s in view):
        raise Wrong("a checksum is wrong")
    ends = {frozenset(((s.src, s.sport), (s.dst, s.dport))) for s in view}
    addresses = {s.src for s in view} | {s.dst for s in view}
    version = 6 if name.startswith("ipv6_") else 4
    if len(ends) != 1 or addresses != {tcp.CLIENT[version], tcp.SERVER[version]}:
        raise Wrong("more than one connection, or other addresses")
    if view.resent() and name.removeprefix("ipv6_") not in LOSSY:
        raise Wrong("a retransmission that the scenario does not claim")


def check_scenario(folder, name, paths):
    """Raises Wrong unless the files of a scenario are what they should be."""
    views = {}
    with open(f"{folder}/{name}.states.tsv", encoding="ascii") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    for end in VIEWS:
        path = f"{folder}/{name}.{end}.pcap"
        if os.path.getsize(path) > MAX_FILE:
            raise Wrong(f"{end}: the file is too large")
        try:
            views[end] = View(end, tcp.read_pcap(path))
            check_view(views[end], name)
            kernel = kernel_path(rows, end)
        except (Wrong, ValueError) as problem:
            raise Wrong(f"{end}: {problem}") from None
        seen = walk(views[end], "LISTEN" in paths[end])
        if seen != paths[end]:
            raise Wrong(f"{end}: the segments say {' '.join(seen)}")
        if not kernel_agrees(kernel, paths[end]):
            raise Wrong(f"{end}: the kernel said {' '.join(kernel)}")
    claim, c, s = name.removeprefix("ipv6_"), views["client"], views["server"]
    if claim not in LOSSY and (lost(c, s) or lost(s, c)):
        raise Wrong("a loss that the scenario does not claim")
    if not CLAIMS[claim](c, s):
        raise Wrong("what the name claims is not to be seen")


def read_manifest(path):
    """MANIFEST.tsv as {scenario: {end: [states]}}."""
    manifest = {}
    with open(path, encoding="ascii") as file:
        for line in list(file)[1:]:
            name, end, states = line.rstrip("\n").split("\t")
            manifest.setdefault(name, {})[end] = states.split(" ")
    return manifest


def check_folder(folder):
    """Problems of a folder, as lines."""
    try:
        manifest = read_manifest(f"{folder}/MANIFEST.tsv")
    except (OSError, ValueError) as problem:
        return [f"{folder}: no usable MANIFEST.tsv: {problem}"]
    problems = []
    for name, paths in manifest.items():
        try:
            check_scenario(folder, name, paths)
        except (Wrong, OSError) as problem:
            problems.append(f"{folder}/{name}: {problem}")
        except (KeyError, IndexError, ValueError) as problem:
            problems.append(f"{folder}/{name}: cannot be judged: {problem!r}")
    known = {f"{name}.{end}" for name in manifest
             for end in ("client.pcap", "server.pcap", "states.tsv")}
    problems += [f"{folder}/{file}: not named in MANIFEST.tsv" for file in sorted(os.listdir(folder))
                 if file.endswith((".pcap", ".states.tsv")) and file not in known]
    return problems


def main(argv):
    if len(argv) != 2 or not os.path.isdir(argv[1]):
        print("check.py: usage: check.py DIR", file=sys.stderr)
        return 2
    problems = check_folder(argv[1])
    for problem in problems:
        print(f"check.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
