/* Memory for an endpoint of many connections, for programs on Linux: in large pages where the kernel has them. A segment
 * of a random connection touches few cache lines, but each on a page of its own: with pages of 4096 octets the processor
 * walks its page tables for most of them, which costs more than the lines do. Rings stay in small pages: of most of them
 * little is ever touched, and the kernel clears a page when it is touched first. The endpoint itself knows nothing of
 * pages, and works in any memory. */
#ifndef HARNESS_ENDPOINT_LARGE_H
#define HARNESS_ENDPOINT_LARGE_H

#include "endpoint.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define ENDPOINT_LARGE_PAGE ((size_t)2 << 20)

/* endpoint_create() in such pages, rings apart; what is smaller than one is left to that. Given back by
 * endpoint_destroy(). */
static inline struct endpoint *endpoint_create_large(const struct endpoint_config *config)
{
    struct endpoint_config small = *config;
    small.send_ring = 1;
    small.receive_ring = 1;
    size_t size = endpoint_size(config);
    size_t tables = endpoint_size(&small); /* rings come last */
    if (size == 0 || tables < ENDPOINT_LARGE_PAGE || size > SIZE_MAX - ENDPOINT_LARGE_PAGE) {
        return endpoint_create(config);
    }
    size = (size + ENDPOINT_LARGE_PAGE - 1) / ENDPOINT_LARGE_PAGE * ENDPOINT_LARGE_PAGE;
    void *memory = aligned_alloc(ENDPOINT_LARGE_PAGE, size);
    if (memory == NULL) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, tables / ENDPOINT_LARGE_PAGE * ENDPOINT_LARGE_PAGE,
                  MADV_HUGEPAGE); /* a wish */
#endif
    memset(memory, 0, tables); /* of rings nobody reads what was not written */
    return endpoint_place(config, memory);
}

#endif
