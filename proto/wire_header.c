/* What every published message carries. */
#include <inttypes.h>

#include "proto/wire_internal.h"

_Static_assert((int)CLOCK_ID_UNKNOWN == OUTRIDER__CLOCK__CLOCK_UNKNOWN, "");
_Static_assert((int)CLOCK_ID_MONOTONIC == OUTRIDER__CLOCK__CLOCK_MONOTONIC, "");
_Static_assert((int)CLOCK_ID_TAI == OUTRIDER__CLOCK__CLOCK_TAI, "");
_Static_assert((int)CLOCK_ID_UTC == OUTRIDER__CLOCK__CLOCK_UTC, "");
_Static_assert((int)CLOCK_ID_SIM == OUTRIDER__CLOCK__CLOCK_SIM, "");
_Static_assert((int)QUALIFIER_NOT_AVAILABLE == OUTRIDER__QUALIFIER__NOT_AVAILABLE, "");
_Static_assert((int)QUALIFIER_AVAILABLE == OUTRIDER__QUALIFIER__AVAILABLE, "");
_Static_assert((int)QUALIFIER_AVAILABLE_REDUCED == OUTRIDER__QUALIFIER__AVAILABLE_REDUCED, "");
_Static_assert((int)QUALIFIER_BLIND == OUTRIDER__QUALIFIER__BLIND, "");
_Static_assert((int)REASON_NO_FRAMES == OUTRIDER__REASON__NO_FRAMES, "");
_Static_assert((int)REASON_FROZEN == OUTRIDER__REASON__FROZEN, "");
_Static_assert((int)REASON_DUPLICATE == OUTRIDER__REASON__DUPLICATE, "");
_Static_assert((int)REASON_DARK == OUTRIDER__REASON__DARK, "");
_Static_assert((int)REASON_GLARE == OUTRIDER__REASON__GLARE, "");
_Static_assert((int)REASON_BLUR == OUTRIDER__REASON__BLUR, "");
_Static_assert((int)REASON_BLOCKED == OUTRIDER__REASON__BLOCKED, "");
_Static_assert((int)REASON_UNCALIBRATED == OUTRIDER__REASON__UNCALIBRATED, "");
_Static_assert((int)REASON_OVERLOAD == OUTRIDER__REASON__OVERLOAD, "");
_Static_assert((int)REASON_CLOCK_JUMP == OUTRIDER__REASON__CLOCK_JUMP, "");
_Static_assert((int)REASON_WARMUP == OUTRIDER__REASON__WARMUP, "");
_Static_assert((int)REASON_MODEL_FAULT == OUTRIDER__REASON__MODEL_FAULT, "");
_Static_assert((int)REASON_CONFIG == OUTRIDER__REASON__CONFIG, "");
_Static_assert((int)REASON_UNDECODABLE == OUTRIDER__REASON__UNDECODABLE, "");
_Static_assert((int)EGO_TOLD == OUTRIDER__EGO_SOURCE__EGO_TOLD, "");
_Static_assert((int)EGO_SEEN == OUTRIDER__EGO_SOURCE__EGO_SEEN, "");
_Static_assert(REASON_COUNT == OUTRIDER__REASON__UNDECODABLE + 1, "");

enum clock_id read_clock(struct reader *r, bool has, Outrider__Clock v)
{
    require(r, "clock_id", has);
    if (has && ((int)v <= CLOCK_ID_UNKNOWN || (int)v > CLOCK_ID_SIM))
        reader_fail(r, ERR_UNSUPPORTED, "clock_id", "is %d, known are 1..%d", (int)v, CLOCK_ID_SIM);
    return (enum clock_id)v;
}

Outrider__Drops *put_drops(struct wire *w, const struct drops *d, int n_causes)
{
    Outrider__Drops *m = NEW(w, Outrider__Drops, outrider__drops__init);

    PUT(m, overwritten, d->count[DROP_OVERWRITTEN]);
    PUT(m, malformed, d->count[DROP_MALFORMED]);
    PUT(m, undecodable, d->count[DROP_UNDECODABLE]);
    PUT(m, duplicate, d->count[DROP_DUPLICATE]);
    PUT(m, out_of_order, d->count[DROP_OUT_OF_ORDER]);
    if (n_causes > DROP_UNKNOWN_CAMERA)
        PUT(m, unknown_camera, d->count[DROP_UNKNOWN_CAMERA]);
    return m;
}

void read_drops(const Outrider__Drops *m, struct drops *out)
{
    *out = (struct drops){0};
    if (!m)
        return;
    out->count[DROP_OVERWRITTEN] = READ_COUNT(m, overwritten);
    out->count[DROP_MALFORMED] = READ_COUNT(m, malformed);
    out->count[DROP_UNDECODABLE] = READ_COUNT(m, undecodable);
    out->count[DROP_DUPLICATE] = READ_COUNT(m, duplicate);
    out->count[DROP_OUT_OF_ORDER] = READ_COUNT(m, out_of_order);
    out->count[DROP_UNKNOWN_CAMERA] = READ_COUNT(m, unknown_camera);
}

static Outrider__Coverage *put_coverage(struct wire *w, const struct coverage *c)
{
    Outrider__Coverage *m = NEW(w, Outrider__Coverage, outrider__coverage__init);

    PUT_SIGMA(m, far_m, c->far_m);
    PUT_FLOAT(m, left_rad, c->left_rad);
    PUT_FLOAT(m, right_rad, c->right_rad);
    return m->has_far_m || m->has_left_rad || m->has_right_rad ? m : NULL;
}

static void read_coverage(struct reader *r, const Outrider__Coverage *m, struct coverage *out)
{
    *out = (struct coverage){NAN, NAN, NAN};
    if (!m)
        return;
    out->far_m = READ_SIGMA(r, m, far_m);
    out->left_rad = READ_FLOAT(r, m, left_rad);
    out->right_rad = READ_FLOAT(r, m, right_rad);
}

static Outrider__EgoMotion *put_ego_motion(struct wire *w, const struct ego_motion *e)
{
    Outrider__EgoMotion *m = NEW(w, Outrider__EgoMotion, outrider__ego_motion__init);

    PUT_FLOAT(m, speed_mps, e->speed_mps);
    PUT_SIGMA(m, speed_sigma_mps, e->speed_sigma_mps);
    PUT_FLOAT(m, yaw_rate_radps, e->yaw_rate_radps);
    PUT_SIGMA(m, yaw_rate_sigma_radps, e->yaw_rate_sigma_radps);
    PUT(m, source, (Outrider__EgoSource)e->source);
    return e->source != EGO_UNKNOWN ? m : NULL;
}

static void read_ego_motion(struct reader *r, const Outrider__EgoMotion *m, struct ego_motion *out)
{
    *out = ego_unknown();
    if (!m)
        return;
    out->speed_mps = READ_FLOAT(r, m, speed_mps);
    out->speed_sigma_mps = READ_SIGMA(r, m, speed_sigma_mps);
    out->yaw_rate_radps = READ_FLOAT(r, m, yaw_rate_radps);
    out->yaw_rate_sigma_radps = READ_SIGMA(r, m, yaw_rate_sigma_radps);
    out->source = READ_ENUM(m, source, EGO_SEEN + 1);
}

Outrider__Header *put_header(struct wire *w, const struct header *h)
{
    Outrider__Header *m = NEW(w, Outrider__Header, outrider__header__init);

    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    put_uuid(&m->has_run_uuid, &m->run_uuid, h->run_uuid);
    m->model_id = put_text(w, h->model_id, sizeof h->model_id);
    m->config_id = put_text(w, h->config_id, sizeof h->config_id);
    m->calibration_id = put_text(w, h->calibration_id, sizeof h->calibration_id);
    PUT(m, seq, h->seq);
    m->camera = put_name(w, h->camera);
    if (h->has_frame) {
        PUT(m, frame_id, h->frame_id);
        PUT_TIME(m, t_sof_ns, h->t_sof_ns);
        PUT_TIME(m, t_eof_ns, h->t_eof_ns);
        if (m->has_t_sof_ns && h->t_eof_ns < h->t_sof_ns)
            m->has_t_eof_ns = 0;
    }
    PUT_TIME(m, t_recv_ns, h->t_recv_ns);
    PUT_TIME(m, t_infer_begin_ns, h->t_infer_begin_ns);
    PUT_TIME(m, t_infer_end_ns, h->t_infer_end_ns);
    PUT_TIME(m, t_publish_ns, h->t_publish_ns);
    PUT(m, clock_id, (Outrider__Clock)h->clock_id);
    m->has_clock_id = h->clock_id != CLOCK_ID_UNKNOWN;
    PUT(m, clock_epoch, h->clock_epoch);
    PUT_TIME(m, state_time_ns, h->state_time_ns);
    PUT_DURATION(m, expected_period_ns, h->expected_period_ns);
    PUT_TIME(m, valid_until_ns, h->valid_until_ns);
    PUT(m, qualifier, (Outrider__Qualifier)h->qualifier);
    m->n_reasons = put_reasons(w, &m->reasons, h->reasons);
    PUT(m, degrade_level, h->degrade_level);
    m->drops = put_drops(w, &h->drops, DROP_UNKNOWN_CAMERA);
    m->coverage = put_coverage(w, &h->coverage);
    m->ego_motion = put_ego_motion(w, &h->ego);
    return m;
}

void read_header(struct reader *r, const Outrider__Header *m, struct header *out)
{
    header_clear(out);
    require(r, "header", m != NULL);
    if (!m)
        return;
    READ_SCHEMA(r, m);
    read_uuid(r, m->has_run_uuid, m->run_uuid, out->run_uuid);
    READ_TEXT(r, m, model_id, out->model_id);
    READ_TEXT(r, m, config_id, out->config_id);
    READ_TEXT(r, m, calibration_id, out->calibration_id);
    out->seq = READ_COUNT(m, seq);
    read_name(r, "camera", m->camera, out->camera);
    out->has_frame = m->has_frame_id;
    out->frame_id = READ_COUNT(m, frame_id);
    out->t_sof_ns = READ_TIME(r, m, t_sof_ns);
    out->t_eof_ns = READ_TIME(r, m, t_eof_ns);
    if (m->has_t_sof_ns && m->has_t_eof_ns && m->t_eof_ns < m->t_sof_ns)
        reader_fail(r, ERR_FORMAT, "t_eof_ns", "is %" PRId64 ", before t_sof_ns %" PRId64,
                    m->t_eof_ns, m->t_sof_ns);
    out->t_recv_ns = READ_TIME(r, m, t_recv_ns);
    out->t_infer_begin_ns = READ_TIME(r, m, t_infer_begin_ns);
    out->t_infer_end_ns = READ_TIME(r, m, t_infer_end_ns);
    out->t_publish_ns = READ_TIME(r, m, t_publish_ns);
    out->clock_id = READ_ENUM(m, clock_id, CLOCK_ID_SIM + 1);
    out->clock_epoch = READ_COUNT(m, clock_epoch);
    out->state_time_ns = READ_TIME(r, m, state_time_ns);
    out->expected_period_ns = READ_DURATION(r, m, expected_period_ns);
    out->valid_until_ns = READ_TIME(r, m, valid_until_ns);
    out->qualifier = READ_ENUM(m, qualifier, QUALIFIER_BLIND + 1);
    out->reasons = read_reasons(r, m->reasons, m->n_reasons);
    out->degrade_level = READ_COUNT(m, degrade_level);
    read_drops(m->drops, &out->drops);
    read_coverage(r, m->coverage, &out->coverage);
    read_ego_motion(r, m->ego_motion, &out->ego);
}
