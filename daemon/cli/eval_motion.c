#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/lane_motion.h"
#include "daemon/cli/motion_scores.h"
#include "daemon/cli/options.h"
#include "perception/track/learned.h"
#include "sim/file.h"

static const char help[] =
    "usage: outrider eval motion [options]\n"
    "\n"
    "The trackers on simulated drives without pictures, against their truth, as tables: with "
    "the plain\n"
    "camera and our own detector as it was measured and, \"varied\", with a camera, a rate, a "
    "detector "
    "and an error\n"
    "of calibration of each drive's own. Asked for is what is 12 px high, less than half hidden, "
    "hardly "
    "cut by the\n"
    "picture's border and within 80 m; other road users count neither way.\n"
    "  identities: HOTA, MOTA, IDF1 with its precision and recall; kept through gaps of 0.7 to 1.5 "
    "s; by\n"
    "      height how many were detected, and followed by a box that fits (IoU 0.5)\n"
    "  speed relative to us, both components: root mean square and median, m/s, of tracks half a "
    "second old\n"
    "      that were detected in this frame, within 40 m where nothing else is said\n"
    "  position to 40 m and time to contact below 3 s: mean error, percent\n"
    "  covered: errors within one / two sigmas; NEES of position and speed is 4 if the covariance "
    "is right\n"
    "  path: mean distance of where it is 1, 2 and 3 s later from where it was expected\n"
    "\n"
    "  --drives N        of 30 s each, half of each kind      (200)\n"
    "  --seed N                                               (1000)\n"
    "  --scenario NAME   one of outrider sim --list, the plain camera and detector in all drives\n"
    "  --tracker KIND    only lstm, rnn or kalman\n"
    "  --measured        identities of what is detected in the frame alone, without what is "
    "predicted "
    "for\n"
    "                    sure (existence over 0.9, edges known to 0.4 of the box's size)\n"
    "  --weights FILE    of the tracker of that kind; FILE-attention.onnx is beside FILE.onnx\n"
    "  --lanes           lane boundaries instead: errors in metres (median / 95 percent), how "
    "often "
    "one and\n"
    "                    two sigmas cover them, also some time after a line was last seen\n";

struct options {
    int drives, seed;
    bool measured;
    const char *scenario;   /* NULL: random */
    const char *weights;    /* NULL: those built in */
    enum tracker_kind only; /* 0: all */
    bool lanes;
};

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"drives", required_argument, NULL, 'd'},
                                           {"seed", required_argument, NULL, 's'},
                                           {"scenario", required_argument, NULL, 'n'},
                                           {"tracker", required_argument, NULL, 't'},
                                           {"weights", required_argument, NULL, 'w'},
                                           {"measured", no_argument, NULL, 'm'},
                                           {"lanes", no_argument, NULL, 'l'},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    int c;

    *o = (struct options){.drives = 200, .seed = 1000};
    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1)
        switch (c) {
        case 'd':
            if (!option_whole("eval motion", "drives", optarg, 1, 100000, &o->drives))
                return 2;
            break;
        case 's':
            if (!option_whole("eval motion", "seed", optarg, 0, 1 << 30, &o->seed))
                return 2;
            break;
        case 'n':
            o->scenario = optarg;
            break;
        case 'm':
            o->measured = true;
            break;
        case 'w':
            o->weights = optarg;
            break;
        case 't':
            if (tracker_kind_named(optarg, &o->only))
                break;
            fprintf(stderr,
                    "outrider eval motion: --tracker is '%s', must be lstm, rnn or kalman\n",
                    optarg);
            return 2;
        case 'l':
            o->lanes = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            return 2;
        }
    if (o->weights && (strlen(o->weights) < 6 || strlen(o->weights) > 900 ||
                       (o->only != TRACKER_LSTM && o->only != TRACKER_RNN))) {
        fprintf(stderr,
                "outrider eval motion: --weights FILE.onnx goes with --tracker lstm or rnn\n");
        return 2;
    }
    return optind < argc ? 2 : 0;
}

static double share(long part, long whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void print_covered(const struct covered *c)
{
    printf(" %.2f / %.2f |", covered_within(c, 1), covered_within(c, 2));
}

/* ---- tables -------------------------------------------------------------------------------- */
static void print_identities(const struct motion_scores *m)
{
    struct track_scores s = track_scores_of(&m->tracks);

    printf(" %.1f | %.1f | %.1f | %.1f / %.1f | %.2f | %.0f %% of %ld |", 100 * s.hota,
           100 * s.mota, 100 * s.idf1, 100 * s.idp, 100 * s.idr,
           1000 * share(m->tracks.clear.switches, m->frames), 100 * share(m->kept, m->gaps),
           m->gaps);
    for (int i = 0; i < MOTION_HEIGHTS; i++)
        printf(" %.0f / %.0f %% |", 100 * share(m->found[i].seen, m->found[i].asked),
               100 * share(m->found[i].followed, m->found[i].asked));
}

static void print_speeds(const struct motion_scores *m)
{
    for (int i = 0; i < MOTION_GROUPS; i++)
        printf(" %.2f / %.2f |", speed_errors_rms(&m->speed[i]), speed_errors_median(&m->speed[i]));
}

static void print_sigmas(const struct motion_scores *m)
{
    printf(" %.1f %% | %.1f %% (%.0f %% said) |",
           100 * m->relative_near / (double)m->speed[MOTION_NEAR].n,
           100 * m->relative_ttc / (double)m->n_said, 100 * share(m->n_said, m->n_ttc));
    print_covered(&m->position);
    print_covered(&m->velocity);
    print_covered(&m->ttc);
    printf(" %.1f |", m->nees / (double)m->speed[MOTION_FAR].n);
}

static void print_paths(const struct motion_scores *m)
{
    for (int i = 0; i < MOTION_PATH_TIMES; i++) {
        printf(" %.2f m |", m->path[i].off_m / (double)m->path[i].n);
        print_covered(&m->path[i].covered);
    }
}

static const struct table {
    const char *columns;
    int n;
    void (*print)(const struct motion_scores *m);
} table[] = {
    {"HOTA | MOTA | IDF1 | IDP / IDR | switches / 1000 frames | kept through gaps | 12-20 px: "
     "detected / followed | 20-40 px | 40-80 px | 80 px and more",
     10, print_identities},
    {"speed, RMS / median | after 1 s | after 2 s | heading as we do | oncoming, crossing | all to "
     "80 m",
     6, print_speeds},
    {"position | TTC | position covered | speed covered | TTC covered | NEES", 6, print_sigmas},
    {"path after 1 s | covered | 2 s | covered | 3 s | covered", 6, print_paths},
};

enum { KINDS = (int)TRACKER_LSTM + 1, HALVES = 2 };

static void print_tables(const struct motion_scores sum[KINDS][HALVES])
{
    static const char *const name[KINDS] = {
        [TRACKER_KALMAN] = "Kalman", [TRACKER_RNN] = "RNN", [TRACKER_LSTM] = "LSTM"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        printf("%s| tracker | %s |\n|---|", i ? "\n" : "", table[i].columns);
        for (int c = 0; c < table[i].n; c++)
            printf("---:|");
        printf("\n");
        for (int half = 0; half < HALVES; half++)
            for (int k = TRACKER_KALMAN; k < KINDS; k++)
                if (sum[k][half].frames) {
                    printf("| %s%s |", name[k], half ? ", varied" : "");
                    table[i].print(&sum[k][half]);
                    printf("\n");
                }
    }
}

/* ---- drives -------------------------------------------------------------------------------- */
/* A tracker of this kind, with the weights of the files if any are named. */
static enum err open_tracker(const struct options *o, enum tracker_kind kind, struct tracker **out,
                             struct why *why)
{
    const size_t most = 16 << 20;
    struct tracker_options options = {.kind = kind, .cpu_mask = ~0u};
    struct file memory = {0}, attention = {0};
    struct weights w;
    char path[1024];
    enum err e;

    if (!o->weights)
        return tracker_open(&options, out, why);
    snprintf(path, sizeof path, "%.*s-attention.onnx", (int)strlen(o->weights) - 5, o->weights);
    if ((e = file_read(&memory, o->weights, most, why)) == OK &&
        (e = file_read(&attention, path, most, why)) == OK) {
        w = (struct weights){memory.text, attention.text, memory.size, attention.size};
        options.weights = &w;
        e = tracker_open(&options, out, why);
    }
    file_finish(&memory);
    file_finish(&attention);
    return e;
}

static enum err score_kind(const struct options *o, enum tracker_kind kind, struct track_drive *d,
                           struct motion_scores sum[HALVES], struct why *why)
{
    struct tracker *t = NULL;
    enum err e = open_tracker(o, kind, &t, why);

    for (int i = 0; e == OK && i < o->drives; i++) {
        struct track_drive_plan plan;
        uint64_t seed = ((uint64_t)o->seed << 20) + (uint64_t)i;
        int half = o->scenario ? 0 : i % HALVES;

        if (half)
            track_drive_vary(seed, &plan);
        else
            track_drive_plain(seed, &plan);
        plan.scenario = o->scenario;
        if ((e = track_drive_run(d, &plan, why)) == OK)
            e = motion_scores_add(d, t, o->measured, &sum[half], why);
    }
    tracker_close(t);
    return e;
}

int eval_motion_command(int argc, char **argv)
{
    static struct motion_scores sum[KINDS][HALVES];
    struct track_drive *d = NULL;
    struct options o;
    struct why why = {""};
    int status = parse(argc, argv, &o);
    enum err e;

    if (status)
        return status;
    if (o.lanes)
        return lane_motion(o.drives, o.seed, o.scenario, o.only);
    e = track_drive_open(&d, &why);
    for (enum tracker_kind k = TRACKER_KALMAN; e == OK && k <= TRACKER_LSTM; k++)
        if (!o.only || o.only == k)
            e = score_kind(&o, k, d, sum[k], &why);
    track_drive_close(d);
    if (e != OK) {
        fprintf(stderr, "outrider eval motion: %s\n", why.text);
        return 1;
    }
    print_tables(sum);
    return 0;
}
