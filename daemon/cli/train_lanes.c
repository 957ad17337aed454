/* outrider train lanes: the network of lane boundaries, on simulated drives. */
#include <stdlib.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/lane_lessons.h"
#include "daemon/cli/train_memory.h"

static const char usage[] =
    "usage: outrider train lanes --out FILE.onnx [options]\n"
    "\n"
    "Trains the memory of lane boundaries on curves drawn by the simulator, and writes FILE.onnx. "
    "Beside it:\n"
    "FILE.checkpoint.\n"
    "\n"
    "  --kind lstm|rnn    of the memory                               (lstm)\n"
    "  --steps N          of 64 boundaries, 16 frames of each         (6000)\n"
    "  --rate R           highest learning rate (AdamW)               (0.002)\n"
    "  --seed N                                                       (1)\n"
    "  --follow N         from step N on, and each N steps, lessons come from the tracker with "
    "what it\n"
    "                     has learnt so far, instead of from the filter alone   (1000)\n"
    "  --resume           go on where the checkpoint is\n";

struct pupil {
    struct lane_network *network;
    struct lane_lessons *lessons;
    struct lane_sequence *row[MEMORY_ROWS]; /* by row of the batch */
};

static enum err pupil_open(void *self, const struct memory_options *o, struct why *why)
{
    const struct lane_network_options options = {.lstm = !o->rnn,
                                                 .rows = MEMORY_ROWS,
                                                 .steps = MEMORY_STEPS,
                                                 .seed = (uint64_t)o->seed,
                                                 .recipe = memory_recipe(o)};
    struct pupil *p = self;
    enum err e = lane_network_open(&options, &p->network, why);

    return e != OK ? e : lane_lessons_open((uint64_t)o->seed, &p->lessons, why);
}

static void pupil_close(void *self)
{
    struct pupil *p = self;

    for (int i = 0; i < MEMORY_ROWS; i++)
        free(p->row[i]);
    lane_lessons_close(p->lessons);
    lane_network_close(p->network);
}

static struct train *pupil_train(void *self)
{
    return lane_network_train(((struct pupil *)self)->network);
}

static enum err pupil_next(void *self, int row, int *n, struct why *why)
{
    struct pupil *p = self;
    enum err e;

    free(p->row[row]);
    p->row[row] = NULL;
    if ((e = lane_lessons_next(p->lessons, &p->row[row], why)) == OK)
        *n = p->row[row]->n;
    return e;
}

static void pupil_put(void *self, int row, int step, int at)
{
    struct pupil *p = self;

    lane_network_put(p->network, row, step, at < 0 ? NULL : &p->row[row]->lesson[at]);
}

static enum err pupil_write(void *self, const char *out, struct why *why)
{
    struct pupil *p = self;
    struct lane_weights w;
    enum err e = lane_network_export(p->network, &w, why);

    if (e != OK)
        return e;
    e = memory_write_file(out, w.file, w.bytes, why);
    free((void *)w.file);
    return e;
}

static enum err pupil_follow(void *self, struct why *why)
{
    struct pupil *p = self;
    struct lane_weights w;
    enum err e = lane_network_export(p->network, &w, why);

    if (e != OK)
        return e;
    e = lane_lessons_use(p->lessons, &w, why);
    free((void *)w.file);
    return e;
}

static uint64_t pupil_drives(void *self)
{
    return lane_lessons_drives(((struct pupil *)self)->lessons);
}

static void pupil_skip(void *self, uint64_t drives)
{
    lane_lessons_skip(((struct pupil *)self)->lessons, drives);
}

int train_lanes_command(int argc, char **argv)
{
    static const char *const terms[] = {"exists", "y"};
    static struct pupil self;
    const struct memory_pupil p = {
        .command = "train lanes",
        .usage = usage,
        .terms = terms,
        .usual = {.steps = 6000, .seed = 1, .follow = 1000, .rate = 0.002},
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
