#include "daemon/settle.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every settle_*() returns a node of s->to, or 0 after saying why. */
static int settle_value(struct settling *s, const struct key *k, int node);

int settle_refuse(struct settling *s, const char *fmt, ...)
{
    int line = tree_line(s->from, s->node);
    struct why what;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what.text, sizeof what.text, fmt, ap);
    va_end(ap);
    if (line)
        err_say(s->why, ERR_FORMAT, "%s:%d: %s%s%s", s->name, line, s->path, *s->path ? ": " : "",
                what.text);
    else
        err_say(s->why, ERR_FORMAT, "%s: --set: %s: %s", s->name, s->path, what.text);
    return 0;
}

static const char *kind_name(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE     ? "one value"
           : n->type == YAML_SEQUENCE_NODE ? "a list"
                                           : "a mapping";
}

/* `networks:` with nothing behind it is as good as absent. */
static bool is_empty(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
           n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static int add_text(struct settling *s, const char *text, yaml_scalar_style_t style)
{
    return yaml_document_add_scalar(&s->to, NULL, (const yaml_char_t *)text, -1, style);
}

static int settle_number(struct settling *s, const struct key *k, bool whole, const char *text)
{
    char *end, plain[32];
    double v;

    if (k->fallback && !strcmp(text, k->fallback))
        return add_text(s, text, YAML_PLAIN_SCALAR_STYLE);
    v = strtod(text, &end);
    if (end == text || *end)
        return settle_refuse(s, "'%s' is not a number", text);
    if (!(v >= k->min))
        return settle_refuse(s, "%s is below %.10g", text, k->min);
    if (!(v <= k->max))
        return settle_refuse(s, "%s is above %.10g", text, k->max);
    if (whole && v != floor(v))
        return settle_refuse(s, "%s is not a whole number", text);
    snprintf(plain, sizeof plain, "%.9g", v);
    return add_text(s, plain, YAML_PLAIN_SCALAR_STYLE);
}

static int settle_choice(struct settling *s, const cyaml_schema_value_t *v, const char *text)
{
    char known[160] = "";

    for (uint32_t i = 0; i < v->enumeration.count; i++) {
        size_t n = strlen(known);

        if (!strcmp(text, v->enumeration.strings[i].str))
            return add_text(s, text, YAML_PLAIN_SCALAR_STYLE);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", v->enumeration.strings[i].str);
    }
    return settle_refuse(s, "'%s' is none of %s", text, known);
}

static int settle_text(struct settling *s, const cyaml_schema_value_t *v, const char *text,
                       size_t size)
{
    if (size < v->string.min)
        return settle_refuse(s, "is empty");
    if (size > v->string.max)
        return settle_refuse(s, "%zu bytes, at most %u", size, v->string.max);
    return add_text(s, text, size ? YAML_ANY_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static int settle_scalar(struct settling *s, const struct key *k, const cyaml_schema_value_t *v,
                         const yaml_node_t *n)
{
    const char *text = (const char *)n->data.scalar.value;

    if (n->type != YAML_SCALAR_NODE)
        return settle_refuse(s, "is %s, must be one value", kind_name(n));
    if (strlen(text) != n->data.scalar.length)
        return settle_refuse(s, "has a zero byte");
    switch (v->type) {
    case CYAML_INT:
        return settle_number(s, k, true, text);
    case CYAML_FLOAT:
        return settle_number(s, k, false, text);
    case CYAML_ENUM:
        return settle_choice(s, v, text);
    default:
        return settle_text(s, v, text, n->data.scalar.length);
    }
}

/* How far the written word is from the key meant: changes from one to the other (Levenshtein), and
 * next to nothing for a key that was cut short. */
static unsigned distance(const char *a, const char *b)
{
    enum { MAX = 31 };
    unsigned row[MAX + 1];
    size_t n = strlen(b);

    assert(n <= MAX);
    if (*a && !strncmp(a, b, strlen(a)))
        return 1;
    for (unsigned i = 0; i <= n; i++)
        row[i] = i;
    for (unsigned k = 1; *a; a++, k++) {
        unsigned diagonal = row[0];

        row[0] = k;
        for (size_t i = 1; i <= n; i++) {
            unsigned change = diagonal + (*a != b[i - 1]);

            diagonal = row[i];
            row[i] = change < row[i] + 1 ? change : row[i] + 1;
            row[i] = row[i] < row[i - 1] + 1 ? row[i] : row[i - 1] + 1;
        }
    }
    return row[n];
}

/* Every key that the user wrote is one of ours, and there once. */
static bool check_keys(struct settling *s, const struct key *known, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    unsigned seen = 0;

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(&s->from->document, p->key);
        const char *text = (const char *)key->data.scalar.value;
        const struct key *nearest = known, *k = known;

        s->node = p->key;
        if (key->type != YAML_SCALAR_NODE || key->data.scalar.length > 64)
            return settle_refuse(s, "a key must be one short word");
        for (; k->field.key && strcmp(k->field.key, text) != 0; k++)
            if (distance(text, k->field.key) < distance(text, nearest->field.key))
                nearest = k;
        if (!k->field.key)
            return settle_refuse(s, "unknown key '%s'; did you mean '%s'?", text,
                                 nearest->field.key);
        if (seen & 1u << (k - known))
            return settle_refuse(s, "key '%s' is there twice", text);
        seen |= 1u << (k - known);
    }
    return true;
}

/* The value behind a key in a mapping; 0: absent. */
static int value_of(struct settling *s, int mapping, const char *name)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, mapping);

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(&s->from->document, p->key);

        if (!strcmp((const char *)key->data.scalar.value, name))
            return is_empty(yaml_document_get_node(&s->from->document, p->value)) ? 0 : p->value;
    }
    return 0;
}

static int settle_mapping(struct settling *s, const struct key *known, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    size_t length = strlen(s->path);
    int out;

    s->node = node;
    if (n->type != YAML_MAPPING_NODE)
        return settle_refuse(s, "is %s, must be a mapping", kind_name(n));
    if (!check_keys(s, known, node))
        return 0;
    out = yaml_document_add_mapping(&s->to, NULL, YAML_BLOCK_MAPPING_STYLE);
    for (const struct key *k = known; k->field.key; k++) {
        int from = value_of(s, node, k->field.key), name, value;

        if (!from && (k->field.value.flags & CYAML_FLAG_OPTIONAL))
            continue;
        s->node = node;
        if (!from && !k->fallback)
            return settle_refuse(s, "key '%s' is missing", k->field.key);
        if (!from)
            from = tree_add(s->from, k->fallback);
        snprintf(s->path + length, sizeof s->path - length, "%s%s", length ? "." : "",
                 k->field.key);
        value = settle_value(s, k, from);
        s->path[length] = '\0';
        if (!value)
            return 0;
        name = add_text(s, k->field.key, YAML_PLAIN_SCALAR_STYLE);
        if (!name || !yaml_document_append_mapping_pair(&s->to, out, name, value))
            return settle_refuse(s, "no memory");
    }
    return out;
}

static int settle_list(struct settling *s, const struct key *k, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    const cyaml_schema_value_t *v = &k->field.value;
    size_t length = strlen(s->path), count;
    int out;

    if (n->type != YAML_SEQUENCE_NODE)
        return settle_refuse(s, "is %s, must be a list", kind_name(n));
    count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count < v->sequence.min)
        return settle_refuse(s, "%zu entries, at least %u", count, v->sequence.min);
    if (count > v->sequence.max)
        return settle_refuse(s, "%zu entries, at most %u", count, v->sequence.max);
    out = yaml_document_add_sequence(
        &s->to, NULL, k->inside ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE);
    for (size_t i = 0; i < count; i++) {
        int item, from;

        n = yaml_document_get_node(&s->from->document, node); /* defaults may have moved it */
        from = s->node = n->data.sequence.items.start[i];
        snprintf(s->path + length, sizeof s->path - length, "[%zu]", i);
        item = k->inside ? settle_mapping(s, k->inside, from)
                         : settle_scalar(s, k, v->sequence.entry,
                                         yaml_document_get_node(&s->from->document, from));
        s->path[length] = '\0';
        if (!item)
            return 0;
        if (!yaml_document_append_sequence_item(&s->to, out, item))
            return settle_refuse(s, "no memory");
    }
    return out;
}

static int settle_value(struct settling *s, const struct key *k, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);

    s->node = node;
    if (!n)
        return settle_refuse(s, "no memory");
    switch (k->field.value.type) {
    case CYAML_MAPPING:
        return settle_mapping(s, k->inside, node);
    case CYAML_SEQUENCE:
        return settle_list(s, k, node);
    default:
        return settle_scalar(s, k, &k->field.value, n);
    }
}

int settle(struct settling *s, const struct key *keys)
{
    s->path[0] = '\0';
    return settle_mapping(s, keys, 1);
}
