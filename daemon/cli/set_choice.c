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

enum err set_choice_parse(char *text, struct set_choice *out, struct why *why)
{
    enum { WEIGHT, ONLY, WITHOUT, EVERY, WITHOUT_EVERY };
    static char *const key[] = {"weight", "only", "without", "every", "without-every", NULL};
    char *rest = strchr(text, ','), *value;
    enum err e = OK;

    *out = (struct set_choice){.path = text, .weight = 1};
    if (rest)
        *rest++ = '\0';
    while (e == OK && rest && *rest) {
        char *from = rest;

        switch (getsubopt(&rest, key, &value)) {
        case WEIGHT:
            e = take_weight(value, &out->weight, why);
            break;
        case ONLY:
            e = take_glob("only", value, &out->only, why);
            break;
        case WITHOUT:
            e = take_glob("without", value, &out->without, why);
            break;
        case EVERY:
            e = take_every("every", value, &out->every, why);
            break;
        case WITHOUT_EVERY:
            e = take_every("without-every", value, &out->without_every, why);
            break;
        default:
            e = err_say(why, ERR_FORMAT,
                        "'%.40s' behind %.200s: must be only=GLOB, without=GLOB, every=N/K, "
                        "without-every=N/K or weight=W",
                        from, text);
        }
    }
    return e;
}

bool set_choice_takes(const struct set_choice *c, const char *name, size_t number)
{
    return (!c->only || fnmatch(c->only, name, 0) == 0) &&
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
