#include "perception/nn/onnx_scope.h"

#include <string.h>

/* The start of the hash is an address, other in every process: nobody can choose names beforehand
 * that all fall into one place. */
static size_t place_of(const struct names *m, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uintptr_t)m->slot;

    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    h ^= h >> 32;
    while (m->slot[h & m->mask] && strcmp(m->name[h & m->mask], name) != 0)
        h++;
    return h & m->mask;
}

enum err scope_init(struct scope *s, struct region *region, const Onnx__GraphProto *p, size_t more)
{
    size_t n = p->n_input + p->n_initializer + more, room = 16;

    for (size_t i = 0; i < p->n_node; i++)
        n += p->node[i]->n_output;
    while (room < 2 * n)
        room *= 2;
    s->names.mask = room - 1;
    s->names.slot = region_take(region, room * sizeof *s->names.slot);
    s->names.name = region_take(region, room * sizeof *s->names.name);
    return s->names.slot && s->names.name ? OK : ERR_NOMEM;
}

enum err scope_define(struct scope *s, const char *name, struct value *v)
{
    size_t at = place_of(&s->names, name);

    if (s->names.slot[at])
        return ERR_FORMAT;
    s->names.slot[at] = v;
    s->names.name[at] = name;
    return OK;
}

struct value *scope_find_here(const struct scope *s, const char *name)
{
    return s->names.slot[place_of(&s->names, name)];
}

struct value *scope_find(const struct scope *s, const char *name)
{
    struct value *v = NULL;

    for (; s && !v; s = s->up)
        v = scope_find_here(s, name);
    return v;
}

/* ---- captures ------------------------------------------------------------------------------ */
struct capture {
    struct body *b;
    struct value **in;
};

/* Every name that p reads, or the graphs in it, as many times as it is read. */
static size_t count_reads(const Onnx__GraphProto *p)
{
    size_t n = p->n_output;

    for (size_t i = 0; i < p->n_node; i++) {
        n += p->node[i]->n_input;
        for (size_t j = 0; j < p->node[i]->n_attribute; j++)
            if (p->node[i]->attribute[j]->g)
                n += count_reads(p->node[i]->attribute[j]->g);
    }
    return n;
}

/* What is known outside is taken along, once; if the graph makes something of that name by itself,
 * it will find that first. */
static void capture_name(struct capture *c, const char *name)
{
    struct value *v = name && *name ? scope_find(c->b->scope, name) : NULL;

    if (!v || v->notes == c->b)
        return;
    v->notes = c->b;
    c->in[c->b->first + c->b->n_captured] = v;
    c->b->captured[c->b->n_captured++] = name;
    v->uses++;
}

static void capture_reads(struct capture *c, const Onnx__GraphProto *p)
{
    for (size_t i = 0; i < p->n_output; i++)
        capture_name(c, p->output[i]->name);
    for (size_t i = 0; i < p->n_node; i++) {
        for (size_t j = 0; j < p->node[i]->n_input; j++)
            capture_name(c, p->node[i]->input[j]);
        for (size_t j = 0; j < p->node[i]->n_attribute; j++)
            if (p->node[i]->attribute[j]->g)
                capture_reads(c, p->node[i]->attribute[j]->g);
    }
}

enum err body_capture(struct body *b, struct region *region, struct value ***in, int *n_in)
{
    const size_t most = count_reads(b->p);
    struct capture c = {b, region_take(region, ((size_t)*n_in + most + 1) * sizeof *c.in)};

    b->captured = region_take(region, (most + 1) * sizeof *b->captured);
    if (!c.in || !b->captured)
        return ERR_NOMEM;
    memcpy(c.in, *in, (size_t)*n_in * sizeof *c.in);
    b->first = *n_in;
    capture_reads(&c, b->p);
    for (int i = 0; i < b->n_captured; i++)
        c.in[b->first + i]->notes = NULL;
    *in = c.in;
    *n_in += b->n_captured;
    return OK;
}
