/* A run that is killed goes on as if nothing had been. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perception/train/curve.h"
#include "perception/train/sampler.h"
#include "tests/folder.h"

enum { STEPS = 60, EVERY = 7, SAMPLES = 37, BATCH = 4, T = 5 };

static struct folder folder;

static void setup(void)
{
    folder_make(&folder);
}

static void teardown(void)
{
    folder_remove(&folder);
}

struct net {
    struct train *t;
    int x, y;
};

static struct net build(int hidden)
{
    struct net n;
    struct train_recurrent r = {.hidden = hidden, .mask = -1, .carry = true};
    struct why why;
    int v;

    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 9}, &n.t) == OK);
    n.x = train_input(n.t, "x", 3, (int[]){BATCH, T, 3});
    n.y = train_input(n.t, "y", 3, (int[]){BATCH, T, 2});
    v = train_dropout(n.t, train_lstm(n.t, n.x, &r), 0.2f);
    v = train_linear(n.t, train_batch_norm(n.t, v, ACT_SILU), 2, true);
    train_loss(n.t, &(struct train_loss){.kind = TRAIN_L1, .name = "y", .x = v, .target = n.y});
    cr_assert(train_plan(n.t,
                         &(struct train_recipe){.rate = 1e-2f,
                                                .decay = 0.01f,
                                                .warm_up = 5,
                                                .steps = STEPS,
                                                .clip = 1,
                                                .ema = 0.9f},
                         &why) == OK);
    return n;
}

static void fill(const struct net *n, struct train_sampler *s)
{
    for (int b = 0; b < BATCH; b++) {
        int sample = sampler_next(s);

        for (int i = 0; i < 3 * T; i++)
            train_data(n->t, n->x)[b * 3 * T + i] = (float)((sample * 31 + i * 7) % 17) / 17;
        for (int i = 0; i < 2 * T; i++)
            train_data(n->t, n->y)[b * 2 * T + i] = (float)((sample * 13 + i * 5) % 11) / 11;
    }
}

/* Go on from whatever is there, to the end. slow: so that it can be killed in between. */
static void run(const char *checkpoint, const char *curve, bool slow)
{
    struct net n = build(6);
    struct train_sampler s;
    struct sampler_state from;
    struct train_report r;
    struct why why;
    FILE *f;

    cr_assert(sampler_init(&s, SAMPLES, 4) == OK);
    if (access(checkpoint, F_OK) == 0) {
        cr_assert(train_load(n.t, checkpoint, &from, sizeof from, &why) == OK, "%s", why.text);
        cr_assert(sampler_restore(&s, &from, &why) == OK);
    }
    cr_assert(curve_open(n.t, curve, &f, &why) == OK, "%s", why.text);
    while (train_steps_done(n.t) < STEPS) {
        fill(&n, &s);
        train_step(n.t, &r);
        curve_add(f, &r);
        if (train_steps_done(n.t) % EVERY == 0)
            cr_assert(train_save(n.t, checkpoint, &s.state, sizeof s.state, &why) == OK);
        if (slow)
            usleep(1000);
    }
    cr_assert(train_save(n.t, checkpoint, &s.state, sizeof s.state, &why) == OK, "%s", why.text);
    fclose(f);
    sampler_finish(&s);
    train_close(n.t);
}

static char *path_of(const char *name)
{
    char *path = NULL;

    cr_assert(asprintf(&path, "%s/%s", folder.path, name) > 0);
    return path;
}

static size_t content(const char *path, unsigned char **bytes)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    cr_assert(f);
    *bytes = malloc(1 << 20);
    n = fread(*bytes, 1, 1 << 20, f);
    fclose(f);
    return n;
}

static void same_files(const char *a, const char *b)
{
    unsigned char *x, *y;
    size_t n = content(a, &x), m = content(b, &y);

    cr_assert(n == m && n > 100 && memcmp(x, y, n) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

static long lines_of(const char *path)
{
    FILE *f = fopen(path, "r");
    long n = 0;

    for (int c; f && (c = fgetc(f)) != EOF;)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

Test(train_checkpoint, killed_and_resumed, .init = setup, .fini = teardown)
{
    char *whole = path_of("whole"), *whole_csv = path_of("whole.csv");
    char *cut = path_of("cut"), *cut_csv = path_of("cut.csv");

    run(whole, whole_csv, false);
    for (int kill_at = 10; kill_at < 50; kill_at += 15) { /* each behind a checkpoint, not at it */
        pid_t child = fork();

        if (child == 0) {
            run(cut, cut_csv, true);
            _exit(0);
        }
        cr_assert(child > 0);
        while (lines_of(cut_csv) < kill_at && waitpid(child, NULL, WNOHANG) == 0)
            usleep(500);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    run(cut, cut_csv, false);
    same_files(whole_csv, cut_csv);
    same_files(whole, cut);
    cr_assert_eq(lines_of(whole_csv), STEPS + 1);
    free(whole), free(whole_csv), free(cut), free(cut_csv);
}

Test(train_checkpoint, what_is_wrong_is_refused, .init = setup, .fini = teardown)
{
    char *path = path_of("checkpoint");
    struct net n = build(6), other = build(7);
    unsigned char *bytes;
    size_t size;
    struct why why;
    int extra = 5;
    float before;

    cr_assert(train_load(n.t, path, &extra, sizeof extra, &why) == ERR_IO);
    cr_assert(train_save(n.t, path, &extra, sizeof extra, &why) == OK);
    cr_assert(train_load(other.t, path, &extra, sizeof extra, &why) == ERR_MISMATCH);
    cr_assert(train_load(n.t, path, &extra, 1, &why) == ERR_MISMATCH);
    size = content(path, &bytes);
    before = train_parameter_view(n.t, 0).value[0];
    for (size_t at = 0; at < size; at += size / 23) { /* one bit anywhere */
        enum err e;

        bytes[at] ^= 4;
        folder_put(&folder, "damaged", bytes, size);
        bytes[at] ^= 4;
        free(path);
        path = path_of("damaged");
        e = train_load(n.t, path, &extra, sizeof extra, &why);
        cr_assert(e == ERR_FORMAT || (e == ERR_MISMATCH && at < 64), "byte %zu: %d", at, e);
    }
    folder_put(&folder, "damaged", bytes, size - 9);
    cr_assert(train_load(n.t, path, &extra, sizeof extra, &why) == ERR_FORMAT);
    cr_assert(train_parameter_view(n.t, 0).value[0] == before && extra == 5);
    folder_put(&folder, "damaged", bytes, size);
    extra = 0;
    cr_assert(train_load(n.t, path, &extra, sizeof extra, &why) == OK && extra == 5);
    free(bytes);
    free(path);
    train_close(n.t);
    train_close(other.t);
}

Test(train_checkpoint, progress_is_said)
{
    struct net n = build(6);
    struct train_report r = {.step = 9, .loss = 0.25, .rate = 0.01, .n_terms = 1};
    char text[200];

    progress_line(n.t, &r, 10, 32, 4, text, sizeof text);
    cr_assert_str_eq(text, "step 10/60 loss 0.25 rate 0.01 | 80.0 samples/s, 20 s left");
    train_close(n.t);
}

Test(train_sampler, every_epoch_has_all)
{
    struct train_sampler s;
    int first[SAMPLES], moved = 0;

    cr_assert(sampler_init(&s, SAMPLES, 3) == OK);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[SAMPLES] = {0};

        for (int i = 0; i < SAMPLES; i++) {
            int v = sampler_next(&s);

            cr_assert(v >= 0 && v < SAMPLES && !seen[v]++);
            moved += epoch && v != first[i];
            if (epoch == 0)
                first[i] = v;
        }
    }
    cr_assert(moved > SAMPLES);
    sampler_finish(&s);
}

/* ---- several sets -------------------------------------------------------------------------- */

Test(train_mix, sets_get_their_shares_and_go_on_where_they_were)
{
    static const int64_t samples[3] = {5, 100, 7};
    static const double share[3] = {1, 2, 0.5};
    struct train_mix m, again;
    struct mix_state state;
    int count[3] = {0}, set, other;
    struct why why;

    cr_assert_eq(mix_init(&m, 3, samples, share, 9), OK);
    for (int i = 0; i < 7000; i++) {
        const int32_t at = mix_next(&m, &set);

        cr_assert(at >= 0 && at < samples[set]);
        count[set]++;
    }
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(count[i], 2000 * share[i], 120, "set %d: %d", i, count[i]);
    mix_save(&m, &state);
    cr_assert_eq(mix_init(&again, 3, samples, share, 1), OK);
    cr_assert_eq(mix_restore(&again, &state, &why), OK, "%s", why.text);
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(mix_next(&m, &set), mix_next(&again, &other));
        cr_assert_eq(set, other);
    }
    mix_finish(&again);
    cr_assert_eq(mix_init(&again, 2, samples, share, 1), OK);
    cr_assert_eq(mix_restore(&again, &state, &why), ERR_MISMATCH);
    mix_finish(&again);
    mix_finish(&m);
    cr_assert_eq(mix_init(&m, 2, samples, (double[]){1, 0}, 1), ERR_LIMIT);
    cr_assert_eq(mix_init(&m, MIX_MAX_SETS + 1, samples, share, 1), ERR_LIMIT);
}
