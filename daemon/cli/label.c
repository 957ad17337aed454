/* outrider label: pictures labelled by networks that see well, for others to learn from.
 *
 *     images/NAME       links to the pictures
 *     labels/NAME.txt   class cx cy w h sureness; ignore/NAME.txt: what no teacher is sure of
 *     road/NAME.png     0, 1, or 255 where the teacher is not sure (label_road.h)
 *     set.json classes.txt, and links to what the source had: its masks of the road, labels_tusimple.json
 *
 * A picture is finished when its labels/NAME.txt is there: that is written last, and whoever runs the command
 * again goes on with the rest. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/label_fuse.h"
#include "daemon/cli/label_road.h"
#include "daemon/cli/object_set.h"
#include "daemon/cli/options.h"
#include "daemon/cli/road_set.h"
#include "daemon/decode.h"
#include "sim/file.h"

enum { MAX_TEACHERS = 8, N_CLASSES = 9 };

static const char usage[] =
    "usage: outrider label --teacher MODEL.onnx [--teacher ...] --data DIR --out SET [options]\n"
    "\n"
    "Runs networks over pictures and keeps what they are sure of as labels to train on: a set as\n"
    "`outrider train --data` takes it. What several detectors see counts more. Called again, it "
    "goes\n"
    "on where it stopped.\n"
    "\n"
    "  --teacher MODEL    a network of objects or of the road; again for more. Whether weights "
    "that\n"
    "                     learned from it may be given out is for its licence to say\n"
    "  --licence TEXT     of the teacher named before; set.json carries it on\n"
    "  --data DIR         a folder of pictures, or a set: labels that it has win over the "
    "teachers,\n"
    "                     whose boxes upon them are neither there nor not\n"
    "  --out SET          the set to be made\n"
    "  --keep S           an object of that score is a label          (0.5)\n"
    "  --ignore S         one of that score is neither there nor not  (0.15)\n"
    "  --classes LIST     that the teachers are asked for, and know "
    "(car,truck,bus,person,motorcycle)\n"
    "  --road LOW,HIGH    not road below, road above; between: not known (0.002,0.9)\n"
    "  --threads N        default: one for each core\n";

struct options {
    const char *teacher[MAX_TEACHERS], *licence[MAX_TEACHERS], *data, *out;
    int n_teachers, threads;
    double keep, ignore, road[2];
    unsigned classes; /* bits */
};

struct work {
    const struct options *o;
    struct head *head[MAX_TEACHERS];
    struct pool *pool;
    struct decoder *decoder;
    struct pictures pictures; /* of the source */
    struct object_set source; /* its labels; path NULL: it has none */
    struct road_set masks;    /* its road; folder NULL: it has none */
    json_t *about;            /* its set.json; empty: it has none */
    unsigned asked;           /* classes that the teachers may add */
    bool road, lanes;         /* road: written; lanes: the source has them */
    size_t roads;             /* pictures of which a teacher told the road */
    size_t unreadable;
    struct fusion fusion;
    struct perceived seen;
    char path[FILE_MAX_PATH];
    struct why *why;
};

/* ---- files --------------------------------------------------------------------------------- */

static enum err io_error(struct work *w)
{
    return err_say(w->why, ERR_IO, "%.250s: %s", w->path, strerror(errno));
}

static enum err at(struct work *w, const char *folder, const char *name)
{
    return path_join(w->path, folder, name)
               ? OK
               : err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", folder);
}

static enum err make_folder(struct work *w, const char *name)
{
    enum err e = at(w, w->o->out, name);

    return e == OK && mkdir(w->path, 0777) != 0 && errno != EEXIST ? io_error(w) : e;
}

static enum err put_text(struct work *w, const char *name, const char *text)
{
    const enum err e = at(w, w->o->out, name);

    return e == OK ? file_put(w->path, text, strlen(text), w->why) : e;
}

/* A link in the set to something of the source, unless it is there. */
static enum err put_link(struct work *w, const char *from, const char *name)
{
    char *whole = realpath(from, NULL);
    enum err e = whole ? at(w, w->o->out, name)
                       : err_say(w->why, ERR_IO, "%.250s: %s", from, strerror(errno));

    if (e == OK && symlink(whole, w->path) != 0 && errno != EEXIST)
        e = io_error(w);
    free(whole);
    return e;
}

static void stem_name(char name[320], const char *folder, const char *picture, const char *ending)
{
    const char *dot = strrchr(picture, '.');

    snprintf(name, 320, "%s/%.*s.%s", folder, (int)(dot ? dot - picture : 250), picture, ending);
}

/* ---- before the pictures ------------------------------------------------------------------- */

/* Classes that labels of the source already speak of are theirs. */
static unsigned labelled_by(const struct object_set *s)
{
    unsigned bits = 0;

    for (int c = 0; s->path && c < OBJECT_CLASS_COUNT; c++)
        bits |= s->scored[c];
    return bits;
}

static bool source_has(struct work *w, const char *name, bool folder)
{
    return path_join(w->path, w->o->data, name) &&
           (folder ? folder_exists(w->path) : file_exists(w->path));
}

static enum err read_about(struct work *w)
{
    json_error_t error;

    if (!source_has(w, "set.json", false)) {
        w->about = json_object();
        return w->about ? OK : err_say(w->why, ERR_NOMEM, "no memory");
    }
    w->about = json_load_file(w->path, JSON_REJECT_DUPLICATES, &error);
    if (!w->about)
        return err_say(w->why, ERR_FORMAT, "%.250s:%d: %s", w->path, error.line, error.text);
    return json_is_object(w->about)
               ? OK
               : err_say(w->why, ERR_FORMAT, "%.250s: must be a JSON object", w->path);
}

/* A set.json that does not say where the road is has masks of something else. */
static enum err open_road(struct work *w)
{
    const bool says = json_object_size(w->about) == 0 || json_object_get(w->about, "drivable_area");

    return says && road_set_is(w->o->data)
               ? road_set_read(&(struct set_choice){.path = w->o->data}, &w->masks, w->why)
               : OK;
}

static enum err open_source(struct work *w)
{
    const bool set = source_has(w, "images", true);
    enum err e = read_about(w);

    if (e == OK)
        e = open_road(w);
    if (e == OK && source_has(w, "labels", true))
        e = object_set_read(w->o->data, &w->source, w->why);
    if (e == OK)
        e = pictures_list(set && path_join(w->path, w->o->data, "images") ? w->path : w->o->data,
                          &w->pictures, w->why);
    w->lanes = source_has(w, "labels_tusimple.json", false);
    return e;
}

static enum err open_teachers(struct work *w)
{
    enum err e = OK;

    for (int i = 0; i < w->o->n_teachers && e == OK; i++) {
        const struct head_config cfg = {.model = w->o->teacher[i],
                                        .score_min = 0.05f,
                                        .nms_iou = NAN,
                                        .cpu_mask = ~0u,
                                        .pool = w->pool};

        e = head_open(&cfg, &w->head[i], w->why);
        if (e != OK)
            break;
        if (head_gives(w->head[i]) & HEAD_OBJECTS)
            w->asked = w->o->classes & ~labelled_by(&w->source);
        if ((head_gives(w->head[i]) & HEAD_ROAD) && !w->masks.folder)
            w->road = true;
    }
    return e;
}

static enum err make_set(struct work *w)
{
    static const char *const folders[] = {"images", "labels", "ignore", "road"};
    char text[256] = "", from[FILE_MAX_PATH];
    enum err e = OK;

    if (mkdir(w->o->out, 0777) != 0 && errno != EEXIST)
        return err_say(w->why, ERR_IO, "--out %.200s: %s", w->o->out, strerror(errno));
    for (int i = 0; i < 3 + w->road && e == OK; i++)
        e = make_folder(w, folders[i]);
    for (int i = 0; i < N_CLASSES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n",
                 object_class_name((enum object_class)i));
    if (e == OK)
        e = put_text(w, "classes.txt", text);
    if (e == OK && w->masks.folder && path_join(from, w->o->data, w->masks.folder))
        e = put_link(w, from, w->masks.folder);
    if (e == OK && w->lanes && path_join(from, w->o->data, "labels_tusimple.json"))
        e = put_link(w, from, "labels_tusimple.json");
    return e;
}

/* ---- a picture ----------------------------------------------------------------------------- */

static void put_box(FILE *f, int class, double x1, double y1, double x2, double y2, double score)
{
    fprintf(f, "%d %.6f %.6f %.6f %.6f", class, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1);
    if (score < 1)
        fprintf(f, " %.3f", score);
    fputc('\n', f);
}

/* The class whose label means these; of several the set's own. */
static int class_of(const struct object_set *s, unsigned bits)
{
    for (int c = 0; c < N_CLASSES; c++)
        if (s->scored[c] == bits)
            return c;
    return 0;
}

static void put_source(const struct work *w, size_t picture, bool region, FILE *f)
{
    const struct object_labels *l = w->source.path ? &w->source.labels[picture] : NULL;

    for (size_t i = 0; l && i < l->n; i++)
        if (l->truth[i].region == region)
            put_box(f, class_of(&w->source, l->truth[i].classes), l->truth[i].box.x1,
                    l->truth[i].box.y1, l->truth[i].box.x2, l->truth[i].box.y2,
                    (double)l->truth[i].sure);
}

/* Labels, or the regions that are neither there nor not. */
static void put_fused(const struct work *w, size_t picture, const struct image *im, bool region,
                      FILE *f)
{
    const struct object_labels *have = w->source.path ? &w->source.labels[picture] : NULL;

    for (int i = 0; i < w->fusion.n; i++) {
        const struct fused *o = &w->fusion.object[i];
        const int class = o->class == OBJECT_VEHICLE ? OBJECT_CAR : (int)o->class;
        const double score = fmin((double)o->score, 0.999);
        const struct ap_box box = {(double)o->box.x1 / im->width, (double)o->box.y1 / im->height,
                                   (double)o->box.x2 / im->width, (double)o->box.y2 / im->height};
        const bool label =
            score >= w->o->keep && box_is_free(&box, have ? have->truth : NULL, have ? have->n : 0);

        if (class < N_CLASSES && (w->asked & 1u << class) && score >= w->o->ignore &&
            label != region)
            put_box(f, class, box.x1, box.y1, box.x2, box.y2, score);
    }
}

static enum err put_labels(struct work *w, size_t picture, const struct image *im, bool region)
{
    char name[320], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    enum err e = ERR_NOMEM;

    if (f) {
        put_source(w, picture, region, f);
        put_fused(w, picture, im, region, f);
        e = fclose(f) == 0 ? OK : ERR_NOMEM;
    }
    stem_name(name, region ? "ignore" : "labels", w->pictures.name[picture], "txt");
    e = e == OK && text ? put_text(w, name, text) : err_say(w->why, ERR_NOMEM, "no memory");
    free(text);
    return e;
}

static enum err put_road(struct work *w, const char *picture, const struct image *im)
{
    const size_t n = (size_t)im->width * (size_t)im->height;
    uint8_t *id = malloc(n), *rgb = malloc(3 * n);
    char name[320];
    enum err e = id && rgb ? OK : err_say(w->why, ERR_NOMEM, "no memory");

    if (e == OK) {
        w->roads += label_road(&w->seen.road, im, w->o->road[0], w->o->road[1], id);
        for (size_t i = 0; i < n; i++)
            memset(rgb + 3 * i, id[i], 3);
        stem_name(name, "road", picture, "png");
        e = at(w, w->o->out, name);
    }
    if (e == OK)
        e = png_write(w->path, &(struct image){rgb, im->width, im->height, 3 * im->width}, w->why);
    free(id);
    free(rgb);
    return e;
}

static enum err ask(struct work *w, const char *picture, const struct image *im)
{
    bool road = false;
    enum err e = OK;

    w->fusion.n = 0;
    for (int i = 0; i < w->o->n_teachers && e == OK; i++) {
        if ((e = head_run(w->head[i], im, &w->seen, w->why)) != OK)
            break;
        if (head_gives(w->head[i]) & HEAD_OBJECTS)
            fusion_add(&w->fusion, i, &w->seen);
        if (w->road && !road && w->seen.road.width > 0) {
            e = put_road(w, picture, im);
            road = true;
        }
    }
    return e;
}

static enum err label_picture(struct work *w, size_t i)
{
    const char *picture = w->pictures.name[i];
    char name[320], from[FILE_MAX_PATH];
    struct image im;
    enum err e;

    stem_name(name, "labels", picture, "txt");
    if ((e = at(w, w->o->out, name)) != OK || file_exists(w->path))
        return e;
    if (!path_join(from, w->pictures.folder, picture))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->pictures.folder);
    if (decoder_file(w->decoder, from, &im, w->why) !=
        OK) { /* a drive of hours is not lost for it */
        fprintf(stderr, "outrider label: %s; left out\n", w->why->text);
        w->unreadable++;
        return OK;
    }
    snprintf(name, sizeof name, "images/%s", picture);
    if ((e = ask(w, picture, &im)) != OK || (e = put_link(w, from, name)) != OK ||
        (e = put_labels(w, i, &im, true)) != OK)
        return e;
    return put_labels(w, i, &im, false);
}

/* ---- what describes the set ---------------------------------------------------------------- */

static json_t *teachers_json(const struct work *w)
{
    json_t *list = json_array();
    struct stat st;

    for (int i = 0; i < w->o->n_teachers; i++) {
        const json_int_t bytes = stat(w->o->teacher[i], &st) == 0 ? (json_int_t)st.st_size : 0;

        json_array_append_new(list, json_pack("{s:s, s:I, s:s?}", "file", w->o->teacher[i], "bytes",
                                              bytes, "licence", w->o->licence[i]));
    }
    return list;
}

/* NULL: no memory. */
static json_t *describe(const struct work *w)
{
    json_t *j = json_object(), *labelled = json_array();
    const json_t *allowed = json_object_get(w->about, "train_allowed");

    for (int c = 0; c < N_CLASSES; c++)
        if ((w->asked & 1u << c) || (w->source.path && w->source.scored[c]))
            json_array_append_new(labelled, json_integer(c));
    json_object_set_new(j, "name", json_string("labelled by teachers"));
    json_object_set_new(j, "source", json_string(w->o->data));
    json_object_set_new(j, "teachers", teachers_json(w));
    json_object_set_new(j, "keep", json_real(w->o->keep));
    json_object_set_new(j, "ignore", json_real(w->o->ignore));
    if (w->road)
        json_object_set_new(j, "road_sure", json_pack("[f, f]", w->o->road[0], w->o->road[1]));
    json_object_set_new(j, "classes_labelled", labelled);
    json_object_set_new(j, "train_allowed", json_boolean(!json_is_false(allowed)));
    if (json_object_get(w->about, "merged") && w->source.path)
        json_object_set(j, "merged", json_object_get(w->about, "merged"));
    if (w->masks.folder || w->road)
        json_object_set_new(j, "drivable_area",
                            json_sprintf("%s == %d", w->road ? "road" : w->masks.folder,
                                         w->road ? 1 : w->masks.road));
    return j;
}

/* Frames that other teachers or thresholds labelled are not to stand beside these. */
static enum err check_same(struct work *w, const json_t *now)
{
    enum err e = at(w, w->o->out, "set.json");
    json_error_t error;
    json_t *old;

    if (e != OK || !file_exists(w->path))
        return e;
    if (!(old = json_load_file(w->path, 0, &error)))
        e = err_say(w->why, ERR_FORMAT, "%.250s:%d: %s", w->path, error.line, error.text);
    else if (!json_equal(old, now))
        e = err_say(w->why, ERR_MISMATCH,
                    "%.250s: made from other data, by other teachers or with other options; "
                    "--out must be another folder",
                    w->path);
    json_decref(old);
    return e;
}

static enum err put_set(struct work *w)
{
    json_t *j = describe(w);
    char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
    enum err e = text ? check_same(w, j) : err_say(w->why, ERR_NOMEM, "no memory");

    if (e == OK)
        e = make_set(w);
    if (e == OK)
        e = text ? put_text(w, "set.json", text) : err_say(w->why, ERR_NOMEM, "no memory");
    free(text);
    json_decref(j);
    return e;
}

static enum err label_all(struct work *w)
{
    enum err e = OK;

    if (pool_open(w->o->threads, &w->pool) != OK || decoder_open(&w->decoder) != OK)
        return err_say(w->why, ERR_NOMEM, "no memory or threads to work with");
    if ((e = open_source(w)) != OK || (e = open_teachers(w)) != OK || (e = put_set(w)) != OK)
        return e;
    for (size_t i = 0; i < w->pictures.n && e == OK; i++) {
        if ((e = label_picture(w, i)) == OK && isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu", i + 1, w->pictures.n);
    }
    if (e == OK)
        fprintf(stderr, "%s: %zu pictures, the road of %zu of those done now, %zu unreadable\n",
                w->o->out, w->pictures.n - w->unreadable, w->roads, w->unreadable);
    return e;
}

static void finish(struct work *w)
{
    for (int i = 0; i < MAX_TEACHERS; i++)
        head_close(w->head[i]);
    pool_close(w->pool);
    decoder_close(w->decoder);
    pictures_finish(&w->pictures);
    object_set_finish(&w->source);
    road_set_finish(&w->masks);
    json_decref(w->about);
}

/* ---- the command line ---------------------------------------------------------------------- */

enum { TEACHER = 1, LICENCE, DATA, OUT, KEEP, IGNORE, CLASSES, ROAD, THREADS, HELP };

static const struct option long_options[] = {
    {"teacher", required_argument, NULL, TEACHER},
    {"licence", required_argument, NULL, LICENCE},
    {"data", required_argument, NULL, DATA},
    {"out", required_argument, NULL, OUT},
    {"keep", required_argument, NULL, KEEP},
    {"ignore", required_argument, NULL, IGNORE},
    {"classes", required_argument, NULL, CLASSES},
    {"road", required_argument, NULL, ROAD},
    {"threads", required_argument, NULL, THREADS},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool take_classes(char *list, unsigned *out)
{
    char *name;

    *out = 0;
    while ((name = strsep(&list, ","))) {
        const enum object_class c = object_class_named(name);

        if ((int)c >= N_CLASSES) {
            fprintf(stderr,
                    "outrider label: --classes '%s': must be classes of objects, car to "
                    "sign_or_light\n",
                    name);
            return false;
        }
        *out |= 1u << c;
    }
    return true;
}

static bool take_road(const char *text, double out[2])
{
    int end = 0;

    if (sscanf(text, "%lf,%lf%n", &out[0], &out[1], &end) == 2 && !text[end] && out[0] >= 0 &&
        out[0] <= out[1] && out[1] <= 1)
        return true;
    fprintf(stderr, "outrider label: --road '%s': must be LOW,HIGH with 0 <= LOW <= HIGH <= 1\n",
            text);
    return false;
}

static bool take_teacher(const char *path, struct options *o)
{
    if (o->n_teachers == MAX_TEACHERS) {
        fprintf(stderr, "outrider label: more than %d teachers\n", MAX_TEACHERS);
        return false;
    }
    o->teacher[o->n_teachers++] = path;
    return true;
}

static bool take_licence(const char *text, struct options *o)
{
    if (!o->n_teachers) {
        fprintf(stderr, "outrider label: --licence '%s': must follow its --teacher\n", text);
        return false;
    }
    o->licence[o->n_teachers - 1] = text;
    return true;
}

static bool take_option(int option, struct options *o)
{
    switch (option) {
    case TEACHER:
        return take_teacher(optarg, o);
    case LICENCE:
        return take_licence(optarg, o);
    case DATA:
        o->data = optarg;
        return true;
    case OUT:
        o->out = optarg;
        return true;
    case KEEP:
        return option_real("label", "--keep", optarg, 0, 1, &o->keep);
    case IGNORE:
        return option_real("label", "--ignore", optarg, 0, 1, &o->ignore);
    case CLASSES:
        return take_classes(optarg, &o->classes);
    case ROAD:
        return take_road(optarg, o->road);
    case THREADS:
        return option_whole("label", "--threads", optarg, 1, 256, &o->threads);
    default:
        return false;
    }
}

int label_command(int argc, char **argv)
{
    struct options o = {.keep = 0.5,
                        .ignore = 0.15,
                        .road = {0.002, 0.9},
                        .classes = 1u << OBJECT_CAR | 1u << OBJECT_TRUCK | 1u << OBJECT_BUS |
                                   1u << OBJECT_PERSON | 1u << OBJECT_MOTORCYCLE,
                        .threads = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    struct why why = {""};
    struct work *w;
    int option;
    enum err e;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (!take_option(option, &o))
            return 2;
    }
    if (optind < argc || !o.n_teachers || !o.data || !o.out) {
        fputs(usage, stderr);
        return 2;
    }
    if (o.ignore > o.keep) {
        fprintf(stderr, "outrider label: --ignore %g: must not be above --keep, %g\n", o.ignore,
                o.keep);
        return 2;
    }
    if (!(w = calloc(1, sizeof *w)))
        return 1;
    w->o = &o;
    w->why = &why;
    if ((e = label_all(w)) != OK)
        fprintf(stderr, "outrider label: %s\n", why.text);
    finish(w);
    free(w);
    return e == OK ? 0 : 1;
}
