#include "sim/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 64, MAX_IDS = 4096, COV_Y = STATE_DIM };
static const double BAND_M[SCORE_BANDS + 1] = {0, 20, 40, 80};
static const float LANE_M[SCORE_LANE_PLACES] = {10, 30, 60};
static const float FOUND_IOU = 0.3f, LEAST_HEIGHT_PX = 12, MOST_HIDDEN = 0.5f, MOST_CUT = 0.1f;

struct samples {
    double *v;
    size_t n, capacity;
};

struct remembered { /* of the frames that were sent last */
    int64_t t_ns;
    struct truth truth;
};

enum kind { VEHICLE, PERSON, KINDS, NEITHER = KINDS };

struct score {
    struct camera camera;
    struct faults faults;
    struct remembered kept[KEPT];
    unsigned n_kept; /* all that ever came */
    struct score_result sum;
    struct samples distance[KINDS][SCORE_BANDS]; /* signed, percent */
    struct samples lane[SCORE_LANE_PLACES], offset;
    int n_ids;
    struct {
        uint64_t truth, track;
    } id[MAX_IDS];
};

enum err score_open(const struct camera *c, const struct faults *f, struct score **out)
{
    struct score *s = calloc(1, sizeof *s);

    *out = s;
    if (!s)
        return ERR_NOMEM;
    s->camera = *c;
    s->faults = *f;
    s->sum.n_faults = f->n;
    for (int i = 0; i < f->n; i++)
        s->sum.fault[i] = (struct score_fault){.kind = f->fault[i].kind,
                                               .at_s = f->fault[i].at_s,
                                               .end_s = f->fault[i].end_s,
                                               .said_s = NAN,
                                               .recovered_s = NAN};
    return OK;
}

void score_close(struct score *s)
{
    if (!s)
        return;
    for (int k = 0; k < KINDS; k++)
        for (int b = 0; b < SCORE_BANDS; b++)
            free(s->distance[k][b].v);
    for (int i = 0; i < SCORE_LANE_PLACES; i++)
        free(s->lane[i].v);
    free(s->offset.v);
    free(s);
}

void score_truth(struct score *s, const struct truth *t, int64_t t_sof_ns)
{
    struct remembered *r = &s->kept[s->n_kept++ % KEPT];

    r->t_ns = t_sof_ns;
    r->truth = *t;
    r->truth.road = NULL;
}

static const struct truth *truth_of(const struct score *s, const struct header *h)
{
    for (unsigned i = 0; i < KEPT && i < s->n_kept; i++) { /* the newest first */
        const struct remembered *r = &s->kept[(s->n_kept - 1 - i) % KEPT];

        if (r->t_ns == h->state_time_ns)
            return &r->truth;
    }
    return NULL;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void add(struct samples *s, double v)
{
    if (s->n == s->capacity) {
        size_t more = s->capacity ? 2 * s->capacity : 256;
        double *grown = realloc(s->v, more * sizeof *grown);

        if (!grown) /* a score of fewer samples */
            return;
        s->v = grown;
        s->capacity = more;
    }
    s->v[s->n++] = v;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of the magnitudes. */
static double quantile(const struct samples *s, double q)
{
    double *v = malloc((s->n + 1) * sizeof *v), out = NAN;

    if (v && s->n) {
        for (size_t i = 0; i < s->n; i++)
            v[i] = fabs(s->v[i]);
        qsort(v, s->n, sizeof *v, compare);
        out = v[(size_t)(q * (double)(s->n - 1) + 0.5)];
    }
    free(v);
    return out;
}

static double mean(const struct samples *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += s->v[i];
    return s->n ? sum / (double)s->n : NAN;
}

static void cover(struct score_coverage *c, double error, double sigma)
{
    if (!(sigma > 0) || !isfinite(error))
        return;
    c->n++;
    c->within1 += fabs(error) <= sigma;
    c->within2 += fabs(error) <= 2 * sigma;
}

/* ---- faults -------------------------------------------------------------------------------- */

/* What a message says then; 0: nobody can know, or nothing is lost by it. */
static uint32_t expected_reason(const struct fault *f)
{
    switch (f->kind) {
    case FAULT_LOSS:
    case FAULT_STALL:
        return 1u << REASON_NO_FRAMES;
    case FAULT_FREEZE:
        return 1u << REASON_FROZEN;
    case FAULT_DUPLICATE:
        return 1u << REASON_DUPLICATE;
    case FAULT_CORRUPT:
        return 1u << REASON_UNDECODABLE;
    case FAULT_BLOCKED:
        return 1u << REASON_BLOCKED;
    case FAULT_CLOCK:
        return 1u << REASON_CLOCK_JUMP;
    case FAULT_BRIGHTNESS:
        return f->amount < 1 ? 1u << REASON_DARK : 1u << REASON_GLARE;
    default:
        return 0;
    }
}

static void watch_faults(struct score *s, const struct header *h, double now_s)
{
    for (int i = 0; i < s->faults.n; i++) {
        struct score_fault *f = &s->sum.fault[i];
        uint32_t expected = expected_reason(&s->faults.fault[i]);
        bool says = h->reasons & expected;
        /* A jump is over at once: what counts is how long its consequences last. */
        double over_s = f->kind == FAULT_CLOCK ? f->at_s : f->end_s;

        if (now_s < f->at_s || !expected)
            continue;
        if (says && isnan(f->said_s))
            f->said_s = now_s - f->at_s;
        if (now_s < f->end_s) {
            f->said += says;
            f->silent += !says && h->qualifier == QUALIFIER_AVAILABLE;
        }
        if (now_s >= over_s && isnan(f->recovered_s) && !says && !isnan(f->said_s) &&
            h->qualifier == QUALIFIER_AVAILABLE)
            f->recovered_s = now_s - over_s;
    }
}

static bool is_usable(const struct header *h)
{
    return h->has_frame &&
           (h->qualifier == QUALIFIER_AVAILABLE || h->qualifier == QUALIFIER_AVAILABLE_REDUCED);
}

/* ---- objects ------------------------------------------------------------------------------- */

static enum kind kind_of(const struct object *o)
{
    if (o->n_classes == 0)
        return NEITHER;
    switch (o->classes[0].class) {
    case OBJECT_CAR:
    case OBJECT_TRUCK:
    case OBJECT_BUS:
    case OBJECT_VEHICLE:
        return VEHICLE;
    case OBJECT_PERSON:
    case OBJECT_CYCLIST:
    case OBJECT_MOTORCYCLE:
    case OBJECT_BICYCLE:
        return PERSON;
    default:
        return NEITHER;
    }
}

static float overlap(const struct box *a, const struct box *b)
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    float both = w > 0 && h > 0 ? w * h : 0;
    float all = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both;

    return all > 0 ? both / all : 0;
}

static double distance(const struct score *s, const struct object *o)
{
    return hypot((double)(o->x_m - s->camera.x_m), (double)(o->y_m - s->camera.y_m));
}

static int band_of(double m)
{
    for (int b = 0; b < SCORE_BANDS; b++)
        if (m >= BAND_M[b] && m < BAND_M[b + 1])
            return b;
    return -1;
}

static bool is_asked(const struct object *o)
{
    return o->box_px.y2 - o->box_px.y1 >= LEAST_HEIGHT_PX && !(o->occlusion >= MOST_HIDDEN) &&
           !(o->truncation > MOST_CUT);
}

/* Best pairs first. match[i]: index of the published object that is truth i; -1: none. */
static void match(const struct scene *truth, const struct objects_message *m, int *found,
                  bool *taken)
{
    for (int i = 0; i < truth->n_objects; i++)
        found[i] = -1;
    for (;;) {
        float best = FOUND_IOU;
        int bi = -1, bj = -1;

        for (int i = 0; i < truth->n_objects; i++)
            for (int j = 0; j < m->n_objects && found[i] < 0; j++) {
                const struct object *a = &truth->object[i], *b = &m->object[j];

                if (taken[j] || kind_of(a) == NEITHER || kind_of(a) != kind_of(b))
                    continue;
                float iou = overlap(&a->box_px, &b->box_px);
                if (iou >= best) {
                    best = iou;
                    bi = i;
                    bj = j;
                }
            }
        if (bi < 0)
            return;
        found[bi] = bj;
        taken[bj] = true;
    }
}

static void watch_identity(struct score *s, uint64_t truth, uint64_t track)
{
    for (int i = 0; i < s->n_ids; i++) {
        if (s->id[i].truth != truth)
            continue;
        s->sum.id_switches += s->id[i].track != track;
        s->id[i].track = track;
        return;
    }
    s->sum.tracks++;
    if (s->n_ids < MAX_IDS) {
        s->id[s->n_ids].truth = truth;
        s->id[s->n_ids++].track = track;
    }
}

static void compare_object(struct score *s, const struct object *truth, const struct object *o)
{
    enum kind k = kind_of(truth);
    double far_m = distance(s, truth);
    int band = band_of(far_m);

    if (k == NEITHER || band < 0 || !is_asked(truth))
        return;
    struct score_distance *d = k == VEHICLE ? &s->sum.vehicle[band] : &s->sum.person[band];
    d->asked++;
    if (!o)
        return;
    d->found++;
    watch_identity(s, truth->id, o->id);
    if (isnan(o->x_m))
        return;
    add(&s->distance[k][band], 100 * (distance(s, o) - far_m) / far_m);
    cover(&s->sum.position, (double)(o->x_m - truth->x_m), sqrt((double)o->covariance[0]));
    cover(&s->sum.position, (double)(o->y_m - truth->y_m), sqrt((double)o->covariance[COV_Y]));
}

static bool is_something(const struct scene *truth, const struct object *o)
{
    for (int i = 0; i < truth->n_objects; i++)
        if (overlap(&truth->object[i].box_px, &o->box_px) >= FOUND_IOU)
            return true;
    return false;
}

void score_objects(struct score *s, const struct objects_message *m, double now_s)
{
    const struct truth *t = truth_of(s, &m->header);
    int found[SCENE_MAX_OBJECTS];
    bool taken[SCENE_MAX_OBJECTS] = {false};

    s->sum.messages++;
    s->sum.available += m->header.qualifier == QUALIFIER_AVAILABLE;
    watch_faults(s, &m->header, now_s);
    if (!t || !is_usable(&m->header))
        return;
    s->sum.compared++;
    match(&t->scene, m, found, taken);
    for (int i = 0; i < t->scene.n_objects; i++)
        compare_object(s, &t->scene.object[i], found[i] < 0 ? NULL : &m->object[found[i]]);
    for (int j = 0; j < m->n_objects; j++) {
        if (m->object[j].measurement != MEASUREMENT_MEASURED)
            continue;
        s->sum.published++;
        s->sum.false_alarms += !taken[j] && !is_something(&t->scene, &m->object[j]);
    }
}

/* ---- lanes --------------------------------------------------------------------------------- */

static const struct lane_boundary *with_role(const struct lane_boundary *l, int n, int role)
{
    for (int i = 0; i < n; i++)
        if (l[i].role == role && l[i].has_metres)
            return &l[i];
    return NULL;
}

static int station_at(float m)
{
    int i = 0;

    while (i + 1 < SCENE_STATIONS && SCENE_STATION_M[i] < m)
        i++;
    return i;
}

static void compare_line(struct score *s, const struct lane_boundary *truth,
                         const struct lane_boundary *l)
{
    for (int i = 0; i < SCORE_LANE_PLACES; i++) {
        const struct lane_station *a = &truth->station[station_at(LANE_M[i])];
        const struct lane_station *b = l ? &l->station[station_at(LANE_M[i])] : NULL;

        if (isnan(a->y_m) || !(a->visible > 0.5f))
            continue;
        s->sum.lane[i].asked++;
        if (!b || isnan(b->y_m))
            continue;
        s->sum.lane[i].found++;
        add(&s->lane[i], (double)(b->y_m - a->y_m));
        cover(&s->sum.lines, (double)(b->y_m - a->y_m), (double)b->sigma_y_m);
    }
}

void score_lanes(struct score *s, const struct lanes_message *m, double now_s)
{
    const struct truth *t = truth_of(s, &m->header);

    (void)now_s; /* faults are watched on objects: both topics say the same */
    if (!t || !is_usable(&m->header))
        return;
    for (int role = -1; role <= 1; role += 2) {
        const struct lane_boundary *l = with_role(t->scene.lane, t->scene.n_lanes, role);

        if (l && l->kind == LANE_LINE)
            compare_line(s, l, with_role(m->lane, m->n_lanes, role));
    }
    double off = (double)(m->ego_lane.offset_m - t->scene.ego_lane.offset_m);
    if (isfinite(off))
        add(&s->offset, off);
}

/* ---- the result ---------------------------------------------------------------------------- */

void score_result(struct score *s, struct score_result *out)
{
    for (int b = 0; b < SCORE_BANDS; b++)
        for (int k = 0; k < KINDS; k++) {
            struct score_distance *d = k == VEHICLE ? &s->sum.vehicle[b] : &s->sum.person[b];

            d->median_percent = quantile(&s->distance[k][b], 0.5);
            d->bias_percent = mean(&s->distance[k][b]);
        }
    for (int i = 0; i < SCORE_LANE_PLACES; i++) {
        s->sum.lane[i].median_m = quantile(&s->lane[i], 0.5);
        s->sum.lane[i].p95_m = quantile(&s->lane[i], 0.95);
    }
    s->sum.offset_median_m = quantile(&s->offset, 0.5);
    *out = s->sum;
}

static double percent(uint64_t part, uint64_t all)
{
    return all ? 100 * (double)part / (double)all : NAN;
}

/* A number for a table; a dash where there is none. */
static void cell(FILE *f, int width, int digits, double v, const char *unit)
{
    if (isfinite(v))
        fprintf(f, " %*.*f%s", width, digits, v, unit);
    else
        fprintf(f, " %*s%s", width, "-", unit);
}

static void print_kind(FILE *f, const char *name, const struct score_distance d[SCORE_BANDS])
{
    for (int b = 0; b < SCORE_BANDS; b++) {
        if (d[b].asked == 0)
            continue;
        fprintf(f, "  %-9s %2.0f..%2.0f m", name, BAND_M[b], BAND_M[b + 1]);
        cell(f, 5, 1, percent(d[b].found, d[b].asked), " % found");
        fprintf(f, " of %-6" PRIu64 " distance off by", d[b].asked);
        cell(f, 5, 1, d[b].median_percent, " % (median),");
        cell(f, 5, 1, d[b].bias_percent, " % on average\n");
    }
}

static void print_coverage(FILE *f, const char *name, const struct score_coverage *c)
{
    fprintf(f, "  %-14s within 1 sigma", name);
    cell(f, 5, 1, percent(c->within1, c->n), " %, within 2 sigma");
    cell(f, 5, 1, percent(c->within2, c->n), " %");
    fprintf(f, " of %" PRIu64 "\n", c->n);
}

void score_print(const struct score_result *r, FILE *f)
{
    fprintf(f, "Against the truth: %" PRIu64 " messages, %.1f %% AVAILABLE, %" PRIu64 " compared\n",
            r->messages, r->messages ? percent(r->available, r->messages) : 0, r->compared);
    print_kind(f, "vehicles", r->vehicle);
    print_kind(f, "people", r->person);
    fprintf(f,
            "  objects        %" PRIu64 " measured, %" PRIu64 " of them nothing real; %" PRIu64
            " things tracked, %" PRIu64 " changes of id\n",
            r->published, r->false_alarms, r->tracks, r->id_switches);
    for (int i = 0; i < SCORE_LANE_PLACES; i++) {
        fprintf(f, "  lines at %2.0f m ", (double)LANE_M[i]);
        cell(f, 5, 1, percent(r->lane[i].found, r->lane[i].asked), " % there");
        fprintf(f, " of %-6" PRIu64 " off by", r->lane[i].asked);
        cell(f, 5, 2, r->lane[i].median_m, " m (median),");
        cell(f, 5, 2, r->lane[i].p95_m, " m (95 %)\n");
    }
    fprintf(f, "  place in lane  off by");
    cell(f, 5, 2, r->offset_median_m, " m (median)\n");
    print_coverage(f, "object x, y", &r->position);
    print_coverage(f, "lines", &r->lines);
    for (int i = 0; i < r->n_faults; i++) {
        const struct score_fault *a = &r->fault[i];

        fprintf(f, "  %-14s said after", fault_name(a->kind));
        cell(f, 5, 2, a->said_s, " s, over after");
        cell(f, 5, 2, a->recovered_s, " s;");
        fprintf(f, " %" PRIu64 " messages said so, %" PRIu64 " were AVAILABLE without\n", a->said,
                a->silent);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void number(FILE *f, const char *name, double v)
{
    if (isfinite(v))
        fprintf(f, "\"%s\":%.6g", name, v);
    else
        fprintf(f, "\"%s\":null", name);
}

static void json_kind(FILE *f, const char *name, const struct score_distance d[SCORE_BANDS])
{
    fprintf(f, "\"%s\":[", name);
    for (int b = 0; b < SCORE_BANDS; b++) {
        fprintf(f, "%s{\"from_m\":%g,\"to_m\":%g,\"asked\":%" PRIu64 ",\"found\":%" PRIu64 ",",
                b ? "," : "", BAND_M[b], BAND_M[b + 1], d[b].asked, d[b].found);
        number(f, "median_percent", d[b].median_percent);
        fputc(',', f);
        number(f, "bias_percent", d[b].bias_percent);
        fputc('}', f);
    }
    fprintf(f, "],");
}

static void json_coverage(FILE *f, const char *name, const struct score_coverage *c)
{
    fprintf(f, "\"%s\":{\"n\":%" PRIu64 ",", name, c->n);
    number(f, "within_1_sigma", percent(c->within1, c->n) / 100);
    fputc(',', f);
    number(f, "within_2_sigma", percent(c->within2, c->n) / 100);
    fprintf(f, "},");
}

static void json_fault(FILE *f, const struct score_fault *a)
{
    fprintf(f, "{\"fault\":\"%s\",", fault_name(a->kind));
    number(f, "at_s", a->at_s);
    fputc(',', f);
    number(f, "end_s", a->end_s);
    fputc(',', f);
    number(f, "said_s", a->said_s);
    fputc(',', f);
    number(f, "recovered_s", a->recovered_s);
    fprintf(f, ",\"said\":%" PRIu64 ",\"silent\":%" PRIu64 "}", a->said, a->silent);
}

void score_json(const struct score_result *r, FILE *f)
{
    fprintf(f, "{\"messages\":%" PRIu64 ",\"available\":%" PRIu64 ",\"compared\":%" PRIu64 ",",
            r->messages, r->available, r->compared);
    json_kind(f, "vehicles", r->vehicle);
    json_kind(f, "people", r->person);
    fprintf(f,
            "\"published\":%" PRIu64 ",\"false_alarms\":%" PRIu64 ",\"tracks\":%" PRIu64
            ",\"id_switches\":%" PRIu64 ",\"lines\":[",
            r->published, r->false_alarms, r->tracks, r->id_switches);
    for (int i = 0; i < SCORE_LANE_PLACES; i++) {
        fprintf(f, "%s{\"at_m\":%g,\"asked\":%" PRIu64 ",\"found\":%" PRIu64 ",", i ? "," : "",
                (double)LANE_M[i], r->lane[i].asked, r->lane[i].found);
        number(f, "median_m", r->lane[i].median_m);
        fputc(',', f);
        number(f, "p95_m", r->lane[i].p95_m);
        fputc('}', f);
    }
    fprintf(f, "],");
    number(f, "offset_median_m", r->offset_median_m);
    fputc(',', f);
    json_coverage(f, "position_coverage", &r->position);
    json_coverage(f, "lines_coverage", &r->lines);
    fprintf(f, "\"faults\":[");
    for (int i = 0; i < r->n_faults; i++) {
        fprintf(f, "%s", i ? "," : "");
        json_fault(f, &r->fault[i]);
    }
    fprintf(f, "]}\n");
}
