/* What a planner sends. */
#include <inttypes.h>

#include "proto/control.pb-c.h"
#include "proto/wire_internal.h"

static const float ACCELERATION_MAX_MPS2 = 20, STEERING_MAX_RAD = 1.5f;

struct bytes wire_control_pack(struct wire *w, const struct control *c)
{
    Outrider__Control *m;

    wire_begin(w);
    m = NEW(w, Outrider__Control, outrider__control__init);
    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    PUT_TIME(m, t_ns, c->t_ns);
    PUT(m, clock_id, (Outrider__Clock)c->clock_id);
    PUT(m, clock_epoch, c->clock_epoch);
    PUT_TIME(m, valid_until_ns, c->valid_until_ns);
    if (c->has_frame)
        PUT(m, frame_id, c->frame_id);
    PUT_FLOAT(m, acceleration_mps2, c->acceleration_mps2);
    PUT_FLOAT(m, steering_angle_rad, c->steering_angle_rad);
    m->reason = put_text(w, c->reason, sizeof c->reason);
    return wire_pack(w, &m->base);
}

static void read_validity(struct reader *r, const Outrider__Control *m)
{
    REQUIRE(r, m, valid_until_ns);
    if (r->e == OK &&
        (m->valid_until_ns < m->t_ns || m->valid_until_ns > m->t_ns + CONTROL_MAX_VALID_NS))
        reader_fail(r, ERR_LIMIT, "valid_until_ns",
                    "is %" PRId64 ", limit t_ns %" PRId64 " and %g s more", m->valid_until_ns,
                    m->t_ns, 1e-9 * (double)CONTROL_MAX_VALID_NS);
}

enum err wire_control_unpack(struct wire *w, struct bytes b, struct control *out, struct why *why)
{
    struct reader r = {.why = why, .message = "control"};
    struct control *c = &w->staged.control;
    Outrider__Control *m;
    enum err e = wire_parse(w, &outrider__control__descriptor, r.message, b, FRAME_MAX_HEADER_BYTES,
                            &m, why);

    if (e != OK)
        return e;
    READ_SCHEMA(&r, m);
    REQUIRE(&r, m, t_ns);
    REQUIRE(&r, m, acceleration_mps2);
    REQUIRE(&r, m, steering_angle_rad);
    *c = (struct control){
        .t_ns = READ_TIME(&r, m, t_ns),
        .clock_id = read_clock(&r, m->has_clock_id, m->clock_id),
        .clock_epoch = READ_COUNT(m, clock_epoch),
        .valid_until_ns = READ_TIME(&r, m, valid_until_ns),
        .has_frame = m->has_frame_id,
        .frame_id = READ_COUNT(m, frame_id),
        .acceleration_mps2 =
            read_float(&r, "acceleration_mps2", m->has_acceleration_mps2, m->acceleration_mps2,
                       -ACCELERATION_MAX_MPS2, ACCELERATION_MAX_MPS2),
        .steering_angle_rad =
            read_float(&r, "steering_angle_rad", m->has_steering_angle_rad, m->steering_angle_rad,
                       -STEERING_MAX_RAD, STEERING_MAX_RAD),
    };
    read_validity(&r, m);
    READ_TEXT(&r, m, reason, c->reason);
    if (r.e == OK)
        *out = *c;
    return r.e;
}
