/* The messages that come in: frame header, ego motion, calibration. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "perception/image/image.h"
#include "proto/calibration.pb-c.h"
#include "proto/ego.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/wire_internal.h"

_Static_assert((int)CAMERA_PINHOLE == OUTRIDER__LENS_MODEL__PINHOLE, "");
_Static_assert((int)CAMERA_FISHEYE == OUTRIDER__LENS_MODEL__FISHEYE, "");
_Static_assert((int)MOUNT_GOOD == OUTRIDER__MOUNT_STATUS__MOUNT_GOOD, "");
_Static_assert((int)MOUNT_MOVED == OUTRIDER__MOUNT_STATUS__MOUNT_MOVED, "");
_Static_assert((int)CALIBRATION_NONE == OUTRIDER__CALIBRATION_SOURCE__CALIBRATION_NONE, "");
_Static_assert((int)CALIBRATION_CONFIG == OUTRIDER__CALIBRATION_SOURCE__CALIBRATION_CONFIG, "");
_Static_assert((int)CALIBRATION_MESSAGE == OUTRIDER__CALIBRATION_SOURCE__CALIBRATION_MESSAGE, "");

/* ---- frame header ---- */

struct bytes wire_frame_header_pack(struct wire *w, const struct frame_header *h)
{
    Outrider__FrameHeader *m;

    wire_begin(w);
    m = NEW(w, Outrider__FrameHeader, outrider__frame_header__init);
    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    PUT(m, frame_id, h->frame_id);
    PUT_TIME(m, t_sof_ns, h->t_sof_ns);
    PUT_TIME(m, t_eof_ns, h->t_eof_ns);
    PUT(m, clock_id, (Outrider__Clock)h->clock_id);
    PUT(m, clock_epoch, h->clock_epoch);
    PUT(m, encoding, (Outrider__Encoding)h->encoding);
    if (h->width > 0)
        PUT(m, width, (uint32_t)h->width);
    if (h->height > 0)
        PUT(m, height, (uint32_t)h->height);
    if (h->stride_bytes > 0)
        PUT(m, stride, (uint32_t)h->stride_bytes);
    if (h->last)
        PUT(m, last, 1);
    return wire_pack(w, &m->base);
}

static int read_side(struct reader *r, const char *field, bool has, uint32_t v)
{
    if (!has)
        return 0;
    if (v == 0 || v > IMAGE_MAX_SIDE) {
        reader_fail(r, ERR_LIMIT, field, "is %" PRIu32 ", limit 1..%d", v, IMAGE_MAX_SIDE);
        return 0;
    }
    return (int)v;
}

/* Raw pixels: the sizes must agree with each other and with the bytes that came. */
static void read_raw_layout(struct reader *r, const Outrider__FrameHeader *m, size_t pixel_bytes,
                            struct frame_header *out)
{
    const char *encoding = encoding_name(out->encoding);
    size_t row = encoding_row_bytes(out->encoding, out->width), need;
    size_t stride = m->has_stride ? m->stride : row;
    bool halves_x = out->encoding == ENCODING_NV12 || out->encoding == ENCODING_YUYV;
    bool halves_y = out->encoding == ENCODING_NV12;

    REQUIRE(r, m, width);
    REQUIRE(r, m, height);
    if (halves_x && out->width % 2)
        reader_fail(r, ERR_FORMAT, "width", "is %d, must be even for %s", out->width, encoding);
    if (halves_y && out->height % 2)
        reader_fail(r, ERR_FORMAT, "height", "is %d, must be even for %s", out->height, encoding);
    if (stride < row)
        reader_fail(r, ERR_FORMAT, "stride", "is %zu, but a row of %d px %s has %zu bytes", stride,
                    out->width, encoding, row);
    if (stride > FRAME_MAX_PIXEL_BYTES)
        reader_fail(r, ERR_LIMIT, "stride", "is %zu, limit %d", stride, FRAME_MAX_PIXEL_BYTES);
    if (r->e != OK)
        return;
    need = stride * (size_t)out->height;
    if (halves_y)
        need += need / 2;
    if (pixel_bytes != need)
        reader_fail(r, ERR_FORMAT, "pixels", "have %zu bytes, %d rows %s of stride %zu have %zu",
                    pixel_bytes, out->height, encoding, stride, need);
    out->stride_bytes = (int)stride;
}

static void read_picture(struct reader *r, const Outrider__FrameHeader *m, size_t pixel_bytes,
                         struct frame_header *out)
{
    REQUIRE(r, m, encoding);
    if (m->has_encoding &&
        ((int)m->encoding <= ENCODING_UNKNOWN || (int)m->encoding >= ENCODING_COUNT))
        reader_fail(r, ERR_UNSUPPORTED, "encoding", "is %d, known are 1..%d", (int)m->encoding,
                    ENCODING_COUNT - 1);
    out->width = read_side(r, "width", m->has_width, m->width);
    out->height = read_side(r, "height", m->has_height, m->height);
    if ((int64_t)out->width * out->height > IMAGE_MAX_PIXELS)
        reader_fail(r, ERR_LIMIT, "width", "%d times height %d is more than %d pixels", out->width,
                    out->height, IMAGE_MAX_PIXELS);
    if (pixel_bytes == 0)
        reader_fail(r, ERR_FORMAT, "pixels", "are absent");
    if (pixel_bytes > FRAME_MAX_PIXEL_BYTES)
        reader_fail(r, ERR_LIMIT, "pixels", "have %zu bytes, limit %d", pixel_bytes,
                    FRAME_MAX_PIXEL_BYTES);
    if (r->e != OK)
        return;
    out->encoding = (enum encoding)m->encoding;
    if (out->encoding != ENCODING_PNG && out->encoding != ENCODING_JPEG)
        read_raw_layout(r, m, pixel_bytes, out);
}

enum err wire_frame_header_unpack(struct wire *w, struct bytes b, size_t pixel_bytes,
                                  struct frame_header *out, struct why *why)
{
    struct reader r = {.why = why, .message = "frame header"};
    struct frame_header *h = &w->staged.frame;
    Outrider__FrameHeader *m;
    enum err e = wire_parse(w, &outrider__frame_header__descriptor, r.message, b,
                            FRAME_MAX_HEADER_BYTES, &m, why);

    if (e != OK)
        return e;
    READ_SCHEMA(&r, m);
    REQUIRE(&r, m, frame_id);
    REQUIRE(&r, m, t_sof_ns);
    *h = (struct frame_header){
        .schema_major = m->schema_major,
        .schema_minor = READ_COUNT(m, schema_minor),
        .frame_id = m->frame_id,
        .t_sof_ns = READ_TIME(&r, m, t_sof_ns),
        .t_eof_ns = READ_TIME(&r, m, t_eof_ns),
        .clock_id = read_clock(&r, m->has_clock_id, m->clock_id),
        .clock_epoch = READ_COUNT(m, clock_epoch),
        .last = m->has_last && m->last,
    };
    if (m->has_t_eof_ns && m->t_eof_ns < m->t_sof_ns)
        reader_fail(&r, ERR_FORMAT, "t_eof_ns", "is %" PRId64 ", before t_sof_ns %" PRId64,
                    m->t_eof_ns, m->t_sof_ns);
    read_picture(&r, m, pixel_bytes, h);
    if (r.e == OK)
        *out = *h;
    return r.e;
}

/* ---- ego ---- */

struct bytes wire_ego_pack(struct wire *w, const struct ego *e)
{
    Outrider__Ego *m;

    wire_begin(w);
    m = NEW(w, Outrider__Ego, outrider__ego__init);
    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    PUT_TIME(m, t_ns, e->t_ns);
    PUT(m, clock_id, (Outrider__Clock)e->clock_id);
    PUT(m, clock_epoch, e->clock_epoch);
    PUT_FLOAT(m, speed_mps, e->speed_mps);
    PUT_SIGMA(m, speed_sigma_mps, e->speed_sigma_mps);
    PUT_FLOAT(m, yaw_rate_radps, e->yaw_rate_radps);
    PUT_SIGMA(m, yaw_rate_sigma_radps, e->yaw_rate_sigma_radps);
    PUT_FLOAT(m, acceleration_mps2, e->acceleration_mps2);
    PUT_FLOAT(m, steering_angle_rad, e->steering_angle_rad);
    return wire_pack(w, &m->base);
}

enum err wire_ego_unpack(struct wire *w, struct bytes b, struct ego *out, struct why *why)
{
    struct reader r = {.why = why, .message = "ego"};
    struct ego *ego = &w->staged.ego;
    Outrider__Ego *m;
    enum err e =
        wire_parse(w, &outrider__ego__descriptor, r.message, b, FRAME_MAX_HEADER_BYTES, &m, why);

    if (e != OK)
        return e;
    READ_SCHEMA(&r, m);
    REQUIRE(&r, m, t_ns);
    *ego = (struct ego){
        .t_ns = READ_TIME(&r, m, t_ns),
        .clock_id = read_clock(&r, m->has_clock_id, m->clock_id),
        .clock_epoch = READ_COUNT(m, clock_epoch),
        .speed_mps = READ_FLOAT(&r, m, speed_mps),
        .speed_sigma_mps = READ_SIGMA(&r, m, speed_sigma_mps),
        .yaw_rate_radps = READ_FLOAT(&r, m, yaw_rate_radps),
        .yaw_rate_sigma_radps = READ_SIGMA(&r, m, yaw_rate_sigma_radps),
        .acceleration_mps2 = READ_FLOAT(&r, m, acceleration_mps2),
        .steering_angle_rad = READ_FLOAT(&r, m, steering_angle_rad),
    };
    if (r.e == OK)
        *out = *ego;
    return r.e;
}

/* ---- calibration ---- */

static void put_camera(struct wire *w, Outrider__Calibration *m, const struct camera *c)
{
    size_t n = c->model == CAMERA_FISHEYE ? 4 : CAMERA_DISTORTION;

    assert(c->model == CAMERA_PINHOLE || c->model == CAMERA_FISHEYE);
    PUT(m, width, (uint32_t)c->width);
    PUT(m, height, (uint32_t)c->height);
    PUT(m, model, (Outrider__LensModel)c->model);
    PUT_FLOAT(m, fx, c->fx);
    PUT_FLOAT(m, fy, c->fy);
    PUT_FLOAT(m, cx, c->cx);
    PUT_FLOAT(m, cy, c->cy);
    m->n_distortion = put_floats(w, &m->distortion, c->distortion, n, -FLT_MAX);
    PUT_FLOAT(m, x_m, c->x_m);
    PUT_FLOAT(m, y_m, c->y_m);
    PUT_FLOAT(m, z_m, c->z_m);
    PUT_FLOAT(m, roll_rad, c->roll_rad);
    PUT_FLOAT(m, pitch_rad, c->pitch_rad);
    PUT_FLOAT(m, yaw_rad, c->yaw_rad);
    PUT_SIGMA(m, sigma_pitch_rad, c->sigma_pitch_rad);
    PUT_SIGMA(m, sigma_z_m, c->sigma_z_m);
}

static void put_mount(Outrider__Calibration *m, const struct mount_state *s)
{
    PUT(m, mount_status, (Outrider__MountStatus)s->status);
    m->has_mount_status = s->status != MOUNT_UNKNOWN;
    PUT_FLOAT(m, pitch_error_rad, s->pitch_rad);
    PUT_SIGMA(m, pitch_error_sigma_rad, s->pitch_sigma_rad);
    PUT_FLOAT(m, yaw_error_rad, s->yaw_rad);
    PUT_SIGMA(m, yaw_error_sigma_rad, s->yaw_sigma_rad);
}

struct bytes wire_calibration_pack(struct wire *w, const struct calibration_message *c)
{
    Outrider__Calibration *m;

    wire_begin(w);
    m = NEW(w, Outrider__Calibration, outrider__calibration__init);
    if (c->has_header)
        m->header = put_header(w, &c->header);
    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    if (c->camera.width > 0)
        put_camera(w, m, &c->camera);
    if (c->has_header) {
        PUT(m, source, (Outrider__CalibrationSource)c->source);
        put_mount(m, &c->mount);
    }
    return wire_pack(w, &m->base);
}

/* A pose or a sigma may be left out: straight ahead at the origin, and camera.h's defaults. */
static float or_default(float v, float otherwise)
{
    return isnan(v) ? otherwise : v;
}

static void read_distortion(struct reader *r, const Outrider__Calibration *m, float *out)
{
    size_t n = m->n_distortion;
    bool fits = m->model == OUTRIDER__LENS_MODEL__FISHEYE ? n == 0 || n == 4
                                                          : n == 0 || n == 4 || n == 5 || n == 8;

    if (!fits)
        reader_fail(r, ERR_FORMAT, "distortion", "has %zu numbers, must have %s", n,
                    m->model == OUTRIDER__LENS_MODEL__FISHEYE ? "0 or 4" : "0, 4, 5 or 8");
    else
        read_floats(r, "distortion", m->distortion, n, n, false, -FLT_MAX, FLT_MAX, out);
}

static void read_camera(struct reader *r, const Outrider__Calibration *m, struct camera *c)
{
    REQUIRE(r, m, width);
    REQUIRE(r, m, height);
    REQUIRE(r, m, model);
    REQUIRE(r, m, fx);
    REQUIRE(r, m, fy);
    REQUIRE(r, m, cx);
    REQUIRE(r, m, cy);
    REQUIRE(r, m, z_m);
    if (r->e == OK && m->model != OUTRIDER__LENS_MODEL__PINHOLE &&
        m->model != OUTRIDER__LENS_MODEL__FISHEYE)
        reader_fail(r, ERR_UNSUPPORTED, "model", "is %d, known are 1 (pinhole) and 2 (fisheye)",
                    (int)m->model);
    *c = (struct camera){
        .width = read_side(r, "width", m->has_width, m->width),
        .height = read_side(r, "height", m->has_height, m->height),
        .model = (enum camera_model)m->model,
        .fx = READ_FLOAT(r, m, fx),
        .fy = READ_FLOAT(r, m, fy),
        .cx = READ_FLOAT(r, m, cx),
        .cy = READ_FLOAT(r, m, cy),
        .x_m = or_default(READ_FLOAT(r, m, x_m), 0),
        .y_m = or_default(READ_FLOAT(r, m, y_m), 0),
        .z_m = READ_FLOAT(r, m, z_m),
        .roll_rad = or_default(READ_FLOAT(r, m, roll_rad), 0),
        .pitch_rad = or_default(READ_FLOAT(r, m, pitch_rad), 0),
        .yaw_rad = or_default(READ_FLOAT(r, m, yaw_rad), 0),
        .sigma_pitch_rad = or_default(READ_SIGMA(r, m, sigma_pitch_rad), 0.005f),
        .sigma_z_m = or_default(READ_SIGMA(r, m, sigma_z_m), 0.03f),
    };
    read_distortion(r, m, c->distortion);
}

enum err wire_calibration_unpack(struct wire *w, struct bytes b, struct calibration_message *out,
                                 struct why *why)
{
    struct reader r = {.why = why, .message = "calibration"};
    struct calibration_message *c = &w->staged.calibration;
    Outrider__Calibration *m;
    enum err e = wire_parse(w, &outrider__calibration__descriptor, r.message, b,
                            FRAME_MAX_HEADER_BYTES, &m, why);

    if (e != OK)
        return e;
    READ_SCHEMA(&r, m);
    memset(c, 0, sizeof *c);
    c->has_header = m->header != NULL;
    if (c->has_header)
        read_header(&r, m->header, &c->header);
    else
        header_clear(&c->header);
    if (m->has_width || !c->has_header)
        read_camera(&r, m, &c->camera);
    c->source = READ_ENUM(m, source, CALIBRATION_MESSAGE + 1);
    c->mount = (struct mount_state){
        READ_ENUM(m, mount_status, MOUNT_MOVED + 1), READ_FLOAT(&r, m, pitch_error_rad),
        READ_SIGMA(&r, m, pitch_error_sigma_rad), READ_FLOAT(&r, m, yaw_error_rad),
        READ_SIGMA(&r, m, yaw_error_sigma_rad)};
    if (r.e == OK)
        *out = *c;
    return r.e;
}
