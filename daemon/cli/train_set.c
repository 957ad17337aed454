#include "daemon/cli/train_set.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/train_truth.h"
#include "daemon/decode.h"
#include "perception/heads/outrider.h"
#include "sim/calibration.h"

enum { TEXT_MAX_BYTES = 1 << 20, TRUTH_MAX_BYTES = 1 << 30 };

/* ---- choosing ------------------------------------------------------------------------------ */

static const struct lane_label *lanes_of(const struct train_set *s, size_t i)
{
    char name[300];

    snprintf(name, sizeof name, "images/%s", s->pictures.name[i]);
    return lane_labels_find(&s->lanes, name);
}

static enum err choose(struct train_set *s, struct why *why)
{
    const bool all = s->has_objects || s->has_road;

    s->use = malloc(s->pictures.n * sizeof *s->use);
    if (!s->use)
        return err_say(why, ERR_NOMEM, "%s: no memory", s->choice.path);
    for (size_t i = 0; i < s->pictures.n; i++)
        if (set_choice_takes(&s->choice, s->pictures.name[i], i) &&
            (s->line ? s->line[i] != 0 : all || lanes_of(s, i)))
            s->use[s->n_use++] = (int)i;
    if (!s->n_use)
        return err_say(why, ERR_FORMAT, "%s: none of its %zu pictures is chosen and labelled",
                       s->choice.path, s->pictures.n);
    return OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool has_file(const struct train_set *s, const char *name, char path[FILE_MAX_PATH])
{
    return path_join(path, s->choice.path, name) && file_exists(path);
}

static bool has_folder(const struct train_set *s, const char *name)
{
    char path[FILE_MAX_PATH];

    return path_join(path, s->choice.path, name) && folder_exists(path);
}

/* What set.json says of the whole set. */
static enum err read_json(struct train_set *s, struct why *why)
{
    char path[FILE_MAX_PATH];
    struct file text = {0};
    json_error_t error;
    json_t *j;
    enum err e;

    s->permitted = s->has_road = true;
    if (!has_file(s, "set.json", path))
        return OK;
    if ((e = file_read(&text, path, TEXT_MAX_BYTES, why)) == OK) {
        j = json_loadb(text.text, text.size, 0, &error);
        if (!j)
            e = err_say(why, ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
        s->permitted = !json_is_false(json_object_get(j, "train_allowed"));
        s->has_road = json_object_get(j, "drivable_area") != NULL;
        json_decref(j);
    }
    file_finish(&text);
    return e;
}

static enum err read_camera(struct train_set *s, struct why *why)
{
    char path[FILE_MAX_PATH];
    struct file text = {0};
    enum err e;

    if (!has_file(s, "calibration.yaml", path))
        return OK;
    if ((e = file_read(&text, path, TEXT_MAX_BYTES, why)) == OK)
        e = calibration_parse(text.text, text.size, path, &s->camera, why);
    file_finish(&text);
    return e;
}

static int by_name(const void *key, const void *name)
{
    return strcmp(key, *(char *const *)name);
}

/* Where the lines of truth.jsonl stand; each is looked at once, so that training does not end at a bad one. */
static enum err index_truth(struct train_set *s, const char *path, struct why *why)
{
    enum err e = file_read(&s->truth, path, TRUTH_MAX_BYTES, why);
    struct labels *scratch = malloc(sizeof *scratch);
    char name[300], **found;
    const char *line;
    size_t at = 0, size;
    int number = 0;

    s->line = calloc(s->pictures.n, sizeof *s->line);
    if (!s->line || !scratch) {
        free(scratch);
        return err_say(why, ERR_NOMEM, "%s: no memory", path);
    }
    while (e == OK && file_line(&s->truth, &at, &line, &size)) {
        number++;
        e = train_truth_read(line, size, &s->camera, name, scratch, why);
        if (e != OK)
            err_prefix(why, e, "%s:%d: ", path, number);
        found = e == OK ? bsearch(name, s->pictures.name, s->pictures.n, sizeof *s->pictures.name,
                                  by_name)
                        : NULL;
        if (found)
            s->line[found - s->pictures.name] = (size_t)(line - s->truth.text) + 1;
    }
    free(scratch);
    return e;
}

static enum err read_labels(struct train_set *s, struct why *why)
{
    char path[FILE_MAX_PATH];
    const char *folder = s->choice.path;
    enum err e = OK;

    if (has_file(s, "truth.jsonl", path)) {
        if ((e = read_camera(s, why)) != OK || (e = index_truth(s, path, why)) != OK)
            return e;
    } else {
        s->has_objects = has_folder(s, "labels");
        if (s->has_objects && (e = object_set_read(folder, &s->objects, why)) != OK)
            return e;
        s->has_lanes = has_file(s, "labels_tusimple.json", path) || has_file(s, "lanes.json", path);
        if (s->has_lanes && (e = lane_labels_read(path, true, &s->lanes, why)) != OK)
            return e;
    }
    s->has_road = s->has_road && road_set_is(folder); /* masks may be of other things */
    if (s->has_road &&
        (e = road_set_read(&(struct set_choice){.path = folder}, &s->road, why)) != OK)
        return e;
    if (!s->line && !s->has_objects && !s->has_lanes && !s->has_road)
        return err_say(why, ERR_FORMAT,
                       "%s: no labels: neither truth.jsonl, labels/, labels_tusimple.json, "
                       "lanes.json, masks/ nor road/",
                       folder);
    return OK;
}

enum err train_set_open(const struct set_choice *choice, struct train_set *out, struct why *why)
{
    char path[FILE_MAX_PATH];
    enum err e;

    *out = (struct train_set){.choice = *choice};
    if (!path_join(path, choice->path, "images"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", choice->path);
    e = pictures_list(path, &out->pictures, why);
    if (e == OK)
        e = read_json(out, why);
    if (e == OK)
        e = read_labels(out, why);
    if (e == OK)
        e = choose(out, why);
    if (e != OK)
        train_set_finish(out);
    return e;
}

void train_set_finish(struct train_set *s)
{
    pictures_finish(&s->pictures);
    object_set_finish(&s->objects);
    lane_labels_finish(&s->lanes);
    road_set_finish(&s->road);
    file_finish(&s->truth);
    free(s->line);
    free(s->use);
    *s = (struct train_set){0};
}

/* ---- reading ------------------------------------------------------------------------------- */

struct train_reader {
    struct decoder *picture, *mask;
    struct road_mask_file road;
};

struct train_reader *train_reader_open(void)
{
    struct train_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    if (decoder_open(&r->picture) == OK && decoder_open(&r->mask) == OK)
        return r;
    train_reader_close(r);
    return NULL;
}

void train_reader_close(struct train_reader *r)
{
    if (!r)
        return;
    decoder_close(r->picture);
    decoder_close(r->mask);
    road_mask_finish(&r->road);
    free(r);
}

static void take_objects(const struct train_set *s, int i, struct sample *out)
{
    const struct object_labels *from = &s->objects.labels[i];
    struct labels *l = &out->labels;
    const float w = (float)out->rgb.width, h = (float)out->rgb.height;

    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        l->classes |= s->objects.scored[c];
    l->classes &= (1u << OWN_CLASSES) - 1;
    for (size_t k = 0; k < from->n && l->n_objects < LABELS_MAX_OBJECTS; k++) {
        const struct ap_truth *t = &from->truth[k];

        l->object[l->n_objects++] =
            (struct label_object){.box = {w * (float)t->box.x1, h * (float)t->box.y1,
                                          w * (float)t->box.x2, h * (float)t->box.y2},
                                  .classes = t->classes & ((1u << OWN_CLASSES) - 1),
                                  .ignore = t->region,
                                  .weight = t->sure,
                                  .distance_m = NAN};
    }
}

/* Left and right of the own lane, then of the lanes beside it. */
static void take_lanes(const struct train_set *s, int i, struct sample *out)
{
    static const int role[] = {1, -1, 2, -2}, bit[] = {1, 2, 0, 3};
    const struct lane_label *from = lanes_of(s, (size_t)i);
    struct labels *l = &out->labels;

    if (!from || from->rows < 2)
        return;
    l->boundary_y[0] = (float)from->y[0];
    l->boundary_y[1] = (float)from->y[from->rows - 1];
    for (int k = 0; k < from->n && k < 4; k++) {
        struct label_boundary *b = &l->boundary[l->n_boundaries];

        *b = (struct label_boundary){.role = role[k], .kind = LANE_LINE};
        for (int row = from->rows - 1; row >= 0 && b->n < LABELS_MAX_POINTS; row--)
            if (from->x[k * from->rows + row] >= 0) {
                b->point[b->n][0] = (float)from->x[k * from->rows + row];
                b->point[b->n++][1] = (float)from->y[row];
            }
        l->boundaries |= 1u << bit[k];
        l->n_boundaries += b->n >= 2;
    }
}

/* Ids become 0, 1 and LABELS_ROAD_UNKNOWN; a mask that says nothing is none. */
static enum err take_road(const struct train_set *s, int i, struct train_reader *r,
                          struct labels *l, struct why *why)
{
    char folder[FILE_MAX_PATH];

    if (!path_join(folder, s->choice.path, s->road.folder))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", s->choice.path);
    enum err e = road_mask_read(r->mask, folder, s->pictures.name[i], &r->road, why);
    if (e != OK)
        return e;
    for (size_t k = 0; k < (size_t)r->road.width * (size_t)r->road.height; k++)
        if (r->road.id[k] != LABELS_ROAD_UNKNOWN) {
            r->road.id[k] = r->road.id[k] == s->road.road;
            l->road = r->road.id;
        }
    l->road_width = r->road.width;
    l->road_height = r->road.height;
    return OK;
}

enum err train_set_read(const struct train_set *s, int i, struct train_reader *r,
                        struct sample *out, struct why *why)
{
    const int picture = s->use[i];
    char path[FILE_MAX_PATH], name[300];
    enum err e;

    snprintf(name, sizeof name, "images/%s", s->pictures.name[picture]);
    if (!path_join(path, s->choice.path, name))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", s->choice.path);
    out->focal_px = s->camera.width ? s->camera.fx : 0;
    out->labels = (struct labels){0};
    if ((e = decoder_file(r->picture, path, &out->rgb, why)) != OK)
        return e;
    if (s->line) {
        const char *line = s->truth.text + s->line[picture] - 1;

        e = train_truth_read(line, strcspn(line, "\n"), &s->camera, name, &out->labels, why);
    }
    if (s->has_objects)
        take_objects(s, picture, out);
    if (s->has_lanes)
        take_lanes(s, picture, out);
    if (e == OK && s->has_road)
        e = take_road(s, picture, r, &out->labels, why);
    out->mirrors = true;
    out->forward = s->line || s->has_lanes || out->labels.road;
    return e;
}
