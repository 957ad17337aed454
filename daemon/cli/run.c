/* outrider run: a recorded drive through the whole pipeline, without a bus and without a clock.
 *
 * It is the daemon's pipeline in the daemon's order (daemon/pipeline.h), fed from files, so the
 * lines are what `outrider echo --json` prints of the daemon in lock-step, less the times that a
 * clock would give. The same drive, models and instructions give the same bytes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"
#include "daemon/config.h"
#include "daemon/decode.h"
#include "daemon/pipeline.h"
#include "perception/image/draw.h"
#include "proto/json.h"
#include "sim/drive.h"

enum { MAX_SETS = 64, MAX_TOLD = 5 /* troubles told one by one */ };

struct run {
    const char *config_path, *input, *out_path, *overlay, *camera;
    const char *sets[MAX_SETS];
    int n_sets;
    struct drive_options drive_options;
    int count; /* 0: all */
    bool no_calibration;

    struct config *config;
    int camera_index;
    struct drive *drive;
    struct pool *pool;
    struct pipeline *pipeline;
    struct timeline timeline;
    struct wire *pack, *print; /* both hold a message at a time */
    struct decoder *decoder;   /* for the overlays */
    FILE *out;

    uint64_t frames, troubled;
    struct answer answer;
    struct scene scene; /* the answer again, as draw.h wants it */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- one frame ----------------------------------------------------------------------------- */

static void tell(struct run *r, int i, const char *text)
{
    if (r->troubled++ < MAX_TOLD)
        fprintf(stderr, "outrider run: frame %d: %s\n", i, text);
}

static enum err print_message(struct run *r, enum topic t, struct bytes body, struct why *why)
{
    char topic[MESSAGE_MAX_NAME + 16];
    size_t n = topic_format(t, r->config->camera[r->camera_index].name, topic);
    enum err e =
        json_message(r->print, (struct bytes){(uint8_t *)topic, n}, body, JSON_LINE, r->out, why);

    if (e == OK && fputc('\n', r->out) == EOF)
        e = err_say(why, ERR_IO, "%s: %s", r->out_path, strerror(errno));
    return e;
}

/* "0000000012.jpg" -> DIR/0000000012.png */
static enum err draw_overlay(struct run *r, const struct drive_frame *f, struct why *why)
{
    const struct answer *a = &r->answer;
    struct scene *s = &r->scene;
    struct image rgb;
    char path[4096];
    int stem = (int)(strrchr(f->name, '.') - f->name);

    if (decoder_frame(r->decoder, &f->header, f->pixels, &rgb, NULL) != OK)
        return OK; /* told already: the pipeline could not either */
    scene_clear(s);
    s->qualifier_objects = a->objects.header.qualifier;
    s->qualifier_lanes = a->lanes.header.qualifier;
    s->reasons_objects = a->objects.header.reasons;
    s->reasons_lanes = a->lanes.header.reasons;
    s->n_objects = a->objects.n_objects;
    memcpy(s->object, a->objects.object, sizeof s->object);
    s->n_lanes = a->lanes.n_lanes;
    memcpy(s->lane, a->lanes.lane, sizeof s->lane);
    s->ego_lane = a->lanes.ego_lane;
    s->road = a->lanes.road;
    draw_scene(&rgb, s);
    if (snprintf(path, sizeof path, "%s/%.*s.png", r->overlay, stem, f->name) >= (int)sizeof path)
        return err_say(why, ERR_LIMIT, "%s: path is longer than %zu bytes", f->name,
                       sizeof path - 1);
    return png_write(path, &rgb, why);
}

static enum err run_frame(struct run *r, int i, struct why *why)
{
    struct answer *a = &r->answer;
    struct drive_frame f;
    struct ego ego;
    enum err e = drive_frame(r->drive, i, &f, why);

    if (e != OK) { /* as `outrider replay` does: the frame was never sent */
        tell(r, i, why->text);
        return OK;
    }
    e = drive_ego(r->drive, i, &ego, why);
    if (e != OK && e != ERR_AGAIN)
        tell(r, i, why->text);
    struct frame frame = {.header = f.header,
                          .pixels = f.pixels,
                          .t_recv_ns = TIME_UNKNOWN,
                          .ego = pipeline_ego(e == OK ? &ego : NULL, &f.header)};
    frame.arrival = timeline_admit(&r->timeline, &frame.header, TIME_UNKNOWN);
    frame.period_ns = r->timeline.period_ns;
    pipeline_run(r->pipeline, &frame, a);
    if (a->why.text[0])
        tell(r, i, a->why.text);
    a->objects.header.seq = a->lanes.header.seq = ++r->frames;
    if ((e = print_message(r, TOPIC_OBJECTS, wire_objects_pack(r->pack, &a->objects), why)) != OK ||
        (e = print_message(r, TOPIC_LANES, wire_lanes_pack(r->pack, &a->lanes), why)) != OK)
        return e;
    return r->overlay ? draw_overlay(r, &f, why) : OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err find_camera(struct run *r, struct why *why)
{
    const struct config *c = r->config;

    for (unsigned i = 0; i < c->n_cameras; i++)
        if (!r->camera || !strcmp(c->camera[i].name, r->camera)) {
            r->camera_index = (int)i;
            return OK;
        }
    return err_say(why, ERR_MISMATCH, "--camera %s: %s has no such camera; its first one is %s",
                   r->camera, r->config_path, c->camera[0].name);
}

static enum err open_pipeline(struct run *r, struct why *why)
{
    const struct camera_config *camera = &r->config->camera[r->camera_index];
    const struct camera *calibration = r->no_calibration ? NULL : drive_camera(r->drive);
    struct pipeline_config cfg = {.camera = camera->name, .config_id = r->config->id};
    enum err e;

    if ((e = pool_open(config_threads(r->config), &r->pool)) != OK)
        return err_say(why, e, "no threads");
    cfg.perception = config_perception(r->config, r->camera_index, r->pool);
    if ((e = pipeline_open(&cfg, &r->pipeline, why)) != OK)
        return e;
    timeline_init(&r->timeline, (int64_t)((double)NS_PER_S / (double)camera->rate_hz));
    return calibration ? pipeline_calibrate(r->pipeline, calibration, why) : OK;
}

static enum err open_outputs(struct run *r, struct why *why)
{
    const char *dot = strrchr(r->out_path, '.');
    enum err e;

    if (dot && !strcmp(dot, ".mcap"))
        return err_say(why, ERR_UNSUPPORTED,
                       "-o %s: MCAP is not written yet; name a .jsonl file, or - for the standard "
                       "output",
                       r->out_path);
    if ((e = wire_open(&r->pack)) != OK || (e = wire_open(&r->print)) != OK ||
        (e = decoder_open(&r->decoder)) != OK)
        return err_say(why, e, "no memory");
    if (r->overlay && mkdir(r->overlay, 0777) && errno != EEXIST)
        return err_say(why, ERR_IO, "--overlay %s: %s", r->overlay, strerror(errno));
    r->out = strcmp(r->out_path, "-") ? fopen(r->out_path, "we") : stdout;
    return r->out ? OK : err_say(why, ERR_IO, "-o %s: %s", r->out_path, strerror(errno));
}

static enum err open_all(struct run *r, struct why *why)
{
    enum err e;

    if ((e = config_load(r->config_path, r->sets, r->n_sets, &r->config, why)) != OK ||
        (e = find_camera(r, why)) != OK ||
        (e = drive_open(r->input, &r->drive_options, &r->drive, why)) != OK ||
        (e = open_pipeline(r, why)) != OK)
        return e;
    return open_outputs(r, why); /* last: what is wrong above leaves an older file as it is */
}

static enum err close_out(struct run *r, struct why *why)
{
    bool failed = fflush(r->out) != 0 || ferror(r->out);

    if (r->out != stdout && fclose(r->out) != 0)
        failed = true;
    r->out = NULL;
    return failed ? err_say(why, ERR_IO, "-o %s: %s", r->out_path, strerror(errno)) : OK;
}

static enum err run(struct run *r, struct why *why)
{
    enum err e = open_all(r, why);
    int64_t t0 = clock_now_ns();
    bool progress = isatty(STDERR_FILENO);

    if (e != OK)
        return e;
    int n = drive_frames(r->drive);
    if (r->count && r->count < n)
        n = r->count;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    for (int i = 0; i < n && !stop; i++) {
        if ((e = run_frame(r, i, why)) != OK)
            return e;
        if (progress)
            fprintf(stderr, "\rframe %d of %d%s", i + 1, n, i + 1 == n ? "\r\033[K" : "");
    }
    double s = (double)(clock_now_ns() - t0) / 1e9;
    fprintf(r->out == stdout ? stderr : stdout, "%" PRIu64 " frames in %.2f s, %.1f a second",
            r->frames, s, (double)r->frames / s);
    if (r->troubled)
        fprintf(r->out == stdout ? stderr : stdout, ", %" PRIu64 " times trouble", r->troubled);
    fputc('\n', r->out == stdout ? stderr : stdout);
    if ((e = close_out(r, why)) != OK)
        return e;
    return r->frames || stop ? OK : err_say(why, ERR_IO, "%s: no frame could be read", r->input);
}

static void close_all(struct run *r)
{
    if (r->out && r->out != stdout)
        fclose(r->out);
    decoder_close(r->decoder);
    wire_close(r->print);
    wire_close(r->pack);
    pipeline_close(r->pipeline);
    pool_close(r->pool);
    drive_close(r->drive);
    config_close(r->config);
}

/* ---- the command line ---------------------------------------------------------------------- */

static const char usage[] =
    "usage: outrider run -c FILE --input PATH -o OUT.jsonl [options]\n"
    "\n"
    "The whole pipeline over a recorded drive (`outrider replay --help` says what one is), as "
    "fast\n"
    "as it goes: one line of JSON for each objects and lanes message. Two runs give the same "
    "bytes.\n"
    "\n"
    "  -c FILE            configuration of outriderd: networks, camera, tracker\n"
    "  --input PATH       the drive\n"
    "  -o FILE            where the lines go; - for the standard output\n"
    "  --camera NAME      whose configuration                     (the first one)\n"
    "  --set KEY=VALUE    on top of the configuration\n"
    "  --overlay DIR      also draw what was seen: DIR/NAME.png; made if it is not there\n"
    "  --pattern GLOB     only files that are called so: 'swr_*'\n"
    "  --rate HZ          frames a second, whatever was recorded\n"
    "  --count N          at most N frames\n"
    "  --no-calibration   the configuration's, not the drive's\n";

enum { INPUT = 1, CAMERA, SET, OVERLAY, PATTERN, RATE, COUNT, NO_CALIBRATION, HELP };

static const struct option options[] = {
    {"input", required_argument, NULL, INPUT},
    {"camera", required_argument, NULL, CAMERA},
    {"set", required_argument, NULL, SET},
    {"overlay", required_argument, NULL, OVERLAY},
    {"pattern", required_argument, NULL, PATTERN},
    {"rate", required_argument, NULL, RATE},
    {"count", required_argument, NULL, COUNT},
    {"no-calibration", no_argument, NULL, NO_CALIBRATION},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool read_option(struct run *r, int c)
{
    switch (c) {
    case 'c':
        r->config_path = optarg;
        return true;
    case 'o':
        r->out_path = optarg;
        return true;
    case INPUT:
        r->input = optarg;
        return true;
    case CAMERA:
        r->camera = optarg;
        return true;
    case SET:
        if (r->n_sets == MAX_SETS) {
            fprintf(stderr, "outrider run: --set %s is one too many, limit %d\n", optarg, MAX_SETS);
            return false;
        }
        r->sets[r->n_sets++] = optarg;
        return true;
    case OVERLAY:
        r->overlay = optarg;
        return true;
    case PATTERN:
        r->drive_options.pattern = optarg;
        return true;
    case RATE:
        return option_real("run", "--rate", optarg, 1e-3, 1e4, &r->drive_options.rate_hz);
    case COUNT:
        return option_whole("run", "--count", optarg, 1, 1000000000, &r->count);
    case NO_CALIBRATION:
        r->no_calibration = true;
        return true;
    default:
        fputs(usage, stderr);
        return false;
    }
}

int run_command(int argc, char **argv)
{
    static struct run r; /* large */
    struct why why;

    for (int c; (c = getopt_long(argc, argv, "c:o:", options, NULL)) != -1;) {
        if (c == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (!read_option(&r, c))
            return 2;
    }
    if (optind != argc || !r.config_path || !r.input || !r.out_path) {
        fprintf(stderr, "outrider run: %s%s\n%s",
                optind != argc   ? "what is "
                : !r.config_path ? "no -c FILE given"
                : !r.input       ? "no --input PATH given"
                                 : "no -o FILE given",
                optind != argc ? argv[optind] : "", usage);
        return 2;
    }
    enum err e = run(&r, &why);
    if (e != OK)
        fprintf(stderr, "outrider run: %s\n", why.text);
    close_all(&r);
    return e == OK ? 0 : 1;
}
