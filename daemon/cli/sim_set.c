/* outrider sim into a folder: pictures and their labels, in the layout of the data sets that
 * `outrider eval` reads, and a drive that `outrider replay` plays.
 *
 *     images/NUMBER.jpg  labels/NUMBER.txt  ignore/NUMBER.txt  classes.txt  set.json    objects
 *     lanes.json                                                                    TuSimple
 *     truth.jsonl                                     all that is known (sim/labels.h)
 *     road/NUMBER.png                                                               1: drivable
 *     tracks/WORLD.txt  sequences.txt                                               KITTI
 *     calibration.yaml  timestamps.txt                                              the drive
 *
 * A frame is finished when its line stands in timestamps.txt: that is written last, and whoever runs
 * the command again goes on behind it. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/sim_options.h"
#include "daemon/cli/sim_sheet.h"
#include "daemon/decode.h"
#include "sim/encode.h"
#include "sim/file.h"
#include "sim/labels.h"

enum { TEXT_MAX_BYTES = 1 << 30 };
static const double PAUSE_S = 10; /* between two worlds, so that trackers begin anew */
static const enum object_class labelled[] = {
    OBJECT_CAR,     OBJECT_TRUCK,      OBJECT_BUS,           OBJECT_PERSON,
    OBJECT_CYCLIST, OBJECT_MOTORCYCLE, OBJECT_TRAFFIC_LIGHT, OBJECT_TRAFFIC_SIGN};
enum { N_LABELLED = sizeof labelled / sizeof *labelled, N_CLASSES_FILE = 9 };

struct writer {
    const struct sim_options *o;
    struct stage *stage;
    struct encoder *encoder;
    struct sheet sheet;
    uint8_t *mask;
    int frames, done; /* done: finished by an earlier run */
    FILE *lanes, *everything, *tracks, *stamps;
    uint64_t bytes, boxes;
    int written;
    int64_t start_ns, shown_ns;
    struct why *why;
    char path[FILE_MAX_PATH];
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- files --------------------------------------------------------------------------------- */

static enum err io_error(struct writer *w)
{
    return err_say(w->why, ERR_IO, "%.250s: %s", w->path, strerror(errno));
}

static enum err at(struct writer *w, const char *name)
{
    if (!path_join(w->path, w->o->set, name))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->o->set);
    return OK;
}

static enum err make_folder(struct writer *w, const char *name)
{
    enum err e = name ? at(w, name) : OK;

    if (!name)
        snprintf(w->path, sizeof w->path, "%s", w->o->set);
    if (e == OK && mkdir(w->path, 0777) != 0 && errno != EEXIST)
        e = io_error(w);
    return e;
}

static enum err put_file(struct writer *w, const char *name, const void *data, size_t size)
{
    enum err e = at(w, name);

    if (e == OK && (e = file_put(w->path, data, size, w->why)) == OK)
        w->bytes += size;
    return e;
}

/* Text of a file, made by what is called between; NULL when there is no memory. */
struct text {
    char *data;
    size_t size;
    FILE *f;
};

static bool text_begin(struct text *t)
{
    *t = (struct text){0};
    return (t->f = open_memstream(&t->data, &t->size));
}

static enum err text_put(struct writer *w, struct text *t, const char *name)
{
    enum err e = fclose(t->f) == 0 ? put_file(w, name, t->data, t->size)
                                   : err_say(w->why, ERR_NOMEM, "no memory");

    free(t->data);
    return e;
}

static enum err append_to(struct writer *w, const char *name, FILE **out)
{
    enum err e = at(w, name);

    if (e == OK && !(*out = fopen(w->path, "ab")))
        e = io_error(w);
    return e;
}

static enum err flush(struct writer *w, FILE *f, const char *name)
{
    if (fflush(f) == 0)
        return OK;
    enum err e = at(w, name);
    return e == OK ? io_error(w) : e;
}

/* ---- what an earlier run left -------------------------------------------------------------- */

/* Keep the first n lines of a file, all where n < 0; returns how many stay. A line without its end
 * is none. */
static enum err cut_lines(struct writer *w, const char *name, int n, int *kept)
{
    struct file text = {0};
    size_t size = 0;
    enum err e = at(w, name);

    *kept = 0;
    if (e != OK || !file_exists(w->path))
        return e;
    if ((e = file_read(&text, w->path, TEXT_MAX_BYTES, w->why)) == OK) {
        const char *end;

        while ((n < 0 || *kept < n) && size < text.size &&
               (end = memchr(text.text + size, '\n', text.size - size))) {
            size = (size_t)(end - text.text) + 1;
            (*kept)++;
        }
        if (size < text.size && truncate(w->path, (off_t)size) != 0)
            e = io_error(w);
    }
    file_finish(&text);
    return e;
}

/* Lines of frames before `frame` in a file whose lines begin with their frame. */
static enum err cut_tracks(struct writer *w, const char *name, int frame)
{
    struct file text = {0};
    size_t size = 0;
    enum err e = at(w, name);

    if (e != OK || !file_exists(w->path))
        return e;
    if ((e = file_read(&text, w->path, TEXT_MAX_BYTES, w->why)) == OK) {
        const char *end;

        while (size < text.size && (end = memchr(text.text + size, '\n', text.size - size)) &&
               atoi(text.text + size) < frame)
            size = (size_t)(end - text.text) + 1;
        if (size < text.size && truncate(w->path, (off_t)size) != 0)
            e = io_error(w);
    }
    file_finish(&text);
    return e;
}

static int world_of(const struct writer *w, int frame)
{
    return w->o->cut ? frame / w->o->cut : 0;
}

static int place_in_world(const struct writer *w, int frame)
{
    return w->o->cut ? frame % w->o->cut : frame;
}

static void name_tracks(char name[32], int world)
{
    snprintf(name, 32, "tracks/%04d.txt", world);
}

/* What another run must share to go on with this set. */
static json_t *identity(const struct writer *w)
{
    const struct camera *c = &w->o->stage.camera;

    return json_pack("{s:s, s:I, s:i, s:f, s:b, s:i, s:i, s:i, s:s, s:f, s:f}", "scenario",
                     w->o->stage.scenario, "seed", (json_int_t)w->o->stage.seed, "cut", w->o->cut,
                     "rate_hz", w->o->rate_hz, "render", w->o->stage.render, "quality",
                     w->o->stage.look.quality, "width", c->width, "height", c->height, "encoding",
                     encoding_name(w->o->encoding), "fx", (double)c->fx, "pitch_rad",
                     (double)c->pitch_rad);
}

static enum err check_identity(struct writer *w)
{
    json_error_t error;
    json_t *set, *ours;
    enum err e = at(w, "set.json");

    if (e != OK || !file_exists(w->path))
        return e;
    if (!(set = json_load_file(w->path, 0, &error)))
        return err_say(w->why, ERR_FORMAT, "%.200s:%d: %.80s", w->path, error.line, error.text);
    ours = identity(w);
    if (!json_equal(json_object_get(set, "simulator"), ours))
        e = err_say(w->why, ERR_MISMATCH,
                    "%.150s is a set of other options (see simulator in its set.json): "
                    "use the same ones, or another folder",
                    w->o->set);
    json_decref(ours);
    json_decref(set);
    return e;
}

static enum err count_boxes(struct writer *w)
{
    char name[32];
    int lines;
    enum err e = OK;

    for (int i = 0; i < w->done && e == OK && w->o->stage.render; i++) {
        snprintf(name, sizeof name, "labels/%06d.txt", i);
        e = cut_lines(w, name, -1, &lines);
        w->boxes += (uint64_t)lines;
    }
    return e;
}

static enum err find_done(struct writer *w)
{
    int lines;
    char name[32];
    enum err e = cut_lines(w, "timestamps.txt", w->frames, &w->done);

    if (e == OK)
        e = cut_lines(w, "lanes.json", w->done, &lines);
    if (e == OK)
        e = cut_lines(w, "truth.jsonl", w->done, &lines);
    name_tracks(name, world_of(w, w->done));
    if (e == OK)
        e = cut_tracks(w, name, place_in_world(w, w->done));
    return e == OK ? count_boxes(w) : e;
}

/* ---- what describes the set ---------------------------------------------------------------- */

static enum err put_classes(struct writer *w)
{
    struct text t;

    if (!text_begin(&t))
        return err_say(w->why, ERR_NOMEM, "no memory");
    for (int i = 0; i < N_CLASSES_FILE; i++)
        fprintf(t.f, "%s\n", object_class_name((enum object_class)i));
    return text_put(w, &t, "classes.txt");
}

static enum err put_calibration(struct writer *w)
{
    struct text t;

    if (!text_begin(&t))
        return err_say(w->why, ERR_NOMEM, "no memory");
    labels_calibration(&w->o->stage.camera, t.f);
    return text_put(w, &t, "calibration.yaml");
}

static json_t *describe(const struct writer *w, int frames)
{
    const struct camera *c = &w->o->stage.camera;
    json_t *list = json_array(), *names = json_object(), *types = json_object();

    for (int i = 0; i < N_LABELLED; i++) {
        char key[8];

        snprintf(key, sizeof key, "%d", labelled[i]);
        json_array_append_new(list, json_integer(labelled[i]));
        json_object_set_new(names, key, json_string(object_class_name(labelled[i])));
        if (labels_kitti_type(labelled[i]))
            json_object_set_new(types, labels_kitti_type(labelled[i]), json_integer(labelled[i]));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:{}, s:o, s:s, s:b, s:i, s:I, s:[i,i], s:f, s:s, s:o}",
                     "name", "outrider_sim", "split", "train", "classes_labelled", list,
                     "class_names", names, "merged", "label_types", types, "licence", "MIT",
                     "train_allowed", 1, "images", w->o->stage.render ? frames : 0, "boxes",
                     (json_int_t)w->boxes, "size", c->width, c->height, "rate_hz", w->o->rate_hz,
                     "drivable_area", "road == 1", "simulator", identity(w));
}

static enum err put_set(struct writer *w, int frames)
{
    json_t *set = describe(w, frames);
    char *text = set ? json_dumps(set, JSON_INDENT(1)) : NULL;
    enum err e = text ? put_file(w, "set.json", text, strlen(text))
                      : err_say(w->why, ERR_NOMEM, "no memory");

    free(text);
    json_decref(set);
    return e;
}

static enum err put_sequences(struct writer *w, int frames)
{
    struct text t;

    if (!text_begin(&t))
        return err_say(w->why, ERR_NOMEM, "no memory");
    for (int world = 0; frames > 0 && world <= world_of(w, frames - 1); world++)
        fprintf(t.f, "%04d %d\n", world,
                world < world_of(w, frames - 1) ? w->o->cut : place_in_world(w, frames - 1) + 1);
    return text_put(w, &t, "sequences.txt");
}

/* ---- one frame ----------------------------------------------------------------------------- */

static enum err put_picture(struct writer *w, int i, const struct rendered *picture)
{
    struct image rgb = {(uint8_t *)(uintptr_t)picture->rgb, picture->width, picture->height,
                        3 * picture->width};
    struct bytes b;
    char name[32];
    enum err e = encoder_picture(w->encoder, &rgb, w->o->encoding, &b, w->why);

    snprintf(name, sizeof name, "images/%06d.%s", i,
             w->o->encoding == ENCODING_PNG ? "png" : "jpg");
    return e == OK ? put_file(w, name, b.data, b.size) : e;
}

static enum err put_boxes(struct writer *w, int i, const struct truth *truth, bool ignored)
{
    struct text t;
    char name[32];

    if (!text_begin(&t))
        return err_say(w->why, ERR_NOMEM, "no memory");
    int n = labels_yolo(truth, &w->o->stage.camera, ignored, t.f);
    w->boxes += ignored ? 0 : (uint64_t)n;
    snprintf(name, sizeof name, "%s/%06d.txt", ignored ? "ignore" : "labels", i);
    return text_put(w, &t, name);
}

static enum err put_road(struct writer *w, int i, const struct truth *truth)
{
    const struct camera *c = &w->o->stage.camera;
    const size_t n = (size_t)c->width * (size_t)c->height;
    struct bytes b;
    char name[32];

    for (size_t k = 0; k < n; k++)
        w->mask[k] = truth->road[k] ? 1 : 0;
    enum err e = encoder_mask(w->encoder, w->mask, c->width, c->height, &b, w->why);
    snprintf(name, sizeof name, "road/%06d.png", i);
    return e == OK ? put_file(w, name, b.data, b.size) : e;
}

static enum err put_pictured(struct writer *w, int i, const struct rendered *picture,
                             const struct truth *truth)
{
    char name[32];
    enum err e;

    if ((e = put_picture(w, i, picture)) != OK || (e = put_boxes(w, i, truth, false)) != OK ||
        (e = put_boxes(w, i, truth, true)) != OK || (e = put_road(w, i, truth)) != OK)
        return e;
    snprintf(name, sizeof name, "images/%06d.%s", i,
             w->o->encoding == ENCODING_PNG ? "png" : "jpg");
    labels_tusimple(truth, &w->o->stage.camera, name, w->lanes);
    labels_truth(truth, stage_world(w->stage), name, w->everything);
    e = flush(w, w->lanes, "lanes.json");
    return e == OK ? flush(w, w->everything, "truth.jsonl") : e;
}

static enum err put_frame(struct writer *w, int i, const struct rendered *picture,
                          const struct truth *truth)
{
    char name[32];
    enum err e = w->o->stage.render ? put_pictured(w, i, picture, truth) : OK;

    if (e != OK)
        return e;
    name_tracks(name, world_of(w, i));
    if (!w->tracks && (e = append_to(w, name, &w->tracks)) != OK)
        return e;
    labels_kitti(truth, &w->o->stage.camera, place_in_world(w, i), w->tracks);
    if ((e = flush(w, w->tracks, name)) != OK)
        return e;
    fprintf(w->stamps, "%.6f\n", i / w->o->rate_hz + world_of(w, i) * PAUSE_S);
    w->written++;
    return flush(w, w->stamps, "timestamps.txt");
}

static void show_progress(struct writer *w, int i)
{
    int64_t now = now_ns();

    if (!w->o->progress || now - w->shown_ns < 250000000)
        return;
    w->shown_ns = now;
    fprintf(stderr, "\r\033[Kframe %d of %d, %.1f frames/s, %.1f MB", i + 1, w->frames,
            w->written / (1e-9 * (double)(now - w->start_ns)), (double)w->bytes / 1e6);
}

/* ---- all frames ---------------------------------------------------------------------------- */

static bool told_to_stop(const struct writer *w)
{
    struct pollfd p = {.fd = w->o->stop_fd, .events = POLLIN};

    return w->o->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* The world at frame i, of the right seed. */
static enum err advance(struct writer *w, int i)
{
    if (place_in_world(w, i) > 0) {
        stage_step(w->stage, 1 / w->o->rate_hz, NULL);
        return OK;
    }
    if (w->tracks) {
        fclose(w->tracks);
        w->tracks = NULL;
    }
    return i == 0 ? OK : stage_again(w->stage, w->o->stage.seed + (uint64_t)world_of(w, i), w->why);
}

/* Worlds that are finished, and of which the sheet shows nothing, need not be opened. */
static int first_frame(const struct writer *w)
{
    return w->o->cut && !w->o->sheet ? w->done / w->o->cut * w->o->cut : 0;
}

static enum err write_all(struct writer *w, int *i)
{
    for (*i = first_frame(w); *i < w->frames; ++*i) {
        const struct rendered *picture;
        const struct truth *truth;
        bool fresh = w->o->set && *i >= w->done;
        bool shown = w->o->sheet && sheet_wants(&w->sheet, w->o->stage.seed, *i);
        enum err e = advance(w, *i);

        if (e != OK || told_to_stop(w))
            return e;
        if (!fresh && !shown)
            continue;
        if ((e = stage_look(w->stage, &picture, &truth, w->why)) != OK)
            return e;
        if (fresh && (e = put_frame(w, *i, picture, truth)) != OK)
            return e;
        if (shown)
            sheet_add(&w->sheet,
                      &(struct image){(uint8_t *)(uintptr_t)picture->rgb, picture->width,
                                      picture->height, 3 * picture->width},
                      &truth->scene);
        show_progress(w, *i);
    }
    return OK;
}

static enum err open_set(struct writer *w)
{
    static const char *const folders[] = {NULL, "tracks", "images", "labels", "ignore", "road"};
    const int n = w->o->stage.render ? 6 : 2;
    enum err e = OK;

    for (int i = 0; i < n && e == OK; i++)
        e = make_folder(w, folders[i]);
    if (e != OK || (e = check_identity(w)) != OK || (e = find_done(w)) != OK)
        return e;
    if ((e = put_set(w, w->done)) != OK || (e = put_calibration(w)) != OK ||
        (e = append_to(w, "timestamps.txt", &w->stamps)) != OK)
        return e;
    if (!w->o->stage.render)
        return OK;
    e = put_classes(w);
    e = e == OK ? append_to(w, "lanes.json", &w->lanes) : e;
    return e == OK ? append_to(w, "truth.jsonl", &w->everything) : e;
}

static enum err open_all(struct writer *w)
{
    const struct camera *c = &w->o->stage.camera;
    enum err e = stage_open(&w->o->stage, &w->stage, w->why);

    if (e != OK)
        return e;
    w->frames = sim_frames(w->o, w->stage);
    w->mask = malloc((size_t)c->width * (size_t)c->height);
    if (!w->mask || encoder_open(&w->encoder) != OK ||
        (w->o->sheet && sheet_open(&w->sheet, c->width, c->height, w->frames) != OK))
        return err_say(w->why, ERR_NOMEM, "no memory");
    return w->o->set ? open_set(w) : OK;
}

static enum err finish(struct writer *w, int frames)
{
    enum err e = OK;

    if (w->o->set && (e = put_set(w, frames)) == OK)
        e = put_sequences(w, frames);
    if (e == OK && w->o->sheet) {
        const struct image page = sheet_page(&w->sheet);

        e = png_write(w->o->sheet, &page, w->why);
    }
    return e;
}

static void report(const struct writer *w, int frames)
{
    double s = 1e-9 * (double)(now_ns() - w->start_ns);

    if (w->o->progress)
        fputs("\r\033[K", stderr);
    if (w->o->set)
        printf("%d frames in %s: %d new ones in %.1f s, %.1f frames/s; %" PRIu64
               " boxes, %.1f MB written\n",
               frames, w->o->set, w->written, s, w->written / fmax(s, 1e-9), w->boxes,
               (double)w->bytes / 1e6);
    if (w->o->sheet)
        printf("%d of %d frames on %s\n", w->sheet.placed, w->frames, w->o->sheet);
    if (frames < w->frames)
        printf("Stopped before frame %d of %d: the same command goes on from there\n", frames,
               w->frames);
}

static void close_all(struct writer *w)
{
    FILE *files[] = {w->lanes, w->everything, w->tracks, w->stamps};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i])
            fclose(files[i]);
    sheet_close(&w->sheet);
    encoder_close(w->encoder);
    stage_close(w->stage);
    free(w->mask);
}

int sim_set(const struct sim_options *o)
{
    static struct writer w; /* large */
    struct why why = {""};
    int frames = 0;

    w = (struct writer){.o = o, .why = &why};
    enum err e = open_all(&w);
    w.start_ns = now_ns();
    if (e == OK)
        e = write_all(&w, &frames);
    if (e == OK) {
        frames = frames > w.done || !o->set ? frames : w.done;
        e = finish(&w, frames);
    }
    if (e == OK)
        report(&w, frames);
    else
        fprintf(stderr, "outrider sim: %s\n", why.text);
    close_all(&w);
    return e != OK;
}
