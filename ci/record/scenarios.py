"""The scenarios: what the two programs do, what the wire does, and the path of each end.

A path is the RFC 9293 states one end goes through, reasoned from the RFC and written here by hand.
check.py compares it with what the segments say and with what the kernel said. The first line of a
scenario's text goes into the README.
"""

import socket
import struct
import time

import lab as recorder
from lab import Missing
from segment import ACK, FIN, SYN

SCENARIOS = {}

ACTIVE = "CLOSED SYN-SENT ESTABLISHED"
PASSIVE = "CLOSED LISTEN SYN-RECEIVED ESTABLISHED"
CROSSED = "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED"
CLOSES_FIRST = " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
CLOSES_LAST = " CLOSE-WAIT LAST-ACK CLOSED"
CLOSES_AT_ONCE = " FIN-WAIT-1 CLOSING TIME-WAIT"
CUT = " CLOSED"


def scenario(client, server, ipv6=False, **sysctls):
    """Registers a scenario; with `ipv6` also a second time over IPv6."""
    def register(act):
        text = act.__doc__.split("\n")[0].rstrip(".")
        sysctl = {"ipv4/" + key: value for key, value in sysctls.items()}
        SCENARIOS[act.__name__] = (act, 4, client, server, sysctl, text)
        if ipv6:
            SCENARIOS["ipv6_" + act.__name__] = (act, 6, client, server, sysctl,
                                                 f"the same as `{act.__name__}`, over IPv6")
        return act
    return register


# What the programs at the ends do.

def receive(sock, length):
    """Reads exactly `length` octets."""
    got = b""
    while len(got) < length:
        piece = sock.recv(length - len(got))
        if not piece:
            raise Missing("the stream ended too early")
        got += piece
    return got


def say(sender, receiver, text):
    """Sends a line and waits until it was read."""
    sender.sendall(text)
    if receive(receiver, len(text)) != text:
        raise Missing("the octets read are not those sent")


def expect_end(sock):
    if sock.recv(1) != b"":
        raise Missing("data where the end of the stream should be")


def close_in_turn(first, second):
    first.shutdown(socket.SHUT_WR)
    expect_end(second)
    second.close()
    expect_end(first)
    first.close()


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def expect_reset(sock):
    try:
        sock.recv(1)
    except ConnectionResetError:
        return
    raise Missing("no reset was reported")


def vanish(sock):
    """Closes without a word on the wire, as a machine that lost its power would."""
    sock.setsockopt(socket.IPPROTO_TCP, recorder.TCP_REPAIR, 1)
    sock.close()


def open_both(lab):
    """Both ends connect, and both SYNs are held by the wire."""
    lab.wire.rule("hold", times=-1)
    ends = (lab.client, lab.server)
    socks = [lab.socket(end) for end in ends]
    for sock, peer in zip(socks, reversed(ends)):
        sock.setblocking(False)
        sock.connect_ex(lab.address(peer))
    lab.wire.wait(lambda s: s.is_just(SYN), 2)
    return socks


def established(lab, socks):
    """Waits until neither end awaits anything of the handshake."""
    limit = time.monotonic() + recorder.PATIENCE
    for sock in socks:
        while sock.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1) != b"\x01":
            if time.monotonic() > limit:
                raise Missing("the connection was not established")
            time.sleep(0.01)
        sock.settimeout(recorder.PATIENCE)


# What the wire looks for.

def client_data(s):
    return s.from_client and s.data


def client_fin(s):
    return s.from_client and s.has(FIN)


def server_fin(s):
    return not s.from_client and s.has(FIN)


def client_bare_ack(s):
    return s.from_client and s.is_just(ACK) and not s.data


# Opening, talking, closing.

@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, ipv6=True)
def handshake_data_close_client(lab):
    """The client sends a line and closes first."""
    c, s = lab.connect()
    say(c, s, b"hello from the client\n")
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_LAST, PASSIVE + CLOSES_FIRST)
def handshake_data_close_server(lab):
    """The server sends a line and closes first."""
    c, s = lab.connect()
    say(s, c, b"hello from the server\n")
    close_in_turn(s, c)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def both_directions(lab):
    """Question and answer, three times, then the client closes."""
    c, s = lab.connect()
    for turn in (b"one\n", b"two\n", b"three\n"):
        say(c, s, b"ask " + turn)
        say(s, c, b"answer " + turn)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, ipv6=True)
def half_close_data_after(lab):
    """The client closes its direction; the server goes on sending in CLOSE-WAIT, then closes."""
    c, s = lab.connect()
    say(c, s, b"that is all from me\n")
    c.shutdown(socket.SHUT_WR)
    expect_end(s)
    for line in (b"but not from me\n", b"there is more\n", b"now it is all\n"):
        say(s, c, line)
    s.close()
    expect_end(c)
    c.close()


@scenario(ACTIVE + CLOSES_AT_ONCE, PASSIVE + CLOSES_AT_ONCE, ipv6=True)
def simultaneous_close(lab):
    """Both ends close before either FIN arrives: the FINs cross."""
    c, s = lab.connect()
    say(c, s, b"hello\n")
    lab.wire.settle()
    lab.wire.rule("hold", times=-1)
    c.shutdown(socket.SHUT_WR)
    s.shutdown(socket.SHUT_WR)
    lab.wire.wait(client_fin)
    lab.wire.wait(server_fin)
    lab.wire.release()
    expect_end(c)
    expect_end(s)


@scenario(CROSSED + CLOSES_FIRST, CROSSED + CLOSES_LAST, ipv6=True)
def simultaneous_open(lab):
    """Both ends connect and the SYNs cross; a line each way; the left end closes first."""
    c, s = open_both(lab)
    lab.wire.release()
    established(lab, (c, s))
    say(c, s, b"hello from the left\n")
    say(s, c, b"hello from the right\n")
    close_in_turn(c, s)


@scenario(CROSSED + CLOSES_FIRST, CROSSED + CLOSES_LAST)
def close_in_syn_received(lab):
    """A simultaneous open in which the left end closes while it is in SYN-RECEIVED."""
    c, s = open_both(lab)
    lab.wire.release(keep=True)
    lab.wire.wait(lambda seg: seg.is_just(SYN | ACK), 2)
    c.shutdown(socket.SHUT_WR)
    lab.wire.release()
    established(lab, (s,))
    expect_end(s)
    s.close()
    c.settimeout(recorder.PATIENCE)
    expect_end(c)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def fin_with_data(lab):
    """Each end's last octets and its FIN share a segment."""
    c, s = lab.connect()
    for sender, receiver in ((c, s), (s, c)):
        sender.send(b"data and FIN in one segment\n", socket.MSG_MORE)
        sender.shutdown(socket.SHUT_WR)
        receive(receiver, 28)
        expect_end(receiver)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_fastopen=0x607)
def syn_with_data(lab):
    """The client's first line comes on its SYN (Fast Open without a cookie)."""
    listener = lab.listen()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 1)
    c = lab.socket(lab.client)
    c.sendto(b"hello on a SYN\n", socket.MSG_FASTOPEN, lab.address(lab.server))
    s = lab.accept(listener)
    receive(s, 15)
    established(lab, (c,))  # a shutdown in SYN-SENT would end in a RST
    close_in_turn(c, s)


# Resets.

@scenario("CLOSED SYN-SENT CLOSED", "CLOSED", ipv6=True)
def refused(lab):
    """Nobody listens: the SYN is answered by a RST."""
    try:
        lab.socket(lab.client).connect(lab.address(lab.server))
    except ConnectionRefusedError:
        return
    raise Missing("the connection was not refused")


@scenario(ACTIVE + CUT, PASSIVE + CUT)
def rst_in_the_middle_by_client(lab):
    """The client aborts after a line each way."""
    c, s = lab.connect()
    say(c, s, b"hello\n")
    say(s, c, b"hello yourself\n")
    lab.wire.settle()
    abort(c)
    expect_reset(s)


@scenario(ACTIVE + CUT, PASSIVE + CUT)
def rst_in_the_middle_by_server(lab):
    """The server aborts after a line each way."""
    c, s = lab.connect()
    say(c, s, b"hello\n")
    say(s, c, b"hello yourself\n")
    lab.wire.settle()
    abort(s)
    expect_reset(c)


@scenario(ACTIVE + CUT, "CLOSED LISTEN SYN-RECEIVED LISTEN")
def rst_in_syn_received(lab):
    """The third segment of the handshake is lost and the client aborts: the server listens again."""
    lab.listen()
    lab.wire.rule("drop", client_bare_ack, times=-1)
    c = lab.socket(lab.client)
    c.connect(lab.address(lab.server))
    lab.wire.wait(client_bare_ack)
    abort(c)


@scenario(ACTIVE + CUT, PASSIVE + CUT)
def reset_unread_data(lab):
    """The server closes without reading what came: a RST, not a FIN, tells the client."""
    c, s = lab.connect()
    c.sendall(b"nobody will read this\n")
    lab.wire.wait(lambda seg: not seg.from_client and seg.is_just(ACK))
    s.close()
    expect_reset(c)


@scenario(ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 CLOSED", PASSIVE + " CLOSE-WAIT CLOSED")
def data_after_close(lab):
    """The client closes both directions; the server's data are answered by a RST in FIN-WAIT-2."""
    c, s = lab.connect()
    c.close()
    expect_end(s)
    s.sendall(b"too late\n")
    lab.wire.settle()


@scenario(ACTIVE + CUT, PASSIVE + CUT)
def half_open(lab):
    """The server forgets the connection in silence; the client's next line is answered by a RST."""
    c, s = lab.connect()
    say(c, s, b"hello\n")
    lab.wire.settle()
    vanish(s)
    c.sendall(b"are you there?\n")
    expect_reset(c)


# Loss, disorder, doubles.

@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def retransmission_data(lab):
    """The client's data segment is lost once."""
    c, s = lab.connect()
    lab.wire.rule("drop", client_data)
    say(c, s, b"this line is sent twice\n")
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def retransmission_syn(lab):
    """The SYN is lost once."""
    lab.wire.rule("drop", lambda seg: seg.is_just(SYN))
    c, s = lab.connect()
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def retransmission_synack(lab):
    """The SYN-ACK is lost once."""
    lab.wire.rule("drop", lambda seg: seg.is_just(SYN | ACK))
    c, s = lab.connect()
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def retransmission_fin(lab):
    """The client's FIN is lost once."""
    c, s = lab.connect()
    lab.wire.rule("drop", client_fin)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def lost_handshake_ack(lab):
    """The third segment of the handshake is lost; the client's data establish the server."""
    listener = lab.listen()
    lab.wire.rule("drop", client_bare_ack)
    c = lab.socket(lab.client)
    c.connect(lab.address(lab.server))
    lab.wire.wait(client_bare_ack)
    c.sendall(b"this also completes the handshake\n")
    s = lab.accept(listener)
    receive(s, 34)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def lost_last_ack(lab):
    """The last ACK is lost: the server's second FIN is acknowledged from TIME-WAIT."""
    c, s = lab.connect()
    c.shutdown(socket.SHUT_WR)
    expect_end(s)
    lab.wire.rule("drop", client_bare_ack)
    s.close()
    expect_end(c)
    c.close()
    lab.wire.wait(server_fin, 2)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def out_of_order(lab):
    """The first of two data segments is lost once, so the second arrives before it."""
    c, s = lab.connect()
    lab.wire.rule("drop", client_data)
    c.sendall(b"first line\n")
    c.sendall(b"second line\n")
    receive(s, 23)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def reordered(lab):
    """The first of two data segments is overtaken by the second; nothing is lost."""
    c, s = lab.connect()
    lab.wire.rule("hold", client_data)
    c.sendall(b"first line\n")
    c.sendall(b"second line\n")
    lab.wire.wait(client_data, 2)
    lab.wire.release()
    receive(s, 23)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def reordered_fin(lab):
    """The client's data segment is overtaken by its FIN."""
    c, s = lab.connect()
    lab.wire.rule("hold", client_data)
    c.sendall(b"I come after the FIN\n")
    c.shutdown(socket.SHUT_WR)
    lab.wire.wait(client_fin)
    lab.wire.release()
    receive(s, 21)
    expect_end(s)
    s.close()
    expect_end(c)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def duplicated_data(lab):
    """The network doubles the client's data segment."""
    c, s = lab.connect()
    lab.wire.rule("twice", client_data)
    say(c, s, b"this line arrives twice\n")
    lab.wire.settle()
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def late_duplicate_syn(lab):
    """A copy of the SYN arrives when the connection has long been established."""
    lab.wire.rule("copy", lambda seg: seg.is_just(SYN))
    c, s = lab.connect()
    say(c, s, b"hello\n")
    lab.wire.settle()
    lab.wire.release()
    lab.wire.settle()
    say(c, s, b"still here\n")
    close_in_turn(c, s)


# Windows.

@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def zero_window(lab):
    """The server does not read: its window closes, is probed, and opens again."""
    c, s = lab.connect(lab.listen(SO_RCVBUF=2048))
    c.settimeout(None)
    text = bytes(range(33, 127)) * 64
    c.sendall(text)
    lab.wire.wait(lambda seg: not seg.from_client and seg.wnd == 0, 3)
    if receive(s, len(text)) != text:
        raise Missing("the octets read are not those sent")
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_rmem="4096 4194304 1073741823")
def window_scale_14(lab):
    """Both ends offer the greatest shift, and windows above 65535 octets."""
    for end, peer in ((lab.client, lab.server), (lab.server, lab.client)):
        end.ip(f"route replace {lab.address(peer)[0]}/32 dev eth0 initrwnd 400")
    c, s = lab.connect()
    say(c, s, b"a" * 1000)
    say(s, c, b"b" * 1000)
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def keep_alive(lab):
    """The connection idles, and the client asks twice whether it still lives."""
    c, s = lab.connect()
    say(c, s, b"hello\n")
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    before = len(lab.wire.seen)
    time.sleep(0.5)
    lab.wire.wait(lambda seg: seg in lab.wire.seen[before:] and client_bare_ack(seg), 2)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    close_in_turn(c, s)


# Options and flags.

def talk(lab):
    c, s = lab.connect()
    say(c, s, b"hello from the client\n")
    say(s, c, b"hello from the server\n")
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_window_scaling=0)
def no_window_scale(lab):
    """Window scaling off at both ends."""
    talk(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_timestamps=0)
def no_timestamps(lab):
    """Timestamps off at both ends."""
    talk(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_window_scaling=0, tcp_timestamps=0)
def no_window_scale_no_timestamps(lab):
    """Window scaling and timestamps off at both ends."""
    talk(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_window_scaling=0, tcp_timestamps=0,
          tcp_sack=0)
def no_options(lab):
    """Nothing but the MSS option."""
    talk(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_sack=0)
def no_sack(lab):
    """SACK off at both ends, and the first of two data segments lost once."""
    out_of_order(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def urgent(lab):
    """One octet of urgent data between two ordinary lines."""
    c, s = lab.connect()
    say(c, s, b"calm\n")
    c.send(b"!", socket.MSG_OOB)
    lab.wire.wait(lambda seg: not seg.from_client and seg.is_just(ACK), 2)
    s.settimeout(None)  # with a timeout Python waits for ordinary data first
    if s.recv(1, socket.MSG_OOB) != b"!":
        raise Missing("the urgent octet did not arrive")
    s.settimeout(recorder.PATIENCE)
    say(c, s, b"calm again\n")
    close_in_turn(c, s)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST, tcp_ecn=1)
def ecn(lab):
    """Both ends agree on ECN: ECE and CWR on the SYN, ECE on the SYN-ACK."""
    talk(lab)


@scenario(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_LAST)
def sequence_wrap(lab):
    """The client's ISN is nine octets below 2^32: its data cross zero."""
    listener = lab.listen()
    c = lab.socket(lab.client)
    # A socket in repair mode lets its owner write the next sequence number; connect() keeps it.
    for option, value in ((recorder.TCP_REPAIR, 1),
                          (recorder.TCP_REPAIR_QUEUE, recorder.SEND_QUEUE),
                          (recorder.TCP_QUEUE_SEQ, 2**32 - 9), (recorder.TCP_REPAIR, 0)):
        packed = struct.pack("I", value)
        c.setsockopt(socket.IPPROTO_TCP, option, packed)
    c.connect(lab.address(lab.server))
    s = lab.accept(listener)
    say(c, s, b"four")
    say(c, s, b"eight more")
    say(s, c, b"answer\n")
    close_in_turn(c, s)
