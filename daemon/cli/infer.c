#include "daemon/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/infer_line.h"
#include "daemon/cli/pictures.h"
#include "daemon/decode.h"
#include "perception/base/pool.h"
#include "perception/image/draw.h"
#include "perception/kernels/kernels.h"

enum { MAX_MODELS = 4, MAX_THREADS = 64 };

struct options {
    int n_models;
    struct {
        const char *path, *decoder;
    } model[MAX_MODELS];
    const char *images, *out, *overlay;
    float score_min; /* NAN: each decoder's own */
    unsigned cpu_mask;
    int threads;
};

struct infer {
    struct pool *pool;
    int n_heads;
    struct head *head[MAX_MODELS];
    struct decoder *decoder;
    struct pictures pictures;
    FILE *out;
    size_t failed;               /* pictures with an error */
    struct perceived seen, part; /* by all models, by one */
    char path[4096];
};

static const char help[] =
    "usage: outrider infer --model FILE --images PATH -o OUT.jsonl [options]\n"
    "\n"
    "Runs networks over pictures; one line of JSON for each, in the order of their names:\n"
    "  {\"image\",\"width\",\"height\",\n"
    "   \"objects\":[{\"class\",\"score\",\"box\":[x1,y1,x2,y2],\"sigma\":[of each edge],\n"
    "     \"distance\":{\"per_px\",\"sigma\"}}],\n"
    "   "
    "\"lanes\":[{\"role\",\"score\",\"kind\",\"type\",\"color\",\"points\":[[x,y],...],\"sigma\":[."
    "..]}],\n"
    "   \"road\":null or run lengths}\n"
    "in pixels of the picture; a distance is per_px times the camera's fx in metres, its sigma a "
    "share\n"
    "of it. Where a model does not tell cars, trucks and buses apart, the "
    "class\n"
    "is \"car\" and \"merged\" names the three. A picture that cannot be read gets \"error\" "
    "instead.\n"
    "\n"
    "  --model FILE      an ONNX file; again for more: of objects, lanes and road, each is taken "
    "from\n"
    "                    the first model that gives it\n"
    "  --decoder NAME    how to read the model named before: ssd, yolox, fastestdet, lstr,\n"
    "                    lane-masks (default: as the file says, or recognised by its outputs)\n"
    "  --images PATH     a picture, or a folder of .jpg, .jpeg and .png files\n"
    "  -o FILE           where the lines go, - for the standard output\n"
    "  --overlay DIR     also draw what was seen: DIR/NAME.png; made if it is not there\n"
    "  --score-min F     least score of an object, 0..1 (default: the decoder's own)\n"
    "  --cpu-mask LIST   instructions to use: c, avx2, avx512, vnni, native (default native)\n"
    "  --threads N       default: one for each core; results do not depend on it\n";

static int wrong(const char *what, const char *value, const char *must)
{
    fprintf(stderr, "outrider infer: %s '%s', must be %s\n", what, value, must);
    return 2;
}

static int take_model(struct options *o, const char *path)
{
    if (o->n_models == MAX_MODELS) {
        fprintf(stderr, "outrider infer: --model '%s' is one too many, the limit is %d\n", path,
                MAX_MODELS);
        return 2;
    }
    o->model[o->n_models++].path = path;
    return 0;
}

static int take_decoder(struct options *o, const char *name)
{
    if (o->n_models == 0)
        return wrong("--decoder is", name, "after the --model that it reads");
    o->model[o->n_models - 1].decoder = name;
    return 0;
}

static int take_number(const char *option, const char *text, double low, double high, double *out)
{
    char *end, must[64];

    *out = strtod(text, &end);
    if (end != text && !*end && *out >= low && *out <= high)
        return 0;
    snprintf(must, sizeof must, "%g to %g", low, high);
    return wrong(option, text, must);
}

enum { MODEL = 256, DECODER, IMAGES, OVERLAY, SCORE_MIN, CPU_MASK, THREADS };

static int take_option(struct options *o, int c, const char *value)
{
    struct why why;
    double v;
    int status;

    switch (c) {
    case MODEL:
        return take_model(o, value);
    case DECODER:
        return take_decoder(o, value);
    case IMAGES:
        o->images = value;
        return 0;
    case 'o':
        o->out = value;
        return 0;
    case OVERLAY:
        o->overlay = value;
        return 0;
    case SCORE_MIN:
        if ((status = take_number("--score-min is", value, 0, 1, &v)) == 0)
            o->score_min = (float)v;
        return status;
    case THREADS:
        if ((status = take_number("--threads is", value, 1, MAX_THREADS, &v)) == 0)
            o->threads = (int)v;
        return status;
    case CPU_MASK:
        if (cpu_parse(value, &o->cpu_mask, &why) == OK)
            return 0;
        fprintf(stderr, "outrider infer: --cpu-mask: %s\n", why.text);
        return 2;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"model", required_argument, NULL, MODEL},
                                           {"decoder", required_argument, NULL, DECODER},
                                           {"images", required_argument, NULL, IMAGES},
                                           {"overlay", required_argument, NULL, OVERLAY},
                                           {"score-min", required_argument, NULL, SCORE_MIN},
                                           {"cpu-mask", required_argument, NULL, CPU_MASK},
                                           {"threads", required_argument, NULL, THREADS},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int c, status;

    *o = (struct options){.score_min = NAN, .cpu_mask = ~0u};
    o->threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
    while ((c = getopt_long(argc, argv, "o:h", option, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if ((status = take_option(o, c, optarg)) != 0)
            return status;
    }
    if (optind < argc)
        return wrong("argument", argv[optind], "an option");
    if (o->n_models == 0 || !o->images || !o->out) {
        fprintf(stderr, "outrider infer: --model, --images and -o are needed\n");
        return 2;
    }
    return 0;
}

/* --score-min speaks of objects only; a model of lanes keeps its own threshold. */
static enum err open_head(const struct options *o, int i, struct infer *in, struct why *why)
{
    struct head_config cfg = {.model = o->model[i].path,
                              .decoder = o->model[i].decoder,
                              .score_min = o->score_min,
                              .nms_iou = NAN,
                              .cpu_mask = o->cpu_mask,
                              .pool = in->pool};
    struct head **h = &in->head[i];
    enum err e = head_open(&cfg, h, why);

    if (e == OK && !(head_gives(*h) & HEAD_OBJECTS) && !isnan(cfg.score_min)) {
        head_close(*h);
        cfg.score_min = NAN;
        e = head_open(&cfg, h, why);
    }
    in->n_heads = i + 1;
    return e;
}

static enum err open_out(const struct options *o, struct infer *in, struct why *why)
{
    if (o->overlay && mkdir(o->overlay, 0777) != 0 && errno != EEXIST)
        return err_say(why, ERR_IO, "--overlay %s: %s", o->overlay, strerror(errno));
    in->out = strcmp(o->out, "-") != 0 ? fopen(o->out, "w") : stdout;
    return in->out ? OK : err_say(why, ERR_IO, "-o %s: %s", o->out, strerror(errno));
}

static enum err infer_open(const struct options *o, struct infer *in, struct why *why)
{
    enum err e;

    if ((e = pictures_list(o->images, &in->pictures, why)) != OK)
        return e;
    if ((e = pool_open(o->threads, &in->pool)) != OK || (e = decoder_open(&in->decoder)) != OK)
        return err_say(why, e, "no memory or threads to work with");
    for (int i = 0; i < o->n_models; i++)
        if ((e = open_head(o, i, in, why)) != OK)
            return e;
    return open_out(o, in, why);
}

static enum err infer_finish(struct infer *in, struct why *why)
{
    enum err e = OK;

    for (int i = 0; i < in->n_heads; i++)
        head_close(in->head[i]);
    pool_close(in->pool);
    decoder_close(in->decoder);
    pictures_finish(&in->pictures);
    if (in->out && (fflush(in->out) != 0 || ferror(in->out)))
        e = err_say(why, ERR_IO, "writing lines: %s", strerror(errno));
    if (in->out && in->out != stdout && fclose(in->out) != 0 && e == OK)
        e = err_say(why, ERR_IO, "writing lines: %s", strerror(errno));
    return e;
}

/* Of each kind of output the first model wins. */
static enum err look(struct infer *in, const struct image *im, struct why *why)
{
    unsigned have = 0;

    in->seen.n_detections = in->seen.n_curves = 0;
    in->seen.road = (struct road_mask){0};
    for (int i = 0; i < in->n_heads; i++) {
        const unsigned new = head_gives(in->head[i]) & ~have;
        enum err e = new ? head_run(in->head[i], im, &in->part, why) : OK;

        if (e != OK)
            return e;
        if (new &HEAD_OBJECTS) {
            in->seen.n_detections = in->part.n_detections;
            memcpy(in->seen.detection, in->part.detection, sizeof in->seen.detection);
        }
        if (new &HEAD_LANES) {
            in->seen.n_curves = in->part.n_curves;
            memcpy(in->seen.curve, in->part.curve, sizeof in->seen.curve);
        }
        if (new &HEAD_ROAD)
            in->seen.road = in->part.road;
        have |= new;
    }
    return OK;
}

static enum err overlay(struct infer *in, const char *folder, const char *name, struct image *im,
                        struct why *why)
{
    const char *dot = strrchr(name, '.');
    int stem = dot ? (int)(dot - name) : (int)strlen(name);

    draw_perceived(im, &in->seen);
    if (snprintf(in->path, sizeof in->path, "%s/%.*s.png", folder, stem, name) >=
        (int)sizeof in->path)
        return err_say(why, ERR_LIMIT, "--overlay: the path is longer than %zu", sizeof in->path);
    return png_write(in->path, im, why);
}

/* One picture. Only a fault that the next picture would meet too is returned. */
static enum err infer_picture(struct infer *in, const struct options *o, const char *name,
                              struct why *why)
{
    struct image im;
    enum err e = OK;

    if (snprintf(in->path, sizeof in->path, "%s%s", in->pictures.folder, name) >=
        (int)sizeof in->path)
        e = err_say(why, ERR_LIMIT, "the path is longer than %zu", sizeof in->path);
    if (e == OK)
        e = decoder_file(in->decoder, in->path, &im, why);
    if (e != OK) {
        infer_line_error(in->out, name, why->text);
        in->failed++;
        return OK;
    }
    if ((e = look(in, &im, why)) != OK)
        return e;
    infer_line(in->out, name, im.width, im.height, &in->seen);
    return o->overlay ? overlay(in, o->overlay, name, &im, why) : OK;
}

static void progress(const struct infer *in, size_t done)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu of %zu%s", done, in->pictures.n, done == in->pictures.n ? "\n" : "");
}

int infer_command(int argc, char **argv)
{
    static struct infer in;
    struct options o;
    struct why why = {""};
    enum err e, end;
    int status = parse(argc, argv, &o);

    if (status != 0)
        return status;
    e = infer_open(&o, &in, &why);
    for (size_t i = 0; i < in.pictures.n && e == OK; i++) {
        e = infer_picture(&in, &o, in.pictures.name[i], &why);
        if (e == OK && ferror(in.out))
            break; /* a full disk; infer_finish() says so */
        progress(&in, i + 1);
    }
    if (in.failed)
        fprintf(stderr, "outrider infer: %zu of %zu pictures could not be read\n", in.failed,
                in.pictures.n);
    end = infer_finish(&in, e == OK ? &why : NULL);
    if (e == OK)
        e = end;
    if (e != OK)
        fprintf(stderr, "outrider infer: %s\n", why.text);
    return e != OK || in.failed ? 1 : 0;
}
