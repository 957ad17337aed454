/* The working memory, and the plumbing of single fields. The messages are in wire_*.c. */
#include "proto/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "proto/wire_internal.h"

static void *take(void *allocator_data, size_t size)
{
    struct wire *w = allocator_data;
    size_t room = w->memory.size - w->memory.used;

    if (size > room) { /* both are multiples of ARENA_ALIGN once rounded up */
        w->exhausted = true;
        return NULL;
    }
    return arena_take(&w->memory, size);
}

static void leave(void *allocator_data, void *p) /* the whole arena is released at once */
{
    (void)allocator_data;
    (void)p;
}

enum err wire_open(struct wire **out)
{
    struct wire *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w)
        return ERR_NOMEM;
    if (arena_init(&w->memory, WIRE_MEMORY) != OK) {
        free(w);
        return ERR_NOMEM;
    }
    w->allocator = (ProtobufCAllocator){take, leave, w};
    *out = w;
    return OK;
}

void wire_close(struct wire *w)
{
    if (!w)
        return;
    arena_finish(&w->memory);
    free(w);
}

void wire_begin(struct wire *w)
{
    w->memory.used = 0;
    w->exhausted = false;
}

/* ---- packing ---- */

void *new_message(struct wire *w, size_t size, void (*init)(ProtobufCMessage *))
{
    ProtobufCMessage *m = arena_take(&w->memory, size);

    init(m);
    return m;
}

struct bytes wire_pack(struct wire *w, const ProtobufCMessage *m)
{
    assert(protobuf_c_message_get_packed_size(m) <= sizeof w->packed);
    return (struct bytes){w->packed, protobuf_c_message_pack(m, w->packed)};
}

void put_float(protobuf_c_boolean *has, float *to, float v, float lo)
{
    *has = isfinite(v) && v >= lo;
    *to = v;
}

void put_share(protobuf_c_boolean *has, float *to, float v)
{
    *has = !isnan(v);
    *to = v < 0 ? 0 : v > 1 ? 1 : v;
}

void put_time(protobuf_c_boolean *has, int64_t *to, int64_t v, int64_t lo)
{
    *has = v >= lo && v <= WIRE_MAX_TIME_NS;
    *to = v;
}

char *put_text(struct wire *w, const char *s, size_t max)
{
    size_t size = strnlen(s, max - 1);
    char *copy;

    if (size == 0)
        return NULL;
    copy = arena_take(&w->memory, size + 1);
    for (size_t i = 0; i < size;) {
        size_t n = text_character(s + i, size - i);

        if (n == 0)
            copy[i++] = '?';
        for (; n > 0; n--, i++)
            copy[i] = s[i];
    }
    copy[size] = 0;
    return copy;
}

char *put_name(struct wire *w, const char *s)
{
    size_t size = strnlen(s, MESSAGE_MAX_NAME);

    return text_is_name(s, size, MESSAGE_MAX_NAME) ? put_text(w, s, MESSAGE_MAX_NAME) : NULL;
}

void put_uuid(protobuf_c_boolean *has, ProtobufCBinaryData *to, const uint8_t uuid[16])
{
    static const uint8_t none[16];

    *has = memcmp(uuid, none, sizeof none) != 0;
    *to = (ProtobufCBinaryData){16, (uint8_t *)uuid}; /* only read while packing */
}

size_t put_reasons(struct wire *w, Outrider__Reason **to, uint32_t reasons)
{
    size_t n = 0;

    *to = NEW_ARRAY(w, Outrider__Reason, REASON_COUNT);
    for (int i = 1; i < REASON_COUNT; i++)
        if (reasons & 1u << i)
            (*to)[n++] = (Outrider__Reason)i;
    return n;
}

size_t put_floats(struct wire *w, float **to, const float *v, size_t n, float lo)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]) || v[i] < lo)
            return 0;
    *to = NEW_ARRAY(w, float, n);
    memcpy(*to, v, n * sizeof *v);
    return n;
}

/* ---- unpacking ---- */

enum err wire_parse(struct wire *w, const ProtobufCMessageDescriptor *d, const char *message,
                    struct bytes b, size_t limit, void *out, struct why *why)
{
    static const uint8_t nothing[1];
    ProtobufCMessage *m;

    if (b.size > limit)
        return err_say(why, ERR_LIMIT, "%s has %zu bytes, limit %zu", message, b.size, limit);
    wire_begin(w);
    m = protobuf_c_message_unpack(d, &w->allocator, b.size, b.size ? b.data : nothing);
    if (!m && w->exhausted)
        return err_say(why, ERR_LIMIT, "%s of %zu bytes needs more than %d bytes of memory",
                       message, b.size, WIRE_MEMORY);
    if (!m)
        return err_say(why, ERR_FORMAT, "%s of %zu bytes is not a %s message", message, b.size,
                       d->short_name);
    *(ProtobufCMessage **)out = m;
    return OK;
}

static size_t place_format(const struct place *p, char *out, size_t size)
{
    size_t n = 0;

    if (!p)
        return 0;
    n = place_format(p->outer, out, size);
    n += (size_t)snprintf(out + n, size - n, "%s[%zu].", p->name, p->index);
    assert(n < size); /* names of our own fields, two levels at most */
    return n;
}

void reader_fail(struct reader *r, enum err e, const char *field, const char *fmt, ...)
{
    char place[96] = "", text[160];
    va_list ap;

    if (r->e != OK)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    place_format(r->place, place, sizeof place);
    r->e = err_say(r->why, e, "%s: %s%s %s", r->message, place, field, text);
}

void require(struct reader *r, const char *field, bool has)
{
    if (!has)
        reader_fail(r, ERR_FORMAT, field, "is absent, but required");
}

void read_schema(struct reader *r, bool has, uint32_t major)
{
    require(r, "schema_major", has);
    if (has && major != SCHEMA_MAJOR)
        reader_fail(r, ERR_MISMATCH, "schema_major", "is %" PRIu32 ", this build reads %d", major,
                    SCHEMA_MAJOR);
}

float read_float(struct reader *r, const char *field, bool has, float v, float lo, float hi)
{
    if (!has)
        return NAN;
    if (!isfinite(v))
        reader_fail(r, ERR_FORMAT, field, "is %g, must be finite (absent if not known)", (double)v);
    else if (v < lo)
        reader_fail(r, ERR_LIMIT, field, "is %g, limit >= %g", (double)v, (double)lo);
    else if (v > hi)
        reader_fail(r, ERR_LIMIT, field, "is %g, limit <= %g", (double)v, (double)hi);
    return v;
}

int64_t read_time(struct reader *r, const char *field, bool has, int64_t v, int64_t lo)
{
    if (!has)
        return TIME_UNKNOWN;
    if (v < lo || v > WIRE_MAX_TIME_NS)
        reader_fail(r, ERR_LIMIT, field, "is %" PRId64 ", limit %" PRId64 "..%" PRId64, v, lo,
                    WIRE_MAX_TIME_NS);
    return v;
}

void read_text(struct reader *r, const char *field, const char *s, size_t max, char *out)
{
    size_t size = s ? strlen(s) : 0;

    out[0] = 0;
    if (size >= max) {
        reader_fail(r, ERR_LIMIT, field, "has %zu bytes, limit %zu", size, max - 1);
        return;
    }
    for (size_t i = 0, n; i < size; i += n) {
        n = text_character(s + i, size - i);
        if (n == 0) {
            reader_fail(r, ERR_FORMAT, field,
                        "has byte 0x%02x at %zu, which is not printable UTF-8", (unsigned char)s[i],
                        i);
            return;
        }
    }
    if (size)
        memcpy(out, s, size + 1);
}

void read_name(struct reader *r, const char *field, const char *s, char out[MESSAGE_MAX_NAME])
{
    read_text(r, field, s, MESSAGE_MAX_NAME, out);
    if (out[0] && !text_is_name(out, strlen(out), MESSAGE_MAX_NAME))
        reader_fail(r, ERR_FORMAT, field, "is '%s', allowed are letters, digits, _ . -", out);
}

void read_uuid(struct reader *r, bool has, ProtobufCBinaryData b, uint8_t out[16])
{
    memset(out, 0, 16);
    if (!has)
        return;
    if (b.len != 16)
        reader_fail(r, ERR_FORMAT, "run_uuid", "has %zu bytes, must have 16", b.len);
    else
        memcpy(out, b.data, 16);
}

uint32_t read_reasons(struct reader *r, const Outrider__Reason *v, size_t n)
{
    uint32_t reasons = 0;

    n = (size_t)read_list(r, "reasons", n, WIRE_MAX_REASONS);
    for (size_t i = 0; i < n; i++)
        if ((unsigned)v[i] > 0 && (unsigned)v[i] < REASON_COUNT)
            reasons |= 1u << (unsigned)v[i];
    return reasons;
}

bool read_floats(struct reader *r, const char *field, const float *v, size_t n_v, size_t n,
                 bool nan_ok, float lo, float hi, float *out)
{
    if (n_v == 0)
        return false;
    if (n_v != n) {
        reader_fail(r, ERR_FORMAT, field, "has %zu numbers, must have %zu", n_v, n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (nan_ok && isnan(v[i]))
            continue;
        if (!isfinite(v[i]) || v[i] < lo || v[i] > hi) {
            reader_fail(r, isfinite(v[i]) ? ERR_LIMIT : ERR_FORMAT, field,
                        "number %zu is %g, limit %g..%g", i, (double)v[i], (double)lo, (double)hi);
            return false;
        }
    }
    memcpy(out, v, n * sizeof *v);
    return true;
}

int read_list(struct reader *r, const char *field, size_t n, size_t limit)
{
    if (n <= limit)
        return (int)n;
    reader_fail(r, ERR_LIMIT, field, "has %zu entries, limit %zu", n, limit);
    return 0;
}
