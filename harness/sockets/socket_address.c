/* Addresses between the sockets' world and the endpoint's, and what an ICMP error is called. An
 * IPv4-mapped address on an IPv6 socket is an IPv4 address from here on. */
#include "socket_internal.h"

#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_is_zero(const struct tfsm_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->octets, zero, sizeof zero) == 0;
}

static int address6_in(const struct sockaddr *address, socklen_t size, struct tfsm_address *out,
                       uint16_t *port)
{
    struct sockaddr_in6 six;
    if (size < 24) { /* without the scope, as RFC 2133 had it */
        return -EINVAL;
    }
    memset(&six, 0, sizeof six);
    memcpy(&six, address, size < sizeof six ? size : sizeof six);
    *port = ntohs(six.sin6_port);
    if (memcmp(six.sin6_addr.s6_addr, mapped, sizeof mapped) == 0) {
        out->family = 4;
        memcpy(out->octets, six.sin6_addr.s6_addr + 12, 4);
    } else {
        out->family = 6;
        memcpy(out->octets, six.sin6_addr.s6_addr, 16);
    }
    return 0;
}

int address_in(const struct sock *sock, const struct sockaddr *address, socklen_t size,
               struct tfsm_address *out, uint16_t *port)
{
    struct sockaddr_in four;
    sa_family_t family;
    memset(out, 0, sizeof *out);
    if (address == NULL) {
        return -EFAULT;
    }
    if (size < (sock->family == AF_INET6 ? 24u : sizeof four) ||
        size > sizeof(struct sockaddr_storage)) {
        return -EINVAL;
    }
    memcpy(&family, address, sizeof family);
    if (family == AF_INET6 && sock->family == AF_INET6) {
        return address6_in(address, size, out, port);
    }
    memcpy(&four, address, sizeof four);
    /* Old programs bind to any address without saying its family. */
    bool any = family == AF_UNSPEC && four.sin_addr.s_addr == INADDR_ANY;
    if ((family != AF_INET && !any) || sock->family != AF_INET) {
        return -EAFNOSUPPORT;
    }
    *port = ntohs(four.sin_port);
    out->family = 4;
    memcpy(out->octets, &four.sin_addr, 4);
    return 0;
}

int address_out(const struct sock *sock, const struct tfsm_address *from, uint16_t port,
                struct sockaddr *address, socklen_t *size)
{
    union {
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } whole;
    socklen_t length = sizeof whole.four;
    if (address == NULL) {
        return 0;
    }
    if (size == NULL) {
        return -EFAULT;
    }
    memset(&whole, 0, sizeof whole);
    if (sock->family == AF_INET) {
        whole.four.sin_family = AF_INET;
        whole.four.sin_port = htons(port);
        memcpy(&whole.four.sin_addr, from->octets, 4);
    } else {
        bool four = from->family == 4;
        length = sizeof whole.six;
        whole.six.sin6_family = AF_INET6;
        whole.six.sin6_port = htons(port);
        memcpy(whole.six.sin6_addr.s6_addr, mapped, sizeof mapped);
        memcpy(whole.six.sin6_addr.s6_addr + (four ? 12 : 0), from->octets, four ? 4 : 16);
    }
    memcpy(address, &whole, *size < length ? *size : length);
    *size = length;
    return 0;
}

/* Destination unreachable, by code: what Linux tells of each. */
static int unreachable_v4(unsigned code)
{
    static const int errors[] = {ENETUNREACH,  EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED,
                                 EMSGSIZE,     EOPNOTSUPP,   ENETUNREACH,  EHOSTDOWN,
                                 ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
                                 EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH};
    return code < sizeof errors / sizeof errors[0] ? errors[code] : EHOSTUNREACH;
}

static int unreachable_v6(unsigned code)
{
    static const int errors[] = {ENETUNREACH,  EACCES, EHOSTUNREACH, EHOSTUNREACH,
                                 ECONNREFUSED, EACCES, EACCES};
    return code < sizeof errors / sizeof errors[0] ? errors[code] : EPROTO;
}

int address_error(unsigned family, unsigned type, unsigned code)
{
    if (family == 4) {
        return type == 3    ? unreachable_v4(code)
               : type == 11 ? EHOSTUNREACH
               : type == 12 ? EPROTO
                            : 0;
    }
    return type == 1   ? unreachable_v6(code)
           : type == 2 ? EMSGSIZE
           : type == 3 ? EHOSTUNREACH
           : type == 4 ? EPROTO
                       : 0;
}
