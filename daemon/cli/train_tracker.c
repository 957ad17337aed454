/* outrider train tracker: the networks of the tracker, on simulated tracks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
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

int train_tracker_command(int argc, char **argv)
{
    static const char *const terms[] = {"exists", "box", "state", "rate", "path", "choice"};
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
        .skip = pupil_skip};

    return train_memory(&p, argc, argv);
}
