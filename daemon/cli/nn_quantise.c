#include "daemon/cli/nn_quantise.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/options.h"
#include "daemon/cli/pictures.h"
#include "daemon/decode.h"
#include "perception/heads/head.h"
#include "perception/kernels/kernels.h"
#include "perception/nn/quantise/quantise.h"

enum { MAX_KEEP = 256, MAX_CALIB = 16, MAX_THREADS = 64, TABLE_ROWS = 10 };

struct options {
    const char *model, *decoder, *out, *calib[MAX_CALIB], *keep[MAX_KEEP];
    int n_calib, n_keep, images, trials, threads;
    double keep_db, keep_share;
    unsigned cpu_mask;
    bool json;
};

struct quantiser {
    struct pool *pool;
    struct head *head; /* knows how a picture becomes the network's input */
    struct decoder *decoder;
    struct pictures pictures[MAX_CALIB];
    int n_folders, samples;
    char path[4096];
};

static const char help[] =
    "usage: outrider nn quantise MODEL --calib DIR -o OUT.onnx [options]\n"
    "\n"
    "Writes the network with 8 bit activations and weights as standard ONNX (QuantizeLinear and\n"
    "DequantizeLinear). Ranges come from running it over pictures of DIR; layers whose rounding "
    "the\n"
    "outputs suffer from most stay float, and the report names them.\n"
    "\n"
    "  --calib DIR       a folder of pictures like those that it will see, or a set (DIR/images);\n"
    "                    again for more, of which each gives the same number\n"
    "  --decoder NAME    how pictures become its input: ssd, yolox, fastestdet, lstr, lane-masks\n"
    "                    (default: as the file says, or recognised by its outputs)\n"
    "  --images N        pictures to calibrate on, evenly spread over each DIR (default 96)\n"
    "  --trials N        pictures that each layer's damage is measured on (default 6)\n"
    "  --keep-db X       a layer stays float if quantising it alone leaves the outputs less than\n"
    "                    this ratio of signal to noise (default 18)\n"
    "  --keep-share X    ... while at most this share of the multiply-adds stays float (default "
    "0.05)\n"
    "  --keep NODE       stays float in any case; may be given again\n"
    "  --threads N       default: one for each core; the file does not depend on it\n"
    "  --cpu-mask LEVEL  c, avx2, avx512, vnni or native (default)\n"
    "  --json            the whole report as one JSON object\n";

enum { CALIB = 256, DECODER, IMAGES, TRIALS, KEEP_DB, KEEP_SHARE, KEEP, THREADS, CPU_MASK, JSON };

static const struct option option_list[] = {{"calib", required_argument, NULL, CALIB},
                                            {"decoder", required_argument, NULL, DECODER},
                                            {"output", required_argument, NULL, 'o'},
                                            {"images", required_argument, NULL, IMAGES},
                                            {"trials", required_argument, NULL, TRIALS},
                                            {"keep-db", required_argument, NULL, KEEP_DB},
                                            {"keep-share", required_argument, NULL, KEEP_SHARE},
                                            {"keep", required_argument, NULL, KEEP},
                                            {"threads", required_argument, NULL, THREADS},
                                            {"cpu-mask", required_argument, NULL, CPU_MASK},
                                            {"json", no_argument, NULL, JSON},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};

static int wrong(const char *what)
{
    fprintf(stderr, "outrider nn quantise: %s\n", what);
    return 2;
}

/* One more in a list of at most max. */
static bool take_more(const char *option, const char *v, const char **list, int *n, int max)
{
    if (*n == max) {
        fprintf(stderr, "outrider nn quantise: more than %d %s\n", max, option);
        return false;
    }
    list[(*n)++] = v;
    return true;
}

static bool take_option(struct options *o, int c, const char *v)
{
    static const char name[] = "nn quantise";
    struct why why;

    switch (c) {
    case CALIB:
        return take_more("--calib", v, o->calib, &o->n_calib, MAX_CALIB);
    case DECODER:
        o->decoder = v;
        return true;
    case 'o':
        o->out = v;
        return true;
    case IMAGES:
        return option_whole(name, "--images", v, 1, 100000, &o->images);
    case TRIALS:
        return option_whole(name, "--trials", v, 1, 1000, &o->trials);
    case KEEP_DB:
        return option_real(name, "--keep-db", v, -100, 200, &o->keep_db);
    case KEEP_SHARE:
        return option_real(name, "--keep-share", v, 0, 1, &o->keep_share);
    case KEEP:
        return take_more("--keep", v, o->keep, &o->n_keep, MAX_KEEP);
    case THREADS:
        return option_whole(name, "--threads", v, 1, MAX_THREADS, &o->threads);
    case CPU_MASK:
        if (cpu_parse(v, &o->cpu_mask, &why) == OK)
            return true;
        fprintf(stderr, "outrider nn quantise: --cpu-mask: %s\n", why.text);
        return false;
    case JSON:
        o->json = true;
        return true;
    default:
        return false; /* getopt has said what is wrong */
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int c;

    *o = (struct options){
        .images = 96, .trials = 6, .keep_db = 18, .keep_share = 0.05, .cpu_mask = ~0u};
    o->threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
    optind = 1;
    while ((c = getopt_long(argc, argv, "o:h", option_list, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (!take_option(o, c, optarg))
            return 2;
    }
    if (optind != argc - 1)
        return wrong(optind == argc ? "no model to work on" : "one model at a time");
    o->model = argv[optind];
    if (!o->n_calib || !o->out)
        return wrong("--calib DIR and -o OUT.onnx are needed");
    return 0;
}

/* ---- pictures as inputs -------------------------------------------------------------------- */
/* One folder after the other, each evenly spread: so is any even choice among the samples. */
static enum err sample(void *user, int i, struct net *net, struct why *why)
{
    struct quantiser *q = user;
    int64_t place = (int64_t)i * q->n_folders; /* in samples of which a folder has q->samples */
    const struct pictures *from = &q->pictures[place / q->samples];
    size_t at = (size_t)(place % q->samples) * from->n / (size_t)q->samples;
    struct image im;
    enum err e;

    if (snprintf(q->path, sizeof q->path, "%s%s", from->folder, from->name[at]) >=
        (int)sizeof q->path)
        return err_say(why, ERR_LIMIT, "the path is longer than %zu", sizeof q->path);
    if ((e = decoder_file(q->decoder, q->path, &im, why)) != OK)
        return e;
    head_fill(q->head, &im);
    for (int k = 0; k < head_inputs(q->head); k++) {
        const struct tensor *t = head_input(q->head, k);

        memcpy(net_input(net, k)->data, t->data, (size_t)tensor_count(t) * dtype_size(t->type));
    }
    return OK;
}

static void progress(void *user, const char *stage, int done, int of)
{
    (void)user;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %d of %d%s", stage, done, of, done == of ? "\n" : "");
}

/* A set keeps its pictures in a folder of their own. */
static enum err list_pictures(const char *path, struct pictures *out, struct why *why)
{
    char inside[4096];
    struct stat st;

    if (snprintf(inside, sizeof inside, "%s/images", path) < (int)sizeof inside &&
        stat(inside, &st) == 0 && S_ISDIR(st.st_mode))
        return pictures_list(inside, out, why);
    return pictures_list(path, out, why);
}

static enum err quantiser_open(const struct options *o, struct quantiser *q, struct why *why)
{
    struct head_config cfg = {.model = o->model,
                              .decoder = o->decoder,
                              .score_min = NAN,
                              .nms_iou = NAN,
                              .cpu_mask = o->cpu_mask};
    size_t all = 0;
    enum err e;

    for (; q->n_folders < o->n_calib; q->n_folders++) {
        struct pictures *p = &q->pictures[q->n_folders];

        if ((e = list_pictures(o->calib[q->n_folders], p, why)) != OK)
            return e;
        all += p->n;
    }
    q->samples = (size_t)o->images < all ? o->images : (int)all;
    if ((e = pool_open(o->threads, &q->pool)) != OK || (e = decoder_open(&q->decoder)) != OK)
        return err_say(why, e, "no memory or threads to work with");
    cfg.pool = q->pool;
    return head_open(&cfg, &q->head, why);
}

static void quantiser_close(struct quantiser *q)
{
    head_close(q->head);
    decoder_close(q->decoder);
    for (int i = 0; i < q->n_folders; i++)
        pictures_finish(&q->pictures[i]);
    pool_close(q->pool);
}

/* ---- files --------------------------------------------------------------------------------- */
static enum err file_read(const char *path, unsigned char **bytes, size_t *n, struct why *why)
{
    FILE *f = fopen(path, "rb");
    long size;
    enum err e = OK;

    *bytes = NULL;
    if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET))
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    else if (size > NET_MAX_FILE_BYTES)
        e = err_say(why, ERR_LIMIT, "%s: %ld bytes, limit %d", path, size, NET_MAX_FILE_BYTES);
    else if (!(*bytes = malloc((size_t)size + 1)))
        e = err_say(why, ERR_NOMEM, "%s: no memory for %ld bytes", path, size);
    else if (fread(*bytes, 1, *n = (size_t)size, f) != (size_t)size)
        e = err_say(why, ERR_IO, "%s: cannot read", path);
    if (f)
        fclose(f);
    return e;
}

/* Under another name first, so that nobody ever sees half a model. */
static enum err file_write(const char *path, const unsigned char *bytes, size_t n, struct why *why)
{
    char part[4096];
    FILE *f;
    bool fine;

    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return err_say(why, ERR_LIMIT, "-o: the path is longer than %zu", sizeof part);
    if (!(f = fopen(part, "wb")))
        return err_say(why, ERR_IO, "-o %s: %s", path, strerror(errno));
    fine = fwrite(bytes, 1, n, f) == n && fflush(f) == 0;
    if (fclose(f) != 0 || !fine || rename(part, path) != 0) {
        err_say(why, ERR_IO, "-o %s: %s", path, strerror(errno));
        unlink(part);
        return ERR_IO;
    }
    return OK;
}

/* ---- report -------------------------------------------------------------------------------- */
static void print_db(double db)
{
    if (isfinite(db))
        printf("%8.1f", db);
    else
        printf("%8s", "exact");
}

static void report_text(const struct options *o, const struct quantise_report *r, int samples,
                        size_t bytes)
{
    int kept = 0, rows = 0;

    for (int i = 0; i < r->n_layers; i++)
        kept += r->layer[i].kept;
    printf("%s: %zu bytes, opset %d%s, %d pictures\n", o->out, bytes, r->opset_to,
           r->opset_to != r->opset_from ? " (raised)" : "", samples);
    printf("%d of %d layers on integers, %.1f %% of the multiply-adds; %d of %d nodes; %d 8 bit "
           "tensors\n\n",
           r->n_layers - kept, r->n_layers, 100 * (1 - r->macs_float / fmax(r->macs, 1)),
           r->nodes - r->nodes_float, r->nodes, r->tensors);
    printf("signal to noise of the outputs, in dB\n");
    for (int i = 0; i < r->n_outputs; i++) {
        print_db(r->output[i].snr_db);
        printf("  %s\n", r->output[i].name);
    }
    printf("\nthe most sensitive layers: the same with one of them quantised alone\n");
    for (int i = 0; i < r->n_layers; i++) {
        if (!r->layer[i].kept && rows >= TABLE_ROWS)
            continue;
        rows++;
        print_db(r->layer[i].snr_db);
        printf("  %-7s %7.2f M  %s (%s)\n", r->layer[i].kept ? "float" : "integer",
               r->layer[i].macs * 1e-6, r->layer[i].name, r->layer[i].type);
    }
}

static json_t *db_json(double db)
{
    return isfinite(db) ? json_real(db) : json_null();
}

static void report_json(const struct options *o, const struct quantise_report *r, int samples,
                        size_t bytes)
{
    json_t *layers = json_array(), *outputs = json_array(), *all;

    for (int i = 0; i < r->n_outputs; i++)
        json_array_append_new(outputs, json_pack("{s:s, s:o}", "name", r->output[i].name, "snr_db",
                                                 db_json(r->output[i].snr_db)));
    for (int i = 0; i < r->n_layers; i++) {
        const struct quantise_layer *l = &r->layer[i];

        json_array_append_new(layers, json_pack("{s:s, s:s, s:f, s:o, s:b}", "name", l->name,
                                                "type", l->type, "multiply_adds", l->macs, "snr_db",
                                                db_json(l->snr_db), "float", l->kept));
    }
    all = json_pack("{s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:o, s:o}", "model",
                    o->model, "output", o->out, "bytes", (json_int_t)bytes, "images", samples,
                    "opset_from", r->opset_from, "opset", r->opset_to, "nodes", r->nodes,
                    "nodes_float", r->nodes_float, "tensors", r->tensors, "multiply_adds", r->macs,
                    "multiply_adds_float", r->macs_float, "outputs", outputs, "layers", layers);
    if (all)
        json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(all);
    putchar('\n');
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

static enum err quantise_file(const struct options *o, struct quantiser *q, struct why *why)
{
    struct quantise_options opt = {.samples = q->samples,
                                   .sample = sample,
                                   .progress = progress,
                                   .user = q,
                                   .cpu_mask = o->cpu_mask,
                                   .pool = q->pool,
                                   .trials = o->trials,
                                   .keep_db = o->keep_db,
                                   .keep_share = o->keep_share,
                                   .keep = o->keep,
                                   .n_keep = o->n_keep};
    unsigned char *model = NULL, *out = NULL;
    struct quantise_report report = {0};
    char *folder = folder_of(o->model);
    size_t n = 0, n_out = 0;
    enum err e = folder ? file_read(o->model, &model, &n, why) : ERR_NOMEM;

    if (e == OK) {
        e = quantise(model, n, folder, &opt, &out, &n_out, &report, why);
        if (e != OK)
            err_prefix(why, e, "%.160s: ", o->model);
    }
    if (e == OK)
        e = file_write(o->out, out, n_out, why);
    if (e == OK)
        (o->json ? report_json : report_text)(o, &report, q->samples, n_out);
    quantise_report_finish(&report);
    free(folder);
    free(model);
    free(out);
    return e;
}

int nn_quantise(int argc, char **argv)
{
    struct quantiser q = {0};
    struct options o;
    struct why why = {"out of memory"};
    int status = parse(argc, argv, &o);
    enum err e;

    if (status != 0)
        return status;
    if ((e = quantiser_open(&o, &q, &why)) == OK)
        e = quantise_file(&o, &q, &why);
    quantiser_close(&q);
    if (e != OK)
        fprintf(stderr, "outrider nn quantise: %s\n", why.text);
    return e == OK ? 0 : 1;
}
