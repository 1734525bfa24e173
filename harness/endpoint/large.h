/* Memory for an endpoint of many connections, for programs on Linux: in large pages where the kernel has them. A segment
 * of a random connection touches few cache lines, but each on a page of its own: with pages of 4096 octets the processor
 * walks its page tables for most of them, which costs more than the lines do. The endpoint itself knows nothing of
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

/* endpoint_create() in such pages; what is smaller than one is left to that. Given back by endpoint_destroy(). Rings are
 * not touched: of what nobody uses only the rest of a page is taken. */
static inline struct endpoint *endpoint_create_large(const struct endpoint_config *config)
{
    size_t size = endpoint_size(config);
    if (size < ENDPOINT_LARGE_PAGE || size > SIZE_MAX - ENDPOINT_LARGE_PAGE) {
        return endpoint_create(config);
    }
    size = (size + ENDPOINT_LARGE_PAGE - 1) / ENDPOINT_LARGE_PAGE * ENDPOINT_LARGE_PAGE;
    void *memory = aligned_alloc(ENDPOINT_LARGE_PAGE, size);
    if (memory == NULL) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, size, MADV_HUGEPAGE); /* a wish */
#endif
    struct endpoint_config small = *config;
    small.send_ring = 1;
    small.receive_ring = 1;
    memset(memory, 0, endpoint_size(&small)); /* of rings nobody reads what was not written */
    return endpoint_place(config, memory);
}

#endif
