/* See counts.h. */
#include "counts.h"

#include <inttypes.h>
#include <stdbool.h>

void counts_show(FILE *to, const char *title, const struct count *counts, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (counts[i].value > 0) {
            if (!any) {
                fprintf(to, "%s\n", title);
            }
            any = true;
            fprintf(to, "  %-20s %12" PRIu64 "  %s\n", counts[i].name, counts[i].value,
                    counts[i].meaning);
        }
    }
}
