#include "daemon/cli/eval_model.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/object_set.h"
#include "daemon/cli/road_runs.h"
#include "daemon/decode.h"
#include "sim/file.h"

struct eval_model {
    unsigned parts;
    struct pool *pool;
    struct head *head;
    struct decoder *decoder;
    struct perceived seen;
    char path[FILE_MAX_PATH];
};

enum err eval_model_open(const struct head_config *cfg, unsigned parts, int threads,
                         struct eval_model **out, struct why *why)
{
    struct eval_model *m = *out = calloc(1, sizeof *m);
    struct head_config own = *cfg;
    enum err e = m ? OK : ERR_NOMEM;

    if (e == OK)
        e = pool_open(threads, &m->pool);
    if (e == OK)
        e = decoder_open(&m->decoder);
    if (e != OK) {
        err_say(why, e, "no memory or threads to work with");
    } else {
        own.pool = m->pool;
        e = head_open(&own, &m->head, why);
    }
    if (e == OK && parts & ~head_gives(m->head))
        e = err_say(why, ERR_MISMATCH, "%s: gives no %s", cfg->model,
                    parts & HEAD_OBJECTS ? "objects"
                    : parts & HEAD_LANES ? "lanes"
                                         : "road");
    if (e != OK) {
        eval_model_close(m);
        *out = NULL;
        return e;
    }
    m->parts = parts;
    return OK;
}

static enum err keep_objects(const struct perceived *seen, struct prediction *p)
{
    p->guess = calloc((size_t)seen->n_detections + 1, sizeof *p->guess);
    if (!p->guess)
        return ERR_NOMEM;
    for (; p->n < (size_t)seen->n_detections; p->n++) {
        const struct detection *d = &seen->detection[p->n];

        p->guess[p->n] = (struct ap_guess){
            .box = {d->box_px.x1, d->box_px.y1, d->box_px.x2, d->box_px.y2},
            .classes = object_class_bits(d->class),
            .score = d->score,
            .sigma = {d->sigma_px[0], d->sigma_px[1], d->sigma_px[2], d->sigma_px[3]},
            .distance_per_px = d->distance_per_px,
            .distance_sigma = d->distance_sigma,
        };
    }
    return OK;
}

static enum err keep_lane(const struct lane_curve *c, struct predicted_lane *lane)
{
    const bool told = c->n > 0 && c->point[0].sigma_x > 0;

    lane->role = c->role;
    lane->type = c->type;
    lane->color = c->color;
    lane->point = calloc((size_t)c->n + 1, sizeof *lane->point);
    lane->sigma = told ? calloc((size_t)c->n, sizeof *lane->sigma) : NULL;
    if (!lane->point || (told && !lane->sigma))
        return ERR_NOMEM;
    for (; lane->n < (size_t)c->n; lane->n++) {
        lane->point[lane->n] = (struct lane_point){c->point[lane->n].x, c->point[lane->n].y};
        if (told)
            lane->sigma[lane->n] = c->point[lane->n].sigma_x;
    }
    return OK;
}

static enum err keep_lanes(const struct perceived *seen, struct prediction *p)
{
    p->lane = calloc((size_t)seen->n_curves + 1, sizeof *p->lane);
    if (!p->lane)
        return ERR_NOMEM;
    for (int i = 0; i < seen->n_curves; i++) {
        const struct lane_curve *c = &seen->curve[i];
        struct predicted_lane *lane = &p->lane[p->n_lanes];

        if (c->kind == LANE_ROAD_EDGE) /* labels are of lines */
            continue;
        p->n_lanes++;
        if (keep_lane(c, lane) != OK)
            return ERR_NOMEM;
    }
    return OK;
}

struct runs {
    struct predicted_road *road;
    size_t room;
    bool failed;
};

static void add_run(void *context, uint32_t run)
{
    struct runs *r = context;

    if (r->road->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 4096;
        uint32_t *more = realloc(r->road->run, room * sizeof *more);

        r->failed |= !more;
        if (!more)
            return;
        r->road->run = more;
        r->room = room;
    }
    r->road->run[r->road->n++] = run;
}

static enum err keep_road(const struct perceived *seen, struct prediction *p)
{
    struct runs r = {.road = &p->road};

    if (seen->road.width > 0)
        road_runs(&seen->road, p->width, p->height, add_run, &r);
    return r.failed ? ERR_NOMEM : OK;
}

static enum err keep(const struct eval_model *m, struct prediction *p)
{
    enum err e = OK;

    if (m->parts & HEAD_OBJECTS)
        e = keep_objects(&m->seen, p);
    if (e == OK && m->parts & HEAD_LANES)
        e = keep_lanes(&m->seen, p);
    if (e == OK && m->parts & HEAD_ROAD)
        e = keep_road(&m->seen, p);
    return e;
}

static enum err run_one(struct eval_model *m, const char *folder, const char *name,
                        struct prediction *p, struct why *why)
{
    struct image im;
    enum err e = OK;

    p->image = strdup(name);
    if (!p->image)
        return err_say(why, ERR_NOMEM, "%s: no memory", name);
    if (snprintf(m->path, sizeof m->path, "%s%s", folder, name) >= (int)sizeof m->path)
        e = err_say(why, ERR_LIMIT, "%.200s: the path is too long", name);
    if (e != OK || decoder_file(m->decoder, m->path, &im, why) != OK) {
        p->error = strdup(why->text);
        return p->error ? OK : ERR_NOMEM;
    }
    p->width = im.width;
    p->height = im.height;
    if ((e = head_run(m->head, &im, &m->seen, why)) != OK)
        return e;
    e = keep(m, p);
    return e == OK ? OK : err_say(why, e, "%s: no memory", name);
}

enum err eval_model_run(struct eval_model *m, const struct pictures *pictures,
                        struct predictions *out, struct why *why)
{
    const char *last = "";
    enum err e = OK;

    *out = (struct predictions){0};
    for (size_t i = 0; i < pictures->n && e == OK; i++) {
        struct prediction *p = predictions_add(out);

        e = p ? run_one(m, pictures->folder, pictures->name[i], p, why)
              : err_say(why, ERR_NOMEM, "no memory for %zu pictures", pictures->n);
        last = i + 1 == pictures->n || e != OK ? "\n" : "";
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu%s", i + 1, pictures->n, last);
    }
    if (e != OK)
        predictions_finish(out);
    return e;
}

void eval_model_close(struct eval_model *m)
{
    if (!m)
        return;
    head_close(m->head);
    decoder_close(m->decoder);
    pool_close(m->pool);
    free(m);
}
