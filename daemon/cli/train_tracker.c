/* outrider train tracker: the networks of the tracker, on simulated tracks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/motion_scores.h"
#include "daemon/cli/track_lessons.h"
#include "daemon/cli/train_memory.h"

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

struct pupil {
    struct tracker_network *network;
    struct track_lessons *lessons;
    struct track_sequence_lessons *row[MEMORY_ROWS]; /* by row of the batch */
};

static enum err pupil_open(void *self, const struct memory_options *o, struct why *why)
{
    const struct tracker_network_options options = {.lstm = !o->rnn,
                                                    .rows = MEMORY_ROWS,
                                                    .steps = MEMORY_STEPS,
                                                    .seed = (uint64_t)o->seed,
                                                    .recipe = memory_recipe(o)};
    struct pupil *p = self;
    enum err e = tracker_network_open(&options, &p->network, why);

    return e != OK ? e : track_lessons_open((uint64_t)o->seed, &p->lessons, why);
}

static void pupil_close(void *self)
{
    struct pupil *p = self;

    for (int i = 0; i < MEMORY_ROWS; i++)
        free(p->row[i]);
    track_lessons_close(p->lessons);
    tracker_network_close(p->network);
}

static struct train *pupil_train(void *self)
{
    return tracker_network_train(((struct pupil *)self)->network);
}

static enum err pupil_next(void *self, int row, int *n, struct why *why)
{
    struct pupil *p = self;
    enum err e;

    free(p->row[row]);
    p->row[row] = NULL;
    if ((e = track_lessons_next(p->lessons, &p->row[row], why)) == OK)
        *n = p->row[row]->n;
    return e;
}

static void pupil_put(void *self, int row, int step, int at)
{
    struct pupil *p = self;

    tracker_network_put(p->network, row, step, at < 0 ? NULL : &p->row[row]->lesson[at]);
}

static void weights_free(struct weights *w)
{
    free((void *)w->memory);
    free((void *)w->attention);
}

static enum err pupil_write(void *self, const char *out, struct why *why)
{
    struct pupil *p = self;
    struct weights w;
    char attention[1024];
    enum err e = tracker_network_export(p->network, &w, why);

    if (e != OK)
        return e;
    snprintf(attention, sizeof attention, "%.*s-attention.onnx", (int)strlen(out) - 5, out);
    if ((e = memory_write_file(out, w.memory, w.memory_bytes, why)) == OK)
        e = memory_write_file(attention, w.attention, w.attention_bytes, why);
    weights_free(&w);
    return e;
}

static enum err pupil_follow(void *self, struct why *why)
{
    struct pupil *p = self;
    struct weights w;
    enum err e = tracker_network_export(p->network, &w, why);

    if (e != OK)
        return e;
    e = track_lessons_use(p->lessons, &w, why);
    weights_free(&w);
    return e;
}

static uint64_t pupil_drives(void *self)
{
    return track_lessons_drives(((struct pupil *)self)->lessons);
}

static void pupil_skip(void *self, uint64_t drives)
{
    track_lessons_skip(((struct pupil *)self)->lessons, drives);
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

static void widen(struct pupil *p, const char *name, const struct covered *c, int from, int n)
{
    double by = covered_scale(c);

    printf("%s: %.3f and %.3f within one and two sigmas; times %.2f\n", name, covered_within(c, 1),
           covered_within(c, 2), by);
    tracker_network_widen(p->network, from, n, (float)log(by));
}

/* Likelihood is best for errors that are normal; these have longer tails. So sigmas of each kind are scaled
 * to cover what they should in drives held out. Path points between those that are scored go with the
 * next. */
static enum err pupil_finish(void *self, const char *out, struct why *why)
{
    struct pupil *p = self;
    struct motion_scores sum = {0};
    struct weights w;
    enum err e = tracker_network_export(p->network, &w, why);

    if (e != OK)
        return e;
    e = follow_held_out(&w, &sum, why);
    weights_free(&w);
    if (e != OK)
        return e;
    widen(p, "position", &sum.position, ANSWER_STATE_SCALE, 2);
    widen(p, "speed", &sum.velocity, ANSWER_STATE_SCALE + 2, 2);
    widen(p, "ttc", &sum.ttc, ANSWER_RATE_SCALE, 1);
    for (int i = 0; i < MOTION_PATH_TIMES; i++)
        widen(p, "path", &sum.path[i].covered, ANSWER_PATH_SCALE + 4 * i, 4);
    return pupil_write(self, out, why);
}

int train_tracker_command(int argc, char **argv)
{
    static const char *const terms[] = {"exists", "box",  "state", "speed",
                                        "rate",   "path", "choice"};
    static struct pupil self;
    const struct memory_pupil p = {
        .command = "train tracker",
        .usage = usage,
        .terms = terms,
        .usual = {.steps = 20000, .seed = 1, .follow = 2000, .rate = 0.002},
        .self = &self,
        .open = pupil_open,
        .close = pupil_close,
        .train = pupil_train,
        .next = pupil_next,
        .put = pupil_put,
        .write = pupil_write,
        .follow = pupil_follow,
        .drives = pupil_drives,
        .skip = pupil_skip,
        .finish = pupil_finish};

    return train_memory(&p, argc, argv);
}
