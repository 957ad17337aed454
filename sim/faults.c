#include "sim/faults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double RAD_PER_DEGREE = 0.017453292519943295;
static const double ENCODED_GAMMA = 2.2; /* of pictures, near enough to sRGB's */

/* ---- the list ------------------------------------------------------------------------------ */

enum form { PROBABILITY, SPAN, STEP, FACTOR, ANGLES };

static const struct {
    const char *name;
    enum form form;
} kinds[FAULT_KINDS] = {
    [FAULT_LOSS] = {"loss", PROBABILITY},
    [FAULT_DUPLICATE] = {"duplicate", PROBABILITY},
    [FAULT_REORDER] = {"reorder", PROBABILITY},
    [FAULT_CORRUPT] = {"corrupt", PROBABILITY},
    [FAULT_STALL] = {"stall", SPAN},
    [FAULT_FREEZE] = {"freeze", SPAN},
    [FAULT_BLOCKED] = {"blocked", SPAN},
    [FAULT_CLOCK] = {"clock", STEP},
    [FAULT_BRIGHTNESS] = {"brightness", FACTOR},
    [FAULT_CALIBRATION] = {"calibration", ANGLES},
};

/* How many numbers a form has, what they are called, and their limits. */
static const struct {
    int least, most;
    const char *text;
    double low[3], high[3];
} forms[] = {
    [PROBABILITY] = {1, 1, "P", {0}, {1}},
    [SPAN] = {2, 2, "AT,FOR", {0, 1e-3}, {1e6, 1e6}},
    [STEP] = {2, 2, "AT,STEP", {0, -1e5}, {1e6, 1e5}},
    [FACTOR] = {2, 3, "AT,FACTOR[,FOR]", {0, 0, 1e-3}, {1e6, 1e3, 1e6}},
    [ANGLES] = {2, 2, "PITCH,YAW", {-20, -20}, {20, 20}},
};

const char *fault_name(enum fault_kind k)
{
    return (unsigned)k < FAULT_KINDS ? kinds[k].name : "?";
}

static enum err refuse(struct why *why, const char *spec)
{
    char list[200] = "";
    size_t n = 0;

    for (int k = 0; k < FAULT_KINDS && n < sizeof list; k++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s=%s", k ? " " : "", kinds[k].name,
                              forms[kinds[k].form].text);
    return err_say(why, ERR_FORMAT, "no fault '%.40s'; there are %s", spec, list);
}

static enum fault_kind kind_named(const char *spec, size_t n)
{
    int k = 0;

    while (k < FAULT_KINDS && (strlen(kinds[k].name) != n || memcmp(kinds[k].name, spec, n) != 0))
        k++;
    return (enum fault_kind)k;
}

static enum err read_numbers(const char *spec, const char *text, enum form form, double v[3],
                             int *n, struct why *why)
{
    char *end;

    for (*n = 0; *n < forms[form].most; (*n)++) {
        double x = strtod(text, &end);

        if (end == text || (*end && *end != ',') || !isfinite(x))
            break;
        if (x < forms[form].low[*n] || x > forms[form].high[*n])
            return err_say(why, ERR_LIMIT, "fault '%.40s': %g must lie in %g..%g", spec, x,
                           forms[form].low[*n], forms[form].high[*n]);
        v[*n] = x;
        text = end + (*end == ',');
        if (!*end) {
            (*n)++;
            break;
        }
    }
    if (*n < forms[form].least || *text || text[-1] == ',')
        return err_say(why, ERR_FORMAT, "fault '%.40s': must be %.*s=%s", spec,
                       (int)strcspn(spec, "="), spec, forms[form].text);
    return OK;
}

enum err faults_add(struct faults *f, const char *spec, struct why *why)
{
    size_t name = strcspn(spec, "=");
    enum fault_kind kind = kind_named(spec, name);
    double v[3] = {0};
    int n;

    if (kind == FAULT_KINDS || !spec[name])
        return refuse(why, spec);
    if (f->n == FAULTS_MAX)
        return err_say(why, ERR_LIMIT, "fault '%.40s': there are %d already", spec, FAULTS_MAX);
    enum form form = kinds[kind].form;
    enum err e = read_numbers(spec, spec + name + 1, form, v, &n, why);
    if (e != OK)
        return e;
    struct fault *out = &f->fault[f->n++];
    *out = (struct fault){.kind = kind, .end_s = INFINITY};
    switch (form) {
    case PROBABILITY:
        out->p = v[0];
        break;
    case SPAN:
        out->at_s = v[0];
        out->end_s = v[0] + v[1];
        break;
    case STEP:
        out->at_s = v[0];
        out->amount = v[1];
        break;
    case FACTOR:
        out->at_s = v[0];
        out->amount = v[1];
        out->end_s = n == 3 ? v[0] + v[2] : INFINITY;
        break;
    case ANGLES:
        out->amount = v[0] * RAD_PER_DEGREE;
        out->amount2 = v[1] * RAD_PER_DEGREE;
        break;
    }
    return OK;
}

/* ---- one frame ----------------------------------------------------------------------------- */

/* Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014 (SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static bool happens(const struct fault *f, uint64_t random)
{
    return (double)(random >> 11) * 0x1p-53 < f->p;
}

static bool is_there(const struct fault *f, double t_s)
{
    return t_s >= f->at_s && t_s < f->end_s;
}

struct fault_verdict faults_frame(const struct faults *f, uint64_t seed, uint64_t frame, double t_s)
{
    struct fault_verdict v = {0};

    for (int i = 0; i < f->n; i++) {
        const struct fault *a = &f->fault[i];
        uint64_t random = mix(mix(mix(seed) ^ frame) ^ (uint64_t)(i + 1));

        if (!is_there(a, t_s))
            continue;
        if (a->kind == FAULT_STALL || (a->kind == FAULT_LOSS && happens(a, random)))
            v.lost = true;
        else if (a->kind == FAULT_FREEZE)
            v.frozen = true;
        else if (a->kind == FAULT_DUPLICATE)
            v.twice |= happens(a, random);
        else if (a->kind == FAULT_REORDER)
            v.late |= happens(a, random);
        else if (a->kind == FAULT_CORRUPT && happens(a, random))
            v.damage = mix(random) | 1;
        else if (a->kind == FAULT_CLOCK)
            v.shift_ns += llround(a->amount * 1e9);
    }
    return v;
}

/* ---- pixels -------------------------------------------------------------------------------- */

static void expose(struct image *rgb, double factor)
{
    uint8_t table[256];

    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)fmin(255, i * pow(factor, 1 / ENCODED_GAMMA) + 0.5);
    for (int y = 0; y < rgb->height; y++) {
        uint8_t *row = image_at(rgb, 0, y);

        for (int i = 0; i < 3 * rgb->width; i++)
            row[i] = table[row[i]];
    }
}

/* A leaf on the glass: dark, out of focus, over all but a strip on the right. */
static void cover(struct image *rgb)
{
    static const float leaf[3] = {34, 30, 24};
    const float edge = 0.88f * (float)rgb->width, soft = 0.06f * (float)rgb->width + 1;

    for (int y = 0; y < rgb->height; y++) {
        const float bend = 0.05f * (float)rgb->width * sinf(4 * (float)y / (float)rgb->height);

        for (int x = 0; x < rgb->width; x++) {
            float open = fminf(fmaxf(((float)x - edge - bend) / soft + 0.5f, 0), 1);
            uint8_t *at = image_at(rgb, x, y);

            for (int c = 0; c < 3; c++)
                at[c] = (uint8_t)(open * at[c] + (1 - open) * leaf[c] + 0.5f);
        }
    }
}

bool faults_lens(const struct faults *f, double t_s, struct image *rgb)
{
    bool changed = false;

    for (int i = 0; i < f->n; i++) {
        const struct fault *a = &f->fault[i];

        if (!is_there(a, t_s))
            continue;
        if (a->kind == FAULT_BRIGHTNESS)
            expose(rgb, a->amount);
        else if (a->kind == FAULT_BLOCKED)
            cover(rgb);
        else
            continue;
        changed = true;
    }
    return changed;
}

struct camera faults_camera(const struct faults *f, const struct camera *c)
{
    struct camera stated = *c;

    for (int i = 0; i < f->n; i++)
        if (f->fault[i].kind == FAULT_CALIBRATION) {
            stated.pitch_rad += (float)f->fault[i].amount;
            stated.yaw_rad += (float)f->fault[i].amount2;
        }
    return stated;
}

/* An encoded picture loses its signature and its end; of a raw one the rest becomes noise. */
size_t fault_damage(uint64_t damage, bool encoded, uint8_t *bytes, size_t size)
{
    size_t from = size / 4 + (size_t)(mix(damage) % (size / 2 + 1));

    if (encoded) {
        for (size_t i = 0; i < 16 && i < size; i++)
            bytes[i] = (uint8_t)mix(damage + i); /* not even the signature */
        return from > 0 ? from : size;
    }
    for (size_t i = from; i < size; i++)
        bytes[i] = (uint8_t)mix(damage + i);
    return size;
}
