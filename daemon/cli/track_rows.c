#include "daemon/cli/track_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/cli/fields.h"

static const double FARTHEST_PX = 1e5;
static const double MAX_ID = 1e15; /* a double has all whole numbers up to there */

struct kitti_type {
    const char *name;
    const char *beside; /* the class that is told apart from it too badly to count */
};

static const struct kitti_type types[] = {
    {"car", NULL},        {"van", "car"},           {"truck", NULL},
    {"pedestrian", NULL}, {"person", "pedestrian"}, {"person_sitting", "pedestrian"},
    {"cyclist", NULL},    {"tram", NULL},           {"misc", NULL},
    {"dontcare", NULL},
};
enum { TYPES = sizeof types / sizeof *types, DONT_CARE = TYPES - 1 };

bool track_class_known(const char *class)
{
    for (int i = 0; i < DONT_CARE; i++)
        if (!strcmp(types[i].name, class))
            return true;
    return false;
}

/* ---- a line -------------------------------------------------------------------------------- */
static enum err take_box(const struct fields *l, int at, bool corners, struct ap_box *b,
                         struct why *why)
{
    static const char *const name[2][4] = {{"x", "y", "width", "height"}, {"x1", "y1", "x2", "y2"}};
    double v[4];

    for (int i = 0; i < 4; i++) {
        const bool size = !corners && i >= 2;
        enum err e = fields_number(l, at + i, name[corners][i], size ? 0 : -FARTHEST_PX,
                                   FARTHEST_PX, &v[i], why);

        if (e != OK)
            return e;
        if (corners && i >= 2 && v[i] < v[i - 2])
            return fields_complain(l, at + i, name[1][i], "at least as large as that before it",
                                   why);
    }
    *b = corners ? (struct ap_box){v[0], v[1], v[2], v[3]}
                 : (struct ap_box){v[0], v[1], v[0] + v[2], v[1] + v[3]};
    return OK;
}

static enum err take_type(const struct fields *l, int *type, struct why *why)
{
    *type = 0;
    while (l->n > 2 && *type < TYPES && strcasecmp(l->field[2], types[*type].name) != 0)
        ++*type;
    return l->n > 2 && *type < TYPES ? OK : fields_complain(l, 2, "type", "one of KITTI's", why);
}

/* wanted: whether the line says anything about the class. */
static enum err take_kitti(const struct fields *l, const struct track_reading *how, bool *wanted,
                           struct track_row *row, struct why *why)
{
    double truncated = 0, occluded = 0;
    int type;
    enum err e = take_type(l, &type, why);

    if (e != OK || (e = take_box(l, 6, true, &row->box, why)) != OK)
        return e;
    const bool same = !strcmp(types[type].name, how->class);
    const bool beside = types[type].beside && !strcmp(types[type].beside, how->class);
    *wanted = same || (how->truth && (beside || type == DONT_CARE));
    if (!how->truth || !*wanted)
        return OK;
    if ((e = fields_number(l, 3, "truncated", -1e6, 1e6, &truncated, why)) != OK ||
        (e = fields_number(l, 4, "occluded", -1e6, 1e6, &occluded, why)) != OK)
        return e;
    row->role = type == DONT_CARE                         ? TRACK_REGION
                : same && truncated <= 0 && occluded <= 2 ? TRACK_COUNTS
                                                          : TRACK_IGNORED;
    return OK;
}

static enum err take_mot(const struct fields *l, const struct track_reading *how, bool *wanted,
                         struct track_row *row, struct why *why)
{
    double flag = 1, class = -1;
    enum err e = take_box(l, 2, false, &row->box, why);

    *wanted = true;
    if (e != OK || !how->truth)
        return e;
    if (l->n > 6 && (e = fields_number(l, 6, "flag", -1e6, 1e6, &flag, why)) != OK)
        return e;
    if (l->n > 7 && (e = fields_whole(l, 7, "class", -1, 100, &class, why)) != OK)
        return e;
    if (class == 2 || class == 7 || class == 8 || class == 12)
        row->role = TRACK_IGNORED;
    else if (flag == 0 || (class != 1 && class != -1))
        row->role = TRACK_LEFT_OUT;
    return OK;
}

static enum err take_line(const struct fields *l, const struct track_reading *how, bool *wanted,
                          struct track_row *row, struct why *why)
{
    const bool mot = how->format == TRACKS_MOT;
    double frame, id;
    enum err e;

    *row = (struct track_row){.line = l->number};
    if ((e = fields_whole(l, 0, "frame", mot, TRACK_ROWS_MAX_FRAME, &frame, why)) != OK ||
        (e = fields_whole(l, 1, "id", -1, MAX_ID, &id, why)) != OK)
        return e;
    row->frame = (int)frame;
    row->id = (int64_t)id;
    return mot ? take_mot(l, how, wanted, row, why) : take_kitti(l, how, wanted, row, why);
}

/* ---- a file -------------------------------------------------------------------------------- */
static enum err keep(struct track_rows *r, const struct track_row *row, const struct fields *l,
                     struct why *why)
{
    if (r->n == TRACK_ROWS_MAX)
        return err_say(why, ERR_LIMIT, "%s:%d: more than %d boxes", l->path, l->number,
                       TRACK_ROWS_MAX);
    if (r->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 1024;
        struct track_row *more = realloc(r->row, room * sizeof *more);

        if (!more)
            return err_say(why, ERR_NOMEM, "%s: no memory for %zu boxes", l->path, room);
        r->row = more;
        r->room = room;
    }
    r->row[r->n++] = *row;
    return OK;
}

static int by_frame_and_id(const void *a, const void *b)
{
    const struct track_row *x = a, *y = b;

    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    if ((x->role == TRACK_REGION) != (y->role == TRACK_REGION))
        return x->role == TRACK_REGION ? 1 : -1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static enum err sort(struct track_rows *r, const char *path, struct why *why)
{
    if (r->n)
        qsort(r->row, r->n, sizeof *r->row, by_frame_and_id);
    for (size_t i = 1; i < r->n; i++) {
        const struct track_row *a = &r->row[i - 1], *b = &r->row[i];

        if (a->frame == b->frame && a->id == b->id && b->role != TRACK_REGION)
            return err_say(why, ERR_FORMAT, "%s:%d: frame %d has id %lld already in line %d", path,
                           b->line, b->frame, (long long)b->id, a->line);
    }
    return OK;
}

enum err track_rows_take(FILE *f, const char *path, const struct track_reading *how,
                         struct track_rows *out, struct why *why)
{
    struct fields l = {.path = path};
    struct track_row row;
    bool wanted = false;
    enum err e;

    *out = (struct track_rows){0};
    while ((e = fields_next(&l, f, why)) == OK)
        if ((e = take_line(&l, how, &wanted, &row, why)) != OK ||
            (wanted && (e = keep(out, &row, &l, why)) != OK))
            break;
    if (e == ERR_AGAIN)
        e = sort(out, path, why);
    if (e != OK)
        track_rows_finish(out);
    return e;
}

enum err track_rows_read(const char *path, const struct track_reading *how, struct track_rows *out,
                         struct why *why)
{
    FILE *f = fopen(path, "r");
    enum err e;

    *out = (struct track_rows){0};
    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    e = track_rows_take(f, path, how, out, why);
    fclose(f);
    return e;
}

void track_rows_finish(struct track_rows *r)
{
    free(r->row);
    *r = (struct track_rows){0};
}
