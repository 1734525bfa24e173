/* What command lines name: the end of a connection, and files. */
#include "cli.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

bool cli_subject_parse(struct cli_subject *subject, const char *text)
{
    char alone[64];
    const char *colon = strrchr(text, ':');
    bool six = strchr(text, ':') != colon;
    const char *behind = NULL;
    size_t n = strlen(text);
    if (text[0] == '[' && colon != NULL && colon > text && colon[-1] == ']') {
        behind = colon + 1;
        n = (size_t)(colon - 1 - (text + 1));
        text++;
        six = true;
    } else if (!six && colon != NULL) {
        behind = colon + 1;
        n = (size_t)(colon - text);
    }
    uint64_t number = 0;
    if (n >= sizeof alone || (behind != NULL && !cli_number(behind, 1, UINT16_MAX, &number))) {
        return false;
    }
    memcpy(alone, text, n);
    alone[n] = '\0';
    *subject = (struct cli_subject){
        .said = true, .address = {.family = six ? 6 : 4}, .port = (uint16_t)number};
    return inet_pton(six ? AF_INET6 : AF_INET, alone, subject->address.octets) == 1;
}

bool cli_subject_is(const struct cli_subject *subject, const struct tfsm_address *address,
                    uint16_t port)
{
    return !subject->said || ((subject->port == 0 || subject->port == port) &&
                              memcmp(&subject->address, address, sizeof *address) == 0);
}

bool cli_is_same_file(const char *a, const char *b)
{
    struct stat one;
    struct stat other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}
