/* What all formats of reports share. See report.h. */
#include "report.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void report_address(const struct tfsm_address *address, char out[REPORT_END])
{
    snprintf(out, REPORT_END, "?");
    inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->octets, out, REPORT_END);
}

void report_end_text(const struct docket_case *the_case, unsigned end, char out[REPORT_END])
{
    char text[REPORT_END];
    const struct tfsm_address *address = &the_case->address[end];
    report_address(address, text);
    snprintf(out, REPORT_END, address->family == 6 ? "[%.45s]:%u" : "%.45s:%u", text,
             the_case->port[end]);
}

/* Octets of the UTF-8 character at the beginning; 0 where there is none that XML can bear (XML 1.0, 2.2). */
static size_t character(const unsigned char *in)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = in[0] < 0x80             ? 1
               : (in[0] & 0xe0) == 0xc0 ? 2
               : (in[0] & 0xf0) == 0xe0 ? 3
               : (in[0] & 0xf8) == 0xf0 ? 4
                                        : 0;
    if (n <= 1) {
        return n == 1 && in[0] >= 0x20 && in[0] != 0x7f;
    }
    uint32_t code = in[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((in[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (in[i] & 0x3fu);
    }
    bool control = code < 0xa0; /* the second set of them */
    bool surrogate = code >= 0xd800 && code < 0xe000;
    bool none = (code & 0xfffe) == 0xfffe || code > 0x10ffff;
    return code >= least[n] && !control && !surrogate && !none ? n : 0;
}

void report_clean(char *out, size_t room, const char *in)
{
    size_t used = 0;
    while (*in != '\0') {
        size_t n = character((const unsigned char *)in);
        size_t more = n > 0 ? n : 1;
        if (used + more >= room) {
            break;
        }
        memcpy(out + used, n > 0 ? in : "?", more);
        used += more;
        in += more;
    }
    out[used] = '\0';
}
