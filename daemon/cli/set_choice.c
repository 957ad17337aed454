#include "daemon/cli/set_choice.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err take_weight(const char *text, double *out, struct why *why)
{
    char *end = NULL;

    *out = text ? strtod(text, &end) : -1;
    if (!text || end == text || *end || !(*out >= 0 && *out <= 1000))
        return err_say(why, ERR_FORMAT, "weight is '%.40s', must be a number of 0 to 1000",
                       text ? text : "");
    return OK;
}

static enum err take_glob(const char *name, const char *text, const char **out, struct why *why)
{
    *out = text;
    return text && *text ? OK : err_say(why, ERR_FORMAT, "%s: must be a pattern of names", name);
}

static enum err take_every(const char *name, const char *text, struct every *out, struct why *why)
{
    int end = 0;

    if (text && sscanf(text, "%9d/%9d%n", &out->n, &out->k, &end) == 2 && !text[end] &&
        out->n > 1 && out->k >= 0 && out->k < out->n)
        return OK;
    return err_say(why, ERR_FORMAT, "%s is '%.40s', must be N/K with 0 <= K < N", name,
                   text ? text : "");
}

static enum err take_whole(const char *name, const char *text, int min, int *out, struct why *why)
{
    enum { MAX = 1000000 };
    int end = 0;

    if (text && sscanf(text, "%7d%n", out, &end) == 1 && !text[end] && *out >= min && *out <= MAX)
        return OK;
    return err_say(why, ERR_FORMAT, "%s is '%.40s', must be %d to %d", name, text ? text : "", min,
                   MAX);
}

enum key { WEIGHT, ONLY, WITHOUT, EVERY, WITHOUT_EVERY, SEED, FRAMES, CALIBRATION };
static char *const keys[] = {"weight", "only",   "without",     "every", "without-every",
                             "seed",   "frames", "calibration", NULL};

/* Folders are chosen from, the simulator is told what to draw. */
static bool belongs(const struct set_choice *c, int key)
{
    return key == WEIGHT || (key >= SEED) == (set_choice_simulator(c) != NULL);
}

static enum err take(struct set_choice *c, int key, const char *from, const char *value,
                     struct why *why)
{
    if (key >= 0 && belongs(c, key))
        switch ((enum key)key) {
        case WEIGHT:
            return take_weight(value, &c->weight, why);
        case ONLY:
            return take_glob(keys[key], value, &c->only, why);
        case WITHOUT:
            return take_glob(keys[key], value, &c->without, why);
        case EVERY:
            return take_every(keys[key], value, &c->every, why);
        case WITHOUT_EVERY:
            return take_every(keys[key], value, &c->without_every, why);
        case SEED:
            return take_whole(keys[key], value, 0, &c->seed, why);
        case FRAMES:
            return take_whole(keys[key], value, 8, &c->frames, why);
        case CALIBRATION:
            return take_glob(keys[key], value, &c->calibration, why);
        }
    return err_say(why, ERR_FORMAT, "'%.40s' behind %.200s: must be %s or weight=W", from, c->path,
                   set_choice_simulator(c)
                       ? "seed=N, frames=N, calibration=FILE"
                       : "only=GLOB, without=GLOB, every=N/K, without-every=N/K");
}

enum err set_choice_parse(char *text, struct set_choice *out, struct why *why)
{
    char *rest = strchr(text, ','), *value;
    enum err e = OK;

    *out = (struct set_choice){.path = text, .weight = 1};
    if (rest)
        *rest++ = '\0';
    if (set_choice_simulator(out)) {
        out->seed = 1;
        out->frames = 4000;
    }
    while (e == OK && rest && *rest) {
        const char *from = rest;
        const int key = getsubopt(&rest, keys, &value);

        e = take(out, key, from, value, why);
    }
    return e;
}

const char *set_choice_simulator(const struct set_choice *c)
{
    return strncmp(c->path, "sim:", 4) ? NULL : c->path + 4;
}

bool set_choice_takes(const struct set_choice *c, const char *name, size_t number)
{
    return (!c->first || number < c->first) && (!c->only || fnmatch(c->only, name, 0) == 0) &&
           (!c->without || fnmatch(c->without, name, 0) != 0) &&
           (!c->every.n || number % (size_t)c->every.n == (size_t)c->every.k) &&
           (!c->without_every.n ||
            number % (size_t)c->without_every.n != (size_t)c->without_every.k);
}

enum err set_choice_mark(const struct set_choice *c, char *const *name, size_t n, bool **out,
                         struct why *why)
{
    size_t taken = 0;

    *out = calloc(n + 1, sizeof **out);
    if (!*out)
        return err_say(why, ERR_NOMEM, "%.200s: no memory", c->path);
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(name[i], '/');

        (*out)[i] = set_choice_takes(c, slash ? slash + 1 : name[i], i);
        taken += (*out)[i];
    }
    if (taken)
        return OK;
    free(*out);
    *out = NULL;
    return err_say(why, ERR_FORMAT, "%.200s: none of its %zu pictures is chosen", c->path, n);
}
