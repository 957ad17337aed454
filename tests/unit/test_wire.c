#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/calibration.pb-c.h"
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

enum { FRAME, EGO, CALIBRATION, OBJECTS, LANES, STATUS, KINDS };
static const char *const kind_name[KINDS] = {"frame",   "ego",   "calibration",
                                             "objects", "lanes", "status"};

union any {
    struct frame_header frame;
    struct ego ego;
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
    default:
        return wire_status_pack(w, &m->status);
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
    default:
        return wire_status_unpack(w, b, &m->status, &why);
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
    static const size_t size[KINDS] = {
        sizeof(struct frame_header),        sizeof(struct ego),
        sizeof(struct calibration_message), sizeof(struct objects_message),
        sizeof(struct lanes_message),       sizeof(struct status_message)};

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
