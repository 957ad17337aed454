/* The protobuf library unpacks by recursion and makes much memory out of few bytes: two bytes for
 * an empty node, a hundred in memory. So the nesting is measured before, on the bytes alone, and
 * memory is handed out by an allocator that stops at a bound proportional to the file. */
#include "perception/nn/onnx_parse.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    MAX_DEPTH = 32, /* messages in messages; a graph in a graph takes three */
    BYTES_PER_BYTE = 16,
    BYTES_BASE = 16 << 20,
};

struct budget {
    size_t left;
    bool spent;
};

static void *budget_alloc(void *data, size_t n)
{
    struct budget *b = data;

    if (n > b->left) {
        b->spent = true;
        return NULL;
    }
    b->left -= n;
    return malloc(n);
}

static void budget_free(void *data, void *p)
{
    (void)data;
    free(p);
}

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t c = *(*p)++;

        *v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

/* Only the wire format is judged here; what is wrong otherwise, unpacking will find. */
static bool depth_fine(const ProtobufCMessageDescriptor *type, const uint8_t *p, const uint8_t *end,
                       int depth)
{
    const ProtobufCFieldDescriptor *f;
    uint64_t tag, n;

    if (depth > MAX_DEPTH)
        return false;
    while (p < end) {
        if (!read_varint(&p, end, &tag))
            return true;
        switch (tag & 7) {
        case 0:
            if (!read_varint(&p, end, &n))
                return true;
            continue;
        case 1:
            n = 8;
            break;
        case 5:
            n = 4;
            break;
        case 2:
            if (!read_varint(&p, end, &n))
                return true;
            break;
        default:
            return true;
        }
        if (n > (uint64_t)(end - p))
            return true;
        f = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if ((tag & 7) == 2 && f && f->type == PROTOBUF_C_TYPE_MESSAGE &&
            !depth_fine(f->descriptor, p, p + n, depth + 1))
            return false;
        p += n;
    }
    return true;
}

ProtobufCMessage *onnx_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n,
                              enum err *e, struct why *why)
{
    struct budget budget = {.left = BYTES_BASE + n * BYTES_PER_BYTE};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *m;

    if (!depth_fine(type, bytes, (const uint8_t *)bytes + n, 0)) {
        *e = err_say(why, ERR_LIMIT, "messages nested deeper than %d", MAX_DEPTH);
        return NULL;
    }
    m = protobuf_c_message_unpack(type, &allocator, n, bytes);
    if (m) {
        *e = OK;
        return m;
    }
    *e = budget.spent ? err_say(why, ERR_LIMIT, "unpacks to more than %zu bytes",
                                (size_t)BYTES_BASE + n * BYTES_PER_BYTE)
                      : err_say(why, ERR_FORMAT, "not an ONNX %s, or cut short", type->short_name);
    return NULL;
}
