/* TCP_INFO: what the TCB knows, in the members of Linux's struct tcp_info. What nobody counts here
 * is zero. */
#include "socket_internal.h"

#include <linux/tcp.h>
#include <string.h>

/* Linux's numbers of the states. */
static uint8_t state_number(enum tfsm_state state)
{
    static const uint8_t numbers[TFSM_STATES] = {
        [TFSM_ESTABLISHED] = 1, [TFSM_SYN_SENT] = 2,   [TFSM_SYN_RECEIVED] = 3,
        [TFSM_FIN_WAIT_1] = 4,  [TFSM_FIN_WAIT_2] = 5, [TFSM_TIME_WAIT] = 6,
        [TFSM_CLOSED] = 7,      [TFSM_CLOSE_WAIT] = 8, [TFSM_LAST_ACK] = 9,
        [TFSM_LISTEN] = 10,     [TFSM_CLOSING] = 11};
    return numbers[state];
}

static uint8_t options(const struct tfsm_tcb *tcb)
{
    return (uint8_t)(((tcb->flags & TFSM_M_TIMESTAMPS) != 0 ? TCPI_OPT_TIMESTAMPS : 0) |
                     ((tcb->flags & TFSM_M_SACK) != 0 ? TCPI_OPT_SACK : 0) |
                     ((tcb->flags & TFSM_M_WSCALE) != 0 ? TCPI_OPT_WSCALE : 0) |
                     ((tcb->flags & TFSM_M_ECN) != 0 ? TCPI_OPT_ECN : 0));
}

/* Linux's tcp_ca_state: open, disorder, CWR, recovery, loss. */
static uint8_t congestion_state(const struct tfsm_tcb *tcb)
{
    return (tcb->flags & TFSM_M_LOSS) != 0       ? 4
           : (tcb->flags & TFSM_M_RECOVERY) != 0 ? 3
           : (tcb->flags & TFSM_M_CUT) != 0      ? 2
           : tcb->dup_acks > 0                   ? 1
                                                 : 0;
}

static uint32_t segments(uint32_t octets, uint32_t size)
{
    return (octets + size - 1) / size;
}

static uint8_t octet(uint32_t number)
{
    return (uint8_t)(number < UINT8_MAX ? number : UINT8_MAX);
}

/* Linux tells the timeout that is running: backed off, microseconds. */
static uint32_t timeout(const struct tfsm_tcb *tcb, const struct tfsm_config *chosen)
{
    tfsm_time most = chosen->rto_max < UINT32_MAX ? chosen->rto_max : UINT32_MAX;
    tfsm_time rto = tcb->rto;
    for (unsigned i = 0; i < tcb->backoff && rto < most; i++) {
        rto *= 2;
    }
    return (uint32_t)(rto < most ? rto : most);
}

/* The sender's side; mss is the text of a full segment. */
static void fill_sending(struct tcp_info *info, const struct tfsm_tcb *tcb,
                         const struct tfsm_config *chosen,
                         const struct endpoint_status_block *status, uint32_t mss)
{
    bool probing = (tcb->flags & TFSM_M_PROBING) != 0;
    info->tcpi_retransmits = probing ? 0 : octet(tcb->tries);
    info->tcpi_probes = probing ? octet(tcb->tries) : octet(tcb->keepalives);
    info->tcpi_backoff = octet(tcb->backoff);
    info->tcpi_rto = timeout(tcb, chosen);
    info->tcpi_snd_mss = mss;
    info->tcpi_unacked = segments(status->tcp.unacknowledged, mss);
    info->tcpi_sacked = segments(tcb->snd_held, mss);
    info->tcpi_snd_cwnd = segments(tcb->cwnd, mss);
    info->tcpi_snd_ssthresh = tcb->ssthresh / mss < 0x7fffffff ? tcb->ssthresh / mss : 0x7fffffff;
    info->tcpi_rtt = tcb->srtt;
    info->tcpi_rttvar = tcb->rttvar;
    info->tcpi_notsent_bytes = status->tcp.queued - status->tcp.unacknowledged;
    info->tcpi_bytes_acked = tcb->snd_octets;
    info->tcpi_snd_wnd = tcb->snd_wnd;
    info->tcpi_snd_wscale = tcb->snd_wscale & 0x0fu;
}

/* Milliseconds since something happened, or since the clock began where it never did. */
static uint32_t since(const struct sockets *s, tfsm_time at)
{
    return (uint32_t)((s->clock - at) / 1000 & UINT32_MAX);
}

static void fill_counts(struct tcp_info *info, const struct sockets *s, const struct flow *flow)
{
    if (flow == NULL) {
        return;
    }
    info->tcpi_segs_in = flow->segs_in;
    info->tcpi_segs_out = flow->segs_out;
    info->tcpi_data_segs_in = flow->data_segs_in;
    info->tcpi_data_segs_out = flow->data_segs_out;
    info->tcpi_total_retrans = flow->total_retrans;
    info->tcpi_bytes_sent = flow->bytes_sent;
    info->tcpi_bytes_retrans = flow->bytes_retrans;
    info->tcpi_last_data_sent = since(s, flow->data_out_at);
    info->tcpi_last_data_recv = since(s, flow->data_in_at);
    info->tcpi_last_ack_recv = since(s, flow->ack_in_at);
}

int sock_tcp_info(const struct sockets *s, const struct sock *sock, void *value, socklen_t *size)
{
    struct tcp_info info;
    struct endpoint_status_block status;
    const struct endpoint_options *chosen = &sock->options[sock->remote.remote.family == 6];
    memset(&info, 0, sizeof info);
    info.tcpi_state = state_number(sock_state(s, sock));
    const struct tfsm_tcb *tcb =
        sock->connection != 0 ? endpoint_tcb(s->ep, sock->connection) : NULL;
    if (tcb != NULL && tcb->state != TFSM_CLOSED &&
        endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE) {
        uint32_t spent = (tcb->flags & TFSM_M_TIMESTAMPS) != 0 ? 12 : 0;
        uint32_t mss = tcb->snd_mss > spent ? tcb->snd_mss - spent : 1;
        info.tcpi_ca_state = congestion_state(tcb);
        info.tcpi_options = options(tcb);
        info.tcpi_rcv_wscale = tcb->rcv_wscale & 0x0fu;
        info.tcpi_ato = (uint32_t)chosen->policy.ack_delay;
        info.tcpi_advmss = chosen->policy.mss;
        info.tcpi_rcv_mss = chosen->policy.mss > spent ? chosen->policy.mss - spent : 1;
        info.tcpi_pmtu = sock_mtu(s, sock);
        info.tcpi_rcv_space = tcb->rcv_wnd;
        info.tcpi_bytes_received = tcb->rcv_octets;
        fill_counts(&info, s, flow_of(s, &status));
        if (tcb->state != TFSM_LISTEN) {
            fill_sending(&info, tcb, &chosen->policy, &status, mss);
            info.tcpi_notsent_bytes += (uint32_t)sock->held.n;
        }
    }
    *size = *size < sizeof info ? *size : (socklen_t)sizeof info;
    memcpy(value, &info, *size);
    return 0;
}
