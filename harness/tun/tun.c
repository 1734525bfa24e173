/* See tun.h. The kernel is spoken to by ioctl for the device and by netlink for its addresses. */
#include "tun.h"
#include "space.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096u /* packets that wait to be read: many connections speak at once */

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, TUN_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- netlink ---- */

struct request {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    uint8_t attributes[64];
};

static void begin(struct request *request, uint16_t type, unsigned flags, size_t body)
{
    memset(request, 0, sizeof *request);
    request->header.nlmsg_type = type;
    request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

/* Attributes here are of 4 or 16 octets: none needs padding. */
static void add(struct request *request, uint16_t type, const void *value, size_t n)
{
    struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(n), .rta_type = type};
    uint8_t *at = (uint8_t *)request + request->header.nlmsg_len;
    memcpy(at, &attribute, sizeof attribute);
    memcpy(at + RTA_LENGTH(0), value, n);
    request->header.nlmsg_len += (uint32_t)RTA_LENGTH(n);
}

/* What the kernel answers. */
struct reply {
    struct nlmsghdr header;
    union {
        struct nlmsgerr answer;
        struct rtmsg route;
    } body;
    uint8_t rest[1024];
};

/* Returns 0 or an errno. */
static int talk(const struct request *request, struct reply *reply)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return errno;
    }
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int error = 0;
    ssize_t n = sendto(fd, request, request->header.nlmsg_len, 0, (const struct sockaddr *)&kernel,
                       sizeof kernel);
    if (n >= 0) {
        n = recv(fd, reply, sizeof *reply, 0);
    }
    if (n < 0) {
        error = errno;
    } else if ((size_t)n < sizeof reply->header + sizeof reply->body.answer.error) {
        error = EPROTO;
    }
    close(fd);
    return error;
}

/* Ask for something to be done: 0 or an errno. */
static int ask(const struct request *request)
{
    struct reply reply;
    int error = talk(request, &reply);
    if (error == 0) {
        error = reply.header.nlmsg_type == NLMSG_ERROR ? -reply.body.answer.error : EPROTO;
    }
    return error;
}

/* fe80::/10: the same address is another host's behind each device. */
static bool is_link_local(const struct tfsm_address *address)
{
    return address->family == 6 && address->octets[0] == 0xfe &&
           (address->octets[1] & 0xc0) == 0x80;
}

/* What comes for this address, through this device where it matters, ends here. */
static bool is_routed_here(const struct tfsm_address *address, unsigned device)
{
    struct request request;
    struct reply reply;
    size_t n = address->family == 4 ? 4 : 16;
    begin(&request, RTM_GETROUTE, 0, sizeof request.body.route);
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.body.route.rtm_family = address->family == 4 ? AF_INET : AF_INET6;
    request.body.route.rtm_dst_len = (uint8_t)(n * 8);
    add(&request, RTA_DST, address->octets, n);
    if (is_link_local(address)) {
        add(&request, RTA_OIF, &device, sizeof device);
    }
    return talk(&request, &reply) == 0 && reply.header.nlmsg_type == RTM_NEWROUTE &&
           reply.body.route.rtm_type == RTN_LOCAL;
}

static int set_up(const struct tun *tun, unsigned mtu)
{
    struct request request;
    uint32_t queue = QUEUE;
    uint32_t value = mtu;
    begin(&request, RTM_NEWLINK, 0, sizeof request.body.link);
    request.body.link.ifi_index = (int)tun->index;
    request.body.link.ifi_flags = IFF_UP;
    request.body.link.ifi_change = IFF_UP;
    add(&request, IFLA_TXQLEN, &queue, sizeof queue);
    if (mtu > 0) {
        add(&request, IFLA_MTU, &value, sizeof value);
    }
    return ask(&request);
}

/* An address that is there already is as good. Nobody else can have an IPv6 one, so it is not asked
 * for. */
static int give_address(const struct tun *tun, const struct tfsm_address *host, unsigned prefix)
{
    struct request request;
    size_t n = host->family == 4 ? 4 : 16;
    begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof request.body.address);
    request.body.address.ifa_family = host->family == 4 ? AF_INET : AF_INET6;
    request.body.address.ifa_prefixlen = (uint8_t)prefix;
    request.body.address.ifa_flags = host->family == 4 ? 0 : IFA_F_NODAD;
    request.body.address.ifa_index = tun->index;
    add(&request, IFA_LOCAL, host->octets, n);
    add(&request, IFA_ADDRESS, host->octets, n);
    int error = ask(&request);
    return error == EEXIST ? 0 : error;
}

/* ---- clashes ---- */

static bool is_same(const struct sockaddr *found, const struct tfsm_address *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (found != NULL && address->family == 4 && found->sa_family == AF_INET) {
        memcpy(&v4, found, sizeof v4);
        return memcmp(&v4.sin_addr, address->octets, 4) == 0;
    }
    if (found != NULL && address->family == 6 && found->sa_family == AF_INET6) {
        memcpy(&v6, found, sizeof v6);
        return memcmp(&v6.sin6_addr, address->octets, 16) == 0;
    }
    return false;
}

/* bind() does not tell: with ip_nonlocal_bind it takes any address. A link-local one is of this host on
 * the device alone. */
static bool is_of_this_host(const struct tfsm_address *address, const char *name)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0) {
        return is_routed_here(address, if_nametoindex(name));
    }
    for (const struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next) {
        found = is_same(at->ifa_addr, address) &&
                (!is_link_local(address) || strcmp(at->ifa_name, name) == 0);
    }
    freeifaddrs(list);
    return found;
}

/* With ip_nonlocal_bind always; else only what is in use. */
static bool can_be_bound_to(const struct tfsm_address *address, unsigned device)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_scope_id = is_link_local(address) ? device : 0};
    bool four = address->family == 4;
    memcpy(&v4.sin_addr, address->octets, sizeof v4.sin_addr);
    memcpy(&v6.sin6_addr, address->octets, sizeof v6.sin6_addr);
    int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && (four ? bind(fd, (const struct sockaddr *)&v4, sizeof v4)
                                  : bind(fd, (const struct sockaddr *)&v6, sizeof v6)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return bound;
}

/* The kernel takes a new IPv6 address into use a moment after it has said yes, and drops what comes
 * for it before. */
static bool comes_into_use(const struct tfsm_address *address, unsigned device)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (unsigned i = 0; i < 1000; i++) {
        if (can_be_bound_to(address, device) && is_routed_here(address, device)) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

static const char *show(const struct tfsm_address *address, char text[INET6_ADDRSTRLEN])
{
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, text, INET6_ADDRSTRLEN);
    return text;
}

/* ---- the device ---- */

static bool attach(struct tun *tun, const char *name, char *error)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    tun->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun->fd < 0) {
        return fail(error, "/dev/net/tun: %s", strerror(errno));
    }
    memcpy(request.ifr_name, name, strlen(name) + 1);
    if (ioctl(tun->fd, TUNSETIFF, &request) == 0) {
        return true;
    }
    int why = errno;
    close(tun->fd);
    tun->fd = -1;
    if (why == EPERM || why == EACCES) {
        return fail(error, "no permission for a TUN device (CAP_NET_ADMIN)");
    }
    if (why == EBUSY) {
        return fail(error, "the device is in use by another process");
    }
    return fail(error, "%s", why == EINVAL ? "exists and is no TUN device" : strerror(why));
}

/* Ask the kernel about the device; -1: it does not say. */
static int query(const char *name, unsigned long what, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memset(request, 0, sizeof *request);
    memcpy(request->ifr_name, name, strlen(name) + 1);
    int result = fd >= 0 ? ioctl(fd, what, request) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

/* The kernel's end. A device that was there before may have its addresses. */
static bool configure(const struct tun *tun, const struct tun_plan *plan, bool existed, char *error)
{
    char text[INET6_ADDRSTRLEN];
    for (unsigned i = 0; i < plan->count && !existed; i++) {
        if (is_of_this_host(&plan->host[i], plan->name)) {
            return fail(error, "%s is an address of this host already, of another device",
                        show(&plan->host[i], text));
        }
    }
    int why = set_up(tun, plan->mtu);
    if (why != 0) {
        return fail(error, "cannot be set up: %s", strerror(why));
    }
    for (unsigned i = 0; i < plan->count; i++) {
        why = give_address(tun, &plan->host[i], plan->ours[i].prefix);
        if (why != 0) {
            return fail(error, "cannot have the address %s: %s", show(&plan->host[i], text),
                        strerror(why));
        }
        if (!comes_into_use(&plan->host[i], tun->index)) {
            return fail(error, "the address %s does not come into use", show(&plan->host[i], text));
        }
    }
    return true;
}

static bool open_here(struct tun *tun, const struct tun_plan *plan, char *error)
{
    char text[INET6_ADDRSTRLEN];
    struct ifreq request;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct tfsm_address *ours = &plan->ours[i].address;
        if (ours->family != 0 && is_of_this_host(ours, plan->name)) {
            return fail(error, "%s is an address of this host, it cannot be ours too",
                        show(ours, text));
        }
    }
    bool existed = query(plan->name, SIOCGIFFLAGS, &request) == 0;
    tun->as_found = existed && (request.ifr_flags & IFF_UP) != 0;
    if (!attach(tun, plan->name, error)) {
        return false;
    }
    tun->index = if_nametoindex(plan->name);
    bool fine = tun->as_found || configure(tun, plan, existed, error);
    if (fine && query(plan->name, SIOCGIFMTU, &request) != 0) {
        fine = fail(error, "its MTU is not known: %s", strerror(errno));
    }
    tun->mtu = fine ? (unsigned)request.ifr_mtu : 0;
    return fine;
}

bool tun_open(struct tun *tun, const struct tun_plan *plan, char error[TUN_ERROR])
{
    int back = -1;
    *tun = (struct tun){.fd = -1};
    if (plan->space != NULL && !space_enter(plan->space, &back, error, TUN_ERROR)) {
        return false;
    }
    bool fine = open_here(tun, plan, error);
    if (back >= 0 && !space_leave(back)) {
        fine = fine && fail(error, "cannot return from its namespace: %s", strerror(errno));
    }
    if (!fine && tun->fd >= 0) {
        close(tun->fd);
        tun->fd = -1;
    }
    return fine;
}
