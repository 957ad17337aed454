/* What the wire_*.c files share: how one field is put into a message and read out of one.
 *
 * Packing builds protobuf-c structs in w->memory, which every call starts from the front again.
 * Unpacking lets protobuf-c build them there. A struct reader remembers the first thing that is
 * wrong; after that every read is harmless, so the readers below need no error paths. */
#ifndef OUTRIDER_PROTO_WIRE_INTERNAL_H
#define OUTRIDER_PROTO_WIRE_INTERNAL_H

#include <float.h>

#include <protobuf-c/protobuf-c.h>

#include "perception/base/arena.h"
#include "proto/common.pb-c.h"
#include "proto/wire.h"

enum {
    WIRE_MAX_PACKED = 64 << 10,   /* bytes of our own largest message, with room */
    WIRE_MAX_MESSAGE = 256 << 10, /* bytes of a message we read: a newer minor may say more */
    WIRE_MEMORY = 1 << 20,        /* message structs of one call */
    WIRE_MAX_REASONS = 64,
    WIRE_MAX_LANE = 32, /* |lane| of an object */
};

/* Times further from zero are refused, so that differences never overflow. */
#define WIRE_MAX_TIME_NS (INT64_C(1) << 62)

struct wire {
    struct arena memory;
    ProtobufCAllocator allocator; /* on memory */
    bool exhausted;
    uint8_t packed[WIRE_MAX_PACKED];
    union { /* what unpacking fills before *out is touched */
        struct frame_header frame;
        struct ego ego;
        struct control control;
        struct calibration_message calibration;
        struct objects_message objects;
        struct lanes_message lanes;
        struct status_message status;
    } staged;
};

/* ---- packing ---- */

/* A fresh message of type T (Outrider__Ego) with its init function called. */
#define NEW(w, T, init) ((T *)new_message((w), sizeof(T), (void (*)(ProtobufCMessage *))(init)))
#define NEW_ARRAY(w, T, n) ((T *)arena_take(&(w)->memory, sizeof(T) * (size_t)(n)))

void wire_begin(struct wire *w); /* forget what the last call put into w->memory */
struct bytes wire_pack(struct wire *w, const ProtobufCMessage *m);
void *new_message(struct wire *w, size_t size, void (*init)(ProtobufCMessage *));

#define PUT(m, f, v) ((m)->f = (v), (m)->has_##f = 1)
#define PUT_FLOAT(m, f, v) put_float(&(m)->has_##f, &(m)->f, (v), -FLT_MAX)
#define PUT_SIGMA(m, f, v) put_float(&(m)->has_##f, &(m)->f, (v), 0)
#define PUT_SHARE(m, f, v) put_share(&(m)->has_##f, &(m)->f, (v))
#define PUT_TIME(m, f, v) put_time(&(m)->has_##f, &(m)->f, (v), -WIRE_MAX_TIME_NS)
#define PUT_DURATION(m, f, v) put_time(&(m)->has_##f, &(m)->f, (v), 0)

void put_float(protobuf_c_boolean *has, float *to, float v, float lo); /* finite and >= lo */
void put_share(protobuf_c_boolean *has, float *to, float v);           /* clamped to 0..1 */
void put_time(protobuf_c_boolean *has, int64_t *to, int64_t v, int64_t lo);
char *put_text(struct wire *w, const char *s, size_t max); /* cleaned copy; NULL if empty */
char *put_name(struct wire *w, const char *s);             /* NULL if it is no name */
void put_uuid(protobuf_c_boolean *has, ProtobufCBinaryData *to, const uint8_t uuid[16]);
size_t put_reasons(struct wire *w, Outrider__Reason **to, uint32_t reasons);
/* A row of numbers for a packed field: all of them, or none if one is not finite (or not >= lo). */
size_t put_floats(struct wire *w, float **to, const float *v, size_t n, float lo);
Outrider__Drops *put_drops(struct wire *w, const struct drops *d, int n_causes);
Outrider__Header *put_header(struct wire *w, const struct header *h);

/* ---- unpacking ---- */

struct place { /* where in a message: "objects[3]" */
    const struct place *outer;
    const char *name;
    size_t index;
};

struct reader {
    enum err e; /* the first thing that was wrong */
    struct why *why;
    const char *message; /* "frame header" */
    const struct place *place;
};

/* Let protobuf-c parse b into w->memory. *out is borrowed until the next call on w. */
MUST_CHECK enum err wire_parse(struct wire *w, const ProtobufCMessageDescriptor *d,
                               const char *message, struct bytes b, size_t limit, void *out,
                               struct why *why);

void reader_fail(struct reader *r, enum err e, const char *field, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#define READ_FLOAT(r, m, f) read_float((r), #f, (m)->has_##f, (m)->f, -FLT_MAX, FLT_MAX)
#define READ_SIGMA(r, m, f) read_float((r), #f, (m)->has_##f, (m)->f, 0, FLT_MAX)
#define READ_SHARE(r, m, f) read_float((r), #f, (m)->has_##f, (m)->f, 0, 1)
#define READ_TIME(r, m, f) read_time((r), #f, (m)->has_##f, (m)->f, -WIRE_MAX_TIME_NS)
#define READ_DURATION(r, m, f) read_time((r), #f, (m)->has_##f, (m)->f, 0)
#define READ_COUNT(m, f) ((m)->has_##f ? (m)->f : 0)
/* 0, which means unknown, for values from count on: a newer minor version's. */
#define READ_ENUM(m, f, count)                                                                     \
    ((m)->has_##f && (unsigned)(m)->f < (unsigned)(count) ? (unsigned)(m)->f : 0)
#define READ_TEXT(r, m, f, out) read_text((r), #f, (m)->f, sizeof(out), (out))
#define READ_SCHEMA(r, m) read_schema((r), (m)->has_schema_major, (m)->schema_major)
#define REQUIRE(r, m, f) require((r), #f, (m)->has_##f)

void require(struct reader *r, const char *field, bool has);
void read_schema(struct reader *r, bool has, uint32_t major);
float read_float(struct reader *r, const char *field, bool has, float v, float lo, float hi);
enum clock_id read_clock(struct reader *r, bool has, Outrider__Clock v); /* of an input: required */
int64_t read_time(struct reader *r, const char *field, bool has, int64_t v, int64_t lo);
void read_text(struct reader *r, const char *field, const char *s, size_t max, char *out);
void read_name(struct reader *r, const char *field, const char *s, char out[MESSAGE_MAX_NAME]);
void read_uuid(struct reader *r, bool has, ProtobufCBinaryData b, uint8_t out[16]);
uint32_t read_reasons(struct reader *r, const Outrider__Reason *v, size_t n);
/* A packed field of exactly n numbers, or absent (false, out untouched). nan_ok: NaN = not known.
 */
bool read_floats(struct reader *r, const char *field, const float *v, size_t n_v, size_t n,
                 bool nan_ok, float lo, float hi, float *out);
/* How many entries to read; 0 after complaining if there are more than limit. */
int read_list(struct reader *r, const char *field, size_t n, size_t limit);
void read_drops(const Outrider__Drops *m, struct drops *out);
void read_header(struct reader *r, const Outrider__Header *m, struct header *out);

#endif
