#include "perception/track/lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/lane_curve.h"
#include "perception/track/ego_lane.h"
#include "perception/track/lane_memory.h"
#include "perception/track/lane_told.h"

enum { MAX_TRACKS = LANE_TRACKS };

/* Life of a boundary, in odds that it is real. A curve of score s multiplies them by 1 + 3 s, time
 * without one lets them fall: a good line is published on its second frame and, once sure,
 * outlives half a second without being seen. */
static const float ODDS_BIRTH = 0.25f, ODDS_MAX = 99, ODDS_LOST_PER_S = 8;
static const float ODDS_PUBLISH = 1.5f, ODDS_DELETE = 0.5f;
/* With a network, which says itself when a boundary is no more there, it outlives two seconds. */
static const float PATIENT_LOST_PER_S = 2, LEAST_EXISTENCE = 0.5f;

/* A curve belongs to the nearest boundary within the gate. Boundaries lie farther apart than twice
 * that, so taking the closest pairs first is as good as the best assignment. */
static const float GATE_M = 1.1f, GATE_WIDTHS = 0.05f; /* without calibration: of the picture */
static const float NEAR_M = 20;                        /* compared over this much from its start */
static const float DUPLICATE_M = 0.7f, DUPLICATE_WIDTHS = 0.025f;

/* Sides change only when we are this far across, so that roles do not flicker on the line. */
static const float SIDE_M = 0.1f, SIDE_WIDTHS = 0.01f;

/* No lane is so wide that its side lies farther from a vehicle in it: the nearest boundary beyond
 * this is the next one out, and ours is not seen. */
static const float OUR_SIDE_M = 4.5f;

/* Of the width that our lane was known to have: less is no lane, so close is the same. Known: to 0.25 m. */
static const float WIDTH_LEAST = 0.8f, WIDTH_SAME = 0.2f, WIDTH_SURE_M2 = 0.0625f;

static const float EVIDENCE_KEPT = 0.9f; /* of types and colours, from one sighting to the next */

/* Farther between two frames, what was seen before says nothing of the road here. */
static const float WAY_MAX_M = 30, TURN_MAX_RAD = 0.3f;

static const int64_t SURELY_THERE_NS = 300000000;

struct lanes {
    struct lane_memory *memory; /* NULL: the filter alone */
    bool patient;               /* boundaries outlive longer gaps */
    uint64_t last_id;
    bool started, metres;
    int64_t t_ns;
    float speed_mps;
    float asked[MAX_TRACKS][LANE_FEATURES];
    struct lane_track track[MAX_TRACKS];
    int n_order; /* of what is published, left to right */
    struct lane_track *order[MAX_TRACKS];
    struct lane_width width; /* of our lane */
};

enum err lanes_open(const struct lanes_options *o, struct lanes **out, struct why *why)
{
    struct lane_weights built_in = lane_weights_built_in(o->kind == TRACKER_LSTM);
    struct lanes *l;
    enum err e;

    *out = NULL;
    if (o->kind != TRACKER_KALMAN && o->kind != TRACKER_RNN && o->kind != TRACKER_LSTM)
        return err_say(why, ERR_UNSUPPORTED, "tracker %d: there is none", (int)o->kind);
    if (!(l = calloc(1, sizeof *l)))
        return err_say(why, ERR_NOMEM, "no memory for lanes");
    l->patient = o->record || o->kind != TRACKER_KALMAN;
    if (o->kind != TRACKER_KALMAN && (e = lane_memory_open(o->weights ? o->weights : &built_in,
                                                           o->cpu_mask, &l->memory, why)) != OK) {
        lanes_close(l);
        return e;
    }
    *out = l;
    return OK;
}

void lanes_close(struct lanes *l)
{
    if (l)
        lane_memory_close(l->memory);
    free(l);
}

void lanes_reset(struct lanes *l)
{
    *l = (struct lanes){.memory = l->memory, .patient = l->patient, .last_id = l->last_id};
}

/* ---- one frame ----------------------------------------------------------------------------- */

struct sighting { /* a curve of this frame */
    const struct lane_curve *curve;
    int index; /* of the curve */
    struct lane_ground ground;
};

/* Mean lateral distance over the nearest metres of the sighting. */
static float distance_m(const struct lane_track *t, const struct lane_ground *g)
{
    float sum = 0;
    int n = 0;

    for (int i = 0; i < g->n && g->point[i].x_m < g->point[0].x_m + NEAR_M; i++, n++)
        sum += fabsf(g->point[i].y_m - (float)lane_cubic_y(&t->cubic, g->point[i].x_m));
    return sum / (float)n;
}

/* Mean distance in picture widths over common rows; large when there are none. */
static float distance_px(const struct lane_curve *a, const struct lane_curve *b, float width)
{
    float bottom = fminf(a->point[0].y, b->point[0].y);
    float top = fmaxf(a->point[a->n - 1].y, b->point[b->n - 1].y), sum = 0;

    if (!(bottom > top))
        return 1e9f;
    for (int i = 0; i < 5; i++) {
        float y = bottom + (top - bottom) * 0.25f * (float)i;

        sum += fabsf(lane_curve_x(a, y) - lane_curve_x(b, y));
    }
    return sum / (5 * width);
}

/* What was said lately counts most. */
static void remember(float *evidence, int n, int said, float share)
{
    for (int i = 0; i < n; i++)
        evidence[i] *= EVIDENCE_KEPT;
    if (said > 0 && said < n)
        evidence[said] += share;
}

static void track_see(struct lane_track *t, const struct sighting *s, bool metres, int64_t now_ns)
{
    t->seen_ns = now_ns;
    t->odds = fminf(t->odds * (1 + 3 * s->curve->score), ODDS_MAX);
    t->published |= t->odds >= ODDS_PUBLISH;
    t->measurement = MEASUREMENT_MEASURED;
    t->curve = *s->curve;
    remember(t->type, LANE_TYPE_BARRIER + 1, (int)s->curve->type, s->curve->type_share);
    remember(t->color, LANE_COLOR_OTHER + 1, (int)s->curve->color, s->curve->color_share);
    if (!metres)
        return;
    t->ground = s->ground;
    t->x_min_m = s->ground.point[0].x_m;
    t->x_max_m = s->ground.point[s->ground.n - 1].x_m;
    if (t->born_ns != now_ns)
        lane_surprises(&t->cubic, &s->ground, t->surprise);
    lane_cubic_update(&t->cubic, &s->ground);
}

static void track_miss(struct lane_track *t, float dt_s, bool patient)
{
    t->odds *= expf(-(patient ? PATIENT_LOST_PER_S : ODDS_LOST_PER_S) * dt_s);
    t->measurement = MEASUREMENT_PREDICTED;
    if (t->odds < ODDS_DELETE)
        t->id = 0;
}

static void track_begin(struct lanes *l, const struct sighting *s)
{
    for (int i = 0; i < MAX_TRACKS; i++) {
        struct lane_track *t = &l->track[i];

        if (t->id != 0)
            continue;
        *t = (struct lane_track){
            .id = ++l->last_id, .born_ns = l->t_ns, .odds = ODDS_BIRTH, .owner = s->index};
        lane_cubic_init(&t->cubic);
        track_see(t, s, l->metres, l->t_ns);
        if (l->memory)
            lane_memory_forget(l->memory, i);
        return;
    }
}

/* Closest pairs of track and sighting first. used[j]: the sighting has found its track. */
static void associate(struct lanes *l, const struct sighting *s, int n, float width, bool *used,
                      bool *seen)
{
    const float gate = l->metres ? GATE_M : GATE_WIDTHS;
    float cost[MAX_TRACKS][HEAD_MAX_CURVES];

    for (int i = 0; i < MAX_TRACKS; i++)
        for (int j = 0; j < n; j++)
            cost[i][j] = l->track[i].id == 0 || l->track[i].curve.kind != s[j].curve->kind ? 1e9f
                         : l->metres ? distance_m(&l->track[i], &s[j].ground)
                                     : distance_px(&l->track[i].curve, s[j].curve, width);
    for (;;) {
        float best = gate;
        int bi = -1, bj = -1;

        for (int i = 0; i < MAX_TRACKS; i++)
            for (int j = 0; j < n; j++)
                if (!seen[i] && !used[j] && cost[i][j] < best) {
                    best = cost[i][j];
                    bi = i;
                    bj = j;
                }
        if (bi < 0)
            return;
        seen[bi] = used[bj] = true;
        l->track[bi].owner = s[bj].index;
        track_see(&l->track[bi], &s[bj], l->metres, l->t_ns);
    }
}

/* A boundary that coasts beside one that is seen is the same one, found anew. */
static void drop_duplicates(struct lanes *l, float width)
{
    for (int i = 0; i < MAX_TRACKS; i++)
        for (int j = 0; j < MAX_TRACKS; j++) {
            struct lane_track *a = &l->track[i], *b = &l->track[j];

            if (a->id == 0 || b->id == 0 || a->curve.kind != b->curve.kind ||
                a->measurement != MEASUREMENT_PREDICTED || b->measurement != MEASUREMENT_MEASURED)
                continue;
            if (l->metres ? distance_m(a, &b->ground) < DUPLICATE_M
                          : distance_px(&a->curve, &b->curve, width) < DUPLICATE_WIDTHS)
                a->id = 0;
        }
}

/* From order[from] outwards, n of them: lines count up from `first`; an edge of the road has a role only
 * where it comes before any line. */
static void number_side(struct lane_track **order, int from, int step, int n, int first)
{
    bool line = false;

    for (int i = 0, role = first; i < n; i++) {
        struct lane_track *t = order[from + i * step];

        if (t->curve.kind == LANE_ROAD_EDGE && line)
            continue;
        line |= t->curve.kind != LANE_ROAD_EDGE;
        t->role = role >= -2 && role <= 2 ? role : 0;
        role += role > 0 ? 1 : -1;
    }
}

/* A seam, a shadow or somebody's flank within our lane: with it the lane would be much narrower than it was until now,
 * with the next one out it is as wide. Of `left` boundaries on the left and the others, n in all: -1 or +1 if the
 * innermost on the right or left is such a thing, 0 if neither. */
static int within_lane(const struct lanes *l, struct lane_track *const *order, int left, int n)
{
    const float usual = (float)l->width.m;

    if (!l->metres || !(l->width.variance > 0 && l->width.variance < WIDTH_SURE_M2) || left == 0 ||
        left == n)
        return 0;
    const float y_left = order[left - 1]->lateral, y_right = order[left]->lateral;
    float best = WIDTH_SAME * usual;
    int which = 0;

    if (y_left - y_right > WIDTH_LEAST * usual)
        return 0;
    if (left + 1 < n && fabsf(y_left - order[left + 1]->lateral - usual) < best) {
        best = fabsf(y_left - order[left + 1]->lateral - usual);
        which = -1;
    }
    if (left > 1 && fabsf(order[left - 2]->lateral - y_right - usual) < best)
        which = 1;
    return which;
}

/* Published boundaries left to right, with roles counted outwards from us. */
static void set_roles(struct lanes *l)
{
    struct lane_track **order = l->order;

    const float margin = l->metres ? SIDE_M : SIDE_WIDTHS;
    int n = 0, left = 0;

    for (int i = 0; i < MAX_TRACKS; i++) {
        struct lane_track *t = &l->track[i];
        int at = n;

        t->role = 0;
        if (t->id == 0)
            continue;
        if (t->side == 0 || t->lateral * (float)t->side < -margin)
            t->side = t->lateral >= 0 ? 1 : -1;
        if (!t->published || (l->memory && l->metres && t->existence < LEAST_EXISTENCE))
            continue;
        for (; at > 0 && (order[at - 1]->side < t->side ||
                          (order[at - 1]->side == t->side && order[at - 1]->lateral < t->lateral));
             at--)
            order[at] = order[at - 1];
        order[at] = t;
        n++;
        left += t->side > 0;
    }
    bool far_left = l->metres && left > 0 && order[left - 1]->lateral > OUR_SIDE_M;
    bool far_right = l->metres && left < n && order[left]->lateral < -OUR_SIDE_M;
    const int within = within_lane(l, order, left, n);
    const int skip_left = within > 0, skip_right = within < 0;

    number_side(order, left - 1 - skip_left, -1, left - skip_left, 1 + far_left);
    number_side(order, left + skip_right, 1, n - left - skip_right, -1 - far_right);
    l->n_order = n;
}

/* Where each boundary passes us: metres, or picture widths at the lowest row that any curve has. */
static void set_lateral(struct lanes *l, float width)
{
    float bottom = 0;

    for (int i = 0; i < MAX_TRACKS; i++)
        if (l->track[i].id != 0 && l->track[i].curve.n > 0)
            bottom = fmaxf(bottom, l->track[i].curve.point[0].y);
    for (int i = 0; i < MAX_TRACKS; i++) {
        struct lane_track *t = &l->track[i];

        if (t->id == 0)
            continue;
        t->lateral = l->metres ? (float)lane_cubic_y(&t->told, 0)
                               : 0.5f - lane_curve_x(&t->curve, bottom) / width;
    }
}

/* Ours is the time and the way since the frame before. */
static void predict(struct lanes *l, float dt_s, float yaw_rate_radps)
{
    float way = l->speed_mps * dt_s, turn = yaw_rate_radps * dt_s;
    bool known = fabsf(way) < WAY_MAX_M && fabsf(turn) < TURN_MAX_RAD; /* false for NAN */

    for (int i = 0; i < MAX_TRACKS; i++) {
        struct lane_track *t = &l->track[i];

        t->owner = -1;
        memset(t->surprise, 0, sizeof t->surprise);
        if (t->id == 0)
            continue;
        lane_cubic_predict(&t->cubic, (double)dt_s);
        if (!known)
            continue;
        lane_cubic_move(&t->cubic, (double)way, (double)turn);
        t->x_max_m -= way;
    }
}

/* What is said of each boundary: the filter's word, or its network's about that. */
static void tell(struct lanes *l, struct lane_frame *now)
{
    const float(*answer)[LANE_ANSWERS] = NULL;

    if (l->metres) {
        lane_frame_share(l->track, now);
        for (int i = 0; i < MAX_TRACKS; i++)
            if (l->track[i].id != 0)
                lane_features(l->track, i, now, l->asked[i]);
        if (l->memory)
            answer = lane_memory_step(l->memory, l->asked);
    }
    for (int i = 0; i < MAX_TRACKS; i++) {
        struct lane_track *t = &l->track[i];

        if (t->id == 0)
            continue;
        t->told = t->cubic;
        t->existence = t->odds / (1 + t->odds);
        if (!answer)
            continue;
        lane_answer_cubic(&t->cubic, answer[i], &t->told);
        /* It learnt from what our own network sees; what another one sees again and again is there, and
         * for a while after. */
        if (l->t_ns - t->seen_ns > SURELY_THERE_NS)
            t->existence = lane_answer_existence(t->odds, answer[i]);
    }
}

/* The cubics of our lane's two sides, NULL where there is none; measured: only those seen in this frame. */
static void own_sides(const struct lanes *l, bool measured, const struct lane_cubic *side[2])
{
    side[0] = side[1] = NULL;
    for (int i = 0; i < l->n_order; i++) {
        const struct lane_track *t = l->order[i];

        if ((t->role == 1 || t->role == -1) &&
            (!measured || t->measurement == MEASUREMENT_MEASURED))
            side[t->role < 0] = &t->told;
    }
}

void lanes_step(struct lanes *l, const struct lane_curve *curve, int n, const struct camera *camera,
                int image_width, float speed_mps, float yaw_rate_radps, int64_t t_ns)
{
    bool metres = camera->width > 0, used[HEAD_MAX_CURVES] = {false}, seen[MAX_TRACKS] = {false};
    struct sighting s[HEAD_MAX_CURVES];
    float dt_s = l->started ? (float)(t_ns - l->t_ns) * 1e-9f : 0, width = (float)image_width;
    int n_s = 0;

    if (l->started && metres != l->metres)
        lanes_reset(l);
    dt_s = fmaxf(dt_s, 0);
    l->started = true;
    l->metres = metres;
    l->t_ns = t_ns;
    l->speed_mps = speed_mps;
    for (int i = 0; i < n && n_s < HEAD_MAX_CURVES; i++) {
        s[n_s].curve = &curve[i];
        s[n_s].index = i;
        if (metres)
            lane_ground_from_curve(&s[n_s].ground, &curve[i], camera);
        n_s += metres ? s[n_s].ground.n > 0 : curve[i].n > 1;
    }
    if (metres)
        predict(l, dt_s, yaw_rate_radps);
    associate(l, s, n_s, width, used, seen);
    for (int i = 0; i < MAX_TRACKS; i++)
        if (l->track[i].id != 0 && !seen[i])
            track_miss(&l->track[i], dt_s, l->patient);
    for (int j = 0; j < n_s; j++)
        if (!used[j])
            track_begin(l, &s[j]);
    drop_duplicates(l, width);
    tell(l, &(struct lane_frame){.camera = camera,
                                 .ego = {.speed_mps = speed_mps, .yaw_rate_radps = yaw_rate_radps},
                                 .dt_s = dt_s,
                                 .now_ns = t_ns});
    set_lateral(l, width);
    set_roles(l);
    if (!metres)
        return;
    const struct lane_cubic *side[2];
    own_sides(l, true, side);
    lane_width_step(&l->width, side[0], side[1], (double)dt_s);
}

/* ---- out ----------------------------------------------------------------------------------- */

void lanes_scene(const struct lanes *l, struct scene *s)
{
    const struct lane_cubic *side[2] = {NULL, NULL};
    int first = 0, n = l->n_order;

    while (n > SCENE_MAX_LANES) { /* the farthest out are missed least */
        first += fabsf(l->order[first]->lateral) > fabsf(l->order[first + n - 1]->lateral);
        n--;
    }
    s->n_lanes = n;
    for (int i = 0; i < n; i++)
        lane_told(l->order[first + i], l->metres, l->t_ns, &s->lane[i]);
    if (l->metres)
        own_sides(l, false, side);
    ego_lane_find(side[0], side[1], &l->width, l->speed_mps, &s->ego_lane);
}

const float (*lanes_asked(const struct lanes *l))[LANE_FEATURES]
{
    return l->asked;
}

const struct lane_track *lanes_tracks(const struct lanes *l)
{
    return l->track;
}
