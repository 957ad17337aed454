/* Texts from outside: what may stand in a name, and what may be printed. */
#ifndef OUTRIDER_PROTO_TEXT_H
#define OUTRIDER_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes (1 to 4) of the UTF-8 character that s begins with; 0 if it is none or a control character
 * (which would reach somebody's terminal). */
size_t text_character(const char *s, size_t size);

/* 1 to max - 1 characters of [A-Za-z0-9_.-]: a camera or vehicle. */
bool text_is_name(const char *s, size_t size, size_t max);

#endif
