#include "perception/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err err_say(struct why *why, enum err e, const char *fmt, ...)
{
    va_list ap;

    if (!why)
        return e;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return e;
}

enum err err_prefix(struct why *why, enum err e, const char *fmt, ...)
{
    char rest[sizeof why->text];
    va_list ap;
    int n;

    if (!why)
        return e;
    memcpy(rest, why->text, sizeof rest);
    va_start(ap, fmt);
    n = vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof why->text)
        snprintf(why->text + n, sizeof why->text - (size_t)n, "%s", rest);
    return e;
}

const char *err_name(enum err e)
{
    static const char *const name[] = {
        [OK] = "ok",
        [ERR_AGAIN] = "again",
        [ERR_NOMEM] = "out of memory",
        [ERR_IO] = "input/output",
        [ERR_FORMAT] = "format",
        [ERR_LIMIT] = "limit",
        [ERR_MISMATCH] = "mismatch",
        [ERR_UNSUPPORTED] = "unsupported",
    };

    return (unsigned)e < sizeof name / sizeof *name ? name[e] : "?";
}
