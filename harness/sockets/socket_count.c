/* What goes over the wire, counted for TCP_INFO: by addresses and ports, for a connection may have
 * come and gone before anybody has accepted it. */
#include "socket_internal.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS_MOST 4096u /* beyond that the oldest is forgotten */

static bool same(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static struct flow *find(const struct sockets *s, const struct tfsm_address *local,
                         uint16_t local_port, const struct tfsm_address *remote,
                         uint16_t remote_port)
{
    for (struct flow *flow = s->flows; flow != NULL; flow = flow->next) {
        if (flow->local_port == local_port && flow->remote_port == remote_port &&
            same(&flow->local, local) && same(&flow->remote, remote)) {
            return flow;
        }
    }
    return NULL;
}

const struct flow *flow_of(const struct sockets *s, const struct endpoint_status_block *status)
{
    return find(s, &status->local, status->local_port, &status->remote, status->remote_port);
}

static void forget_oldest(struct sockets *s)
{
    struct flow **last = &s->flows;
    while ((*last)->next != NULL) {
        last = &(*last)->next;
    }
    free(*last);
    *last = NULL;
    s->flow_count--;
}

/* A SYN that no other has answered yet begins anew, unless it comes again. */
static struct flow *flow_for(struct sockets *s, const struct tfsm_packet *packet, bool out)
{
    const struct tfsm_segment *segment = &packet->segment;
    struct flow wanted = {.local = out ? packet->src : packet->dst,
                          .remote = out ? packet->dst : packet->src,
                          .local_port = out ? packet->src_port : packet->dst_port,
                          .remote_port = out ? packet->dst_port : packet->src_port};
    struct flow *flow =
        find(s, &wanted.local, wanted.local_port, &wanted.remote, wanted.remote_port);
    bool opens = (segment->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN;
    if (flow != NULL && (!opens || flow->syn == segment->seq)) {
        return flow;
    }
    if (flow == NULL) {
        flow = malloc(sizeof *flow);
        if (flow == NULL) {
            return NULL;
        }
        wanted.next = s->flows;
        s->flows = flow;
        s->flow_count++;
    } else {
        wanted.next = flow->next;
    }
    *flow = wanted;
    flow->syn = opens ? segment->seq : 0;
    if (s->flow_count > FLOWS_MOST) {
        forget_oldest(s);
    }
    return flow;
}

static uint32_t text_of(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

void count_packet(struct sockets *s, const struct tfsm_packet *packet, bool out)
{
    struct flow *flow = flow_for(s, packet, out);
    if (flow == NULL) {
        return;
    }
    const struct tfsm_segment *segment = &packet->segment;
    uint32_t text = text_of(segment);
    if (!out) {
        flow->segs_in++;
        flow->data_segs_in += text > 0;
        flow->data_in_at = text > 0 ? s->clock : flow->data_in_at;
        flow->ack_in_at = (segment->flags & TFSM_ACK) != 0 ? s->clock : flow->ack_in_at;
        return;
    }
    uint32_t end = segment->seq + segment->len;
    uint32_t old = flow->sent ? flow->sent_to - segment->seq : 0; /* octets that went out before */
    old = old > UINT32_MAX / 2 ? 0 : old < segment->len ? old : segment->len;
    flow->segs_out++;
    flow->data_segs_out += text > 0;
    flow->bytes_sent += text;
    flow->bytes_retrans += old < text ? old : text;
    flow->total_retrans += old > 0;
    flow->data_out_at = text > 0 ? s->clock : flow->data_out_at;
    if (segment->len > old) {
        flow->sent = true;
        flow->sent_to = end;
    }
}

void count_end(struct sockets *s)
{
    while (s->flows != NULL) {
        struct flow *flow = s->flows;
        s->flows = flow->next;
        free(flow);
    }
}
