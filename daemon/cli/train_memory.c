#include "daemon/cli/train_memory.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/options.h"

enum { SAY_STEPS = 200, SAVE_STEPS = 1000 };

struct session {
    const struct memory_pupil *p;
    struct memory_options o;
    char checkpoint[1024];
    struct row { /* the sequence whose frames go into one row of the batch */
        int n, at;
    } row[MEMORY_ROWS];
};

/* ---- options ------------------------------------------------------------------------------- */
static bool name_files(struct session *s)
{
    const char *out = s->o.out;
    size_t n = out ? strlen(out) : 0;

    if (n < 6 || n > 900 || strcmp(out + n - 5, ".onnx") != 0) {
        fprintf(stderr, "outrider %s: --out must end in .onnx\n", s->p->command);
        return false;
    }
    snprintf(s->checkpoint, sizeof s->checkpoint, "%.*s.checkpoint", (int)n - 5, out);
    return true;
}

static bool take_option(struct session *s, int c)
{
    const char *command = s->p->command;
    struct memory_options *o = &s->o;

    switch (c) {
    case 'o':
        o->out = optarg;
        return true;
    case 'k':
        o->rnn = strcmp(optarg, "rnn") == 0;
        if (o->rnn || strcmp(optarg, "lstm") == 0)
            return true;
        fprintf(stderr, "outrider %s: --kind '%s': must be lstm or rnn\n", command, optarg);
        return false;
    case 'n':
        return option_whole(command, "steps", optarg, 1, 100000000, &o->steps);
    case 's':
        return option_whole(command, "seed", optarg, 0, 1 << 30, &o->seed);
    case 'f':
        return option_whole(command, "follow", optarg, 1, 100000000, &o->follow);
    case 'r':
        return option_real(command, "rate", optarg, 1e-8, 1, &o->rate);
    case 'c':
        o->resume = true;
        return true;
    default:
        return false;
    }
}

static int parse(struct session *s, int argc, char **argv)
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

    s->o = s->p->usual;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(s->p->usage, stdout);
            exit(0);
        }
        if (!take_option(s, c))
            return 2;
    }
    if (optind < argc || !s->o.out) {
        fputs(s->p->usage, stderr);
        return 2;
    }
    return name_files(s) ? 0 : 2;
}

struct train_recipe memory_recipe(const struct memory_options *o)
{
    return (struct train_recipe){.rate = (float)o->rate,
                                 .decay = 0.01f,
                                 .warm_up = 200,
                                 .steps = o->steps,
                                 .rate_end = 0.02f,
                                 .clip = 1,
                                 .ema = 0.998f};
}

/* ---- batches ------------------------------------------------------------------------------- */
/* The next frames of each row's sequence. One that ends leaves the rest of its row empty; the next one
 * begins with the next batch, its memory empty. */
static enum err fill_row(struct session *s, int i, struct why *why)
{
    struct row *r = &s->row[i];
    enum err e;

    if (r->at >= r->n) {
        r->at = 0;
        if ((e = s->p->next(s->p->self, i, &r->n, why)) != OK)
            return e;
        train_reset(s->p->train(s->p->self), i);
    }
    for (int k = 0; k < MEMORY_STEPS; k++, r->at++)
        s->p->put(s->p->self, i, k, r->at < r->n ? r->at : -1);
    return OK;
}

/* ---- files --------------------------------------------------------------------------------- */
enum err memory_write_file(const char *path, const void *bytes, size_t n, struct why *why)
{
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(bytes, 1, n, f) == n;

    if (f && fclose(f) == 0 && good)
        return OK;
    return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
}

static enum err save(struct session *s, struct why *why)
{
    uint64_t drives = s->p->drives(s->p->self);

    return train_save(s->p->train(s->p->self), s->checkpoint, &drives, sizeof drives, why);
}

static enum err resume(struct session *s, struct why *why)
{
    uint64_t drives;
    struct train *t = s->p->train(s->p->self);
    enum err e = train_load(t, s->checkpoint, &drives, sizeof drives, why);

    if (e != OK)
        return e;
    s->p->skip(s->p->self, drives);
    train_reset(t, -1);
    return train_steps_done(t) >= s->o.follow ? s->p->follow(s->p->self, why) : OK;
}

/* ---- training ------------------------------------------------------------------------------ */
static void say(const struct session *s, const struct train_report *sum, int n)
{
    printf("step %lld  drives %llu  rate %.5f  loss %.4f ", (long long)sum->step,
           (unsigned long long)s->p->drives(s->p->self), sum->rate, sum->loss / n);
    for (int i = 0; i < sum->n_terms; i++)
        printf(" %s %.4f", s->p->terms[i], sum->term[i] / n);
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
    struct train *t = s->p->train(s->p->self);
    struct train_report sum = {0}, r;
    enum err e = OK;
    int n = 0;

    while (train_steps_done(t) < s->o.steps) {
        for (int i = 0; i < MEMORY_ROWS; i++)
            if ((e = fill_row(s, i, why)) != OK)
                return e;
        train_step(t, &r);
        add_up(&sum, &r);
        n++;
        int64_t done = train_steps_done(t);
        if (done % SAY_STEPS == 0 || done == s->o.steps) {
            say(s, &sum, n);
            sum = (struct train_report){0};
            n = 0;
        }
        if (done % SAVE_STEPS == 0 || done == s->o.steps)
            if ((e = save(s, why)) != OK || (e = s->p->write(s->p->self, s->o.out, why)) != OK)
                return e;
        if (done % s->o.follow == 0 && (e = s->p->follow(s->p->self, why)) != OK)
            return e;
    }
    return s->p->finish ? s->p->finish(s->p->self, s->o.out, why) : OK;
}

int train_memory(const struct memory_pupil *p, int argc, char **argv)
{
    static struct session s;
    struct why why = {""};
    enum err e;

    s.p = p;
    int status = parse(&s, argc, argv);
    if (status)
        return status;
    if ((e = p->open(p->self, &s.o, &why)) == OK && (!s.o.resume || (e = resume(&s, &why)) == OK))
        e = train_all(&s, &why);
    p->close(p->self);
    if (e != OK)
        fprintf(stderr, "outrider %s: %s\n", p->command, why.text);
    return e == OK ? 0 : 1;
}
