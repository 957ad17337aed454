#include "sim/calibration.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum kind { WHOLE, REAL, LENS, COEFFICIENTS };

static const struct key {
    const char *name;
    size_t place;
    enum kind kind;
    bool required;
} keys[] = {
    {"width", offsetof(struct camera, width), WHOLE, true},
    {"height", offsetof(struct camera, height), WHOLE, true},
    {"model", offsetof(struct camera, model), LENS, false},
    {"fx", offsetof(struct camera, fx), REAL, true},
    {"fy", offsetof(struct camera, fy), REAL, true},
    {"cx", offsetof(struct camera, cx), REAL, true},
    {"cy", offsetof(struct camera, cy), REAL, true},
    {"distortion", offsetof(struct camera, distortion), COEFFICIENTS, false},
    {"x_m", offsetof(struct camera, x_m), REAL, false},
    {"y_m", offsetof(struct camera, y_m), REAL, false},
    {"z_m", offsetof(struct camera, z_m), REAL, true},
    {"roll_rad", offsetof(struct camera, roll_rad), REAL, false},
    {"pitch_rad", offsetof(struct camera, pitch_rad), REAL, false},
    {"yaw_rad", offsetof(struct camera, yaw_rad), REAL, false},
    {"sigma_pitch_rad", offsetof(struct camera, sigma_pitch_rad), REAL, false},
    {"sigma_z_m", offsetof(struct camera, sigma_z_m), REAL, false},
};
enum { KEYS = sizeof keys / sizeof *keys };

struct reading {
    yaml_document_t *document;
    const char *name; /* of the file */
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

static bool read_number(const yaml_node_t *n, double *out)
{
    const char *s = text_of(n);
    char *end;

    *out = strtod(s, &end);
    return end != s && !*end && isfinite(*out) && fabs(*out) < 1e9;
}

static enum err read_coefficients(struct reading *r, const yaml_node_t *n, float *out)
{
    int count = 0;

    if (n->type != YAML_SEQUENCE_NODE)
        return refuse(r, n, "distortion", "no list");
    for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
         i++, count++) {
        const yaml_node_t *entry = yaml_document_get_node(r->document, *i);
        double v;

        if (count == CAMERA_DISTORTION)
            return err_say(r->why, ERR_LIMIT, "%s:%zu: distortion: more than %d numbers", r->name,
                           entry->start_mark.line + 1, CAMERA_DISTORTION);
        if (!read_number(entry, &v))
            return refuse(r, entry, "distortion", "no number");
        out[count] = (float)v;
    }
    return OK;
}

static enum err read_value(struct reading *r, const struct key *k, const yaml_node_t *n,
                           struct camera *c)
{
    void *place = (char *)c + k->place;
    double v = 0;

    if ((k->kind == WHOLE || k->kind == REAL) && !read_number(n, &v))
        return refuse(r, n, k->name, "no number");
    switch (k->kind) {
    case WHOLE:
        if (v != floor(v) || v < 1)
            return refuse(r, n, k->name, "no whole number above 0");
        *(int *)place = (int)v;
        return OK;
    case REAL:
        *(float *)place = (float)v;
        return OK;
    case LENS:
        if (strcmp(text_of(n), "pinhole") != 0 && strcmp(text_of(n), "fisheye") != 0)
            return refuse(r, n, k->name, "neither pinhole nor fisheye");
        c->model = strcmp(text_of(n), "pinhole") ? CAMERA_FISHEYE : CAMERA_PINHOLE;
        return OK;
    case COEFFICIENTS:
        return read_coefficients(r, n, place);
    }
    return OK;
}

static enum err read_camera(struct reading *r, struct camera *c)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->document);
    bool seen[KEYS] = {false};

    if (!root || root->type != YAML_MAPPING_NODE)
        return err_say(r->why, ERR_FORMAT, "%s: no 'key: value' lines", r->name);
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(r->document, p->key);
        int k = 0;

        while (k < KEYS && strcmp(keys[k].name, text_of(key)) != 0)
            k++;
        if (k == KEYS)
            return refuse(r, key, "calibration", "no key of it");
        enum err e = read_value(r, &keys[k], yaml_document_get_node(r->document, p->value), c);
        if (e != OK)
            return e;
        seen[k] = true;
    }
    for (int k = 0; k < KEYS; k++)
        if (keys[k].required && !seen[k])
            return err_say(r->why, ERR_FORMAT, "%s: %s is missing", r->name, keys[k].name);
    return OK;
}

enum err calibration_parse(const char *text, size_t size, const char *name, struct camera *out,
                           struct why *why)
{
    struct camera c = {.model = CAMERA_PINHOLE};
    yaml_parser_t parser;
    yaml_document_t document;
    enum err e;

    if (!yaml_parser_initialize(&parser))
        return err_say(why, ERR_NOMEM, "%s: no memory for the parser", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document)) {
        e = err_say(why, ERR_FORMAT, "%s:%zu: %s", name, parser.problem_mark.line + 1,
                    parser.problem ? parser.problem : "no YAML");
        yaml_parser_delete(&parser);
        return e;
    }
    e = read_camera(&(struct reading){&document, name, why}, &c);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    if (e != OK)
        return e;
    if ((e = camera_check(&c, why)) != OK)
        return err_prefix(why, e, "%s: ", name);
    *out = c;
    return OK;
}
