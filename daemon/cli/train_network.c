#include "daemon/cli/train_network.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/train_chart.h"
#include "daemon/cli/train_loader.h"
#include "daemon/cli/train_simulator.h"
#include "perception/train/curve.h"
#include "perception/train/own_network.h"
#include "perception/train/ranks.h"

enum { HELD_OUT_BATCHES = 12, LINE_EVERY = 50 };
static const float CLIP = 10;

struct progress { /* what a checkpoint holds besides the network */
    struct mix_state mix;
    double best; /* loss held out */
    int64_t worse;
};

struct run {
    const struct train_network_options *o;
    struct train_ranks ranks;
    struct pool *pool;
    struct train *t;
    struct own_network net;
    struct train_set data[TRAIN_MAX_SETS], held_out[TRAIN_MAX_SETS];
    struct train_simulator simulator[2 * TRAIN_MAX_SETS]; /* of data, of held_out */
    struct train_loader *loader, *judge;
    struct labels *labels; /* (net.batch) */
    struct progress progress;
    char stem[FILE_MAX_PATH]; /* of --out */
    char checkpoint[FILE_MAX_PATH], csv[FILE_MAX_PATH], png[FILE_MAX_PATH], lock[FILE_MAX_PATH];
    int lock_fd; /* -1 */
    FILE *curve;
    double start_s, saved_s, shown_s;
    int64_t first_step;
    struct why why;
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int signal)
{
    (void)signal;
    asked_to_stop = 1;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool speaks(const struct run *r)
{
    return r->ranks.rank == 0;
}

/* ---- before it ----------------------------------------------------------------------------- */

static enum err start_simulators(struct run *r, const struct set_choice *choice, int n,
                                 struct train_simulator *out)
{
    enum err e = OK;

    for (int i = 0; i < n && e == OK; i++)
        if (set_choice_simulator(&choice[i]))
            e = train_simulator_start(&choice[i], r->stem, speaks(r), &out[i], &r->why);
    return e;
}

/* Its first frames, which are finished. */
static enum err open_drawn(struct run *r, const struct set_choice *choice,
                           const struct train_simulator *simulator, int frames,
                           struct train_set *out)
{
    const struct set_choice drawn = {
        .path = simulator->folder,
        .weight = choice->weight,
        .first = (size_t)frames,
        .frames = simulator->frames,
    };

    train_set_finish(out);
    return train_set_open(&drawn, out, &r->why);
}

/* simulator: each is zeroed, or draws the set; frames of it that are to be there before it begins. */
static enum err open_set(struct run *r, const struct set_choice *choice,
                         struct train_simulator *simulator, int frames, struct train_set *out)
{
    enum err e;

    if (simulator->frames) {
        if (speaks(r))
            fprintf(stderr, "%s: drawing %d frames into %s, beginning with %d\n", choice->path,
                    simulator->frames, simulator->folder, frames);
        e = train_simulator_wait(simulator, frames, &asked_to_stop, &r->why);
        if (e == OK && asked_to_stop)
            e = err_say(&r->why, ERR_IO, "stopped before %s had %d frames", choice->path, frames);
        if (e == OK)
            e = open_drawn(r, choice, simulator, frames, out);
    } else {
        e = train_set_open(choice, out, &r->why);
    }
    if (e != OK)
        return e;
    if (!out->permitted && !r->o->private)
        return err_say(&r->why, ERR_UNSUPPORTED,
                       "%s: its set.json says that weights trained on it may not be given out; "
                       "--private trains on it all the same",
                       choice->path);
    if (speaks(r) && !simulator->frames)
        fprintf(stderr, "%s: %d of %zu pictures\n", choice->path, out->n_use, out->pictures.n);
    return OK;
}

static enum err open_sets(struct run *r)
{
    const struct train_network_options *o = r->o;
    struct train_simulator *of_data = r->simulator, *of_held_out = r->simulator + TRAIN_MAX_SETS;
    enum err e = start_simulators(r, o->data, o->n_data, of_data);

    if (e == OK)
        e = start_simulators(r, o->held_out, o->n_held_out, of_held_out);
    for (int i = 0; i < o->n_data && e == OK; i++)
        e = open_set(r, &o->data[i], &of_data[i], train_simulator_due(&of_data[i], 0, o->steps),
                     &r->data[i]);
    for (int i = 0; i < o->n_held_out && e == OK; i++)
        e = open_set(r, &o->held_out[i], &of_held_out[i], of_held_out[i].frames, &r->held_out[i]);
    return e;
}

static enum err open_loader(struct run *r, const struct train_set *set, int n, float strength,
                            struct train_loader **out)
{
    const struct train_loader_options o = {
        .set = set,
        .n_sets = n,
        .compose = {r->o->width, r->o->height, strength},
        .batch = r->net.batch,
        .rank = r->ranks.rank,
        .ranks = r->ranks.n,
        .seed = r->o->seed,
        .pool = r->pool,
    };

    return train_loader_open(&o, out, &r->why);
}

static enum err build(struct run *r)
{
    const struct train_network_options *o = r->o;
    const struct train_recipe recipe = {.optimiser = TRAIN_ADAMW,
                                        .rate = (float)o->rate,
                                        .decay = (float)o->decay,
                                        .warm_up = o->warm_up,
                                        .steps = o->steps,
                                        .rate_end = 0.02f,
                                        .clip = CLIP,
                                        .ema = (float)o->average};
    enum err e;

    if (o->batch % r->ranks.n)
        return err_say(&r->why, ERR_MISMATCH, "--batch %d: must be a multiple of the %d ranks",
                       o->batch, r->ranks.n);
    e = train_open(
        &(struct train_options){
            .cpu_mask = ~0u, .pool = r->pool, .seed = o->seed, .ranks = &r->ranks},
        &r->t);
    if (e != OK)
        return err_say(&r->why, e, "no memory");
    own_network_build(r->t, o->batch / r->ranks.n, o->height, o->width, &r->net);
    if ((e = train_plan(r->t, &recipe, &r->why)) != OK)
        return e;
    own_network_start(r->t);
    if (o->from && (e = train_import(r->t, o->from, &r->why)) != OK)
        return e;
    r->labels = calloc((size_t)r->net.batch, sizeof *r->labels);
    return r->labels ? OK : err_say(&r->why, ERR_NOMEM, "no memory");
}

static enum err name_files(struct run *r)
{
    const struct {
        char *path;
        const char *end;
    } files[] = {{r->stem, ""},
                 {r->checkpoint, ".checkpoint"},
                 {r->csv, ".csv"},
                 {r->png, ".png"},
                 {r->lock, ".lock"}};
    const int stem = (int)strlen(r->o->out) - 5;
    int n = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files && n < FILE_MAX_PATH; i++)
        n = snprintf(files[i].path, FILE_MAX_PATH, "%.*s%s", stem, r->o->out, files[i].end);
    return n < FILE_MAX_PATH ? OK : err_say(&r->why, ERR_LIMIT, "--out: the path is too long");
}

/* Two that wrote the same files would spoil both. The lock ends with the process, whatever its end. */
static enum err lock_files(struct run *r)
{
    if (!speaks(r))
        return OK;
    r->lock_fd = open(r->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (r->lock_fd < 0)
        return err_say(&r->why, ERR_IO, "--out %s: %s", r->o->out, strerror(errno));
    if (flock(r->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    close(r->lock_fd);
    r->lock_fd = -1;
    return err_say(&r->why, ERR_IO, "--out %s: another training is writing it", r->o->out);
}

static void unlock_files(struct run *r)
{
    if (r->lock_fd < 0)
        return;
    unlink(r->lock);
    close(r->lock_fd);
}

static enum err resume(struct run *r)
{
    enum err e;

    r->progress = (struct progress){.best = INFINITY};
    if (r->o->fresh) {
        if (speaks(r))
            unlink(r->csv);
        return OK;
    }
    e = train_load(r->t, r->checkpoint, &r->progress, sizeof r->progress, &r->why);
    if (e == ERR_IO && errno == ENOENT)
        return OK;
    if (e == OK)
        e = mix_restore(train_loader_mix(r->loader), &r->progress.mix, &r->why);
    if (e == OK && speaks(r))
        fprintf(stderr, "%s: going on behind step %" PRId64 "\n", r->checkpoint,
                train_steps_done(r->t));
    return e;
}

static enum err prepare(struct run *r)
{
    const struct train_network_options *o = r->o;
    enum err e = name_files(r);

    if (e == OK)
        e = lock_files(r);
    if (e == OK && pool_open(o->threads, &r->pool) != OK)
        e = err_say(&r->why, ERR_NOMEM, "--threads %d: they do not start", o->threads);
    if (e == OK)
        e = open_sets(r);
    if (e == OK)
        e = build(r);
    if (e == OK)
        e = open_loader(r, r->data, o->n_data, (float)o->strength, &r->loader);
    if (e == OK && o->n_held_out)
        e = open_loader(r, r->held_out, o->n_held_out, 0, &r->judge);
    if (e == OK)
        e = resume(r);
    if (e == OK && speaks(r))
        e = curve_open(r->t, r->csv, &r->curve, &r->why);
    return e;
}

static void finish(struct run *r)
{
    if (r->curve)
        fclose(r->curve);
    train_loader_close(r->judge);
    train_loader_close(r->loader);
    train_close(r->t);
    for (int i = 0; i < 2 * TRAIN_MAX_SETS; i++)
        train_simulator_end(&r->simulator[i]);
    for (int i = 0; i < TRAIN_MAX_SETS; i++) {
        train_set_finish(&r->data[i]);
        train_set_finish(&r->held_out[i]);
    }
    pool_close(r->pool);
    unlock_files(r);
    ranks_close(&r->ranks);
    free(r->labels);
}

/* ---- a step -------------------------------------------------------------------------------- */

/* All ranks stop where one is asked to. */
static void agree_to_stop(struct run *r)
{
    double stop = asked_to_stop;

    r->ranks.sum_doubles(r->ranks.state, &stop, 1);
    asked_to_stop = stop > 0;
}

/* What the simulator has drawn meanwhile, as much of it as this step is to learn from. */
static enum err grow(struct run *r)
{
    int due[TRAIN_MAX_SETS] = {0}, more = 0;
    enum err e = OK;

    for (int i = 0; i < r->o->n_data && e == OK; i++) {
        struct train_simulator *s = &r->simulator[i];

        due[i] = s->frames ? train_simulator_due(s, train_steps_done(r->t), r->o->steps) : 0;
        if (r->data[i].choice.first == (size_t)due[i])
            due[i] = 0;
        more += due[i] > 0;
        e = due[i] ? train_simulator_wait(s, due[i], &asked_to_stop, &r->why) : OK;
    }
    if (e == OK && more)
        agree_to_stop(r);
    for (int i = 0; i < r->o->n_data && e == OK && !asked_to_stop; i++)
        e = due[i] ? open_drawn(r, &r->o->data[i], &r->simulator[i], due[i], &r->data[i]) : OK;
    return e;
}

static enum err fill(struct run *r, struct train_loader *l)
{
    enum err e = train_loader_next(l, train_data(r->t, r->net.image), r->labels, &r->why);

    if (e == OK)
        own_targets(r->t, &r->net, r->labels);
    return e;
}

static void show(struct run *r, const struct train_report *report)
{
    const int64_t done = report->step + 1 - r->first_step;
    const bool terminal = isatty(STDERR_FILENO);
    const double now = now_s();
    char line[512];

    if (terminal ? now - r->shown_s < 0.5 : done % LINE_EVERY != 0)
        return;
    r->shown_s = now;
    progress_line(r->t, report, done, r->o->batch, now - r->start_s, line, sizeof line);
    fprintf(stderr, terminal ? "\r%s\033[K" : "%s\n", line);
}

/* ---- what is kept -------------------------------------------------------------------------- */

/* The loss of the averaged weights on pictures that were never trained on, always the same ones. */
static enum err judge(struct run *r, double *loss)
{
    struct mix_state start;
    struct train_report report;
    enum err e = OK;

    *loss = 0;
    mix_save(train_loader_mix(r->judge), &start);
    for (int i = 0; i < HELD_OUT_BATCHES && e == OK; i++) {
        if ((e = fill(r, r->judge)) != OK)
            break;
        train_evaluate(r->t, true, &report);
        *loss += report.loss / HELD_OUT_BATCHES;
    }
    return e == OK ? mix_restore(train_loader_mix(r->judge), &start, &r->why) : e;
}

static enum err export(struct run *r) {
    static const char *const metadata[][2] = {{"outrider.decoder", "outrider"}};

    return train_export(r->t, r->o->out,
                        &(struct train_export){.averaged = true,
                                               .keep_norms = true,
                                               .n_metadata = 1,
                                               .metadata = metadata},
                        &r->why);
}

/* The checkpoint, and the network where it is the best so far. */
static enum err keep(struct run *r)
{
    double loss = -1;
    bool better = true;
    enum err e = r->judge ? judge(r, &loss) : OK;

    if (e != OK)
        return e;
    if (r->judge) {
        better = loss < r->progress.best;
        r->progress.worse = better ? 0 : r->progress.worse + 1;
        r->progress.best = better ? loss : r->progress.best;
        if (speaks(r))
            fprintf(stderr, "\nheld out, behind step %" PRId64 ": loss %.4f%s\n",
                    train_steps_done(r->t), loss, better ? ", the best so far" : "");
    }
    mix_save(train_loader_mix(r->loader), &r->progress.mix);
    if (speaks(r))
        e = train_save(r->t, r->checkpoint, &r->progress, sizeof r->progress, &r->why);
    if (e == OK && better && speaks(r))
        e = export(r);
    if (e == OK && speaks(r))
        e = train_chart(r->csv, r->png, &r->why);
    r->saved_s = now_s();
    return e;
}

/* All ranks do the same: the first one's clock decides. */
static bool is_due(struct run *r, int64_t done)
{
    double due = speaks(r) && now_s() - r->saved_s >= r->o->save_s ? 1 : 0,
           stop = speaks(r) && asked_to_stop ? 1 : 0;
    double both[2] = {due, stop};

    r->ranks.sum_doubles(r->ranks.state, both, 2);
    asked_to_stop = both[1] > 0;
    return both[0] > 0 || asked_to_stop || done == r->o->steps;
}

static enum err train_all(struct run *r)
{
    struct train_report report;
    enum err e = OK;

    r->first_step = train_steps_done(r->t);
    r->start_s = r->saved_s = now_s();
    while (e == OK && train_steps_done(r->t) < r->o->steps && !asked_to_stop) {
        if ((e = grow(r)) == OK && asked_to_stop)
            e = keep(r);
        if (e != OK || asked_to_stop || (e = fill(r, r->loader)) != OK)
            break;
        train_step(r->t, &report);
        if (speaks(r)) {
            curve_add(r->curve, &report);
            show(r, &report);
        }
        if (is_due(r, train_steps_done(r->t)))
            e = keep(r);
        if (r->o->patience && r->progress.worse >= r->o->patience)
            break;
    }
    if (e == OK && speaks(r))
        fprintf(stderr, "\n%s: %" PRId64 " of %d steps\n", r->o->out, train_steps_done(r->t),
                r->o->steps);
    return e;
}

int train_network(const struct train_network_options *o)
{
    struct run *r = calloc(1, sizeof *r);
    enum err e = ERR_NOMEM;

    if (r) {
        r->o = o;
        r->lock_fd = -1;
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        e = ranks_open(&r->ranks) == OK ? prepare(r)
                                        : err_say(&r->why, ERR_IO, "MPI does not start");
        if (e == OK)
            e = train_all(r);
        if (e != OK)
            fprintf(stderr, "outrider train: %s\n", r->why.text);
        finish(r);
    }
    free(r);
    return e == OK ? 0 : 1;
}
