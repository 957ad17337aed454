#include <assert.h>
#include <string.h>

#include "proto/lanes.pb-c.h"
#include "proto/wire_internal.h"

_Static_assert((int)LANE_LINE == OUTRIDER__LANE_KIND__LINE, "");
_Static_assert((int)LANE_ROAD_EDGE == OUTRIDER__LANE_KIND__ROAD_EDGE, "");
_Static_assert((int)LANE_TYPE_SOLID == OUTRIDER__LANE_TYPE__SOLID, "");
_Static_assert((int)LANE_TYPE_DASHED == OUTRIDER__LANE_TYPE__DASHED, "");
_Static_assert((int)LANE_TYPE_DOUBLE == OUTRIDER__LANE_TYPE__DOUBLE, "");
_Static_assert((int)LANE_TYPE_BOTTS_DOTS == OUTRIDER__LANE_TYPE__BOTTS_DOTS, "");
_Static_assert((int)LANE_TYPE_KERB == OUTRIDER__LANE_TYPE__KERB, "");
_Static_assert((int)LANE_TYPE_BARRIER == OUTRIDER__LANE_TYPE__BARRIER, "");
_Static_assert((int)LANE_COLOR_WHITE == OUTRIDER__LANE_COLOR__WHITE, "");
_Static_assert((int)LANE_COLOR_YELLOW == OUTRIDER__LANE_COLOR__YELLOW, "");
_Static_assert((int)LANE_COLOR_OTHER == OUTRIDER__LANE_COLOR__OTHER_COLOR, "");

enum { MAX_ROLE = 2 };

/* Places of the variances in the upper triangle of a 4x4 matrix by rows. */
static const int variance_index[4] = {0, 4, 7, 9};

/* ---- packing ---- */

static void put_candidates(struct wire *w, Outrider__LaneBoundary *m, const struct lane_boundary *l)
{
    assert(l->n_types >= 0 && l->n_types <= SCENE_MAX_CANDIDATES);
    assert(l->n_colors >= 0 && l->n_colors <= SCENE_MAX_CANDIDATES);
    m->types = NEW_ARRAY(w, Outrider__TypeCandidate *, l->n_types);
    m->colors = NEW_ARRAY(w, Outrider__ColorCandidate *, l->n_colors);
    for (int i = 0; i < l->n_types; i++) {
        Outrider__TypeCandidate *c =
            NEW(w, Outrider__TypeCandidate, outrider__type_candidate__init);

        PUT(c, type, (Outrider__LaneType)l->types[i].type);
        PUT_SHARE(c, probability, l->types[i].probability);
        m->types[m->n_types++] = c;
    }
    for (int i = 0; i < l->n_colors; i++) {
        Outrider__ColorCandidate *c =
            NEW(w, Outrider__ColorCandidate, outrider__color_candidate__init);

        PUT(c, color, (Outrider__LaneColor)l->colors[i].color);
        PUT_SHARE(c, probability, l->colors[i].probability);
        m->colors[m->n_colors++] = c;
    }
}

static float finite_or_nan(float v, float lo)
{
    return isfinite(v) && v >= lo ? v : NAN;
}

static void put_stations(struct wire *w, Outrider__LaneBoundary *m, const struct lane_boundary *l)
{
    m->n_y_m = m->n_z_m = m->n_sigma_y_m = m->n_visible = SCENE_STATIONS;
    m->y_m = NEW_ARRAY(w, float, SCENE_STATIONS);
    m->z_m = NEW_ARRAY(w, float, SCENE_STATIONS);
    m->sigma_y_m = NEW_ARRAY(w, float, SCENE_STATIONS);
    m->visible = NEW_ARRAY(w, float, SCENE_STATIONS);
    for (int i = 0; i < SCENE_STATIONS; i++) {
        const struct lane_station *s = &l->station[i];

        m->y_m[i] = finite_or_nan(s->y_m, -FLT_MAX);
        m->z_m[i] = finite_or_nan(s->z_m, -FLT_MAX);
        m->sigma_y_m[i] = finite_or_nan(s->sigma_y_m, 0);
        m->visible[i] = s->visible < 0 ? 0 : s->visible > 1 ? 1 : s->visible;
    }
}

static void put_cubic(struct wire *w, Outrider__LaneBoundary *m, const struct lane_boundary *l)
{
    m->n_cubic = put_floats(w, &m->cubic, l->cubic, 4, -FLT_MAX);
    m->n_cubic_covariance = put_floats(w, &m->cubic_covariance, l->cubic_covariance, 10, -FLT_MAX);
    for (int i = 0; i < 4; i++)
        if (l->cubic_covariance[variance_index[i]] < 0)
            m->n_cubic_covariance = 0;
    PUT_FLOAT(m, x_min_m, l->x_min_m);
    PUT_FLOAT(m, x_max_m, l->x_max_m);
}

static void put_pixels(struct wire *w, Outrider__LaneBoundary *m, const struct lane_boundary *l)
{
    size_t n = 0;

    assert(l->n_pixels >= 0 && l->n_pixels <= SCENE_MAX_LANE_PIXELS);
    m->pixel_x = NEW_ARRAY(w, float, l->n_pixels);
    m->pixel_y = NEW_ARRAY(w, float, l->n_pixels);
    m->pixel_sigma_x = NEW_ARRAY(w, float, l->n_pixels);
    for (int i = 0; i < l->n_pixels; i++) {
        if (!isfinite(l->pixel[i].x) || !isfinite(l->pixel[i].y))
            continue;
        m->pixel_x[n] = l->pixel[i].x;
        m->pixel_y[n] = l->pixel[i].y;
        m->pixel_sigma_x[n++] = finite_or_nan(l->pixel[i].sigma_x, 0);
    }
    m->n_pixel_x = m->n_pixel_y = m->n_pixel_sigma_x = n;
}

static Outrider__LaneBoundary *put_boundary(struct wire *w, const struct lane_boundary *l)
{
    Outrider__LaneBoundary *m = NEW(w, Outrider__LaneBoundary, outrider__lane_boundary__init);

    assert(l->id != 0);
    assert(l->role >= -MAX_ROLE && l->role <= MAX_ROLE);
    PUT(m, id, l->id);
    PUT(m, role, l->role);
    PUT(m, kind, (Outrider__LaneKind)l->kind);
    PUT_SHARE(m, existence_probability, l->existence);
    PUT_DURATION(m, age_ns, l->age_ns);
    PUT(m, measurement, (Outrider__Measurement)l->measurement);
    put_candidates(w, m, l);
    if (l->has_metres) {
        put_stations(w, m, l);
        put_cubic(w, m, l);
    }
    put_pixels(w, m, l);
    return m;
}

static Outrider__EgoLane *put_ego_lane(struct wire *w, const struct ego_lane *l)
{
    Outrider__EgoLane *m = NEW(w, Outrider__EgoLane, outrider__ego_lane__init);

    PUT_FLOAT(m, offset_m, l->offset_m);
    PUT_SIGMA(m, offset_sigma_m, l->offset_sigma_m);
    PUT_FLOAT(m, heading_rad, l->heading_rad);
    PUT_SIGMA(m, heading_sigma_rad, l->heading_sigma_rad);
    PUT_FLOAT(m, curvature_1pm, l->curvature_1pm);
    PUT_SIGMA(m, curvature_sigma_1pm, l->curvature_sigma_1pm);
    PUT_SIGMA(m, width_m, l->width_m);
    PUT_SIGMA(m, width_sigma_m, l->width_sigma_m);
    PUT_SIGMA(m, time_to_departure_s, l->time_to_departure_s);
    PUT_SIGMA(m, time_to_departure_sigma_s, l->time_to_departure_sigma_s);
    return protobuf_c_message_get_packed_size(&m->base) ? m : NULL;
}

static Outrider__Road *put_road(struct wire *w, const struct road *road)
{
    Outrider__Road *m = NEW(w, Outrider__Road, outrider__road__init);

    if (road->width == 0)
        return NULL;
    assert(road->width == SCENE_ROAD_WIDTH && road->height == SCENE_ROAD_HEIGHT);
    PUT(m, width, SCENE_ROAD_WIDTH);
    PUT(m, height, SCENE_ROAD_HEIGHT);
    m->has_probability = 1; /* only read while packing */
    m->probability = (ProtobufCBinaryData){sizeof road->probability, (uint8_t *)road->probability};
    return m;
}

struct bytes wire_lanes_pack(struct wire *w, const struct lanes_message *msg)
{
    Outrider__Lanes *m;

    assert(msg->n_lanes >= 0 && msg->n_lanes <= SCENE_MAX_LANES);
    wire_begin(w);
    m = NEW(w, Outrider__Lanes, outrider__lanes__init);
    m->header = put_header(w, &msg->header);
    m->boundaries = NEW_ARRAY(w, Outrider__LaneBoundary *, msg->n_lanes);
    for (int i = 0; i < msg->n_lanes; i++)
        m->boundaries[m->n_boundaries++] = put_boundary(w, &msg->lane[i]);
    m->ego_lane = put_ego_lane(w, &msg->ego_lane);
    m->road = put_road(w, &msg->road);
    return wire_pack(w, &m->base);
}

/* ---- unpacking ---- */

static void read_candidates(struct reader *r, const Outrider__LaneBoundary *m,
                            struct lane_boundary *l)
{
    int n_types = read_list(r, "types", m->n_types, SCENE_MAX_CANDIDATES);
    int n_colors = read_list(r, "colors", m->n_colors, SCENE_MAX_CANDIDATES);

    for (int i = 0; i < n_types; i++) {
        enum lane_type type = READ_ENUM(m->types[i], type, LANE_TYPE_BARRIER + 1);
        float p = READ_SHARE(r, m->types[i], probability);

        if (!type)
            continue;
        l->types[l->n_types].type = type;
        l->types[l->n_types++].probability = p;
    }
    for (int i = 0; i < n_colors; i++) {
        enum lane_color color = READ_ENUM(m->colors[i], color, LANE_COLOR_OTHER + 1);
        float p = READ_SHARE(r, m->colors[i], probability);

        if (!color)
            continue;
        l->colors[l->n_colors].color = color;
        l->colors[l->n_colors++].probability = p;
    }
}

static void read_stations(struct reader *r, const Outrider__LaneBoundary *m,
                          struct lane_boundary *l)
{
    enum { N = SCENE_STATIONS };
    float y[N], z[N], sigma[N], visible[N];

    for (int i = 0; i < N; i++)
        y[i] = z[i] = sigma[i] = visible[i] = NAN;
    l->has_metres = read_floats(r, "y_m", m->y_m, m->n_y_m, N, true, -FLT_MAX, FLT_MAX, y);
    read_floats(r, "z_m", m->z_m, m->n_z_m, N, true, -FLT_MAX, FLT_MAX, z);
    read_floats(r, "sigma_y_m", m->sigma_y_m, m->n_sigma_y_m, N, true, 0, FLT_MAX, sigma);
    read_floats(r, "visible", m->visible, m->n_visible, N, true, 0, 1, visible);
    for (int i = 0; i < N; i++)
        l->station[i] = (struct lane_station){y[i], z[i], sigma[i], visible[i]};
}

static void read_cubic(struct reader *r, const Outrider__LaneBoundary *m, struct lane_boundary *l)
{
    read_floats(r, "cubic", m->cubic, m->n_cubic, 4, false, -FLT_MAX, FLT_MAX, l->cubic);
    if (read_floats(r, "cubic_covariance", m->cubic_covariance, m->n_cubic_covariance, 10, false,
                    -FLT_MAX, FLT_MAX, l->cubic_covariance))
        for (int i = 0; i < 4; i++)
            if (l->cubic_covariance[variance_index[i]] < 0)
                reader_fail(r, ERR_LIMIT, "cubic_covariance", "number %d is %g, a variance is >= 0",
                            variance_index[i], (double)l->cubic_covariance[variance_index[i]]);
    l->x_min_m = READ_FLOAT(r, m, x_min_m);
    l->x_max_m = READ_FLOAT(r, m, x_max_m);
}

static void read_pixels(struct reader *r, const Outrider__LaneBoundary *m, struct lane_boundary *l)
{
    enum { N = SCENE_MAX_LANE_PIXELS };
    float x[N], y[N], sigma[N];
    size_t n = (size_t)read_list(r, "pixel_x", m->n_pixel_x, N);

    if (m->n_pixel_x != m->n_pixel_y)
        reader_fail(r, ERR_FORMAT, "pixel_y", "has %zu numbers, but pixel_x %zu", m->n_pixel_y,
                    m->n_pixel_x);
    if (r->e != OK)
        return;
    for (size_t i = 0; i < n; i++)
        x[i] = y[i] = sigma[i] = NAN;
    read_floats(r, "pixel_x", m->pixel_x, n, n, false, -FLT_MAX, FLT_MAX, x);
    read_floats(r, "pixel_y", m->pixel_y, n, n, false, -FLT_MAX, FLT_MAX, y);
    read_floats(r, "pixel_sigma_x", m->pixel_sigma_x, m->n_pixel_sigma_x, n, true, 0, FLT_MAX,
                sigma);
    l->n_pixels = (int)n;
    for (size_t i = 0; i < n; i++) {
        l->pixel[i].x = x[i];
        l->pixel[i].y = y[i];
        l->pixel[i].sigma_x = sigma[i];
    }
}

static void read_boundary(struct reader *r, const Outrider__LaneBoundary *m,
                          struct lane_boundary *l)
{
    lane_boundary_clear(l);
    l->id = READ_COUNT(m, id);
    if (l->id == 0)
        reader_fail(r, ERR_FORMAT, "id", "is 0 or absent");
    l->role = READ_COUNT(m, role);
    if (l->role < -MAX_ROLE || l->role > MAX_ROLE)
        reader_fail(r, ERR_LIMIT, "role", "is %d, limit %d..%d", l->role, -MAX_ROLE, MAX_ROLE);
    l->kind = READ_ENUM(m, kind, LANE_ROAD_EDGE + 1);
    l->existence = READ_SHARE(r, m, existence_probability);
    l->age_ns = READ_DURATION(r, m, age_ns);
    l->measurement = READ_ENUM(m, measurement, MEASUREMENT_PREDICTED + 1);
    read_candidates(r, m, l);
    read_stations(r, m, l);
    read_cubic(r, m, l);
    read_pixels(r, m, l);
}

static void read_ego_lane(struct reader *r, const Outrider__EgoLane *m, struct ego_lane *l)
{
    *l = (struct ego_lane){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (!m)
        return;
    *l = (struct ego_lane){
        .offset_m = READ_FLOAT(r, m, offset_m),
        .offset_sigma_m = READ_SIGMA(r, m, offset_sigma_m),
        .heading_rad = READ_FLOAT(r, m, heading_rad),
        .heading_sigma_rad = READ_SIGMA(r, m, heading_sigma_rad),
        .curvature_1pm = READ_FLOAT(r, m, curvature_1pm),
        .curvature_sigma_1pm = READ_SIGMA(r, m, curvature_sigma_1pm),
        .width_m = READ_SIGMA(r, m, width_m),
        .width_sigma_m = READ_SIGMA(r, m, width_sigma_m),
        .time_to_departure_s = READ_SIGMA(r, m, time_to_departure_s),
        .time_to_departure_sigma_s = READ_SIGMA(r, m, time_to_departure_sigma_s),
    };
}

static void read_road(struct reader *r, const Outrider__Road *m, struct road *road)
{
    road->width = road->height = 0;
    if (!m)
        return;
    if (READ_COUNT(m, width) != SCENE_ROAD_WIDTH || READ_COUNT(m, height) != SCENE_ROAD_HEIGHT)
        reader_fail(r, ERR_LIMIT, "road", "is %u x %u, must be %d x %d", READ_COUNT(m, width),
                    READ_COUNT(m, height), SCENE_ROAD_WIDTH, SCENE_ROAD_HEIGHT);
    else if (!m->has_probability || m->probability.len != sizeof road->probability)
        reader_fail(r, ERR_FORMAT, "road.probability", "has %zu bytes, must have %zu",
                    m->has_probability ? m->probability.len : 0, sizeof road->probability);
    if (r->e != OK)
        return;
    road->width = SCENE_ROAD_WIDTH;
    road->height = SCENE_ROAD_HEIGHT;
    memcpy(road->probability, m->probability.data, sizeof road->probability);
}

enum err wire_lanes_unpack(struct wire *w, struct bytes b, struct lanes_message *out,
                           struct why *why)
{
    struct reader r = {.why = why, .message = "lanes"};
    struct lanes_message *msg = &w->staged.lanes;
    Outrider__Lanes *m;
    enum err e =
        wire_parse(w, &outrider__lanes__descriptor, r.message, b, WIRE_MAX_MESSAGE, &m, why);

    if (e != OK)
        return e;
    read_header(&r, m->header, &msg->header);
    msg->n_lanes = read_list(&r, "boundaries", m->n_boundaries, SCENE_MAX_LANES);
    for (int i = 0; i < msg->n_lanes && r.e == OK; i++) {
        struct place place = {NULL, "boundaries", (size_t)i};

        r.place = &place;
        read_boundary(&r, m->boundaries[i], &msg->lane[i]);
        r.place = NULL;
    }
    read_ego_lane(&r, m->ego_lane, &msg->ego_lane);
    read_road(&r, m->road, &msg->road);
    if (r.e == OK)
        *out = *msg;
    return r.e;
}
