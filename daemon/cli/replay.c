/* outrider replay: a recorded drive onto the bus.
 *
 * Live, frame i leaves at start + (t_i - t_0) / speed on CLOCK_MONOTONIC, and that instant is its
 * t_sof: lateness shows as latency and does not add up. Who falls behind by more than a frame
 * moves the schedule instead of sending a burst. In lock-step the recorded times go out on
 * CLOCK_SIM and the next frame waits for the answers to the last one, so every run is the same. */
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"
#include "daemon/decode.h"
#include "sim/drive.h"
#include "sim/sender.h"

enum { LATENCIES = 4096 }; /* the newest ones, for the median */
#define NS 1000000000

struct replay {
    const char *path, *camera, *vehicle, *frames_at, *answers_at, *start;
    struct drive_options drive_options;
    double speed, wait_s;
    int loops; /* 0: for ever */
    int count; /* 0: all */
    bool lockstep, decode, no_calibration;

    struct drive *drive;
    struct decoder *decoder; /* NULL: files go out as they are */
    struct sender *sender;
    int stop_fd;
    int first, end; /* frames of each pass: first <= i < end */

    bool progress; /* on a terminal */
    int64_t start_ns, end_ns, shown_ns;
    uint64_t sent, skipped, refused;
    int64_t latency_ns[LATENCIES];
};

/* ---- one frame ----------------------------------------------------------------------------- */

static bool read_frame(struct replay *r, int i, struct drive_frame *f)
{
    struct why why;
    struct image rgb;

    if (drive_frame(r->drive, i, f, &why) != OK)
        goto skip;
    if (!r->decoder)
        return true;
    if (decoder_frame(r->decoder, &f->header, f->pixels, &rgb, &why) != OK) {
        err_prefix(&why, ERR_FORMAT, "%s: ", f->name);
        goto skip;
    }
    f->header.encoding = ENCODING_RGB8;
    f->header.width = rgb.width;
    f->header.height = rgb.height;
    f->header.stride_bytes = rgb.stride_bytes;
    f->pixels = (struct bytes){rgb.data, (size_t)rgb.stride_bytes * (size_t)rgb.height};
    return true;
skip:
    fprintf(stderr, "%soutrider replay: frame %d left out: %s\n", r->progress ? "\r\033[K" : "", i,
            why.text);
    r->skipped++;
    return false;
}

static void send_ego(struct replay *r, int i, const struct frame_header *h)
{
    const float speed = r->lockstep ? 1 : (float)r->speed; /* the car's, on the clock of h */
    struct why why;
    struct ego ego;
    enum err e = drive_ego(r->drive, i, &ego, &why);

    if (e == ERR_AGAIN)
        return;
    if (e != OK) {
        fprintf(stderr, "outrider replay: no motion with frame %d: %s\n", i, why.text);
        return;
    }
    ego.t_ns = h->t_sof_ns;
    ego.clock_id = h->clock_id;
    ego.clock_epoch = h->clock_epoch;
    ego.speed_mps *= speed;
    ego.speed_sigma_mps *= speed;
    ego.yaw_rate_radps *= speed;
    ego.acceleration_mps2 *= speed * speed;
    sender_ego(r->sender, &ego);
}

static void show_progress(struct replay *r, int pass, int i)
{
    int64_t now = sender_now_ns();

    if (!r->progress || now - r->shown_ns < NS / 4)
        return;
    r->shown_ns = now;
    fprintf(stderr, "\r\033[K%s: frame %d of %d..%d, pass %d, %.1f s", r->camera, i, r->first,
            r->end - 1, pass + 1, (double)(now - r->start_ns) / NS);
}

static enum wait send_live(struct replay *r, int pass, int i, struct drive_frame *f)
{
    int64_t period = llround((double)drive_period_ns(r->drive) / r->speed);
    int64_t t_first = drive_time_ns(r->drive, r->first);
    int64_t length = drive_time_ns(r->drive, r->end - 1) - t_first + drive_period_ns(r->drive);
    double recorded = (double)pass * (double)length + (double)(f->header.t_sof_ns - t_first);
    int64_t due = r->start_ns + llround(recorded / r->speed);
    int64_t late = sender_now_ns() - due;

    if (late > period) {
        r->start_ns += late;
        due += late;
    }
    enum wait w = sender_sleep(r->sender, due);
    if (w != WAIT_TIMEOUT)
        return w;
    f->header.t_sof_ns = due;
    f->header.clock_id = CLOCK_ID_MONOTONIC;
    send_ego(r, i, &f->header);
    if (sender_frame(r->sender, &f->header, f->pixels))
        r->sent++;
    else
        r->refused++;
    return WAIT_DONE;
}

static enum wait send_lockstep(struct replay *r, int i, const struct drive_frame *f,
                               struct why *why)
{
    int64_t t = sender_now_ns();
    int64_t deadline = t + llround(r->wait_s * NS);

    send_ego(r, i, &f->header);
    if (!sender_frame(r->sender, &f->header, f->pixels)) {
        err_say(why, ERR_IO, "the daemon at %s is gone before frame %d", r->frames_at, i);
        return WAIT_TIMEOUT;
    }
    enum wait w = sender_await_answers(r->sender, &f->header, deadline, why);
    if (w == WAIT_TIMEOUT)
        err_prefix(why, ERR_IO, "%s after %g s: ", f->name, r->wait_s);
    if (w == WAIT_DONE)
        r->latency_ns[r->sent++ % LATENCIES] = sender_now_ns() - t;
    return w;
}

/* Every pass over the drive. WAIT_TIMEOUT: an answer did not come. */
static enum wait play(struct replay *r, struct why *why)
{
    for (int pass = 0; r->loops == 0 || pass < r->loops; pass++)
        for (int i = r->first; i < r->end; i++) {
            struct drive_frame f;

            if (!read_frame(r, i, &f)) /* reads ahead: the last one has just left */
                continue;
            f.header.clock_epoch = (uint32_t)pass;
            f.header.last = i == r->end - 1 && pass == r->loops - 1;
            enum wait w = r->lockstep ? send_lockstep(r, i, &f, why) : send_live(r, pass, i, &f);
            if (w != WAIT_DONE)
                return w;
            r->end_ns = sender_now_ns();
            show_progress(r, pass, i);
        }
    return WAIT_DONE;
}

/* ---- the end ------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_summary(struct replay *r)
{
    double s = (double)(r->end_ns - r->start_ns) / NS;
    uint64_t n = r->sent < LATENCIES ? r->sent : LATENCIES;

    if (r->progress)
        fputs("\r\033[K", stderr);
    printf("%" PRIu64 " frame%s in %.2f s", r->sent, r->sent == 1 ? "" : "s", s);
    if (r->lockstep && n) {
        qsort(r->latency_ns, n, sizeof *r->latency_ns, compare_times);
        int64_t median_ns = r->latency_ns[n / 2];

        printf(", each answered; median latency %.1f ms", (double)median_ns / 1e6);
    } else if (r->sent > 1 && s > 0) {
        printf(", %.2f Hz", (double)(r->sent - 1) / s);
    }
    if (r->refused)
        printf(", %" PRIu64 " more that nobody took in time", r->refused);
    if (r->skipped)
        printf(", %" PRIu64 " left out", r->skipped);
    putchar('\n');
}

/* ---- opening ------------------------------------------------------------------------------- */

/* "25": a frame; "2.5", "2.5s": seconds. */
static enum err find_start(struct replay *r, struct why *why)
{
    const char *s = r->start;
    int n = drive_frames(r->drive);
    char *end;
    double v = s ? strtod(s, &end) : 0;

    if (!s)
        return OK;
    if (end == s || (*end && strcmp(end, "s") != 0) || !(v >= 0))
        return err_say(why, ERR_FORMAT, "--start '%s': must be a frame (25) or seconds (2.5s)", s);
    if (!*end && !strchr(s, '.')) {
        r->first = v < n ? (int)v : n;
    } else {
        double t0 = (double)drive_time_ns(r->drive, 0);
        while (r->first < n && (double)drive_time_ns(r->drive, r->first) - t0 < v * NS)
            r->first++;
    }
    if (r->first == n)
        return err_say(why, ERR_LIMIT, "--start %s: the drive ends with frame %d at %.2f s", s,
                       n - 1,
                       (double)(drive_time_ns(r->drive, n - 1) - drive_time_ns(r->drive, 0)) / NS);
    return OK;
}

static int open_stop_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum err open_all(struct replay *r, struct why *why)
{
    enum err e = drive_open(r->path, &r->drive_options, &r->drive, why);

    if (e != OK || (e = find_start(r, why)) != OK)
        return e;
    r->end = drive_frames(r->drive);
    if (r->count && r->count < r->end - r->first)
        r->end = r->first + r->count;
    if (r->decode && (e = decoder_open(&r->decoder)) != OK)
        return err_say(why, e, "no memory");
    r->stop_fd = open_stop_fd();
    const struct sender_options o = {
        .camera = r->camera,
        .vehicle = r->vehicle,
        .frames = r->frames_at,
        .answers = r->lockstep ? r->answers_at : NULL,
        .calibration = r->no_calibration ? NULL : drive_camera(r->drive),
        .stop_fd = r->stop_fd,
    };
    return sender_open(&o, &r->sender, why);
}

static int replay(struct replay *r)
{
    struct why why;
    char what[256];
    enum wait w = WAIT_STOPPED;

    if (open_all(r, &why) != OK)
        goto fail;
    drive_describe(r->drive, what, sizeof what);
    if (r->progress)
        fprintf(stderr, "%s\n", what);
    w = sender_await_reader(r->sender, sender_now_ns() + llround(r->wait_s * NS), &why);
    if (w == WAIT_TIMEOUT)
        goto fail;
    r->start_ns = r->end_ns = sender_now_ns();
    if (w == WAIT_DONE)
        w = play(r, &why);
    print_summary(r);
    if (w == WAIT_DONE && r->sent == 0)
        err_say(&why, ERR_IO, "%s: not one frame was sent", r->path);
    if (w == WAIT_TIMEOUT || (w == WAIT_DONE && r->sent == 0))
        goto fail;
    return 0;
fail:
    fprintf(stderr, "outrider replay: %s\n", why.text);
    return 1;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const char usage[] =
    "usage: outrider replay PATH [options]\n"
    "\n"
    "Plays a recorded drive onto the bus: a folder of PNG or JPEG files, or one that holds "
    "images/,\n"
    "or a KITTI raw drive. Times come from timestamps.txt, times.txt or .csv there, else from "
    "rate_hz\n"
    "in set.json, else 10 Hz. Calibration comes from calibration.yaml or .json, or KITTI's\n"
    "calib_cam_to_cam.txt, and is sent to the daemon; so is KITTI's ego motion.\n"
    "\n"
    "  --camera NAME      topic frame/NAME                        (front)\n"
    "  --vehicle NAME     topic ego/NAME                          (car)\n"
    "  --pattern GLOB     only files that are called so: 'swr_*'\n"
    "  --rate HZ          frames a second, whatever was recorded\n"
    "  --speed X          times as fast as recorded               (1)\n"
    "  --start N          from frame N, counted from 0; with a point or an s, seconds: 2.5s\n"
    "  --count N          at most N frames in each pass\n"
    "  --loop [N]         N passes, or for ever; each begins a new clock epoch\n"
    "  --lockstep         the next frame when objects and lanes answered the last; recorded times\n"
    "  --decode           send RGB pixels, not the files\n"
    "  --no-calibration   the daemon has its own\n"
    "  --connect ENDPOINT where the daemon takes frames           (tcp://127.0.0.1:5701)\n"
    "  --answers ENDPOINT where its messages come from            (tcp://127.0.0.1:5702)\n"
    "  --wait S           for a daemon, and for each answer       (10)\n";

enum {
    CAMERA = 1,
    VEHICLE,
    PATTERN,
    RATE,
    SPEED,
    START,
    COUNT,
    LOOP,
    LOCKSTEP,
    DECODE,
    NO_CALIBRATION,
    CONNECT,
    ANSWERS,
    WAIT,
    HELP
};

static const struct option options[] = {
    {"camera", required_argument, NULL, CAMERA},
    {"vehicle", required_argument, NULL, VEHICLE},
    {"pattern", required_argument, NULL, PATTERN},
    {"rate", required_argument, NULL, RATE},
    {"speed", required_argument, NULL, SPEED},
    {"start", required_argument, NULL, START},
    {"count", required_argument, NULL, COUNT},
    {"loop", optional_argument, NULL, LOOP},
    {"lockstep", no_argument, NULL, LOCKSTEP},
    {"decode", no_argument, NULL, DECODE},
    {"no-calibration", no_argument, NULL, NO_CALIBRATION},
    {"connect", required_argument, NULL, CONNECT},
    {"answers", required_argument, NULL, ANSWERS},
    {"wait", required_argument, NULL, WAIT},
    {"help", no_argument, NULL, HELP},
    {0},
};

/* "--loop 3" and "--loop=3"; "--loop" alone is for ever. */
static bool read_loop(struct replay *r, int argc, char **argv)
{
    const char *n = optarg;

    if (!n && optind < argc && isdigit((unsigned char)argv[optind][0]) &&
        strspn(argv[optind], "0123456789") == strlen(argv[optind]))
        n = argv[optind++];
    r->loops = 0;
    return !n || option_whole("replay", "--loop", n, 1, 1000000, &r->loops);
}

static bool read_option(struct replay *r, int c, int argc, char **argv)
{
    switch (c) {
    case CAMERA:
        r->camera = optarg;
        return true;
    case VEHICLE:
        r->vehicle = optarg;
        return true;
    case PATTERN:
        r->drive_options.pattern = optarg;
        return true;
    case RATE:
        return option_real("replay", "--rate", optarg, 1e-3, 1e4, &r->drive_options.rate_hz);
    case SPEED:
        return option_real("replay", "--speed", optarg, 1e-3, 1e3, &r->speed);
    case START:
        r->start = optarg;
        return true;
    case COUNT:
        return option_whole("replay", "--count", optarg, 1, 1000000000, &r->count);
    case LOOP:
        return read_loop(r, argc, argv);
    case LOCKSTEP:
        r->lockstep = true;
        return true;
    case DECODE:
        r->decode = true;
        return true;
    case NO_CALIBRATION:
        r->no_calibration = true;
        return true;
    case CONNECT:
        r->frames_at = optarg;
        return true;
    case ANSWERS:
        r->answers_at = optarg;
        return true;
    case WAIT:
        return option_real("replay", "--wait", optarg, 0, 1e6, &r->wait_s);
    default:
        fputs(usage, stderr);
        return false;
    }
}

int replay_command(int argc, char **argv)
{
    static struct replay r; /* large */

    r = (struct replay){
        .camera = "front",
        .vehicle = "car",
        .frames_at = "tcp://127.0.0.1:5701",
        .answers_at = "tcp://127.0.0.1:5702",
        .speed = 1,
        .wait_s = 10,
        .loops = 1,
        .stop_fd = -1,
        .progress = isatty(STDERR_FILENO),
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (!read_option(&r, c, argc, argv))
            return 2;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "outrider replay: %s\n%s",
                optind < argc ? "more than one PATH" : "no PATH given", usage);
        return 2;
    }
    r.path = argv[optind];
    int status = replay(&r);
    sender_close(r.sender);
    decoder_close(r.decoder);
    drive_close(r.drive);
    if (r.stop_fd >= 0)
        close(r.stop_fd);
    return status;
}
