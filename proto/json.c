#include "proto/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/calibration.pb-c.h"
#include "proto/control.pb-c.h"
#include "proto/ego.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/lanes.pb-c.h"
#include "proto/objects.pb-c.h"
#include "proto/status.pb-c.h"
#include "proto/text.h"
#include "proto/wire_internal.h"

struct printer {
    FILE *f;
    enum json_style style;
    int depth;
};

static void print_message(struct printer *p, const ProtobufCMessage *m, const char *topic);

static void new_line(struct printer *p)
{
    if (p->style == JSON_INDENTED)
        fprintf(p->f, "\n%*s", 2 * p->depth, "");
}

static void print_string(FILE *f, const char *s, size_t size)
{
    fputc('"', f);
    for (size_t i = 0, n; i < size; i += n ? n : 1) {
        n = text_character(s + i, size - i);
        if (n == 1 && (s[i] == '"' || s[i] == '\\'))
            fprintf(f, "\\%c", s[i]);
        else if (n > 0)
            fwrite(s + i, 1, n, f);
        else if ((unsigned char)s[i] < 0x80)
            fprintf(f, "\\u%04x", (unsigned)s[i]);
        else
            fputs("\\ufffd", f);
    }
    fputc('"', f);
}

static void print_float(FILE *f, float v)
{
    char text[32];

    if (!isfinite(v)) {
        fputs("null", f);
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    fputs(text, f);
}

static void print_bytes(FILE *f, ProtobufCBinaryData b)
{
    fputc('"', f);
    for (size_t i = 0; i < b.len; i++)
        fprintf(f, "%02x", b.data[i]);
    fputc('"', f);
}

static void print_enum(FILE *f, const ProtobufCEnumDescriptor *d, int v)
{
    const ProtobufCEnumValue *e = protobuf_c_enum_descriptor_get_value(d, v);

    if (e)
        fprintf(f, "\"%s\"", e->name);
    else /* of a newer minor version */
        fprintf(f, "%d", v);
}

static void print_value(struct printer *p, const ProtobufCFieldDescriptor *d, const void *at)
{
    switch (d->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        fprintf(p->f, "%" PRId32, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        fprintf(p->f, "%" PRIu32, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        fprintf(p->f, "%" PRId64, *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        fprintf(p->f, "%" PRIu64, *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        print_float(p->f, *(const float *)at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        fprintf(p->f, isfinite(*(const double *)at) ? "%.17g" : "null", *(const double *)at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        fputs(*(const protobuf_c_boolean *)at ? "true" : "false", p->f);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        print_enum(p->f, d->descriptor, *(const int *)at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        print_string(p->f, *(char *const *)at, strlen(*(char *const *)at));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        print_bytes(p->f, *(const ProtobufCBinaryData *)at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        print_message(p, *(ProtobufCMessage *const *)at, NULL);
        break;
    }
}

static size_t value_size(ProtobufCType t)
{
    switch (t) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    default:
        return 4;
    }
}

/* Numbers stand side by side; messages each begin a line when indented. */
static void print_list(struct printer *p, const ProtobufCFieldDescriptor *d, const char *items,
                       size_t n)
{
    bool lines = d->type == PROTOBUF_C_TYPE_MESSAGE;

    fputc('[', p->f);
    p->depth++;
    for (size_t i = 0; i < n; i++) {
        if (i)
            fputc(',', p->f);
        if (lines)
            new_line(p);
        print_value(p, d, items + i * value_size(d->type));
    }
    p->depth--;
    if (lines)
        new_line(p);
    fputc(']', p->f);
}

static bool is_present(const ProtobufCFieldDescriptor *d, const char *m)
{
    if (d->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(m + d->quantifier_offset) > 0;
    if (d->type == PROTOBUF_C_TYPE_STRING || d->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)(m + d->offset) != NULL;
    return d->label == PROTOBUF_C_LABEL_REQUIRED ||
           *(const protobuf_c_boolean *)(m + d->quantifier_offset);
}

static void print_name(struct printer *p, const char *name, bool first)
{
    if (!first)
        fputc(',', p->f);
    new_line(p);
    fprintf(p->f, p->style == JSON_INDENTED ? "\"%s\": " : "\"%s\":", name);
}

static void print_message(struct printer *p, const ProtobufCMessage *m, const char *topic)
{
    const char *base = (const char *)m;
    bool first = true;

    fputc('{', p->f);
    p->depth++;
    if (topic) {
        print_name(p, "topic", true);
        print_string(p->f, topic, strlen(topic));
        first = false;
    }
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *d = &m->descriptor->fields[i];

        if (!is_present(d, base))
            continue;
        print_name(p, d->name, first);
        first = false;
        if (d->label == PROTOBUF_C_LABEL_REPEATED)
            print_list(p, d, *(char *const *)(base + d->offset),
                       *(const size_t *)(base + d->quantifier_offset));
        else
            print_value(p, d, base + d->offset);
    }
    p->depth--;
    if (!first)
        new_line(p);
    fputc('}', p->f);
}

void json_print(FILE *f, const ProtobufCMessage *m, enum json_style style)
{
    struct printer p = {f, style, 0};

    print_message(&p, m, NULL);
}

enum err json_message(struct wire *w, struct bytes topic, struct bytes body, enum json_style style,
                      FILE *f, struct why *why)
{
    static const struct {
        const ProtobufCMessageDescriptor *descriptor;
        const char *name;
    } kind[TOPIC_COUNT] = {
        [TOPIC_FRAME] = {&outrider__frame_header__descriptor, "frame header"},
        [TOPIC_EGO] = {&outrider__ego__descriptor, "ego"},
        [TOPIC_CONTROL] = {&outrider__control__descriptor, "control"},
        [TOPIC_CALIBRATION] = {&outrider__calibration__descriptor, "calibration"},
        [TOPIC_OBJECTS] = {&outrider__objects__descriptor, "objects"},
        [TOPIC_LANES] = {&outrider__lanes__descriptor, "lanes"},
        [TOPIC_STATUS] = {&outrider__status__descriptor, "status"},
    };
    struct printer p = {f, style, 0};
    const struct bytes plain = topic_without_truth(topic);
    char name[MESSAGE_MAX_NAME], text[MESSAGE_MAX_NAME + 24] = "truth/";
    const size_t prefix = topic.size - plain.size; /* 0, or that of "truth/" */
    enum topic t = topic_parse(plain, name);
    ProtobufCMessage *m;
    enum err e;

    if (t == TOPIC_UNKNOWN)
        return err_say(why, ERR_UNSUPPORTED, "a topic of %zu bytes is none of ours", topic.size);
    e = wire_parse(w, kind[t].descriptor, kind[t].name, body, WIRE_MAX_MESSAGE, &m, why);
    if (e != OK)
        return e;
    topic_format(t, name, text + prefix);
    print_message(&p, m, text);
    return OK;
}
