/* One line per event on stderr: t=12.345 level=warn event=frame_malformed camera=front why="..."
 *
 *     log_warn("frame_malformed", "camera=%s why=\"%s\"", camera, why.text);
 *
 * Each place in the code writes at most LOG_BURST lines in a second; the next line that comes
 * through says how many were suppressed. Any thread; control bytes come out as '?'. */
#ifndef OUTRIDER_DAEMON_LOG_H
#define OUTRIDER_DAEMON_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "perception/base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum { LOG_BURST = 5, LOG_MAX_LINE = 1024 };

struct log_site { /* one place in the code; zeroed */
    _Atomic int64_t second;
    atomic_uint lines, suppressed;
};

void log_level_set(enum log_level max); /* more talkative levels are left out */
void log_write(struct log_site *site, enum log_level level, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Whether this place may write in the second of now_ns; if so, how many lines it had to keep. */
int log_admit(struct log_site *site, int64_t now_ns, unsigned *suppressed);

#define LOG_AT(level, event, ...)                                                                  \
    do {                                                                                           \
        static struct log_site log_site_;                                                          \
        log_write(&log_site_, level, event, __VA_ARGS__);                                          \
    } while (0)
#define log_error(event, ...) LOG_AT(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_AT(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...) LOG_AT(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, __VA_ARGS__)

#endif
