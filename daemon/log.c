#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"

static _Atomic enum log_level level_max = LOG_INFO;

void log_level_set(enum log_level max)
{
    level_max = max;
}

int log_admit(struct log_site *site, int64_t now_ns, unsigned *suppressed)
{
    int64_t second = now_ns / NS_PER_S + 1; /* 0: nothing written yet */

    if (atomic_exchange(&site->second, second) != second)
        atomic_store(&site->lines, 0);
    if (atomic_fetch_add(&site->lines, 1) >= LOG_BURST) {
        atomic_fetch_add(&site->suppressed, 1);
        return 0;
    }
    *suppressed = atomic_exchange(&site->suppressed, 0);
    return 1;
}

void log_write(struct log_site *site, enum log_level level, const char *event, const char *fmt, ...)
{
    static const char *const name[] = {"error", "warn", "info", "debug"};
    int64_t now_ns = clock_now_ns();
    char line[LOG_MAX_LINE];
    unsigned suppressed;
    va_list ap;
    size_t n;

    if (level > level_max || !log_admit(site, now_ns, &suppressed))
        return;
    n = (size_t)snprintf(line, sizeof line, "t=%lld.%03d level=%s event=%s ",
                         (long long)(now_ns / NS_PER_S), (int)(now_ns % NS_PER_S / NS_PER_MS),
                         name[level], event);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - n, fmt, ap);
    va_end(ap);
    n = strlen(line);
    if (suppressed && n < sizeof line - 1)
        snprintf(line + n, sizeof line - n, " suppressed=%u", suppressed);
    n = strlen(line);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[n] = '\n'; /* the last byte of line was its end */
    if (write(STDERR_FILENO, line, n + 1) < 0)
        return; /* nobody listens: nothing can be done about it here */
}
