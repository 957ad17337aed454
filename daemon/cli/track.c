#include "daemon/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cli/detections.h"
#include "perception/track/tracker.h"

struct options {
    const char *detections, *out;
    enum detections_format format;
    enum tracker_kind tracker;
    double rate_hz;
    struct detections_logit logit;
};

static const char help[] =
    "usage: outrider track --detections PATH --format kitti|mot -o DIR [options]\n"
    "\n"
    "Runs the tracker over detections and writes what it follows, a file of the same name each.\n"
    "  --detections PATH   a text file, or a folder of *.txt, one a sequence\n"
    "  --format kitti      in:  frame,type,x1,y1,x2,y2,score,...  or KITTI's own results\n"
    "                      out: frame id type -1 -1 -10 x1 y1 x2 y2 ... score\n"
    "  --format mot        in:  frame,id,x,y,width,height,score,...\n"
    "                      out: frame,id,x,y,width,height,score,-1,-1,-1\n"
    "  -o DIR              where the tracks go; made if it is not there\n"
    "  --tracker KIND      how tracks are carried on: lstm, rnn or kalman (default lstm)\n"
    "  --rate HZ           frames per second (default 10)\n"
    "\n"
    "  --logit A,B         how logits become probabilities: 1 / (1 + exp(-(A score + B))). kitti:\n"
    "                      0.735,-1.866, fitted to PointRCNN's; mot: 1,0\n"
    "\n"
    "Scores are probabilities if all of a file lie in 0..1, otherwise logits.\n";

static int wrong(const char *what, const char *value, const char *must)
{
    fprintf(stderr, "outrider track: %s '%s', must be %s\n", what, value, must);
    return 2;
}

static bool take_logit(const char *text, struct detections_logit *out)
{
    int end = 0;

    return sscanf(text, "%f,%f%n", &out->scale, &out->shift, &end) == 2 && !text[end] &&
           out->scale > 0 && out->scale <= 100 && out->shift >= -100 && out->shift <= 100;
}

static int parse(int argc, char **argv, struct options *o)
{
    enum { DETECTIONS = 256, FORMAT, TRACKER, RATE, LOGIT };
    static const struct option option[] = {{"detections", required_argument, NULL, DETECTIONS},
                                           {"format", required_argument, NULL, FORMAT},
                                           {"tracker", required_argument, NULL, TRACKER},
                                           {"rate", required_argument, NULL, RATE},
                                           {"logit", required_argument, NULL, LOGIT},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    bool has_format = false, has_logit = false;
    char *end;
    int c;

    *o = (struct options){.tracker = TRACKER_LSTM, .rate_hz = 10};
    while ((c = getopt_long(argc, argv, "o:h", option, NULL)) != -1)
        switch (c) {
        case DETECTIONS:
            o->detections = optarg;
            break;
        case FORMAT:
            has_format = true;
            if (strcmp(optarg, "kitti") != 0 && strcmp(optarg, "mot") != 0)
                return wrong("--format is", optarg, "kitti or mot");
            o->format = strcmp(optarg, "mot") == 0 ? DETECTIONS_MOT : DETECTIONS_KITTI;
            break;
        case TRACKER:
            if (!tracker_kind_named(optarg, &o->tracker))
                return wrong("--tracker is", optarg, "lstm, rnn or kalman");
            break;
        case RATE:
            o->rate_hz = strtod(optarg, &end);
            if (*end || !(o->rate_hz >= 0.1 && o->rate_hz <= 1000))
                return wrong("--rate is", optarg, "0.1 to 1000");
            break;
        case LOGIT:
            has_logit = true;
            if (!take_logit(optarg, &o->logit))
                return wrong("--logit is", optarg, "A,B: two numbers, A above 0");
            break;
        case 'o':
            o->out = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            return 2;
        }
    if (optind < argc)
        return wrong("argument", argv[optind], "an option");
    if (!o->detections || !o->out || !has_format) {
        fprintf(stderr, "outrider track: --detections, --format and -o are needed\n");
        return 2;
    }
    if (!has_logit)
        o->logit = o->format == DETECTIONS_KITTI ? DETECTIONS_KITTI_LOGIT
                                                 : (struct detections_logit){1, 0};
    return 0;
}

static const char *kitti_name(enum object_class c)
{
    switch (c) {
    case OBJECT_PERSON:
        return "Pedestrian";
    case OBJECT_CYCLIST:
        return "Cyclist";
    case OBJECT_TRUCK:
        return "Truck";
    default:
        return "Car";
    }
}

/* Only what was detected in this frame: the scores count a box where nothing was seen as an error.
 */
static void write_frame(FILE *f, enum detections_format format, int frame, const struct object *o,
                        int n)
{
    for (int i = 0; i < n; i++) {
        const struct box *b = &o[i].box_px;
        unsigned long long id = o[i].id;

        if (o[i].measurement != MEASUREMENT_MEASURED)
            continue;
        if (format == DETECTIONS_MOT)
            fprintf(f, "%d,%llu,%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n", frame, id, (double)b->x1,
                    (double)b->y1, (double)(b->x2 - b->x1), (double)(b->y2 - b->y1),
                    (double)o[i].detection_score);
        else
            fprintf(f,
                    "%d %llu %s -1 -1 -10 %.2f %.2f %.2f %.2f -1 -1 -1 -1000 -1000 -1000 -10 "
                    "%.4f\n",
                    frame, id, kitti_name(o[i].classes[0].class), (double)b->x1, (double)b->y1,
                    (double)b->x2, (double)b->y2, (double)o[i].detection_score);
    }
}

static void track_sequence(struct tracker *t, const struct options *o, const struct detections *d,
                           FILE *f)
{
    static struct detection now[TRACKER_MAX_DETECTIONS];
    static struct object object[SCENE_MAX_OBJECTS];
    struct camera picture = {0}; /* not calibrated; it ends where the outermost boxes do */
    size_t at = 0;

    for (size_t i = 0; i < d->n; i++) {
        const struct box *b = &d->row[i].detection.box_px;

        picture.width = b->x2 > (float)picture.width ? (int)b->x2 : picture.width;
        picture.height = b->y2 > (float)picture.height ? (int)b->y2 : picture.height;
    }
    tracker_reset(t);
    for (int frame = 0; at < d->n; frame++) {
        int n = 0;

        for (; at < d->n && d->row[at].frame == frame; at++)
            if (n < TRACKER_MAX_DETECTIONS) /* best first */
                now[n++] = d->row[at].detection;
        tracker_step(t, now, n, &picture, NULL, (int64_t)(frame / o->rate_hz * 1e9));
        write_frame(f, o->format, frame, object, tracker_objects(t, object, SCENE_MAX_OBJECTS));
    }
}

static enum err track_file(const struct options *o, const char *in, const char *name,
                           struct why *why)
{
    struct detections d;
    struct tracker *t;
    char path[4096];
    enum err e = detections_read(in, o->format, o->logit, &d, why);

    if (e != OK)
        return e;
    if (snprintf(path, sizeof path, "%s/%s", o->out, name) >= (int)sizeof path) {
        detections_finish(&d);
        return err_say(why, ERR_LIMIT, "%s: path is longer than %zu bytes", name, sizeof path - 1);
    }
    const struct tracker_options tracker = {.kind = o->tracker, .cpu_mask = ~0u};
    e = tracker_open(&tracker, &t, why); /* anew for each file: ids start at 1 */
    FILE *f = e == OK ? fopen(path, "w") : NULL;
    if (f)
        track_sequence(t, o, &d, f);
    if (e == OK && (!f || fclose(f) != 0))
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    tracker_close(t);
    detections_finish(&d);
    return e;
}

static int only_txt(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return e->d_name[0] != '.' && n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

static enum err track_folder(const struct options *o, struct why *why)
{
    struct dirent **entry;
    enum err e = OK;
    int n = scandir(o->detections, &entry, only_txt, alphasort);

    if (n < 0)
        return err_say(why, ERR_IO, "%s: %s", o->detections, strerror(errno));
    if (n == 0)
        e = err_say(why, ERR_FORMAT, "%s: no *.txt in this folder", o->detections);
    for (int i = 0; i < n; i++) {
        char path[4096];

        if (e == OK && snprintf(path, sizeof path, "%s/%s", o->detections, entry[i]->d_name) <
                           (int)sizeof path)
            e = track_file(o, path, entry[i]->d_name, why);
        free(entry[i]);
    }
    free(entry);
    return e;
}

int track_command(int argc, char **argv)
{
    struct options o;
    struct stat st;
    struct why why = {""};
    int status = parse(argc, argv, &o);
    enum err e;

    if (status)
        return status;
    if (mkdir(o.out, 0777) != 0 && errno != EEXIST)
        e = err_say(&why, ERR_IO, "%s: %s", o.out, strerror(errno));
    else if (stat(o.detections, &st) != 0)
        e = err_say(&why, ERR_IO, "%s: %s", o.detections, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        e = track_folder(&o, &why);
    else {
        const char *slash = strrchr(o.detections, '/');

        e = track_file(&o, o.detections, slash ? slash + 1 : o.detections, &why);
    }
    if (e != OK)
        fprintf(stderr, "outrider track: %s\n", why.text);
    return e == OK ? 0 : 1;
}
