#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/calibration.pb-c.h"
#include "proto/control.pb-c.h"
#include "proto/ego.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/lanes.pb-c.h"
#include "proto/objects.pb-c.h"
#include "proto/status.pb-c.h"
#include "tests/wire_samples.h"

static struct wire *w;
static struct why why;

static void open_wire(void)
{
    cr_assert_eq(wire_open(&w), OK);
}

static void close_wire(void)
{
    wire_close(w);
}

TestSuite(wire, .init = open_wire, .fini = close_wire);

/* ---- every message as one value, so that each test runs over all of them ---- */

enum { FRAME, EGO, CALIBRATION, OBJECTS, LANES, STATUS, CONTROL, KINDS };
static const char *const kind_name[KINDS] = {"frame", "ego",    "calibration", "objects",
                                             "lanes", "status", "control"};

union any {
    struct frame_header frame;
    struct ego ego;
    struct control control;
    struct calibration_message calibration;
    struct objects_message objects;
    struct lanes_message lanes;
    struct status_message status;
};
static union any in, out;

static struct bytes pack(int kind, const union any *m)
{
    switch (kind) {
    case FRAME:
        return wire_frame_header_pack(w, &m->frame);
    case EGO:
        return wire_ego_pack(w, &m->ego);
    case CALIBRATION:
        return wire_calibration_pack(w, &m->calibration);
    case OBJECTS:
        return wire_objects_pack(w, &m->objects);
    case LANES:
        return wire_lanes_pack(w, &m->lanes);
    case STATUS:
        return wire_status_pack(w, &m->status);
    default:
        return wire_control_pack(w, &m->control);
    }
}

static enum err unpack(int kind, struct bytes b, union any *m)
{
    switch (kind) {
    case FRAME:
        return wire_frame_header_unpack(w, b, 1984 * 4, &m->frame, &why);
    case EGO:
        return wire_ego_unpack(w, b, &m->ego, &why);
    case CALIBRATION:
        return wire_calibration_unpack(w, b, &m->calibration, &why);
    case OBJECTS:
        return wire_objects_unpack(w, b, &m->objects, &why);
    case LANES:
        return wire_lanes_unpack(w, b, &m->lanes, &why);
    case STATUS:
        return wire_status_unpack(w, b, &m->status, &why);
    default:
        return wire_control_unpack(w, b, &m->control, &why);
    }
}

enum fill { NONE, SOME, MOST, FILLS };
static const char *const fill_name[FILLS] = {"none", "some", "most"};

/* NONE: whatever may be unknown is. SOME: all fields, short lists. MOST: the longest lists. */
static void fill(int kind, enum fill f, union any *m)
{
    memset(m, 0, sizeof *m);
    switch (kind) {
    case FRAME:
        sample_frame(&m->frame);
        if (f == NONE)
            m->frame = (struct frame_header){.schema_major = 1,
                                             .t_eof_ns = TIME_UNKNOWN,
                                             .clock_id = CLOCK_ID_SIM,
                                             .encoding = ENCODING_JPEG};
        break;
    case EGO:
        sample_ego(&m->ego);
        if (f == NONE)
            m->ego = (struct ego){1, CLOCK_ID_UTC, 0, NAN, NAN, NAN, NAN, NAN, NAN};
        break;
    case CALIBRATION:
        sample_calibration(&m->calibration);
        if (f == NONE) {
            memset(m, 0, sizeof *m);
            m->calibration.has_header = true;
            header_clear(&m->calibration.header);
            m->calibration.mount = mount_unknown();
        }
        break;
    case OBJECTS:
        sample_objects(&m->objects, (int[]){1, 3, SCENE_MAX_OBJECTS}[f]);
        if (f == NONE) {
            header_clear(&m->objects.header);
            object_clear(&m->objects.object[0]);
            m->objects.object[0].id = 1;
        }
        break;
    case LANES:
        sample_lanes(&m->lanes, (int[]){1, 2, SCENE_MAX_LANES}[f]);
        if (f == NONE) {
            header_clear(&m->lanes.header);
            lane_boundary_clear(&m->lanes.lane[0]);
            m->lanes.lane[0].id = 1;
            m->lanes.ego_lane = (struct ego_lane){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
            memset(&m->lanes.road, 0, sizeof m->lanes.road);
        }
        break;
    case CONTROL:
        sample_control(&m->control);
        if (f == NONE)
            m->control = (struct control){.t_ns = 1, .valid_until_ns = 1, .clock_id = CLOCK_ID_UTC};
        break;
    default:
        sample_status(&m->status, (int[]){0, 2, MESSAGE_MAX_CAMERAS}[f]);
        if (f == NONE) {
            memset(m, 0, sizeof *m);
            m->status.t_publish_ns = m->status.uptime_ns = TIME_UNKNOWN;
        }
    }
}

/* NANs of different bits compare equal here: all structs were made from zeroed memory. */
static void expect_equal(const void *a, const void *b, size_t size, const char *what)
{
    const uint32_t *x = a, *y = b;

    for (size_t i = 0; i < size / 4; i++) {
        float fx, fy;

        memcpy(&fx, x + i, 4);
        memcpy(&fy, y + i, 4);
        cr_assert(x[i] == y[i] || (isnan(fx) && isnan(fy)), "%s: word %zu is %08x, was %08x", what,
                  i, y[i], x[i]);
    }
}

/* ---- round trips ---- */

Test(wire, every_message_comes_back_as_it_left)
{
    static const size_t size[KINDS] = {sizeof(struct frame_header),
                                       sizeof(struct ego),
                                       sizeof(struct calibration_message),
                                       sizeof(struct objects_message),
                                       sizeof(struct lanes_message),
                                       sizeof(struct status_message),
                                       sizeof(struct control)};

    for (int k = 0; k < KINDS; k++)
        for (enum fill f = NONE; f < FILLS; f++) {
            struct wire *fresh; /* what lies behind the lists is not stale */
            struct wire *other = w;
            struct bytes b;

            cr_assert_eq(wire_open(&fresh), OK);
            w = fresh;
            memset(&out, 0, sizeof out);
            fill(k, f, &in);
            b = pack(k, &in);
            why.text[0] = 0;
            cr_expect_eq(unpack(k, b, &out), OK, "%s %s: %s", kind_name[k], fill_name[f], why.text);
            w = other;
            wire_close(fresh);
            /* Entries behind the end of a list are not written. */
            if (k == OBJECTS)
                memset(&out.objects.object[out.objects.n_objects], 0,
                       sizeof(struct object) * (size_t)(SCENE_MAX_OBJECTS - out.objects.n_objects));
            if (k == OBJECTS && f == NONE)
                memset(&in.objects.object[1], 0, sizeof(struct object));
            expect_equal(&in, &out, size[k], kind_name[k]);
        }
}

/* ---- golden bytes: what is on the wire today must be readable, and written, tomorrow ---- */

static void golden_path(int kind, enum fill f, char path[128])
{
    snprintf(path, 128, "tests/golden/wire/%s_%s.hex", kind_name[kind], fill_name[f]);
}

static void golden_write(const char *path, struct bytes b)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f, "%s", path);
    for (size_t i = 0; i < b.size; i++)
        fprintf(f, "%02x%s", b.data[i], i % 32 == 31 || i + 1 == b.size ? "\n" : "");
    fclose(f);
}

static struct bytes golden_read(const char *path)
{
    static uint8_t data[64 << 10];
    FILE *f = fopen(path, "r");
    size_t n = 0;
    unsigned v;

    cr_assert_not_null(f, "%s", path);
    while (n < sizeof data && fscanf(f, "%2x", &v) == 1)
        data[n++] = (uint8_t)v;
    fclose(f);
    return (struct bytes){data, n};
}

Test(wire, golden_bytes)
{
    for (int k = 0; k < KINDS; k++)
        for (enum fill f = NONE; f <= SOME; f++) {
            struct bytes b, want;
            char path[128];

            golden_path(k, f, path);
            fill(k, f, &in);
            b = pack(k, &in);
            if (getenv("OUTRIDER_UPDATE_GOLDEN"))
                golden_write(path, b);
            want = golden_read(path);
            cr_expect(b.size == want.size && !memcmp(b.data, want.data, b.size),
                      "%s is not what is packed now; OUTRIDER_UPDATE_GOLDEN=1 rewrites it", path);
            cr_assert_eq(unpack(k, want, &out), OK, "%s: %s", path, why.text);
            b = pack(k, &out);
            cr_expect(b.size == want.size && !memcmp(b.data, want.data, b.size), "%s", path);
        }
}

/* ---- hostile bytes ---- */

/* Unpack from a block of the exact size. What is let through must pack and unpack again. */
static enum err try(int kind, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    enum err e;

    memcpy(exact, bytes, size);
    why.text[0] = 0;
    e = unpack(kind, (struct bytes){exact, size}, &out);
    free(exact);
    if (e != OK) {
        cr_expect(why.text[0] != 0, "%s: %s without a reason", kind_name[kind], err_name(e));
    } else {
        static uint8_t copy[64 << 10];
        struct bytes b = pack(kind, &out);

        memcpy(copy, b.data, b.size);
        e = unpack(kind, (struct bytes){copy, b.size}, &in);
        cr_expect_eq(e, OK, "%s packs what it refuses: %s", kind_name[kind], why.text);
    }
    return e;
}

Test(wire, truncation_at_every_length)
{
    for (int k = 0; k < KINDS; k++) {
        char path[128];
        struct bytes b;

        golden_path(k, SOME, path);
        b = golden_read(path);
        for (size_t n = 0; n < b.size; n++)
            (void)try(k, b.data, n);
        cr_expect_eq(try(k, b.data, 0), ERR_FORMAT);
    }
}

Test(wire, mutations)
{
    static uint8_t copy[64 << 10];
    unsigned seed = 1;

    for (int k = 0; k < KINDS; k++) {
        char path[128];
        struct bytes b;
        int passed = 0;

        golden_path(k, SOME, path);
        b = golden_read(path);
        for (int i = 0; i < 3000; i++) {
            memcpy(copy, b.data, b.size);
            for (int n = 1 + i % 3; n > 0; n--) {
                seed = seed * 1103515245u + 12345u;
                copy[(seed >> 8) % b.size] = (uint8_t)(i % 2 ? seed >> 16 : 0xffu << (seed >> 29));
            }
            passed += try(k, copy, b.size) == OK;
        }
        cr_expect(passed > 0 && passed < 3000, "%s: %d of 3000 passed", kind_name[k], passed);
    }
}

/* ---- one wrong thing at a time, and what is said about it ---- */

static uint8_t packed[128 << 10];

static struct bytes pb(const void *message)
{
    const ProtobufCMessage *m = message;

    cr_assert(protobuf_c_message_get_packed_size(m) <= sizeof packed);
    return (struct bytes){packed, protobuf_c_message_pack(m, packed)};
}

static void expect_refused(int kind, const void *message, enum err want, const char *text)
{
    struct bytes b = pb(message);
    enum err e = try(kind, b.data, b.size);

    cr_expect_eq(e, want, "%s, not %s: %s", err_name(e), err_name(want), why.text);
    cr_expect(strstr(why.text, text), "\"%s\" does not say \"%s\"", why.text, text);
}

/* A good message to spoil; borrowed from w until the test packs or unpacks. */
static void *good(const ProtobufCMessageDescriptor *d, int kind)
{
    struct bytes b;
    void *m;

    fill(kind, SOME, &in);
    b = pack(kind, &in);
    m = protobuf_c_message_unpack(d, NULL, b.size, b.data);
    cr_assert_not_null(m);
    return m;
}

#define REFUSED(kind, m, change, e, text)                                                          \
    do {                                                                                           \
        __typeof__(*(m)) spoilt = *(m);                                                            \
        __typeof__(m) x = &spoilt;                                                                 \
        change;                                                                                    \
        expect_refused(kind, x, e, text);                                                          \
    } while (0)

Test(wire, frame_header_says_what_is_wrong)
{
    Outrider__FrameHeader *m = good(&outrider__frame_header__descriptor, FRAME);

    expect_refused(FRAME, m, OK, "");
    REFUSED(FRAME, m, x->has_schema_major = 0, ERR_FORMAT, "schema_major is absent");
    REFUSED(FRAME, m, x->schema_major = 2, ERR_MISMATCH, "schema_major is 2, this build reads 1");
    REFUSED(FRAME, m, x->has_frame_id = 0, ERR_FORMAT, "frame_id is absent");
    REFUSED(FRAME, m, x->has_t_sof_ns = 0, ERR_FORMAT, "t_sof_ns is absent");
    REFUSED(FRAME, m, x->t_sof_ns = INT64_MAX, ERR_LIMIT, "t_sof_ns is 9223372036854775807, limit");
    REFUSED(FRAME, m, x->t_eof_ns = x->t_sof_ns - 1, ERR_FORMAT, "before t_sof_ns 1000000000");
    REFUSED(FRAME, m, x->has_clock_id = 0, ERR_FORMAT, "clock_id is absent");
    REFUSED(FRAME, m, x->clock_id = 5, ERR_UNSUPPORTED, "clock_id is 5, known are 1..4");
    REFUSED(FRAME, m, x->has_encoding = 0, ERR_FORMAT, "encoding is absent");
    REFUSED(FRAME, m, x->encoding = 9, ERR_UNSUPPORTED, "encoding is 9, known are 1..8");
    REFUSED(FRAME, m, x->has_width = 0, ERR_FORMAT, "width is absent");
    REFUSED(FRAME, m, x->has_height = 0, ERR_FORMAT, "height is absent");
    REFUSED(FRAME, m, x->width = 0, ERR_LIMIT, "width is 0, limit 1..8192");
    REFUSED(FRAME, m, x->height = 8193, ERR_LIMIT, "height is 8193, limit 1..8192");
    REFUSED(FRAME, m, x->width = x->height = 8192, ERR_LIMIT, "more than 16777216 pixels");
    REFUSED(FRAME, m, x->stride = 1919, ERR_FORMAT, "stride is 1919, but a row of 640 px RGB8");
    REFUSED(FRAME, m, x->stride = UINT32_MAX, ERR_LIMIT, "stride is 4294967295, limit 67108864");
    REFUSED(FRAME, m, x->stride = 1985, ERR_FORMAT, "pixels have 7936 bytes, 4 rows");
    REFUSED(FRAME, m, x->has_stride = 0, ERR_FORMAT, "of stride 1920 have 7680");
    REFUSED(FRAME, m, x->encoding = 5; x->width = 639, ERR_FORMAT, "width is 639, must be even");
    REFUSED(FRAME, m, x->encoding = 5; x->height = 3, ERR_FORMAT, "height is 3, must be even");
    REFUSED(FRAME, m, x->encoding = 6; x->width = 639, ERR_FORMAT, "must be even for YUYV");
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

Test(wire, frame_pixels)
{
    struct frame_header h, back;
    struct bytes b;

    sample_frame(&h);
    h.encoding = ENCODING_NV12;
    h.stride_bytes = 0;
    b = wire_frame_header_pack(w, &h);
    memcpy(packed, b.data, b.size);
    b.data = packed;
    cr_expect_eq(wire_frame_header_unpack(w, b, 640 * 4 * 3 / 2, &back, &why), OK, "%s", why.text);
    cr_expect_eq(back.stride_bytes, 640);
    cr_expect_eq(wire_frame_header_unpack(w, b, 640 * 4, &back, &why), ERR_FORMAT);
    h.encoding = ENCODING_PNG;
    h.width = h.height = 0;
    b = wire_frame_header_pack(w, &h);
    memcpy(packed, b.data, b.size);
    b.data = packed;
    cr_expect_eq(wire_frame_header_unpack(w, b, 1, &back, &why), OK);
    cr_expect_eq(wire_frame_header_unpack(w, b, 0, &back, &why), ERR_FORMAT);
    cr_expect_str_eq(why.text, "frame header: pixels are absent");
    cr_expect_eq(wire_frame_header_unpack(w, b, FRAME_MAX_PIXEL_BYTES + 1, &back, &why), ERR_LIMIT);
    b.size = FRAME_MAX_HEADER_BYTES + 1;
    cr_expect_eq(wire_frame_header_unpack(w, b, 1, &back, &why), ERR_LIMIT);
    cr_expect_str_eq(why.text, "frame header has 4097 bytes, limit 4096");
}

Test(wire, ego_and_calibration_say_what_is_wrong)
{
    Outrider__Ego *e = good(&outrider__ego__descriptor, EGO);
    Outrider__Calibration *c;

    REFUSED(EGO, e, x->has_t_ns = 0, ERR_FORMAT, "ego: t_ns is absent");
    REFUSED(EGO, e, x->clock_id = 0, ERR_UNSUPPORTED, "clock_id is 0");
    REFUSED(EGO, e, x->speed_mps = NAN, ERR_FORMAT, "speed_mps is nan, must be finite");
    REFUSED(EGO, e, x->yaw_rate_radps = -INFINITY, ERR_FORMAT, "yaw_rate_radps is -inf");
    REFUSED(EGO, e, x->speed_sigma_mps = -1, ERR_LIMIT, "speed_sigma_mps is -1, limit >= 0");
    protobuf_c_message_free_unpacked(&e->base, NULL);
    c = good(&outrider__calibration__descriptor, CALIBRATION);
    REFUSED(CALIBRATION, c, x->has_schema_major = 0, ERR_FORMAT, "schema_major");
    REFUSED(CALIBRATION, c, x->has_fx = 0, ERR_FORMAT, "fx is absent");
    REFUSED(CALIBRATION, c, x->has_z_m = 0, ERR_FORMAT, "z_m is absent");
    REFUSED(CALIBRATION, c, x->model = 3, ERR_UNSUPPORTED, "model is 3");
    REFUSED(CALIBRATION, c, x->n_distortion = 6, ERR_FORMAT, "must have 0, 4, 5 or 8");
    REFUSED(CALIBRATION, c, x->model = 2, ERR_FORMAT, "has 8 numbers, must have 0 or 4");
    REFUSED(CALIBRATION, c, x->header = NULL; x->has_width = 0, ERR_FORMAT, "width is absent");
    protobuf_c_message_free_unpacked(&c->base, NULL);
}

Test(wire, control_says_what_is_wrong)
{
    Outrider__Control *c = good(&outrider__control__descriptor, CONTROL);
    char long_text[MESSAGE_MAX_TEXT + 1];

    memset(long_text, 'x', sizeof long_text);
    long_text[MESSAGE_MAX_TEXT] = 0;
    REFUSED(CONTROL, c, x->has_t_ns = 0, ERR_FORMAT, "control: t_ns is absent");
    REFUSED(CONTROL, c, x->has_clock_id = 0, ERR_FORMAT, "clock_id is absent");
    REFUSED(CONTROL, c, x->has_valid_until_ns = 0, ERR_FORMAT, "valid_until_ns is absent");
    REFUSED(CONTROL, c, x->valid_until_ns = x->t_ns - 1, ERR_LIMIT,
            "is 123456788, limit t_ns 123456789 and 2 s more");
    REFUSED(CONTROL, c, x->valid_until_ns = x->t_ns + 2000000001, ERR_LIMIT, "valid_until_ns is 2");
    REFUSED(CONTROL, c, x->valid_until_ns = INT64_MAX, ERR_LIMIT, "valid_until_ns is 92");
    REFUSED(CONTROL, c, x->t_ns = INT64_MIN, ERR_LIMIT, "t_ns is -92");
    REFUSED(CONTROL, c, x->has_acceleration_mps2 = 0, ERR_FORMAT, "acceleration_mps2 is absent");
    REFUSED(CONTROL, c, x->acceleration_mps2 = NAN, ERR_FORMAT, "acceleration_mps2 is nan");
    REFUSED(CONTROL, c, x->acceleration_mps2 = -20.5f, ERR_LIMIT, "is -20.5, limit >= -20");
    REFUSED(CONTROL, c, x->steering_angle_rad = 2, ERR_LIMIT, "is 2, limit <= 1.5");
    REFUSED(CONTROL, c, x->reason = long_text, ERR_LIMIT, "reason has 256 bytes, limit 255");
    protobuf_c_message_free_unpacked(&c->base, NULL);
}

Test(wire, header_says_what_is_wrong)
{
    Outrider__Objects *m = good(&outrider__objects__descriptor, OBJECTS);
    Outrider__Header *h = m->header, saved = *h;
    char long_text[MESSAGE_MAX_TEXT + 1];

#define HEADER_REFUSED(change, e, text)                                                            \
    do {                                                                                           \
        change;                                                                                    \
        expect_refused(OBJECTS, m, e, text);                                                       \
        *h = saved;                                                                                \
    } while (0)
    REFUSED(OBJECTS, m, x->header = NULL, ERR_FORMAT, "header is absent");
    HEADER_REFUSED(h->schema_major = 7, ERR_MISMATCH, "schema_major is 7");
    HEADER_REFUSED(h->run_uuid.len = 15, ERR_FORMAT, "run_uuid has 15 bytes, must have 16");
    HEADER_REFUSED(h->camera = "a/b", ERR_FORMAT, "camera is 'a/b'");
    HEADER_REFUSED(h->model_id = "\x1b[2J", ERR_FORMAT, "model_id has byte 0x1b at 0");
    HEADER_REFUSED(h->expected_period_ns = -1, ERR_LIMIT, "expected_period_ns is -1, limit 0..");
    HEADER_REFUSED(h->t_eof_ns = 1, ERR_FORMAT, "t_eof_ns is 1, before t_sof_ns");
    HEADER_REFUSED(h->coverage->far_m = NAN, ERR_FORMAT, "far_m is nan");
    h->coverage->far_m = 80;
    memset(long_text, 'x', MESSAGE_MAX_TEXT);
    long_text[MESSAGE_MAX_TEXT] = 0;
    HEADER_REFUSED(h->model_id = long_text, ERR_LIMIT, "model_id has 256 bytes, limit 255");
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

Test(wire, values_of_newer_minor_versions_read_as_unknown)
{
    Outrider__Objects *m = good(&outrider__objects__descriptor, OBJECTS);

    m->header->qualifier = 9;
    m->header->clock_id = 77;
    m->header->reasons[0] = 20;
    m->objects[0]->classes[0]->object_class = 99;
    m->objects[0]->ttc_method = 5;
    m->objects[0]->measurement = 4;
    cr_assert_eq(wire_objects_unpack(w, pb(m), &out.objects, &why), OK, "%s", why.text);
    cr_expect_eq(out.objects.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_expect_eq(out.objects.header.clock_id, CLOCK_ID_UNKNOWN);
    cr_expect_eq(out.objects.header.reasons, 1u << REASON_UNCALIBRATED | 1u << REASON_UNDECODABLE);
    cr_expect_eq(out.objects.object[0].n_classes, 1);
    cr_expect_eq(out.objects.object[0].classes[0].class, OBJECT_TRUCK);
    cr_expect_eq((int)out.objects.object[0].ttc_method, 0);
    cr_expect_eq(out.objects.object[0].measurement, MEASUREMENT_NONE);
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

Test(wire, objects_say_what_is_wrong)
{
    Outrider__Objects *m = good(&outrider__objects__descriptor, OBJECTS);
    Outrider__TrackedObject *o = m->objects[1], saved = *o, *many[SCENE_MAX_OBJECTS + 1];

#define OBJECT_REFUSED(change, e, text)                                                            \
    do {                                                                                           \
        change;                                                                                    \
        expect_refused(OBJECTS, m, e, text);                                                       \
        *o = saved;                                                                                \
    } while (0)
    OBJECT_REFUSED(o->id = 0, ERR_FORMAT, "objects: objects[1].id is 0 or absent");
    OBJECT_REFUSED(o->existence_probability = 1.5f, ERR_LIMIT,
                   "objects[1].existence_probability is 1.5, limit <= 1");
    OBJECT_REFUSED(o->age_ns = -5, ERR_LIMIT, "objects[1].age_ns is -5");
    OBJECT_REFUSED(o->n_covariance = 4, ERR_FORMAT, "covariance has 4 numbers");
    OBJECT_REFUSED(o->n_covariance = 20, ERR_FORMAT, "covariance has 20 numbers");
    OBJECT_REFUSED(o->lane = 33, ERR_LIMIT, "lane is 33, limit -32..32");
    o->covariance[6] = -1; /* yy */
    OBJECT_REFUSED((void)0, ERR_LIMIT, "covariance number 6 is -1, a variance is >= 0");
    o->covariance[6] = 1;
    o->path[2]->x_m = INFINITY;
    OBJECT_REFUSED((void)0, ERR_FORMAT, "objects[1].path[2].x_m is inf");
    o->path[2]->x_m = 0;
    o->classes[0]->probability = -1;
    OBJECT_REFUSED((void)0, ERR_LIMIT, "objects[1].classes[0].probability is -1");
    o->classes[0]->probability = 1;
    o->box->x2 = o->box->x1;
    OBJECT_REFUSED((void)0, ERR_FORMAT, "needs x1 < x2");
    o->box->x2 = 1000;
    o->box->n_sigma = 3;
    OBJECT_REFUSED((void)0, ERR_FORMAT, "box.sigma has 3 numbers, must have 4");
    o->box->n_sigma = 4;
    for (int i = 0; i <= SCENE_MAX_OBJECTS; i++)
        many[i] = o;
    REFUSED(OBJECTS, m, x->n_objects = 65;
            x->objects = many, ERR_LIMIT, "objects has 65 entries, limit 64");
    protobuf_c_message_free_unpacked(&m->base, NULL);
}

Test(wire, lanes_and_status_say_what_is_wrong)
{
    Outrider__Lanes *m = good(&outrider__lanes__descriptor, LANES);
    Outrider__LaneBoundary *b = m->boundaries[0], saved = *b, *many[SCENE_MAX_LANES + 1];
    Outrider__Status *s;

#define BOUNDARY_REFUSED(change, e, text)                                                          \
    do {                                                                                           \
        change;                                                                                    \
        expect_refused(LANES, m, e, text);                                                         \
        *b = saved;                                                                                \
    } while (0)
    BOUNDARY_REFUSED(b->id = 0, ERR_FORMAT, "lanes: boundaries[0].id is 0");
    BOUNDARY_REFUSED(b->role = 3, ERR_LIMIT, "boundaries[0].role is 3, limit -2..2");
    BOUNDARY_REFUSED(b->n_y_m = 32, ERR_FORMAT, "y_m has 32 numbers, must have 33");
    BOUNDARY_REFUSED(b->n_pixel_y = 5, ERR_FORMAT, "pixel_y has 5 numbers, but pixel_x 64");
    BOUNDARY_REFUSED(b->n_cubic = 3, ERR_FORMAT, "cubic has 3 numbers");
    b->visible[3] = 1.25f;
    BOUNDARY_REFUSED((void)0, ERR_LIMIT, "visible number 3 is 1.25, limit 0..1");
    b->visible[3] = 1;
    b->cubic_covariance[9] = -1;
    BOUNDARY_REFUSED((void)0, ERR_LIMIT, "cubic_covariance number 9 is -1");
    b->cubic_covariance[9] = 1;
    for (int i = 0; i <= SCENE_MAX_LANES; i++)
        many[i] = b;
    REFUSED(LANES, m, x->n_boundaries = 9;
            x->boundaries = many, ERR_LIMIT, "boundaries has 9 entries, limit 8");
    m->road->width = 81;
    expect_refused(LANES, m, ERR_LIMIT, "road is 81 x 48, must be 80 x 48");
    m->road->width = 80;
    m->road->probability.len = 3839;
    expect_refused(LANES, m, ERR_FORMAT, "road.probability has 3839 bytes, must have 3840");
    s = good(&outrider__status__descriptor, STATUS);
    REFUSED(STATUS, s, x->schema_major = 3, ERR_MISMATCH, "status: schema_major is 3");
    s->cameras[1]->frame_rate_hz = -1;
    expect_refused(STATUS, s, ERR_LIMIT, "cameras[1].frame_rate_hz is -1");
    protobuf_c_message_free_unpacked(&m->base, NULL);
    protobuf_c_message_free_unpacked(&s->base, NULL);
}

Test(wire, what_is_not_known_is_left_out)
{
    struct object *o = &in.objects.object[0];

    fill(OBJECTS, SOME, &in);
    o->existence = 1.0001f;
    o->detection_score = -0.0001f;
    o->x_m = INFINITY;
    o->length_sigma_m = -1;
    o->covariance[4] = NAN; /* x with ax: acceleration is not known */
    snprintf(in.objects.header.model_id, MESSAGE_MAX_TEXT, "a\nb\xff\xc3\xa9");
    cr_assert_eq(unpack(OBJECTS, pack(OBJECTS, &in), &out), OK, "%s", why.text);
    o = &out.objects.object[0];
    cr_expect_eq(o->existence, 1);
    cr_expect_eq(o->detection_score, 0);
    cr_expect(isnan(o->x_m));
    cr_expect(isnan(o->length_sigma_m));
    cr_expect_eq(o->covariance[3], in.objects.object[0].covariance[3]);
    cr_expect(isnan(o->covariance[5]));
    cr_expect_eq(o->covariance[15], in.objects.object[0].covariance[15]); /* vy vy */
    cr_expect_str_eq(out.objects.header.model_id, "a?b?\xc3\xa9");
}

/* Many tiny fields would need far more memory than bytes: bounded, and said so. */
Test(wire, memory_is_bounded)
{
    static uint8_t bytes[200 << 10];

    for (size_t i = 0; i < sizeof bytes; i += 2)
        bytes[i] = 0x12; /* field 2, objects, of 0 bytes each */
    cr_expect_eq(wire_objects_unpack(w, (struct bytes){bytes, sizeof bytes}, &out.objects, &why),
                 ERR_LIMIT);
    cr_expect(strstr(why.text, "needs more than 1048576 bytes of memory"), "%s", why.text);
    fill(OBJECTS, MOST, &in);
    cr_expect_eq(unpack(OBJECTS, pack(OBJECTS, &in), &out), OK, "%s", why.text);
}
