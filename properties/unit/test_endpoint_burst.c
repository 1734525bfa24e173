/* Packets that come together are taken as one after the other: the same packets go to one host in bursts and to its twin
 * alone, and what both say, tell and count is the same. */
#include "hosts.h"

#define PEERS  24u
#define MOST   64u /* packets of a burst */
#define OCTETS 256u

static uint32_t random_state;

static uint32_t draw(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % n;
}

/* Two hosts that differ in nothing. */
static void start_twins(void)
{
    struct endpoint_config *config = plan_hosts();
    config[1].connections = 16; /* fewer than peers: some find no place */
    config[0] = config[1];
    start_hosts();
    struct endpoint_listening listening = {.local = any_address(4), .port = PORT, .backlog = 16};
    endpoint_handle same;
    assert_int_equal(endpoint_listen(net.host[0], &listening, &same), TFSM_DONE);
    assert_int_equal(same, net.listener);
}

struct peer {
    uint32_t seq;
    uint32_t ack;
};
static struct peer peers[PEERS];

/* What a peer may say at any time: most of it fits, some is nonsense, and some is broken on the way. */
static size_t make(unsigned i, uint8_t octets[OCTETS])
{
    static const uint8_t flags[] = {TFSM_SYN,
                                    TFSM_ACK,
                                    TFSM_ACK,
                                    TFSM_ACK | TFSM_PSH,
                                    TFSM_ACK | TFSM_PSH,
                                    TFSM_ACK | TFSM_PSH,
                                    TFSM_FIN | TFSM_ACK,
                                    TFSM_RST,
                                    TFSM_SYN | TFSM_FIN};
    static const uint8_t text[32] = {1, 2, 3};
    unsigned which = draw(30) < 20 ? draw(6) : draw(9);
    struct tfsm_packet packet =
        packet_from(v4(192, 0, 2, 100 + i), (uint16_t)(1000 + i), flags[which]);
    struct peer *peer = &peers[i];
    uint32_t length = which >= 3 && which <= 5 ? 1 + draw(sizeof text) : 0;
    packet.segment.seq = which == 0 ? 7000 * i + draw(2) : peer->seq;
    packet.segment.ack = peer->ack;
    packet.segment.len += length + (which == 8); /* a SYN and a FIN */
    if (which == 0) {
        peer->seq = packet.segment.seq + 1;
    } else {
        peer->seq += length + (which == 6);
    }
    size_t n = tfsm_write(&packet, text, octets, OCTETS);
    assert_true(n > 0);
    octets[9] = draw(50) == 0 ? 1 : octets[9];           /* ICMP, it says */
    octets[n - 1] ^= (uint8_t)(draw(50) == 0 ? 4u : 0u); /* damaged */
    return n;
}

static void same_news(void)
{
    for (;;) {
        endpoint_handle handle[2] = {0, 0};
        uint32_t news[2] = {0, 0};
        bool more = endpoint_next(net.host[0], &handle[0], &news[0]);
        assert_int_equal(endpoint_next(net.host[1], &handle[1], &news[1]), more);
        assert_int_equal(handle[0], handle[1]);
        assert_int_equal(news[0], news[1]);
        if (!more) {
            return;
        }
        for (unsigned i = 0; i < 2; i++) {
            endpoint_handle accepted = 0;
            uint8_t octets[64];
            size_t taken;
            if (handle[i] == net.listener) {
                while (endpoint_accept(net.host[i], handle[i], &accepted) == TFSM_DONE &&
                       accepted != 0) {
                }
            } else if ((news[i] & (TFSM_SIG_ENDS | TFSM_SIG_PEER_CLOSED)) != 0) {
                endpoint_release(net.host[i], handle[i], net.now);
            } else {
                endpoint_receive(net.host[i], handle[i], octets, sizeof octets, net.now, &taken);
            }
        }
    }
}

/* And the peers learn where they are. */
static void same_output(void)
{
    for (;;) {
        uint8_t octets[2][PACKET];
        struct tfsm_packet said;
        size_t n[2];
        for (unsigned i = 0; i < 2; i++) {
            n[i] = endpoint_output(net.host[i], net.now, octets[i], PACKET);
        }
        assert_int_equal(n[0], n[1]);
        if (n[0] == 0) {
            return;
        }
        assert_memory_equal(octets[0], octets[1], n[0]);
        assert_int_equal(tfsm_parse(octets[0], n[0], &said), TFSM_WIRE_OK);
        if ((said.segment.flags & TFSM_RST) == 0) {
            struct peer *peer = &peers[said.dst_port - 1000];
            peer->ack = said.segment.seq + said.segment.len;
            peer->seq = said.segment.ack;
        }
    }
}

static void test_burst_equals_one_by_one(void **state)
{
    (void)state;
    start_twins();
    random_state = 88675123u;
    for (unsigned rounds = 0; rounds < 3000; rounds++) {
        static uint8_t octets[MOST][OCTETS];
        struct endpoint_packet packets[MOST];
        unsigned count = draw(MOST + 1);
        for (unsigned i = 0; i < count; i++) {
            packets[i] = (struct endpoint_packet){octets[i], make(draw(PEERS), octets[i])};
        }
        endpoint_burst(net.host[0], packets, count, net.now);
        for (unsigned i = 0; i < count; i++) {
            endpoint_input(net.host[1], packets[i].octets, packets[i].n, net.now);
        }
        check_books();
        same_news();
        same_output();
        net.now += draw(SECOND);
        for (unsigned i = 0; i < 2; i++) {
            endpoint_timeout(net.host[i], net.now);
        }
        assert_int_equal(endpoint_deadline(net.host[0]), endpoint_deadline(net.host[1]));
        assert_memory_equal(counted(0), counted(1), sizeof *counted(0));
    }
    assert_true(counted(0)->opened > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_burst_equals_one_by_one, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
