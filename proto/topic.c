#include "proto/wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

static const char *const kinds[TOPIC_COUNT] = {
    [TOPIC_UNKNOWN] = "?",
    [TOPIC_FRAME] = "frame",
    [TOPIC_EGO] = "ego",
    [TOPIC_CONTROL] = "control",
    [TOPIC_CALIBRATION] = "calibration",
    [TOPIC_OBJECTS] = "objects",
    [TOPIC_LANES] = "lanes",
    [TOPIC_STATUS] = "status",
};

static bool is_kind(struct bytes b, size_t n, const char *kind)
{
    return strlen(kind) == n && !memcmp(b.data, kind, n);
}

enum topic topic_parse(struct bytes b, char name[MESSAGE_MAX_NAME])
{
    const uint8_t *slash = b.size ? memchr(b.data, '/', b.size) : NULL;
    size_t n = slash ? (size_t)(slash - b.data) : b.size;
    size_t rest = b.size - n; /* with the slash */

    name[0] = 0;
    if (b.size == 0)
        return TOPIC_UNKNOWN;
    for (enum topic t = TOPIC_FRAME; t < TOPIC_COUNT; t++) {
        if (!is_kind(b, n, kinds[t]))
            continue;
        if (t == TOPIC_STATUS)
            return slash ? TOPIC_UNKNOWN : t;
        if (!slash || !text_is_name((const char *)slash + 1, rest - 1, MESSAGE_MAX_NAME))
            return TOPIC_UNKNOWN;
        memcpy(name, slash + 1, rest - 1);
        name[rest - 1] = 0;
        return t;
    }
    return TOPIC_UNKNOWN;
}

size_t topic_format(enum topic t, const char *name, char out[MESSAGE_MAX_NAME + 16])
{
    int n;

    assert(t > TOPIC_UNKNOWN && t < TOPIC_COUNT);
    if (t == TOPIC_STATUS)
        n = snprintf(out, MESSAGE_MAX_NAME + 16, "%s", kinds[t]);
    else
        n = snprintf(out, MESSAGE_MAX_NAME + 16, "%s/%s", kinds[t], name);
    assert(n > 0 && n < MESSAGE_MAX_NAME + 16);
    return (size_t)n;
}

struct bytes topic_without_truth(struct bytes b)
{
    static const char prefix[] = "truth/";
    const size_t n = sizeof prefix - 1;

    if (b.size <= n || memcmp(b.data, prefix, n) != 0)
        return b;
    return (struct bytes){b.data + n, b.size - n};
}
