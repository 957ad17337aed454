#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/lane_motion.h"
#include "daemon/cli/motion_scores.h"
#include "daemon/cli/options.h"

static const char help[] =
    "usage: outrider eval motion [options]\n"
    "\n"
    "The trackers on simulated drives without pictures, against their truth, as a table: "
    "identities,\n"
    "speed relative to us (root mean square, m/s), position to 40 m and time to contact below 3 s\n"
    "(mean error, percent; of tracks half a second old), how often one and two sigmas cover the "
    "error, NEES of position and speed\n"
    "(4 if the covariance is right), and identities kept through gaps of 0.7 to 1.5 s.\n"
    "\n"
    "  --drives N        of 30 s each, every other one with a camera, a rate, a detector and an "
    "error\n"
    "                    of calibration of its own            (40)\n"
    "  --seed N                                               (1000)\n"
    "  --scenario NAME   one of outrider sim --list, the plain camera and detector in all drives\n"
    "  --tracker KIND    only lstm, rnn or kalman\n"
    "  --lanes           lane boundaries instead: errors in metres (median / 95 percent), how "
    "often "
    "one and\n"
    "                    two sigmas cover them, also some time after a line was last seen\n";

struct options {
    int drives, seed;
    const char *scenario;   /* NULL: random */
    enum tracker_kind only; /* 0: all */
    bool lanes;
};

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"drives", required_argument, NULL, 'd'},
                                           {"seed", required_argument, NULL, 's'},
                                           {"scenario", required_argument, NULL, 'n'},
                                           {"tracker", required_argument, NULL, 't'},
                                           {"lanes", no_argument, NULL, 'l'},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    int c;

    *o = (struct options){.drives = 40, .seed = 1000};
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
    return optind < argc ? 2 : 0;
}

static double share(long part, long whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void print_covered(const struct covered *c)
{
    printf(" %.2f / %.2f |", share(c->one, c->n), share(c->two, c->n));
}

static void print_row(const char *name, const struct motion_scores *m)
{
    struct track_scores s = track_scores_of(&m->tracks);

    printf("| %s | %.1f | %.1f | %.1f | %.2f | %.2f | %.2f | %.1f %% | %.1f %% (%.0f %% said) |",
           name, 100 * s.hota, 100 * s.mota, 100 * s.idf1,
           1000 * share(m->tracks.clear.switches, m->frames),
           sqrt(m->square_near / (double)m->n_near), sqrt(m->square_velocity / (double)m->n),
           100 * m->relative_near / (double)m->n_near, 100 * m->relative_ttc / (double)m->n_said,
           100 * share(m->n_said, m->n_ttc));
    print_covered(&m->position);
    print_covered(&m->velocity);
    print_covered(&m->ttc);
    printf(" %.1f | %.0f %% of %ld |\n", m->nees / (double)m->n, 100 * share(m->kept, m->gaps),
           m->gaps);
}

static enum err score_kind(const struct options *o, enum tracker_kind kind, struct track_drive *d,
                           struct motion_scores *sum, struct why *why)
{
    const struct tracker_options options = {.kind = kind, .cpu_mask = ~0u};
    struct tracker *t;
    enum err e = tracker_open(&options, &t, why);

    for (int i = 0; e == OK && i < o->drives; i++) {
        struct track_drive_plan plan;
        uint64_t seed = ((uint64_t)o->seed << 20) + (uint64_t)i;

        if (i % 2 && !o->scenario)
            track_drive_vary(seed, &plan);
        else
            track_drive_plain(seed, &plan);
        plan.scenario = o->scenario;
        if ((e = track_drive_run(d, &plan, why)) == OK)
            e = motion_scores_add(d, t, sum, why);
    }
    tracker_close(t);
    return e;
}

int eval_motion_command(int argc, char **argv)
{
    static const char *const name[] = {
        [TRACKER_KALMAN] = "Kalman", [TRACKER_RNN] = "RNN", [TRACKER_LSTM] = "LSTM"};
    struct track_drive *d = NULL;
    struct options o;
    struct why why = {""};
    int status = parse(argc, argv, &o);
    enum err e;

    if (status)
        return status;
    if (o.lanes)
        return lane_motion(o.drives, o.seed, o.scenario, o.only);
    printf("| tracker | HOTA | MOTA | IDF1 | switches / 1000 frames | speed to 40 m, m/s | to 80 m "
           "| position to 40 m | TTC | "
           "position | speed | TTC | NEES | kept through gaps |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    e = track_drive_open(&d, &why);
    for (enum tracker_kind k = TRACKER_KALMAN; e == OK && k <= TRACKER_LSTM; k++) {
        struct motion_scores sum = {0};

        if (o.only && o.only != k)
            continue;
        if ((e = score_kind(&o, k, d, &sum, &why)) == OK)
            print_row(name[k], &sum);
    }
    track_drive_close(d);
    if (e != OK)
        fprintf(stderr, "outrider eval motion: %s\n", why.text);
    return e == OK ? 0 : 1;
}
