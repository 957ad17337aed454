#include "daemon/cli/detections.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/fields.h"

/* Which column holds what. */
struct columns {
    int type, box, score; /* type -1: people only */
    bool corners;         /* the box is x1 y1 x2 y2, not x y width height */
    int first_frame;
};

static enum err read_class(const struct fields *l, const struct columns *c, bool *known,
                           enum object_class *out, struct why *why)
{
    static const struct {
        const char *name;
        enum object_class class;
    } kind[] = {
        {"1", OBJECT_PERSON},          {"2", OBJECT_CAR},         {"3", OBJECT_CYCLIST},
        {"Pedestrian", OBJECT_PERSON}, {"Person", OBJECT_PERSON}, {"Car", OBJECT_CAR},
        {"Van", OBJECT_CAR},           {"Truck", OBJECT_TRUCK},   {"Cyclist", OBJECT_CYCLIST}};

    *known = true;
    *out = OBJECT_PERSON;
    if (c->type < 0)
        return OK;
    if (c->type >= l->n)
        return fields_complain(l, c->type, "type", "a kind of thing", why);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        if (strcmp(l->field[c->type], kind[i].name) == 0) {
            *out = kind[i].class;
            return OK;
        }
    *known = false; /* trams, and regions to be ignored */
    return OK;
}

static enum err read_row(const struct fields *l, const struct columns *c, bool *wanted,
                         struct detections_row *row, struct why *why)
{
    static const char *const name[2][4] = {{"x", "y", "width", "height"}, {"x1", "y1", "x2", "y2"}};
    double frame, box[4], score = 1;
    enum err e;

    *row = (struct detections_row){0};
    if ((e = fields_whole(l, 0, "frame", c->first_frame, DETECTIONS_MAX_FRAME, &frame, why)) !=
            OK ||
        (e = read_class(l, c, wanted, &row->detection.class, why)) != OK)
        return e;
    for (int i = 0; i < 4; i++)
        if ((e = fields_number(l, c->box + i, name[c->corners][i], -1e5, 1e5, &box[i], why)) != OK)
            return e;
    if (c->score < l->n && (e = fields_number(l, c->score, "score", -1e6, 1e6, &score, why)) != OK)
        return e;
    row->frame = (int)frame;
    row->detection.score = (float)score;
    row->detection.box_px =
        (struct box){(float)box[0], (float)box[1], (float)(c->corners ? box[2] : box[0] + box[2]),
                     (float)(c->corners ? box[3] : box[1] + box[3])};
    return OK;
}

static enum err keep(struct detections *d, const struct detections_row *row, const struct fields *l,
                     struct why *why)
{
    if (d->n >= DETECTIONS_MAX_ROWS)
        return err_say(why, ERR_LIMIT, "%s:%d: more than %d boxes", l->path, l->number,
                       DETECTIONS_MAX_ROWS);
    if (d->n == d->room) {
        size_t room = d->room ? 2 * d->room : 1024;
        struct detections_row *more = realloc(d->row, room * sizeof *more);

        if (!more)
            return err_say(why, ERR_NOMEM, "%s: no memory for %zu boxes", l->path, room);
        d->row = more;
        d->room = room;
    }
    d->row[d->n++] = *row;
    return OK;
}

static enum err read_lines(FILE *f, struct fields *l, enum detections_format format,
                           struct detections *out, struct why *why)
{
    enum err e;

    while ((e = fields_next(l, f, why)) == OK) {
        const struct columns c = format == DETECTIONS_MOT ? (struct columns){-1, 2, 6, false, 1}
                                 : l->commas              ? (struct columns){1, 2, 6, true, 0}
                                                          : (struct columns){2, 6, 17, true, 0};
        struct detections_row row;
        bool wanted;

        if ((e = read_row(l, &c, &wanted, &row, why)) != OK ||
            (wanted && (e = keep(out, &row, l, why)) != OK))
            return e;
    }
    return e == ERR_AGAIN ? OK : e;
}

const struct detections_logit DETECTIONS_KITTI_LOGIT = {0.735f, -1.866f};

static void scores_to_probabilities(struct detections *d, struct detections_logit logit)
{
    bool logits = false;

    for (size_t i = 0; i < d->n; i++)
        logits |= !(d->row[i].detection.score >= 0 && d->row[i].detection.score <= 1);
    for (size_t i = 0; logits && i < d->n; i++)
        d->row[i].detection.score =
            1 / (1 + expf(-(logit.scale * d->row[i].detection.score + logit.shift)));
}

static int by_frame_and_score(const void *a, const void *b)
{
    const struct detections_row *x = a, *y = b;

    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    if (x->detection.score != y->detection.score)
        return x->detection.score > y->detection.score ? -1 : 1;
    if (x->detection.box_px.x1 != y->detection.box_px.x1)
        return x->detection.box_px.x1 < y->detection.box_px.x1 ? -1 : 1;
    return (x->detection.box_px.y1 > y->detection.box_px.y1) -
           (x->detection.box_px.y1 < y->detection.box_px.y1);
}

enum err detections_read(const char *path, enum detections_format format,
                         struct detections_logit logit, struct detections *out, struct why *why)
{
    struct fields l = {.path = path};
    FILE *f = fopen(path, "r");
    enum err e;

    *out = (struct detections){0};
    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    e = read_lines(f, &l, format, out, why);
    fclose(f);
    if (e != OK) {
        detections_finish(out);
        return e;
    }
    scores_to_probabilities(out, logit);
    if (out->n)
        qsort(out->row, out->n, sizeof *out->row, by_frame_and_score);
    return OK;
}

void detections_finish(struct detections *d)
{
    free(d->row);
    *d = (struct detections){0};
}
