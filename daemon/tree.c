#include "daemon/tree.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

#define PLAIN YAML_PLAIN_SCALAR_STYLE

/* ---- text -> tree -------------------------------------------------------------------------- */

static enum err parse(yaml_document_t *d, const char *text, size_t size, const char *name,
                      struct why *why)
{
    yaml_parser_t p;
    enum err e = OK;

    if (!yaml_parser_initialize(&p))
        return err_say(why, ERR_NOMEM, "%s: no memory", name);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, size);
    if (!yaml_parser_load(&p, d)) {
        /* While it scans, the place of the trouble is in problem_mark; bad bytes have an offset. */
        if (p.error == YAML_READER_ERROR)
            e = err_say(why, ERR_FORMAT, "%s: byte %zu: %s", name, p.problem_offset, p.problem);
        else
            e = err_say(why, ERR_FORMAT, "%s:%zu: %s", name, p.problem_mark.line + 1,
                        p.problem ? p.problem : "is no YAML");
    }
    yaml_parser_delete(&p);
    return e;
}

enum err tree_parse(struct tree *t, const char *text, size_t size, const char *name,
                    struct why *why)
{
    enum err e;

    if (size > TREE_MAX_BYTES)
        return err_say(why, ERR_LIMIT, "%s: %zu bytes, at most %d", name, size, TREE_MAX_BYTES);
    if ((e = parse(&t->document, text, size, name, why)) != OK)
        return e;
    if (!yaml_document_get_root_node(&t->document) &&
        !yaml_document_add_mapping(&t->document, NULL, YAML_BLOCK_MAPPING_STYLE)) {
        tree_finish(t);
        return err_say(why, ERR_NOMEM, "%s: no memory", name);
    }
    t->n_read = (int)(t->document.nodes.top - t->document.nodes.start);
    return OK;
}

void tree_finish(struct tree *t)
{
    yaml_document_delete(&t->document);
}

int tree_line(struct tree *t, int node)
{
    yaml_node_t *n = yaml_document_get_node(&t->document, node);

    return n && node <= t->n_read ? (int)n->start_mark.line + 1 : 0;
}

/* ---- nodes of one document into another ---------------------------------------------------- */

static int copy(yaml_document_t *to, yaml_document_t *from, int node, int depth);

static int copy_sequence(yaml_document_t *to, yaml_document_t *from, yaml_node_t *n, int depth)
{
    int id = yaml_document_add_sequence(to, NULL, YAML_FLOW_SEQUENCE_STYLE);

    for (yaml_node_item_t *i = n->data.sequence.items.start; id && i < n->data.sequence.items.top;
         i++) {
        int item = copy(to, from, *i, depth);

        if (!item || !yaml_document_append_sequence_item(to, id, item))
            return 0;
    }
    return id;
}

static int copy_mapping(yaml_document_t *to, yaml_document_t *from, yaml_node_t *n, int depth)
{
    int id = yaml_document_add_mapping(to, NULL, YAML_BLOCK_MAPPING_STYLE);

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; id && p < n->data.mapping.pairs.top;
         p++) {
        int key = copy(to, from, p->key, depth), value = copy(to, from, p->value, depth);

        if (!key || !value || !yaml_document_append_mapping_pair(to, id, key, value))
            return 0;
    }
    return id;
}

/* 0: too deep, which a cycle of aliases is too, or no memory. */
static int copy(yaml_document_t *to, yaml_document_t *from, int node, int depth)
{
    yaml_node_t *n = yaml_document_get_node(from, node);

    if (!n || depth == MAX_DEPTH)
        return 0;
    switch (n->type) {
    case YAML_SCALAR_NODE:
        return yaml_document_add_scalar(to, NULL, n->data.scalar.value, (int)n->data.scalar.length,
                                        n->data.scalar.style);
    case YAML_SEQUENCE_NODE:
        return copy_sequence(to, from, n, depth + 1);
    case YAML_MAPPING_NODE:
        return copy_mapping(to, from, n, depth + 1);
    default:
        return 0;
    }
}

int tree_add(struct tree *t, const char *text)
{
    yaml_document_t d;
    int node = 0;

    if (parse(&d, text, strlen(text), "", NULL) != OK)
        return 0;
    if (yaml_document_get_root_node(&d))
        node = copy(&t->document, &d, 1, 0);
    else
        node = yaml_document_add_scalar(&t->document, NULL, (const yaml_char_t *)"", 0, PLAIN);
    yaml_document_delete(&d);
    return node;
}

/* ---- paths --------------------------------------------------------------------------------- */

/* The first step of "cameras.0.rate_hz": its length. */
static size_t step_length(const char *path)
{
    return strcspn(path, ".");
}

static bool is_index(const char *step, size_t n, int *index)
{
    *index = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)step[i]) || i > 5)
            return false;
        *index = *index * 10 + (step[i] - '0');
    }
    return n > 0;
}

/* Where a step leads from a node: the place that holds the number of the next node. */
static int *follow(struct tree *t, int node, const char *step, size_t n)
{
    yaml_node_t *from = yaml_document_get_node(&t->document, node);
    int index;

    if (!from)
        return NULL;
    if (from->type == YAML_SEQUENCE_NODE) {
        yaml_node_item_t *item = from->data.sequence.items.start;

        if (!is_index(step, n, &index) || index >= from->data.sequence.items.top - item)
            return NULL;
        return item + index;
    }
    if (from->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = from->data.mapping.pairs.start; p < from->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(&t->document, p->key);

        if (key->type == YAML_SCALAR_NODE && key->data.scalar.length == n &&
            !memcmp(key->data.scalar.value, step, n))
            return &p->value;
    }
    return NULL;
}

int tree_find(struct tree *t, const char *path)
{
    int node = 1;

    for (;;) {
        size_t n = step_length(path);
        int *next = follow(t, node, path, n);

        if (!next)
            return 0;
        node = *next;
        if (path[n] == '\0')
            return node;
        path += n + 1;
    }
}

/* Put node behind a step that led nowhere yet. */
static bool attach(struct tree *t, int to, const char *step, size_t n, int node)
{
    yaml_document_t *d = &t->document;
    yaml_node_t *at = yaml_document_get_node(d, to);
    int index, key;

    if (at->type == YAML_SEQUENCE_NODE)
        return is_index(step, n, &index) &&
               index == at->data.sequence.items.top - at->data.sequence.items.start &&
               yaml_document_append_sequence_item(d, to, node);
    if (at->type != YAML_MAPPING_NODE || n == 0)
        return false;
    key = yaml_document_add_scalar(d, NULL, (const yaml_char_t *)step, (int)n, PLAIN);
    return key && yaml_document_append_mapping_pair(d, to, key, node);
}

/* An empty list or mapping, whichever the next step can be taken in. */
static int add_container(struct tree *t, const char *next_step)
{
    int index;

    return is_index(next_step, step_length(next_step), &index)
               ? yaml_document_add_sequence(&t->document, NULL, YAML_BLOCK_SEQUENCE_STYLE)
               : yaml_document_add_mapping(&t->document, NULL, YAML_BLOCK_MAPPING_STYLE);
}

enum err tree_set(struct tree *t, const char *assignment, struct why *why)
{
    const char *equals = strchr(assignment, '=');
    char path[256];
    int node = 1, value;

    if (!equals || equals == assignment)
        return err_say(why, ERR_FORMAT, "--set %s: must be key=value", assignment);
    if ((size_t)(equals - assignment) >= sizeof path)
        return err_say(why, ERR_LIMIT, "--set: key of %td bytes, at most %zu", equals - assignment,
                       sizeof path - 1);
    snprintf(path, sizeof path, "%.*s", (int)(equals - assignment), assignment);
    value = tree_add(t, equals + 1);
    if (!value)
        return err_say(why, ERR_FORMAT, "--set %s: '%s' is no YAML value", path, equals + 1);
    for (const char *s = path;; s += step_length(s) + 1) {
        size_t n = step_length(s);
        bool end = s[n] == '\0';
        int *next = follow(t, node, s, n);

        if (next && end) {
            *next = value;
        } else if (!next) {
            int made = end ? value : add_container(t, s + n + 1);

            if (!made || !attach(t, node, s, n, made))
                return err_say(why, ERR_FORMAT, "--set %s: there is no place '%.*s'", path,
                               (int)(s + n - path), path);
            node = made;
        } else {
            node = *next;
        }
        if (end)
            return OK;
    }
}

/* ---- tree -> text -------------------------------------------------------------------------- */

static int append(void *arg, unsigned char *bytes, size_t n)
{
    return fwrite(bytes, 1, n, arg) == n;
}

enum err tree_text(yaml_document_t *d, char **text, size_t *size)
{
    yaml_emitter_t e;
    FILE *f;
    bool ok;

    *text = NULL;
    if (!yaml_emitter_initialize(&e)) {
        yaml_document_delete(d);
        return ERR_NOMEM;
    }
    f = open_memstream(text, size);
    if (!f) {
        yaml_emitter_delete(&e);
        yaml_document_delete(d);
        return ERR_NOMEM;
    }
    yaml_emitter_set_output(&e, append, f);
    yaml_emitter_set_width(&e, 100);
    yaml_emitter_set_unicode(&e, 1);
    ok = yaml_emitter_open(&e) && yaml_emitter_dump(&e, d) && yaml_emitter_close(&e);
    yaml_emitter_delete(&e);
    if (fclose(f) != 0)
        ok = false;
    if (!ok) {
        free(*text);
        *text = NULL;
    }
    return ok ? OK : ERR_NOMEM;
}
