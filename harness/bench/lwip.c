/* lwIP as Debian builds it, by its raw interface, in this process and this thread. Its packet buffers are made before the
 * clock runs; its user takes text in the callback, as lwIP's users do. */
#include "subject.h"

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>

#include <stdlib.h>
#include <string.h>

static struct netif interface;
static struct tcp_pcb *listening;
static struct tcp_pcb *connections[CONNECTIONS];
static unsigned arriving;
static bool six;

/* The headers are in the first piece, which is all that the peer looks at. */
static err_t goes_out(struct pbuf *p)
{
    driver_sent(p->payload, p->len);
    return ERR_OK;
}

static err_t goes_out_v4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    (void)netif;
    (void)to;
    return goes_out(p);
}

static err_t goes_out_v6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
    (void)netif;
    (void)to;
    return goes_out(p);
}

static err_t begin(struct netif *netif)
{
    netif->name[0] = 'b';
    netif->name[1] = 'n';
    netif->output = goes_out_v4;
    netif->output_ip6 = goes_out_v6;
    netif->mtu = 1500;
    netif->mtu6 = 1500;
    return ERR_OK;
}

static err_t comes(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    (void)arg;
    (void)error;
    if (p != NULL) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
    }
    return ERR_OK;
}

static void ends(void *arg, err_t error)
{
    (void)error;
    connections[(uintptr_t)arg] = NULL;
}

static err_t accepts(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg;
    (void)error;
    connections[arriving] = pcb;
    tcp_arg(pcb, (void *)(uintptr_t)arriving);
    tcp_recv(pcb, comes);
    tcp_err(pcb, ends);
    return ERR_OK;
}

static void start(bool ipv6, bool stamps)
{
    static bool begun;
    (void)stamps; /* Debian's is built without */
    six = ipv6;
    if (!begun) {
        ip4_addr_t address;
        ip4_addr_t mask;
        ip4_addr_t router;
        ip6_addr_t v6;
        begun = true;
        lwip_init();
        IP4_ADDR(&address, 192, 0, 2, 1);
        IP4_ADDR(&mask, 255, 255, 255, 0);
        IP4_ADDR(&router, 192, 0, 2, 2);
        netif_add(&interface, &address, &mask, &router, NULL, begin, ip_input);
        IP6_ADDR(&v6, PP_HTONL(0x20010db8), 0, 0, PP_HTONL(1));
        netif_ip6_addr_set(&interface, 0, &v6);
        netif_ip6_addr_set_state(&interface, 0, IP6_ADDR_PREFERRED);
        netif_set_default(&interface);
        netif_set_up(&interface);
        netif_set_link_up(&interface);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (connections[i] != NULL) {
            tcp_abort(connections[i]);
        }
    }
    if (listening != NULL) {
        tcp_close(listening);
    }
    struct tcp_pcb *pcb = tcp_new_ip_type(ipv6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
    if (pcb != NULL) {
        ip_set_option(pcb, SOF_REUSEADDR); /* those of the last run may be in TIME-WAIT */
    }
    if (pcb == NULL || tcp_bind(pcb, ipv6 ? IP6_ADDR_ANY : IP4_ADDR_ANY, SERVER_PORT) != ERR_OK) {
        abort();
    }
    listening = tcp_listen_with_backlog(pcb, 64);
    tcp_accept(listening, accepts);
}

static void wrap(struct parcel *parcel)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)parcel->n, PBUF_RAM);
    if (p == NULL || pbuf_take(p, parcel->octets, (uint16_t)parcel->n) != ERR_OK) {
        abort();
    }
    parcel->wrapped = p;
}

static void arrive(unsigned i, const struct parcel *parcel)
{
    arriving = i;
    interface.input(parcel->wrapped, &interface);
}

static void user_sends(unsigned i, uint32_t octets)
{
    static const uint8_t text[1500];
    tcp_write(connections[i], text, (uint16_t)octets, TCP_WRITE_FLAG_COPY);
    tcp_output(connections[i]);
}

static void user_closes(unsigned i)
{
    struct tcp_pcb *pcb = connections[i];
    connections[i] = NULL;
    if (pcb != NULL) {
        tcp_arg(pcb, NULL);
        tcp_err(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_close(pcb);
    }
}

/* lwIP's own clock is real time: its timers are left alone. */
static void tick(uint64_t microseconds)
{
    (void)microseconds;
}

const struct subject subject_lwip = {.name = "lwip",
                                     .start = start,
                                     .wrap = wrap,
                                     .arrive = arrive,
                                     .send = user_sends,
                                     .close = user_closes,
                                     .tick = tick};
