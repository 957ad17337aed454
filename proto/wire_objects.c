#include <assert.h>

#include "proto/objects.pb-c.h"
#include "proto/wire_internal.h"

_Static_assert((int)OBJECT_CAR == OUTRIDER__OBJECT_CLASS__CAR, "");
_Static_assert((int)OBJECT_TRUCK == OUTRIDER__OBJECT_CLASS__TRUCK, "");
_Static_assert((int)OBJECT_BUS == OUTRIDER__OBJECT_CLASS__BUS, "");
_Static_assert((int)OBJECT_PERSON == OUTRIDER__OBJECT_CLASS__PERSON, "");
_Static_assert((int)OBJECT_CYCLIST == OUTRIDER__OBJECT_CLASS__CYCLIST, "");
_Static_assert((int)OBJECT_MOTORCYCLE == OUTRIDER__OBJECT_CLASS__MOTORCYCLE, "");
_Static_assert((int)OBJECT_TRAFFIC_LIGHT == OUTRIDER__OBJECT_CLASS__TRAFFIC_LIGHT, "");
_Static_assert((int)OBJECT_TRAFFIC_SIGN == OUTRIDER__OBJECT_CLASS__TRAFFIC_SIGN, "");
_Static_assert((int)OBJECT_SIGN_OR_LIGHT == OUTRIDER__OBJECT_CLASS__SIGN_OR_LIGHT, "");
_Static_assert((int)OBJECT_BICYCLE == OUTRIDER__OBJECT_CLASS__BICYCLE, "");
_Static_assert((int)OBJECT_VEHICLE == OUTRIDER__OBJECT_CLASS__VEHICLE, "");
_Static_assert(OBJECT_CLASS_COUNT == OUTRIDER__OBJECT_CLASS__VEHICLE + 1, "");
_Static_assert((int)MEASUREMENT_MEASURED == OUTRIDER__MEASUREMENT__MEASURED, "");
_Static_assert((int)MEASUREMENT_PREDICTED == OUTRIDER__MEASUREMENT__PREDICTED, "");
_Static_assert((int)REFERENCE_NEAR_FACE == OUTRIDER__REFERENCE_POINT__NEAR_FACE, "");
_Static_assert((int)VELOCITY_RELATIVE_TO_EGO == OUTRIDER__VELOCITY_REFERENCE__RELATIVE_TO_EGO, "");
_Static_assert((int)VELOCITY_OVER_GROUND == OUTRIDER__VELOCITY_REFERENCE__OVER_GROUND, "");
_Static_assert((int)DIMENSION_PRIOR == OUTRIDER__DIMENSION_SOURCE__PRIOR, "");
_Static_assert((int)DIMENSION_MEASURED == OUTRIDER__DIMENSION_SOURCE__DIMENSION_MEASURED, "");
_Static_assert((int)TTC_POSITION == OUTRIDER__TTC_METHOD__TTC_POSITION, "");
_Static_assert((int)TTC_SCALE == OUTRIDER__TTC_METHOD__TTC_SCALE, "");

/* ---- covariance ----
 * In the struct always the upper triangle by rows over all six states; on the wire over the leading
 * k of them that are known: k = 2 (x y), 4 (with velocity) or 6. */

static int triangle(int k)
{
    return k * (k + 1) / 2;
}

static int covariance_index(int row, int column) /* row <= column; in the triangle of six */
{
    return row * STATE_DIM - row * (row - 1) / 2 + column - row;
}

static bool covariance_known(const float *c, int k)
{
    for (int i = 0; i < k; i++)
        for (int j = i; j < k; j++) {
            float v = c[covariance_index(i, j)];

            if (!isfinite(v) || (i == j && v < 0))
                return false;
        }
    return true;
}

static size_t put_covariance(struct wire *w, float **to, const float *c)
{
    int k = STATE_DIM;
    size_t n = 0;

    while (k > 0 && !covariance_known(c, k))
        k -= 2;
    *to = NEW_ARRAY(w, float, STATE_COV);
    for (int i = 0; i < k; i++)
        for (int j = i; j < k; j++)
            (*to)[n++] = c[covariance_index(i, j)];
    return n;
}

static void read_covariance(struct reader *r, const float *v, size_t n_v, float *out)
{
    float c[STATE_COV];
    int k = 0, n = 0;

    while (k < STATE_DIM && (size_t)triangle(k) < n_v)
        k += 2;
    if ((size_t)triangle(k) != n_v) {
        reader_fail(r, ERR_FORMAT, "covariance", "has %zu numbers, must have 0, 3, 10 or 21", n_v);
        return;
    }
    if (!read_floats(r, "covariance", v, n_v, n_v, false, -FLT_MAX, FLT_MAX, c))
        return;
    for (int i = 0; i < k; i++)
        for (int j = i; j < k; j++, n++) {
            if (i == j && c[n] < 0)
                reader_fail(r, ERR_LIMIT, "covariance", "number %d is %g, a variance is >= 0", n,
                            (double)c[n]);
            out[covariance_index(i, j)] = c[n];
        }
}

/* ---- packing ---- */

static void put_classes(struct wire *w, Outrider__TrackedObject *m, const struct object *o)
{
    assert(o->n_classes >= 0 && o->n_classes <= SCENE_MAX_CANDIDATES);
    m->classes = NEW_ARRAY(w, Outrider__ClassCandidate *, o->n_classes);
    for (int i = 0; i < o->n_classes; i++) {
        Outrider__ClassCandidate *c =
            NEW(w, Outrider__ClassCandidate, outrider__class_candidate__init);

        assert((unsigned)o->classes[i].class < OBJECT_CLASS_COUNT);
        PUT(c, object_class, (Outrider__ObjectClass)o->classes[i].class);
        PUT_SHARE(c, probability, o->classes[i].probability);
        m->classes[m->n_classes++] = c;
    }
}

static Outrider__Box *put_box(struct wire *w, const struct object *o)
{
    const struct box *b = &o->box_px;
    Outrider__Box *m = NEW(w, Outrider__Box, outrider__box__init);

    PUT_FLOAT(m, x1, b->x1);
    PUT_FLOAT(m, y1, b->y1);
    PUT_FLOAT(m, x2, b->x2);
    PUT_FLOAT(m, y2, b->y2);
    m->n_sigma = put_floats(w, &m->sigma, o->box_sigma_px, 4, 0);
    if (!(m->has_x1 && m->has_y1 && m->has_x2 && m->has_y2 && b->x1 < b->x2 && b->y1 < b->y2))
        return NULL;
    return m;
}

static void put_path(struct wire *w, Outrider__TrackedObject *m, const struct object *o)
{
    assert(o->n_path >= 0 && o->n_path <= SCENE_PATH_POINTS);
    m->path = NEW_ARRAY(w, Outrider__PathPoint *, o->n_path);
    for (int i = 0; i < o->n_path; i++) {
        const struct path_point *p = &o->path[i];
        Outrider__PathPoint *q = NEW(w, Outrider__PathPoint, outrider__path_point__init);

        PUT_SIGMA(q, t_s, p->t_s);
        PUT_FLOAT(q, x_m, p->x_m);
        PUT_FLOAT(q, y_m, p->y_m);
        PUT_SIGMA(q, sigma_x_m, p->sigma_x_m);
        PUT_SIGMA(q, sigma_y_m, p->sigma_y_m);
        m->path[m->n_path++] = q;
    }
}

static void put_metres(struct wire *w, Outrider__TrackedObject *m, const struct object *o)
{
    PUT(m, reference, (Outrider__ReferencePoint)o->reference);
    m->has_reference = o->reference == REFERENCE_NEAR_FACE;
    PUT_FLOAT(m, x_m, o->x_m);
    PUT_FLOAT(m, y_m, o->y_m);
    PUT_FLOAT(m, z_m, o->z_m);
    PUT_FLOAT(m, vx_mps, o->vx_mps);
    PUT_FLOAT(m, vy_mps, o->vy_mps);
    PUT_FLOAT(m, ax_mps2, o->ax_mps2);
    PUT_FLOAT(m, ay_mps2, o->ay_mps2);
    m->n_covariance = put_covariance(w, &m->covariance, o->covariance);
    PUT(m, velocity_reference, (Outrider__VelocityReference)o->velocity_reference);
    m->has_velocity_reference = o->velocity_reference != 0;
    PUT_FLOAT(m, ground_vx_mps, o->ground_vx_mps);
    PUT_FLOAT(m, ground_vy_mps, o->ground_vy_mps);
    PUT_SIGMA(m, ground_vx_sigma_mps, o->ground_vx_sigma_mps);
    PUT_SIGMA(m, ground_vy_sigma_mps, o->ground_vy_sigma_mps);
    PUT_FLOAT(m, yaw_rad, o->yaw_rad);
    PUT_SIGMA(m, yaw_sigma_rad, o->yaw_sigma_rad);
    PUT_SIGMA(m, length_m, o->length_m);
    PUT_SIGMA(m, width_m, o->width_m);
    PUT_SIGMA(m, height_m, o->height_m);
    PUT_SIGMA(m, length_sigma_m, o->length_sigma_m);
    PUT_SIGMA(m, width_sigma_m, o->width_sigma_m);
    PUT_SIGMA(m, height_sigma_m, o->height_sigma_m);
    PUT(m, dimension_source, (Outrider__DimensionSource)o->dimension_source);
    m->has_dimension_source = o->dimension_source != 0;
}

static Outrider__TrackedObject *put_object(struct wire *w, const struct object *o)
{
    Outrider__TrackedObject *m = NEW(w, Outrider__TrackedObject, outrider__tracked_object__init);

    assert(o->id != 0);
    PUT(m, id, o->id);
    PUT_SHARE(m, existence_probability, o->existence);
    PUT_SHARE(m, detection_score, o->detection_score);
    PUT_DURATION(m, age_ns, o->age_ns);
    PUT(m, hits, o->hits);
    PUT(m, measurement, (Outrider__Measurement)o->measurement);
    put_classes(w, m, o);
    PUT_SHARE(m, occlusion, o->occlusion);
    PUT_SHARE(m, truncation, o->truncation);
    m->box = put_box(w, o);
    put_metres(w, m, o);
    PUT_SIGMA(m, ttc_s, o->ttc_s);
    PUT_SIGMA(m, ttc_sigma_s, o->ttc_sigma_s);
    PUT(m, ttc_method, (Outrider__TtcMethod)o->ttc_method);
    m->has_ttc_method = o->ttc_method != 0;
    PUT_SHARE(m, in_path_probability, o->in_path);
    PUT(m, lane, o->lane);
    m->has_lane = o->has_lane && o->lane >= -WIRE_MAX_LANE && o->lane <= WIRE_MAX_LANE;
    PUT(m, is_lead, o->is_lead);
    put_path(w, m, o);
    PUT(m, ground_truth_id, o->ground_truth_id);
    m->has_ground_truth_id = o->ground_truth_id != 0;
    return m;
}

struct bytes wire_objects_pack(struct wire *w, const struct objects_message *msg)
{
    Outrider__Objects *m;

    assert(msg->n_objects >= 0 && msg->n_objects <= SCENE_MAX_OBJECTS);
    wire_begin(w);
    m = NEW(w, Outrider__Objects, outrider__objects__init);
    m->header = put_header(w, &msg->header);
    m->objects = NEW_ARRAY(w, Outrider__TrackedObject *, msg->n_objects);
    for (int i = 0; i < msg->n_objects; i++)
        m->objects[m->n_objects++] = put_object(w, &msg->object[i]);
    return wire_pack(w, &m->base);
}

/* ---- unpacking ---- */

static void read_classes(struct reader *r, const Outrider__TrackedObject *m, struct object *o)
{
    int n = read_list(r, "classes", m->n_classes, SCENE_MAX_CANDIDATES);
    const struct place *outer = r->place;

    for (int i = 0; i < n; i++) {
        const Outrider__ClassCandidate *c = m->classes[i];
        struct place place = {outer, "classes", (size_t)i};

        r->place = &place;
        REQUIRE(r, c, object_class);
        float p = READ_SHARE(r, c, probability);
        r->place = outer;
        if ((unsigned)c->object_class >= OBJECT_CLASS_COUNT)
            continue;
        o->classes[o->n_classes].class = (enum object_class)c->object_class;
        o->classes[o->n_classes++].probability = p;
    }
}

static void read_box(struct reader *r, const Outrider__Box *m, struct object *o)
{
    if (!m)
        return;
    REQUIRE(r, m, x1);
    REQUIRE(r, m, y1);
    REQUIRE(r, m, x2);
    REQUIRE(r, m, y2);
    o->box_px.x1 = READ_FLOAT(r, m, x1);
    o->box_px.y1 = READ_FLOAT(r, m, y1);
    o->box_px.x2 = READ_FLOAT(r, m, x2);
    o->box_px.y2 = READ_FLOAT(r, m, y2);
    if (!(m->x1 < m->x2 && m->y1 < m->y2))
        reader_fail(r, ERR_FORMAT, "box", "is (%g %g %g %g), needs x1 < x2 and y1 < y2",
                    (double)m->x1, (double)m->y1, (double)m->x2, (double)m->y2);
    read_floats(r, "box.sigma", m->sigma, m->n_sigma, 4, false, 0, FLT_MAX, o->box_sigma_px);
}

static void read_path(struct reader *r, const Outrider__TrackedObject *m, struct object *o)
{
    const struct place *outer = r->place;

    o->n_path = read_list(r, "path", m->n_path, SCENE_PATH_POINTS);
    for (int i = 0; i < o->n_path; i++) {
        const Outrider__PathPoint *p = m->path[i];
        struct place place = {outer, "path", (size_t)i};

        r->place = &place;
        o->path[i] = (struct path_point){
            .t_s = READ_SIGMA(r, p, t_s),
            .x_m = READ_FLOAT(r, p, x_m),
            .y_m = READ_FLOAT(r, p, y_m),
            .sigma_x_m = READ_SIGMA(r, p, sigma_x_m),
            .sigma_y_m = READ_SIGMA(r, p, sigma_y_m),
        };
        r->place = outer;
    }
}

static void read_metres(struct reader *r, const Outrider__TrackedObject *m, struct object *o)
{
    o->reference = READ_ENUM(m, reference, REFERENCE_NEAR_FACE + 1);
    o->x_m = READ_FLOAT(r, m, x_m);
    o->y_m = READ_FLOAT(r, m, y_m);
    o->z_m = READ_FLOAT(r, m, z_m);
    o->vx_mps = READ_FLOAT(r, m, vx_mps);
    o->vy_mps = READ_FLOAT(r, m, vy_mps);
    o->ax_mps2 = READ_FLOAT(r, m, ax_mps2);
    o->ay_mps2 = READ_FLOAT(r, m, ay_mps2);
    read_covariance(r, m->covariance, m->n_covariance, o->covariance);
    o->velocity_reference = READ_ENUM(m, velocity_reference, VELOCITY_OVER_GROUND + 1);
    o->ground_vx_mps = READ_FLOAT(r, m, ground_vx_mps);
    o->ground_vy_mps = READ_FLOAT(r, m, ground_vy_mps);
    o->ground_vx_sigma_mps = READ_SIGMA(r, m, ground_vx_sigma_mps);
    o->ground_vy_sigma_mps = READ_SIGMA(r, m, ground_vy_sigma_mps);
    o->yaw_rad = READ_FLOAT(r, m, yaw_rad);
    o->yaw_sigma_rad = READ_SIGMA(r, m, yaw_sigma_rad);
    o->length_m = READ_SIGMA(r, m, length_m);
    o->width_m = READ_SIGMA(r, m, width_m);
    o->height_m = READ_SIGMA(r, m, height_m);
    o->length_sigma_m = READ_SIGMA(r, m, length_sigma_m);
    o->width_sigma_m = READ_SIGMA(r, m, width_sigma_m);
    o->height_sigma_m = READ_SIGMA(r, m, height_sigma_m);
    o->dimension_source = READ_ENUM(m, dimension_source, DIMENSION_MEASURED + 1);
}

static void read_object(struct reader *r, const Outrider__TrackedObject *m, struct object *o)
{
    object_clear(o);
    o->id = READ_COUNT(m, id);
    if (o->id == 0)
        reader_fail(r, ERR_FORMAT, "id", "is 0 or absent");
    o->existence = READ_SHARE(r, m, existence_probability);
    o->detection_score = READ_SHARE(r, m, detection_score);
    o->age_ns = READ_DURATION(r, m, age_ns);
    o->hits = READ_COUNT(m, hits);
    o->measurement = READ_ENUM(m, measurement, MEASUREMENT_PREDICTED + 1);
    read_classes(r, m, o);
    o->occlusion = READ_SHARE(r, m, occlusion);
    o->truncation = READ_SHARE(r, m, truncation);
    read_box(r, m->box, o);
    read_metres(r, m, o);
    o->ttc_s = READ_SIGMA(r, m, ttc_s);
    o->ttc_sigma_s = READ_SIGMA(r, m, ttc_sigma_s);
    o->ttc_method = READ_ENUM(m, ttc_method, TTC_SCALE + 1);
    o->in_path = READ_SHARE(r, m, in_path_probability);
    o->has_lane = m->has_lane;
    o->lane = READ_COUNT(m, lane);
    if (o->lane < -WIRE_MAX_LANE || o->lane > WIRE_MAX_LANE)
        reader_fail(r, ERR_LIMIT, "lane", "is %d, limit %d..%d", o->lane, -WIRE_MAX_LANE,
                    WIRE_MAX_LANE);
    o->is_lead = READ_COUNT(m, is_lead);
    read_path(r, m, o);
    o->ground_truth_id = READ_COUNT(m, ground_truth_id);
}

enum err wire_objects_unpack(struct wire *w, struct bytes b, struct objects_message *out,
                             struct why *why)
{
    struct reader r = {.why = why, .message = "objects"};
    struct objects_message *msg = &w->staged.objects;
    Outrider__Objects *m;
    enum err e =
        wire_parse(w, &outrider__objects__descriptor, r.message, b, WIRE_MAX_MESSAGE, &m, why);

    if (e != OK)
        return e;
    read_header(&r, m->header, &msg->header);
    msg->n_objects = read_list(&r, "objects", m->n_objects, SCENE_MAX_OBJECTS);
    for (int i = 0; i < msg->n_objects && r.e == OK; i++) {
        struct place place = {NULL, "objects", (size_t)i};

        r.place = &place;
        read_object(&r, m->objects[i], &msg->object[i]);
        r.place = NULL;
    }
    if (r.e == OK)
        *out = *msg;
    return r.e;
}
