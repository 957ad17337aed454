#include "daemon/cli/sim_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/options.h"
#include "sim/calibration.h"
#include "sim/file.h"
#include "sim/torcs/torcs.h"

enum { CALIBRATION_MAX_BYTES = 1 << 20, SIDE_MIN = 64, SIDE_MAX = 4096 };

static const char usage[] =
    "usage: outrider sim [options]\n"
    "\n"
    "Drives through a world of its own: onto the bus, with the truth beside it, or into a folder "
    "of\n"
    "labelled pictures.\n"
    "\n"
    "  --scenario NAME    a built-in one, FILE.yaml, or random    (random)\n"
    "  --list             the built-in ones\n"
    "  --torcs            TORCS instead of it: apt-get install torcs xvfb\n"
    "  --seed N           of the world, the camera's noise and the faults (1)\n"
    "  --rate HZ          frames a second of the drive            (20)\n"
    "  --duration S       seconds of the drive                    (the scenario's)\n"
    "  --frames N         the same in frames\n"
    "  --size WxH         of the pictures                         (640x384)\n"
    "  --calibration FILE the camera, as replay reads it beside a drive\n"
    "  --quality N        0 fast, 1, 2 best                       (1)\n"
    "  --encoding E       rgb8, png or jpeg                       (rgb8; in folders jpeg)\n"
    "  --no-render        no pictures: truth and motion alone\n"
    "\n"
    "On the bus:\n"
    "  --lockstep         the world waits for the answers to each frame: every run is the same\n"
    "  --drive            the daemon's lanes and lead steer the car\n"
    "  --control ENDPOINT a planner steers the car: commands control/VEHICLE come in there\n"
    "                     (tcp://127.0.0.1:5704), what it must know goes out at --truth\n"
    "  --score            compares each message with the truth\n"
    "  --json             scores, and what came of driving, as JSON\n"
    "  --fault SPEC       more than once: loss=P duplicate=P reorder=P corrupt=P stall=AT,FOR\n"
    "                     freeze=AT,FOR blocked=AT,FOR clock=AT,STEP brightness=AT,FACTOR[,FOR]\n"
    "                     calibration=PITCH,YAW (degrees)\n"
    "  --camera NAME      topics frame/NAME, truth/objects/NAME   (front)\n"
    "  --vehicle NAME     topic ego/NAME                          (car)\n"
    "  --connect ENDPOINT where the daemon takes frames           (tcp://127.0.0.1:5701)\n"
    "  --answers ENDPOINT where its messages come from            (tcp://127.0.0.1:5702)\n"
    "  --truth ENDPOINT   to say the truth at, or none            (tcp://127.0.0.1:5703)\n"
    "  --wait S           for a daemon, and for each answer       (10)\n"
    "\n"
    "Into a folder:\n"
    "  --write DIR        images, labels (YOLO, TuSimple, KITTI), road masks; goes on where it "
    "stopped\n"
    "  --cut N            a new world every N frames\n"
    "  --sheet FILE.png   40 of the frames on one picture, with the truth drawn in\n";

enum {
    SCENARIO = 1,
    LIST,
    TORCS,
    SEED,
    RATE,
    DURATION,
    FRAMES,
    SIZE,
    CALIBRATION,
    QUALITY,
    ENCODING,
    NO_RENDER,
    LOCKSTEP,
    DRIVE,
    CONTROL,
    SCORE,
    JSON,
    FAULT,
    CAMERA,
    VEHICLE,
    CONNECT,
    ANSWERS,
    TRUTH,
    WAIT,
    WRITE,
    CUT,
    SHEET,
    HELP
};

static const struct option options[] = {
    {"scenario", required_argument, NULL, SCENARIO},
    {"list", no_argument, NULL, LIST},
    {"torcs", no_argument, NULL, TORCS},
    {"seed", required_argument, NULL, SEED},
    {"rate", required_argument, NULL, RATE},
    {"duration", required_argument, NULL, DURATION},
    {"frames", required_argument, NULL, FRAMES},
    {"size", required_argument, NULL, SIZE},
    {"calibration", required_argument, NULL, CALIBRATION},
    {"quality", required_argument, NULL, QUALITY},
    {"encoding", required_argument, NULL, ENCODING},
    {"no-render", no_argument, NULL, NO_RENDER},
    {"lockstep", no_argument, NULL, LOCKSTEP},
    {"drive", no_argument, NULL, DRIVE},
    {"control", required_argument, NULL, CONTROL},
    {"score", no_argument, NULL, SCORE},
    {"json", no_argument, NULL, JSON},
    {"fault", required_argument, NULL, FAULT},
    {"camera", required_argument, NULL, CAMERA},
    {"vehicle", required_argument, NULL, VEHICLE},
    {"connect", required_argument, NULL, CONNECT},
    {"answers", required_argument, NULL, ANSWERS},
    {"truth", required_argument, NULL, TRUTH},
    {"wait", required_argument, NULL, WAIT},
    {"write", required_argument, NULL, WRITE},
    {"cut", required_argument, NULL, CUT},
    {"sheet", required_argument, NULL, SHEET},
    {"help", no_argument, NULL, HELP},
    {0},
};

/* ---- single values ------------------------------------------------------------------------- */

static bool read_seed(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && errno == 0)
        return true;
    fprintf(stderr, "outrider sim: --seed '%s': must be a whole number from 0 on\n", text);
    return false;
}

static bool read_size(const char *text, int *width, int *height)
{
    char rest;

    if (sscanf(text, "%dx%d%c", width, height, &rest) == 2 && *width >= SIDE_MIN &&
        *height >= SIDE_MIN && *width <= SIDE_MAX && *height <= SIDE_MAX)
        return true;
    fprintf(stderr, "outrider sim: --size '%s': must be WIDTHxHEIGHT, each %d..%d\n", text,
            SIDE_MIN, SIDE_MAX);
    return false;
}

static bool read_encoding(struct sim_options *o, const char *text)
{
    static const struct {
        const char *name;
        enum encoding encoding;
    } known[] = {{"rgb8", ENCODING_RGB8}, {"png", ENCODING_PNG}, {"jpeg", ENCODING_JPEG}};

    for (int i = 0; i < 3; i++)
        if (!strcmp(text, known[i].name)) {
            o->encoding = known[i].encoding;
            return o->encoding_given = true;
        }
    fprintf(stderr, "outrider sim: --encoding '%s': must be rgb8, png or jpeg\n", text);
    return false;
}

static bool read_fault(struct sim_options *o, const char *spec)
{
    struct why why;

    if (faults_add(&o->faults, spec, &why) == OK)
        return true;
    fprintf(stderr, "outrider sim: %s\n", why.text);
    return false;
}

static void list_scenarios(void)
{
    const char *name;

    for (int i = 0; (name = scenario_builtin(i)); i++) {
        struct scenario *s;
        struct why why;

        if (scenario_open(name, &s, &why) != OK) {
            printf("%-20s %s\n", name, why.text);
            continue;
        }
        printf("%-20s %s\n", name, scenario_about(s));
        scenario_close(s);
    }
}

/* ---- the camera ---------------------------------------------------------------------------- */

static bool read_calibration(struct sim_options *o)
{
    struct camera *c = &o->stage.camera;
    struct file text = {0};
    struct why why;
    enum err e = file_read(&text, o->calibration, CALIBRATION_MAX_BYTES, &why);

    if (e == OK)
        e = calibration_parse(text.text, text.size, o->calibration, c, &why);
    if (e == OK && (e = camera_check(c, &why)) != OK)
        err_prefix(&why, e, "%s: ", o->calibration);
    file_finish(&text);
    if (e == OK && o->width) {
        double aspect = (double)o->width * c->height / ((double)o->height * c->width);

        if (fabs(aspect - 1) > 0.02)
            e = err_say(&why, ERR_MISMATCH, "--size %dx%d is not the shape of %s, %d x %d",
                        o->width, o->height, o->calibration, c->width, c->height);
        else
            *c = camera_scaled(c, o->width, o->height);
    }
    if (e == OK && (c->width < SIDE_MIN || c->height < SIDE_MIN || c->width > SIDE_MAX ||
                    c->height > SIDE_MAX))
        e = err_say(&why, ERR_LIMIT, "%s: %d x %d pixels, must be %d..%d each", o->calibration,
                    c->width, c->height, SIDE_MIN, SIDE_MAX);
    if (e != OK)
        fprintf(stderr, "outrider sim: %s\n", why.text);
    return e == OK;
}

static bool choose_camera(struct sim_options *o)
{
    if (o->calibration)
        return read_calibration(o);
    if (!o->width) {
        o->width = 640;
        o->height = 384;
    }
    o->stage.camera =
        o->stage.torcs ? torcs_camera(o->width, o->height) : stage_camera(o->width, o->height);
    return true;
}

/* ---- all together -------------------------------------------------------------------------- */

static bool read_text(struct sim_options *o, int c)
{
    switch (c) {
    case SCENARIO:
        o->stage.scenario = optarg;
        return true;
    case CALIBRATION:
        o->calibration = optarg;
        return true;
    case CAMERA:
        o->camera = optarg;
        return true;
    case VEHICLE:
        o->vehicle = optarg;
        return true;
    case CONNECT:
        o->frames_at = optarg;
        return true;
    case ANSWERS:
        o->answers_at = optarg;
        return true;
    case TRUTH:
        o->truth_at = strcmp(optarg, "none") != 0 ? optarg : NULL;
        return true;
    case CONTROL:
        o->control_at = optarg;
        return true;
    case WRITE:
        o->set = optarg;
        return true;
    case SHEET:
        o->sheet = optarg;
        return true;
    default:
        fputs(usage, stderr);
        return false;
    }
}

static bool read_flag(struct sim_options *o, int c)
{
    bool *flag = c == LOCKSTEP ? &o->lockstep
                 : c == DRIVE  ? &o->drive
                 : c == SCORE  ? &o->score
                 : c == JSON   ? &o->json
                 : c == TORCS  ? &o->stage.torcs
                               : NULL;

    if (flag)
        return *flag = true;
    if (c != NO_RENDER)
        return read_text(o, c);
    o->stage.render = false;
    return true;
}

static bool read_option(struct sim_options *o, int c)
{
    switch (c) {
    case SEED:
        return read_seed(optarg, &o->stage.seed);
    case RATE:
        return option_real("sim", "--rate", optarg, 0.1, 200, &o->rate_hz);
    case DURATION:
        return option_real("sim", "--duration", optarg, 0.01, 1e6, &o->duration_s);
    case FRAMES:
        return option_whole("sim", "--frames", optarg, 1, 100000000, &o->frames);
    case SIZE:
        return read_size(optarg, &o->width, &o->height);
    case QUALITY:
        return option_whole("sim", "--quality", optarg, 0, 2, &o->stage.look.quality);
    case ENCODING:
        return read_encoding(o, optarg);
    case FAULT:
        return read_fault(o, optarg);
    case WAIT:
        return option_real("sim", "--wait", optarg, 0, 1e6, &o->wait_s);
    case CUT:
        return option_whole("sim", "--cut", optarg, 1, 100000000, &o->cut);
    default:
        return read_flag(o, c);
    }
}

/* What does not go together. */
static const char *contradiction(const struct sim_options *o)
{
    bool folder = o->set || o->sheet;

    if (folder && (o->lockstep || o->drive || o->control_at || o->score || o->faults.n))
        return "--write and --sheet use no bus: without --lockstep, --drive, --control, --score "
               "and --fault";
    if (o->drive && o->control_at)
        return "one of them drives: --drive or --control";
    if (o->control_at && !o->truth_at)
        return "--control needs --truth: a planner must know how fast it drives";
    if (o->cut && !folder)
        return "--cut is for --write and --sheet";
    if (o->sheet && !o->stage.render)
        return "--sheet needs pictures: without --no-render";
    if (!folder && !o->stage.render && (o->drive || o->score))
        return "--drive and --score need pictures: without --no-render";
    if (o->stage.torcs && (o->calibration || !o->stage.render))
        return "--torcs has its own camera: without --calibration and --no-render";
    if (o->json && !o->score && !o->drive && !o->control_at)
        return "--json is for --score, --drive and --control";
    if (o->frames && o->duration_s > 0)
        return "either --frames or --duration";
    if (folder && o->encoding_given && o->encoding == ENCODING_RGB8)
        return "--write: --encoding png or jpeg";
    return NULL;
}

int sim_options_read(struct sim_options *o, int argc, char **argv)
{
    const char *wrong;

    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == HELP) {
            fputs(usage, stdout);
            return 1;
        }
        if (c == LIST) {
            list_scenarios();
            return 1;
        }
        if (!read_option(o, c))
            return 3;
    }
    wrong = optind < argc ? "takes no PATH" : contradiction(o);
    if (wrong) {
        fprintf(stderr, "outrider sim: %s\n", wrong);
        return 3;
    }
    if ((o->set || o->sheet) && !o->encoding_given)
        o->encoding = ENCODING_JPEG;
    return choose_camera(o) ? 0 : 3;
}

int sim_frames(const struct sim_options *o, const struct stage *s)
{
    double duration = o->duration_s > 0 ? o->duration_s : stage_duration(s);

    if (o->frames)
        return o->frames;
    return (int)fmin(fmax(ceil(duration * o->rate_hz - 1e-6), 1), 1e8);
}
