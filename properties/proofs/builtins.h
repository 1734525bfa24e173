/* What compilers bring along, told to an analysis that knows it by name only. */
#ifndef BUILTINS_H
#define BUILTINS_H

#include <stddef.h>

/*@ requires \valid((unsigned char *)to + (0 .. n - 1));
    assigns ((unsigned char *)to)[0 .. n - 1] \from octet;
    assigns \result \from to;
    ensures \result == to; */
void *__builtin_memset(void *to, int octet, size_t n);

#endif
