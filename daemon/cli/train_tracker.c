/* outrider train tracker: the networks of the tracker, on simulated tracks. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/motion_scores.h"
#include "daemon/cli/options.h"
#include "daemon/cli/track_lessons.h"

static const char usage[] =
    "usage: outrider train tracker --out FILE.onnx [options]\n"
    "\n"
    "Trains the tracker's memory and attention on tracks drawn by the simulator, and writes "
    "FILE.onnx and\n"
    "FILE-attention.onnx. Beside them: FILE.checkpoint.\n"
    "\n"
    "  --kind lstm|rnn    of the memory                               (lstm)\n"
    "  --steps N          of 64 tracks, 16 frames of each             (20000)\n"
    "  --rate R           highest learning rate (AdamW)               (0.002)\n"
    "  --seed N                                                       (1)\n"
    "  --follow N         from step N on, and each N steps, lessons come from the tracker with "
    "what it\n"
    "                     has learnt so far, instead of from the filter alone   (2000)\n"
    "  --resume           go on where the checkpoint is\n";

enum { ROWS = 64, STEPS = 16, SAY_STEPS = 200, SAVE_STEPS = 1000 };

struct options {
    const char *out;
    char attention[1024], checkpoint[1024];
    bool rnn, resume;
    int steps, seed, follow;
    double rate;
};

struct session {
    struct options o;
    struct tracker_network *network;
    struct track_lessons *lessons;
    struct row { /* a track whose frames go into one row of the batch */
        struct track_sequence_lessons *sequence;
        int at;
    } row[ROWS];
};

/* ---- options ------------------------------------------------------------------------------- */
static bool name_files(struct options *o)
{
    size_t n = o->out ? strlen(o->out) : 0;

    if (n < 6 || n > 900 || strcmp(o->out + n - 5, ".onnx") != 0) {
        fprintf(stderr, "outrider train tracker: --out must end in .onnx\n");
        return false;
    }
    snprintf(o->attention, sizeof o->attention, "%.*s-attention.onnx", (int)n - 5, o->out);
    snprintf(o->checkpoint, sizeof o->checkpoint, "%.*s.checkpoint", (int)n - 5, o->out);
    return true;
}

static bool take_option(int c, struct options *o)
{
    switch (c) {
    case 'o':
        o->out = optarg;
        return true;
    case 'k':
        o->rnn = strcmp(optarg, "rnn") == 0;
        if (o->rnn || strcmp(optarg, "lstm") == 0)
            return true;
        fprintf(stderr, "outrider train tracker: --kind '%s': must be lstm or rnn\n", optarg);
        return false;
    case 'n':
        return option_whole("train tracker", "steps", optarg, 1, 100000000, &o->steps);
    case 's':
        return option_whole("train tracker", "seed", optarg, 0, 1 << 30, &o->seed);
    case 'f':
        return option_whole("train tracker", "follow", optarg, 1, 100000000, &o->follow);
    case 'r':
        return option_real("train tracker", "rate", optarg, 1e-8, 1, &o->rate);
    case 'c':
        o->resume = true;
        return true;
    default:
        return false;
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"kind", required_argument, NULL, 'k'},
                                            {"steps", required_argument, NULL, 'n'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"follow", required_argument, NULL, 'f'},
                                            {"resume", no_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int c;

    *o = (struct options){.steps = 20000, .seed = 1, .follow = 2000, .rate = 0.002};
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (!take_option(c, o))
            return 2;
    }
    if (optind < argc || !o->out) {
        fputs(usage, stderr);
        return 2;
    }
    return name_files(o) ? 0 : 2;
}

/* ---- batches ------------------------------------------------------------------------------- */
/* The next frames of each row's track. One that ends leaves the rest of its row empty; the next one
 * begins with the next batch, its memory empty. */
static enum err fill_row(struct session *s, int i, struct why *why)
{
    struct row *r = &s->row[i];
    enum err e;

    if (r->sequence && r->at >= r->sequence->n) {
        free(r->sequence);
        *r = (struct row){0};
    }
    if (!r->sequence) {
        if ((e = track_lessons_next(s->lessons, &r->sequence, why)) != OK)
            return e;
        train_reset(tracker_network_train(s->network), i);
    }
    for (int k = 0; k < STEPS; k++, r->at++)
        tracker_network_put(s->network, i, k,
                            r->at < r->sequence->n ? &r->sequence->lesson[r->at] : NULL);
    return OK;
}

/* ---- files --------------------------------------------------------------------------------- */
static enum err write_file(const char *path, const void *bytes, size_t n, struct why *why)
{
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(bytes, 1, n, f) == n;

    if (f && fclose(f) == 0 && good)
        return OK;
    return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
}

static void weights_free(struct weights *w)
{
    free((void *)w->memory);
    free((void *)w->attention);
}

static enum err write_networks(struct session *s, struct why *why)
{
    struct weights w;
    enum err e = tracker_network_export(s->network, &w, why);

    if (e != OK)
        return e;
    if ((e = write_file(s->o.out, w.memory, w.memory_bytes, why)) == OK)
        e = write_file(s->o.attention, w.attention, w.attention_bytes, why);
    weights_free(&w);
    return e;
}

static enum err follow_own_network(struct session *s, struct why *why)
{
    struct weights w;
    enum err e = tracker_network_export(s->network, &w, why);

    if (e != OK)
        return e;
    e = track_lessons_use(s->lessons, &w, why);
    weights_free(&w);
    return e;
}

static enum err save(struct session *s, struct why *why)
{
    uint64_t drives = track_lessons_drives(s->lessons);

    return train_save(tracker_network_train(s->network), s->o.checkpoint, &drives, sizeof drives,
                      why);
}

static enum err resume(struct session *s, struct why *why)
{
    uint64_t drives;
    struct train *t = tracker_network_train(s->network);
    enum err e = train_load(t, s->o.checkpoint, &drives, sizeof drives, why);

    if (e != OK)
        return e;
    track_lessons_skip(s->lessons, drives);
    train_reset(t, -1);
    return train_steps_done(t) >= s->o.follow ? follow_own_network(s, why) : OK;
}

/* ---- sigmas -------------------------------------------------------------------------------- */
enum { SCALE_DRIVES = 60 };
static const uint64_t SCALE_SEED = (uint64_t)777
                                   << 20; /* drives that neither training nor eval motion
                                                           begins with */

static enum err follow_held_out(const struct weights *w, struct motion_scores *sum, struct why *why)
{
    const struct tracker_options o = {.kind = TRACKER_LSTM, .cpu_mask = ~0u, .weights = w};
    struct track_drive_plan plan;
    struct track_drive *d = NULL;
    struct tracker *t = NULL;
    enum err e = tracker_open(&o, &t, why);

    if (e == OK)
        e = track_drive_open(&d, why);
    for (uint64_t i = 0; e == OK && i < SCALE_DRIVES; i++) {
        if (i % 2)
            track_drive_vary(SCALE_SEED + i, &plan);
        else
            track_drive_plain(SCALE_SEED + i, &plan);
        if ((e = track_drive_run(d, &plan, why)) == OK)
            e = motion_scores_add(d, t, true, sum, why);
    }
    track_drive_close(d);
    tracker_close(t);
    return e;
}

static void widen(struct session *s, const char *name, const struct covered *c, int from, int n)
{
    double by = covered_scale(c);

    printf("%s: %.3f and %.3f within one and two sigmas; times %.2f\n", name, covered_within(c, 1),
           covered_within(c, 2), by);
    tracker_network_widen(s->network, from, n, (float)log(by));
}

/* Likelihood is best for errors that are normal; these have longer tails. So sigmas of each kind are scaled
 * to cover what they should in drives held out. Path points between those that are scored go with the
 * next. */
static enum err scale_sigmas(struct session *s, struct why *why)
{
    struct motion_scores sum = {0};
    struct weights w;
    enum err e = tracker_network_export(s->network, &w, why);

    if (e != OK)
        return e;
    e = follow_held_out(&w, &sum, why);
    weights_free(&w);
    if (e != OK)
        return e;
    widen(s, "position", &sum.position, ANSWER_STATE_SCALE, 2);
    widen(s, "speed", &sum.velocity, ANSWER_STATE_SCALE + 2, 2);
    widen(s, "ttc", &sum.ttc, ANSWER_RATE_SCALE, 1);
    for (int i = 0; i < MOTION_PATH_TIMES; i++)
        widen(s, "path", &sum.path[i].covered, ANSWER_PATH_SCALE + 4 * i, 4);
    return write_networks(s, why);
}

/* ---- training ------------------------------------------------------------------------------ */
static void say(const struct train_report *sum, int n, const struct track_lessons *l)
{
    static const char *const name[] = {"exists", "box", "state", "speed", "rate", "path", "choice"};

    printf("step %lld  drives %llu  rate %.5f  loss %.4f ", (long long)sum->step,
           (unsigned long long)track_lessons_drives(l), sum->rate, sum->loss / n);
    for (int i = 0; i < sum->n_terms; i++)
        printf(" %s %.4f", name[i], sum->term[i] / n);
    printf("\n");
    fflush(stdout);
}

static void add_up(struct train_report *sum, const struct train_report *r)
{
    sum->step = r->step;
    sum->rate = r->rate;
    sum->loss += r->loss;
    sum->n_terms = r->n_terms;
    for (int i = 0; i < r->n_terms; i++)
        sum->term[i] += r->term[i];
}

static enum err train_all(struct session *s, struct why *why)
{
    struct train *t = tracker_network_train(s->network);
    struct train_report sum = {0}, r;
    enum err e = OK;
    int n = 0;

    while (train_steps_done(t) < s->o.steps) {
        for (int i = 0; i < ROWS; i++)
            if ((e = fill_row(s, i, why)) != OK)
                return e;
        train_step(t, &r);
        add_up(&sum, &r);
        n++;
        int64_t done = train_steps_done(t);
        if (done % SAY_STEPS == 0 || done == s->o.steps) {
            say(&sum, n, s->lessons);
            sum = (struct train_report){0};
            n = 0;
        }
        if (done % SAVE_STEPS == 0 || done == s->o.steps)
            if ((e = save(s, why)) != OK || (e = write_networks(s, why)) != OK)
                return e;
        if (done % s->o.follow == 0 && (e = follow_own_network(s, why)) != OK)
            return e;
    }
    return scale_sigmas(s, why);
}

int train_tracker_command(int argc, char **argv)
{
    static struct session s;
    struct why why = {""};
    int status = parse(argc, argv, &s.o);
    enum err e;

    if (status)
        return status;
    const struct tracker_network_options o = {.lstm = !s.o.rnn,
                                              .rows = ROWS,
                                              .steps = STEPS,
                                              .seed = (uint64_t)s.o.seed,
                                              .recipe = {.rate = (float)s.o.rate,
                                                         .decay = 0.01f,
                                                         .warm_up = 200,
                                                         .steps = s.o.steps,
                                                         .rate_end = 0.02f,
                                                         .clip = 1,
                                                         .ema = 0.998f}};
    if ((e = tracker_network_open(&o, &s.network, &why)) == OK &&
        (e = track_lessons_open((uint64_t)s.o.seed, &s.lessons, &why)) == OK &&
        (!s.o.resume || (e = resume(&s, &why)) == OK))
        e = train_all(&s, &why);
    for (int i = 0; i < ROWS; i++)
        free(s.row[i].sequence);
    track_lessons_close(s.lessons);
    tracker_network_close(s.network);
    if (e != OK)
        fprintf(stderr, "outrider train tracker: %s\n", why.text);
    return e == OK ? 0 : 1;
}
