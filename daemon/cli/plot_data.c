#include "daemon/cli/plot_data.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/fields.h"
#include "daemon/cli/json_lines.h"
#include "daemon/cli/object_set.h"
#include "perception/heads/nms.h"
#include "sim/file.h"

static const double SAME_TIME_S = 1e-3;
static const float OVERLAP = 0.3f;

/* ---- members of a line --------------------------------------------------------------------- */

/* n numbers of a list; a missing or wrong one is complained of by name. */
static enum err take_list(const struct json_lines *l, const json_t *j, const char *name, size_t n,
                          double *out)
{
    const json_t *list = json_object_get(j, name);
    char must[32];

    snprintf(must, sizeof must, "%zu numbers", n);
    if (json_array_size(list) != n)
        return json_lines_complain(l, name, must);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_number(v))
            return json_lines_complain(l, name, must);
        out[i] = json_number_value(v);
    }
    return OK;
}

static enum err take_number(const struct json_lines *l, const json_t *j, const char *name,
                            double *out)
{
    const json_t *v = json_object_get(j, name);

    *out = json_number_value(v);
    return json_is_number(v) ? OK : json_lines_complain(l, name, "a number");
}

static enum err take_id(const struct json_lines *l, const json_t *j, uint64_t *out)
{
    const json_t *v = json_object_get(j, "id");

    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) > 0
               ? OK
               : json_lines_complain(l, "id", "a whole number above 0");
}

static bool is_road_user(enum object_class c)
{
    return c != OBJECT_TRAFFIC_LIGHT && c != OBJECT_TRAFFIC_SIGN && c != OBJECT_SIGN_OR_LIGHT;
}

/* ---- the truth ----------------------------------------------------------------------------- */

static enum err take_truth(const struct json_lines *l, const json_t *j, struct plot_frame *f)
{
    const char *name = json_string_value(json_object_get(j, "class"));
    struct plot_truth t = {.class = object_class_named(name ? name : "")};
    double at[3], velocity[2], box[4];
    enum err e;

    if (t.class == OBJECT_CLASS_COUNT)
        return json_lines_complain(l, "class", "one of classes.txt");
    if (!is_road_user(t.class))
        return OK;
    if ((e = take_id(l, j, &t.id)) != OK || (e = take_list(l, j, "at", 3, at)) != OK ||
        (e = take_list(l, j, "box", 4, box)) != OK ||
        (e = take_list(l, j, "velocity", 2, velocity)) != OK)
        return e;
    t.box = (struct box){(float)box[0], (float)box[1], (float)box[2], (float)box[3]};
    t.x_m = at[0];
    t.y_m = at[1];
    t.vx_mps = velocity[0];
    t.lead = json_is_true(json_object_get(j, "lead"));
    t.counts = json_is_true(json_object_get(j, "counts"));
    f->truth[f->n_truths++] = t;
    return OK;
}

static enum err take_truths(struct json_lines *l, const json_t *j, struct plot_frame *f)
{
    const json_t *list = json_object_get(j, "objects");
    const size_t n = json_array_size(list);
    enum err e = OK;

    if (!json_is_array(list))
        return json_lines_complain(l, "objects", "a list");
    if (!(f->truth = calloc(n + 1, sizeof *f->truth)))
        return json_lines_no_memory(l);
    for (size_t i = 0; i < n && e == OK; i++)
        e = take_truth(l, json_array_get(list, i), f);
    return e;
}

static struct plot_frame *add_frame(struct plot_data *d)
{
    if (d->n % 256 == 0) {
        struct plot_frame *more = realloc(d->frame, (d->n + 256) * sizeof *more);

        if (!more)
            return NULL;
        d->frame = more;
    }
    d->frame[d->n] = (struct plot_frame){0};
    return &d->frame[d->n++];
}

static enum err read_truth(const char *path, struct plot_data *d, struct why *why)
{
    struct json_lines l;
    json_t *j;
    enum err e = json_lines_open(path, &l, why);

    if (e != OK)
        return e;
    while ((e = json_lines_next(&l, &j)) == OK) {
        struct plot_frame *f = add_frame(d);

        e = f ? take_truths(&l, j, f) : json_lines_no_memory(&l);
        json_decref(j);
        if (e != OK)
            break;
    }
    json_lines_close(&l);
    return e == ERR_AGAIN ? OK : e;
}

static enum err read_times(const char *path, struct plot_data *d, struct why *why)
{
    struct fields l = {.path = path};
    FILE *f = fopen(path, "r");
    enum err e = OK;

    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    for (size_t i = 0; i < d->n && e == OK; i++)
        if ((e = fields_next(&l, f, why)) == OK)
            e = fields_number(&l, 0, "time", -1e9, 1e9, &d->frame[i].t_s, why);
    if (e == ERR_AGAIN)
        e = err_say(why, ERR_MISMATCH, "%s: has %d times, truth.jsonl %zu frames", path, l.number,
                    d->n);
    fclose(f);
    return e;
}

static void take_name(const char *set, struct plot_data *d)
{
    char path[FILE_MAX_PATH];
    json_t *j = path_join(path, set, "set.json") ? json_load_file(path, 0, NULL) : NULL;
    const char *name =
        json_string_value(json_object_get(json_object_get(j, "simulator"), "scenario"));
    const char *slash = strrchr(set, '/');

    snprintf(d->name, sizeof d->name, "%s", name ? name : slash && slash[1] ? slash + 1 : set);
    json_decref(j);
}

static enum err read_set(const char *set, struct plot_data *d, struct why *why)
{
    char path[FILE_MAX_PATH];
    enum err e;

    take_name(set, d);
    if (!path_join(path, set, "truth.jsonl"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", set);
    if ((e = read_truth(path, d, why)) != OK)
        return e;
    if (d->n == 0)
        return err_say(why, ERR_FORMAT, "%s: has no line", path);
    if (!path_join(path, set, "timestamps.txt"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", set);
    return read_times(path, d, why);
}

/* ---- the run ------------------------------------------------------------------------------- */

static enum err take_path(const struct json_lines *l, const json_t *list, struct plot_track *t)
{
    enum err e = OK;

    for (size_t i = 0; i < json_array_size(list) && t->n_path < SCENE_PATH_POINTS && e == OK; i++) {
        static const char *const name[] = {"t_s", "x_m", "y_m", "sigma_x_m", "sigma_y_m"};
        double v[5];

        for (int k = 0; k < 5 && e == OK; k++)
            e = take_number(l, json_array_get(list, i), name[k], &v[k]);
        t->path[t->n_path++] =
            (struct path_point){(float)v[0], (float)v[1], (float)v[2], (float)v[3], (float)v[4]};
    }
    return e;
}

/* "TRAFFIC_LIGHT" of the message is "traffic_light" of ours. */
static enum object_class class_of(const json_t *track)
{
    const json_t *best = json_array_get(json_object_get(track, "classes"), 0);
    const char *name = json_string_value(json_object_get(best, "object_class"));
    char lower[32] = "";

    for (size_t i = 0; name && name[i] && i < sizeof lower - 1; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    return object_class_named(lower);
}

static enum err take_track(const struct json_lines *l, const json_t *j, struct plot_frame *f)
{
    static const char *const corner[] = {"x1", "y1", "x2", "y2"};
    const char *measurement = json_string_value(json_object_get(j, "measurement"));
    struct plot_track t = {.class = class_of(j),
                           .measured = measurement && !strcmp(measurement, "MEASURED"),
                           .lead = json_is_true(json_object_get(j, "is_lead"))};
    double covariance[STATE_COV], box[4];
    enum err e = OK;

    if (!is_road_user(t.class) || !json_object_get(j, "x_m")) /* without calibration: no metres */
        return OK;
    for (int k = 0; k < 4 && e == OK; k++)
        e = take_number(l, json_object_get(j, "box"), corner[k], &box[k]);
    if (e != OK || (e = take_id(l, j, &t.id)) != OK ||
        (e = take_number(l, j, "x_m", &t.x_m)) != OK ||
        (e = take_number(l, j, "y_m", &t.y_m)) != OK ||
        (e = take_number(l, j, "vx_mps", &t.vx_mps)) != OK ||
        (e = take_list(l, j, "covariance", STATE_COV, covariance)) != OK ||
        (e = take_path(l, json_object_get(j, "path"), &t)) != OK)
        return e;
    t.box = (struct box){(float)box[0], (float)box[1], (float)box[2], (float)box[3]};
    t.covariance[0] = (float)covariance[0]; /* x x, x y; y y begins the second row; */
    t.covariance[1] = (float)covariance[1];
    t.covariance[2] = (float)covariance[STATE_DIM];
    t.sigma_vx_mps = sqrt(fmax(covariance[2 * STATE_DIM - 1], 0)); /* vx vx the third */
    f->track[f->n_tracks++] = t;
    return OK;
}

static enum err take_tracks(struct json_lines *l, const json_t *j, struct plot_frame *f)
{
    const json_t *list = json_object_get(j, "objects"); /* none: an empty list */
    const size_t n = json_array_size(list);
    enum err e = OK;

    free(f->track);
    f->n_tracks = 0;
    if (!(f->track = calloc(n + 1, sizeof *f->track)))
        return json_lines_no_memory(l);
    for (size_t i = 0; i < n && e == OK; i++)
        e = take_track(l, json_array_get(list, i), f);
    return e;
}

static void take_stations(const json_t *list, size_t at, struct lane_boundary *b)
{
    for (size_t i = 0; i < SCENE_STATIONS; i++) {
        const json_t *v = json_array_get(list, i);
        const float x = json_is_number(v) ? (float)json_number_value(v) : NAN;

        *(at ? &b->station[i].sigma_y_m : &b->station[i].y_m) = x;
    }
}

static void take_lanes(const json_t *j, struct plot_data *d)
{
    const json_t *list = json_object_get(j, "boundaries");

    d->n_lanes = 0;
    for (size_t i = 0; i < json_array_size(list) && d->n_lanes < SCENE_MAX_LANES; i++) {
        const json_t *from = json_array_get(list, i);
        const json_t *type = json_array_get(json_object_get(from, "types"), 0);
        const char *kind = json_string_value(json_object_get(from, "kind")),
                   *name = json_string_value(json_object_get(type, "type"));
        struct lane_boundary *b = &d->lane[d->n_lanes];

        *b = (struct lane_boundary){
            .role = (int)json_integer_value(json_object_get(from, "role")),
            .kind = kind && !strcmp(kind, "ROAD_EDGE") ? LANE_ROAD_EDGE : LANE_LINE,
            .n_types = 1,
            .types = {{name && !strcmp(name, "DASHED") ? LANE_TYPE_DASHED : LANE_TYPE_SOLID, 1}}};
        take_stations(json_object_get(from, "y_m"), 0, b);
        take_stations(json_object_get(from, "sigma_y_m"), 1, b);
        d->n_lanes += json_object_get(from, "y_m") != NULL;
    }
}

/* The frame of the set that a message is about. */
static enum err find_frame(const struct json_lines *l, const json_t *header, struct plot_data *d,
                           struct plot_frame **out)
{
    const json_t *id = json_object_get(header, "frame_id"),
                 *time = json_object_get(header, "state_time_ns");
    const json_int_t i = json_integer_value(id);
    const double t_s = 1e-9 * (double)json_integer_value(time);

    if (!json_is_integer(id) || !json_is_integer(time))
        return json_lines_complain(l, "header", "an object with frame_id and state_time_ns");
    if (i < 0 || (size_t)i >= d->n)
        return err_say(l->why, ERR_MISMATCH,
                       "%s:%d: is about frame %" JSON_INTEGER_FORMAT ", the set has %zu: must be a "
                       "run over this set",
                       l->path, l->number, i, d->n);
    *out = &d->frame[i];
    if (!(fabs(t_s - (*out)->t_s) < SAME_TIME_S))
        return err_say(l->why, ERR_MISMATCH,
                       "%s:%d: frame %" JSON_INTEGER_FORMAT " is of %.3f s, in the set of %.3f s: "
                       "must be a run over this set",
                       l->path, l->number, i, t_s, (*out)->t_s);
    return OK;
}

static enum err take_message(struct json_lines *l, const json_t *j, struct plot_data *d)
{
    const char *topic = json_string_value(json_object_get(j, "topic"));
    struct plot_frame *f = NULL;
    enum err e;

    if (!topic)
        return json_lines_complain(l, "topic", "a string");
    if ((e = find_frame(l, json_object_get(j, "header"), d, &f)) != OK)
        return e;
    if (!strncmp(topic, "objects/", 8))
        return take_tracks(l, j, f);
    if (!strncmp(topic, "lanes/", 6))
        take_lanes(j, d);
    return OK;
}

static enum err read_run(const char *path, struct plot_data *d, struct why *why)
{
    struct json_lines l;
    json_t *j;
    enum err e = json_lines_open(path, &l, why);

    if (e != OK)
        return e;
    while ((e = json_lines_next(&l, &j)) == OK) {
        e = take_message(&l, j, d);
        json_decref(j);
        if (e != OK)
            break;
    }
    json_lines_close(&l);
    return e == ERR_AGAIN ? OK : e;
}

/* ---- who is who ---------------------------------------------------------------------------- */

enum { OWNERS = 256 };

struct owners { /* truths and the track that each had last */
    int n;
    struct {
        uint64_t truth, track;
    } of[OWNERS];
};

/* The id that the truth had until now, 0 if none; it has this one from now on. */
static uint64_t owner_change(struct owners *o, uint64_t truth, uint64_t track)
{
    int i = 0;

    while (i < o->n && o->of[i].truth != truth)
        i++;
    if (i == OWNERS)
        return 0;
    const uint64_t before = i < o->n ? o->of[i].track : 0;

    o->of[i].truth = truth;
    o->of[i].track = track;
    o->n += i == o->n;
    return before;
}

/* Pairs of most overlap first; neither side twice. */
static void match_frame(struct plot_frame *f, struct owners *o)
{
    for (;;) {
        struct plot_track *best = NULL;
        float most = OVERLAP;
        uint64_t truth = 0;

        for (int i = 0; i < f->n_tracks; i++)
            for (int k = 0; k < f->n_truths && !f->track[i].truth; k++) {
                const float iou = box_iou(&f->track[i].box, &f->truth[k].box);
                bool taken = false;

                for (int m = 0; m < f->n_tracks; m++)
                    taken |= f->track[m].truth == f->truth[k].id;
                if (iou > most && !taken) {
                    most = iou;
                    best = &f->track[i];
                    truth = f->truth[k].id;
                }
            }
        if (!best)
            return;
        best->truth = truth;
        best->before = owner_change(o, truth, best->id);
        if (best->before == best->id)
            best->before = 0;
    }
}

enum err plot_data_read(const char *set, const char *run, struct plot_data *out, struct why *why)
{
    struct owners owners = {0};
    enum err e;

    *out = (struct plot_data){0};
    if ((e = read_set(set, out, why)) != OK || (e = read_run(run, out, why)) != OK) {
        plot_data_finish(out);
        return e;
    }
    for (size_t i = 0; i < out->n; i++)
        match_frame(&out->frame[i], &owners);
    return OK;
}

void plot_data_finish(struct plot_data *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->frame[i].truth);
        free(d->frame[i].track);
    }
    free(d->frame);
    *d = (struct plot_data){0};
}
