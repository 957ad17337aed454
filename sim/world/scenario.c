#include "sim/world/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sim/world/plan.h"

enum { FILE_LIMIT = 1 << 20 };

struct number_key {
    const char *section, *key; /* section NULL: at the top */
    double min, max;
};
static const struct number_key numbers[PLAN_NUMBERS] = {
    [PLAN_DURATION] = {NULL, "duration", 1, 3600},
    [PLAN_LANES] = {NULL, "lanes", 1, 4},
    [PLAN_LANE] = {NULL, "lane", 0, 3},
    [PLAN_LANE_WIDTH] = {NULL, "lane_width", 2.5, 5},
    [PLAN_SPEED] = {NULL, "speed", 0, 60},
    [PLAN_LIMIT] = {NULL, "limit", 2, 60},
    [PLAN_CURVES] = {NULL, "curves", 0, 1},
    [PLAN_RADIUS] = {NULL, "radius", 30, 20000},
    [PLAN_GRADE] = {NULL, "grade", 0, 0.15},
    [PLAN_MEDIAN] = {NULL, "median", 1, 30},
    [PLAN_JUNCTIONS] = {NULL, "junctions", 0, 1},
    [PLAN_RAMPS] = {NULL, "ramps", 0, 1},
    [PLAN_TREES] = {NULL, "trees", 0, 1},
    [PLAN_BUILDINGS] = {NULL, "buildings", 0, 1},
    [PLAN_TRAFFIC_DENSITY] = {"traffic", "density", 0, 120},
    [PLAN_TRAFFIC_ONCOMING] = {"traffic", "oncoming", 0, 120},
    [PLAN_TRAFFIC_SPEED] = {"traffic", "speed", 0.02, 1.5},
    [PLAN_TRAFFIC_TRUCKS] = {"traffic", "trucks", 0, 1},
    [PLAN_TRAFFIC_PEDESTRIANS] = {"traffic", "pedestrians", 0, 200},
    [PLAN_TRAFFIC_CYCLISTS] = {"traffic", "cyclists", 0, 50},
    [PLAN_TRAFFIC_PARKED] = {"traffic", "parked", 0, 1},
    [PLAN_TRAFFIC_CHANGES] = {"traffic", "changes", 0, 1},
    [PLAN_MARKINGS_WEAR] = {"markings", "wear", 0, 1},
    [PLAN_MARKINGS_WIDTH] = {"markings", "width", 0.05, 0.5},
    [PLAN_MARKINGS_MISSING] = {"markings", "missing", 0, 1},
    [PLAN_WEATHER_SUN_ELEVATION] = {"weather", "sun_elevation", -90, 90},
    [PLAN_WEATHER_SUN_AZIMUTH] = {"weather", "sun_azimuth", -360, 360},
    [PLAN_WEATHER_CLOUD] = {"weather", "cloud", 0, 1},
    [PLAN_WEATHER_RAIN] = {"weather", "rain", 0, 1},
    [PLAN_WEATHER_WETNESS] = {"weather", "wetness", 0, 1},
    [PLAN_WEATHER_FOG] = {"weather", "fog", 0, 0.5},
    [PLAN_WEATHER_DIRT] = {"weather", "dirt", 0, 1},
    [PLAN_TUNNEL_AT] = {"tunnel", "at", 0, 100000},
    [PLAN_TUNNEL_LENGTH] = {"tunnel", "length", -10000, 10000},
    [PLAN_CONSTRUCTION_AT] = {"construction", "at", 0, 100000},
    [PLAN_CONSTRUCTION_LENGTH] = {"construction", "length", -10000, 10000},
};

struct choice_key {
    const char *section, *key;
    const char *word[12];
};
static const struct choice_key choices[PLAN_CHOICES] = {
    [PLAN_STYLE] = {NULL, "style", {"urban", "rural", "motorway"}},
    [PLAN_COLOUR] = {"markings", "colour", {"white", "yellow"}},
    [PLAN_LINES] = {"markings", "lines", {"dashed", "botts_dots"}},
    [PLAN_CENTRE] = {"markings", "centre", {"dashed", "solid", "double", "mixed", "none"}},
    [PLAN_EDGES] = {"markings", "edges", {"solid", "none"}},
};

static const struct number_key script_numbers[SCRIPT_NUMBERS] = {
    [SCRIPT_LANE] = {NULL, "lane", -3, 3},      [SCRIPT_GAP] = {NULL, "gap", -240, 400},
    [SCRIPT_SPEED] = {NULL, "speed", 0, 60},    [SCRIPT_RATE] = {NULL, "rate", 0.1, 10},
    [SCRIPT_TO] = {NULL, "to", 0, 60},          [SCRIPT_HOLD] = {NULL, "hold", 0, 600},
    [SCRIPT_TIME] = {NULL, "time", 0.5, 20},    [SCRIPT_BY] = {NULL, "by", -3, 3},
    [SCRIPT_SIDE] = {NULL, "side", -1, 1},      [SCRIPT_AT_T] = {"at", "t", 0, 3600},
    [SCRIPT_AT_GAP] = {"at", "gap", -240, 400},
};
static const struct choice_key script_choices[SCRIPT_CHOICES] = {
    [SCRIPT_KIND] = {NULL,
                     "kind",
                     {"car", "van", "truck", "bus", "motorcycle", "cyclist", "pedestrian", "ego"}},
    [SCRIPT_WAY] = {NULL, "way", {"same", "oncoming"}},
    [SCRIPT_DO] = {NULL,
                   "do",
                   {"keep", "cut_in", "brake", "stop_and_go", "lane_change", "overtake", "cross"}},
};

/* Where the values of one mapping go: a scenario's own or those of one of its actors. */
struct target {
    const struct number_key *numbers;
    int n_numbers;
    struct range *number;
    const struct choice_key *choices;
    int n_choices;
    uint32_t *choice;
};

struct reading {
    yaml_document_t *document;
    const char *name; /* of the file */
    struct scenario *out;
    struct why *why;
};

static const char *text_of(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "(not one value)";
}

static enum err refuse(struct reading *r, const yaml_node_t *at, const char *key, const char *what)
{
    return err_say(r->why, ERR_FORMAT, "%s:%zu: %s: '%s' is %s", r->name, at->start_mark.line + 1,
                   key, text_of(at), what);
}

static enum err read_number(struct reading *r, const yaml_node_t *n, const struct number_key *k,
                            double *out)
{
    const char *s = text_of(n);
    char *end;

    *out = strtod(s, &end);
    if (end == s || *end || !isfinite(*out))
        return refuse(r, n, k->key, "no number");
    if (*out < k->min || *out > k->max)
        return err_say(r->why, ERR_LIMIT, "%s:%zu: %s: %g is not within %g and %g", r->name,
                       n->start_mark.line + 1, k->key, *out, k->min, k->max);
    return OK;
}

static int entries(const yaml_node_t *n)
{
    return (int)(n->data.sequence.items.top - n->data.sequence.items.start);
}
static const yaml_node_t *entry(struct reading *r, const yaml_node_t *n, int i)
{
    return yaml_document_get_node(r->document, n->data.sequence.items.start[i]);
}

static enum err read_range(struct reading *r, const yaml_node_t *n, const struct number_key *k,
                           struct range *out)
{
    enum err e;

    if (n->type == YAML_SEQUENCE_NODE && entries(n) == 2) {
        if ((e = read_number(r, entry(r, n, 0), k, &out->low)) != OK ||
            (e = read_number(r, entry(r, n, 1), k, &out->high)) != OK)
            return e;
        if (out->low > out->high)
            return refuse(r, n, k->key, "a range whose first number is the larger one");
        return OK;
    }
    if (n->type != YAML_SCALAR_NODE)
        return refuse(r, n, k->key, "neither a number nor [low, high]");
    if ((e = read_number(r, n, k, &out->low)) != OK)
        return e;
    out->high = out->low;
    return OK;
}

static enum err read_word(struct reading *r, const yaml_node_t *n, const struct choice_key *k,
                          uint32_t *out)
{
    for (int i = 0; k->word[i]; i++)
        if (strcmp(k->word[i], text_of(n)) == 0) {
            *out |= 1u << i;
            return OK;
        }
    return refuse(r, n, k->key, "none of its words");
}

static enum err read_choice(struct reading *r, const yaml_node_t *n, const struct choice_key *k,
                            uint32_t *out)
{
    enum err e;

    *out = 0;
    if (n->type != YAML_SEQUENCE_NODE)
        return read_word(r, n, k, out);
    if (!entries(n))
        return refuse(r, n, k->key, "an empty list");
    for (int i = 0; i < entries(n); i++)
        if ((e = read_word(r, entry(r, n, i), k, out)) != OK)
            return e;
    return OK;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether there are keys in such a section at all. */
static bool is_section(const struct target *t, const char *name)
{
    for (int i = 0; i < t->n_numbers; i++)
        if (same(t->numbers[i].section, name))
            return true;
    return false;
}

static enum err read_value(struct reading *r, const struct target *t, const char *section,
                           const yaml_node_t *key, const yaml_node_t *value)
{
    for (int i = 0; i < t->n_numbers; i++)
        if (same(t->numbers[i].section, section) && same(t->numbers[i].key, text_of(key)))
            return read_range(r, value, &t->numbers[i], &t->number[i]);
    for (int i = 0; i < t->n_choices; i++)
        if (same(t->choices[i].section, section) && same(t->choices[i].key, text_of(key)))
            return read_choice(r, value, &t->choices[i], &t->choice[i]);
    return refuse(r, key, section ? section : "scenario", "no key of it");
}

static enum err read_actors(struct reading *r, const yaml_node_t *n);

static enum err read_mapping(struct reading *r, const struct target *t, const char *section,
                             const yaml_node_t *n)
{
    if (n->type != YAML_MAPPING_NODE)
        return refuse(r, n, section ? section : "scenario", "no 'key: value' pairs");
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(r->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(r->document, p->value);
        bool top = !section && t->number == r->out->number;
        enum err e;

        if (top && same(text_of(key), "about")) {
            snprintf(r->out->about, sizeof r->out->about, "%s", text_of(value));
            e = OK;
        } else if (top && same(text_of(key), "actors")) {
            e = read_actors(r, value);
        } else if (!section && is_section(t, text_of(key))) {
            e = read_mapping(r, t, text_of(key), value);
        } else {
            e = read_value(r, t, section, key, value);
        }
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err read_actors(struct reading *r, const yaml_node_t *n)
{
    enum err e;

    if (n->type != YAML_SEQUENCE_NODE)
        return refuse(r, n, "actors", "no list");
    for (int i = 0; i < entries(n); i++) {
        struct scenario_script *s = &r->out->script[r->out->n_scripts];

        if (r->out->n_scripts == PLAN_MAX_SCRIPTS)
            return err_say(r->why, ERR_LIMIT, "%s:%zu: actors: more than %d", r->name,
                           entry(r, n, i)->start_mark.line + 1, PLAN_MAX_SCRIPTS);
        for (int k = 0; k < SCRIPT_NUMBERS; k++)
            s->number[k] = (struct range){NAN, NAN};
        s->number[SCRIPT_LANE] = (struct range){0, 0};
        r->out->n_scripts++;
        struct target t = {script_numbers, SCRIPT_NUMBERS, s->number,
                           script_choices, SCRIPT_CHOICES, s->choice};
        if ((e = read_mapping(r, &t, NULL, entry(r, n, i))) != OK)
            return e;
    }
    return OK;
}

static enum err read_document(struct reading *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->document);
    struct target t = {numbers, PLAN_NUMBERS, r->out->number,
                       choices, PLAN_CHOICES, r->out->choice};

    if (!root || root->type != YAML_MAPPING_NODE)
        return err_say(r->why, ERR_FORMAT, "%s: no 'key: value' lines", r->name);
    for (int i = 0; i < PLAN_NUMBERS; i++)
        r->out->number[i] = (struct range){NAN, NAN};
    return read_mapping(r, &t, NULL, root);
}

/* "sim/scenarios/cut_in.yaml" -> "cut_in" */
static void set_name(struct scenario *s, const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(base, '.');
    int n = dot ? (int)(dot - base) : (int)strlen(base);

    snprintf(s->name, sizeof s->name, "%.*s", n, base);
}

enum err scenario_parse(const char *text, size_t size, const char *name, struct scenario **out,
                        struct why *why)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct scenario *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s || !yaml_parser_initialize(&parser)) {
        free(s);
        return err_say(why, ERR_NOMEM, "%s: no memory for the parser", name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document)) {
        e = err_say(why, ERR_FORMAT, "%s:%zu: %s", name, parser.problem_mark.line + 1,
                    parser.problem ? parser.problem : "no YAML");
    } else {
        e = read_document(&(struct reading){&document, name, s, why});
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    if (e != OK) {
        free(s);
        return e;
    }
    set_name(s, name);
    *out = s;
    return OK;
}

static enum err open_file(const char *path, struct scenario **out, struct why *why)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? malloc(FILE_LIMIT) : NULL;
    enum err e;

    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!text) {
        fclose(f);
        return err_say(why, ERR_NOMEM, "%s: no memory to read it", path);
    }
    size_t size = fread(text, 1, FILE_LIMIT, f);
    if (ferror(f))
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    else if (size == FILE_LIMIT)
        e = err_say(why, ERR_LIMIT, "%s: larger than %d bytes", path, FILE_LIMIT - 1);
    else
        e = scenario_parse(text, size, path, out, why);
    fclose(f);
    free(text);
    return e;
}

enum err scenario_open(const char *name, struct scenario **out, struct why *why)
{
    size_t n = strlen(name);

    *out = NULL;
    if (strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0))
        return open_file(name, out, why);
    for (const struct scenario_file *f = scenario_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return scenario_parse(f->text, strlen(f->text), name, out, why);
    return err_say(why, ERR_IO, "%s: no scenario of that name, and no path of a .yaml file", name);
}

void scenario_close(struct scenario *s)
{
    free(s);
}

const char *scenario_name(const struct scenario *s)
{
    return s->name;
}

const char *scenario_about(const struct scenario *s)
{
    return s->about;
}

double scenario_duration(const struct scenario *s)
{
    return isnan(s->number[PLAN_DURATION].high) ? 60 : s->number[PLAN_DURATION].high;
}

const char *scenario_builtin(int i)
{
    for (int k = 0; k <= i; k++)
        if (!scenario_files[k].name)
            return NULL;
    return i < 0 ? NULL : scenario_files[i].name;
}
