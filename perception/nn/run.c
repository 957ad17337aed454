#include "perception/nn/net.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perception/base/arena.h"
#include "perception/nn/inspect.h"
#include "perception/nn/onnx.h"
#include "perception/nn/ops/ops.h"

enum { FOLD_BUDGET = 1 << 30 };

struct net {
    struct graph graph;
    struct arena arena;
    char id[17];
    struct net_facts facts;
};

/* FNV-1a by words of eight bytes, the last filled up with zeros; folded, so that every bit of a word
 * reaches the whole. */
static void make_id(const unsigned char *p, size_t n, char id[17])
{
    uint64_t h = 0xcbf29ce484222325u ^ n;

    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;

        memcpy(&word, p + i, n - i < 8 ? n - i : 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 32;
    }
    snprintf(id, 17, "%016" PRIx64, h);
}

/* From a read graph to one that runs. */
static enum err build(struct net *n, struct why *why)
{
    struct graph *g = &n->graph;
    enum err e = graph_build(g, &n->facts.macs, why);

    onnx_forget(g);
    if (e != OK)
        return e;
    if (arena_init(&n->arena, g->run_bytes) != OK)
        return err_say(why, ERR_NOMEM, "no memory for %zu bytes of tensors", g->run_bytes);
    graph_place(g, n->arena.memory);
    n->facts.parameters = g->parameters;
    n->facts.arena_bytes = g->run_bytes;
    return OK;
}

/* The same; *n is closed and NULL if it fails. */
static enum err net_build(struct net **n, struct why *why)
{
    enum err e = build(*n, why);

    if (e != OK) {
        net_close(*n);
        *n = NULL;
    }
    return e;
}

/* From bytes, needed no longer afterwards, to a graph as the file has it. */
static enum err net_read(const void *bytes, size_t size, const char *folder,
                         const struct net_options *opt, struct net **to, struct why *why)
{
    static const struct net_options plain = {.cpu_mask = ~0u};
    struct net *n = calloc(1, sizeof *n);
    struct graph *g = n ? &n->graph : NULL;
    enum err e;

    *to = NULL;
    if (!n)
        return err_say(why, ERR_NOMEM, "out of memory");
    if (!opt)
        opt = &plain;
    if (size > NET_MAX_FILE_BYTES) {
        e = err_say(why, ERR_LIMIT, "%zu bytes, limit %d", size, NET_MAX_FILE_BYTES);
        goto fail;
    }
    make_id(bytes, size, n->id);
    kernels_init(&g->kernels, opt->cpu_mask);
    g->pool = opt->pool;
    graph_limit(g, size, opt->memory_limit ? opt->memory_limit : NET_MAX_ARENA_BYTES);
    g->fold_budget = FOLD_BUDGET;
    if ((size_t)g->fold_budget > g->memory_limit)
        g->fold_budget = (int64_t)g->memory_limit;
    if ((e = onnx_read_model(g, bytes, size, folder, opt->fixed, opt->n_fixed, why)) != OK)
        goto fail;
    *to = n;
    return OK;
fail:
    net_close(n);
    return e;
}

enum err net_open_memory(const void *bytes, size_t n, const struct net_options *opt,
                         struct net **to, struct why *why)
{
    enum err e = net_read(bytes, n, NULL, opt, to, why);

    return *to ? net_build(to, why) : e;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Reading stops where the file does: one that is cut short meanwhile must not end us, as it would
 * if it were mapped. */
static enum err read_all(int fd, unsigned char *to, size_t n, struct why *why)
{
    while (n > 0) {
        ssize_t got = read(fd, to, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_say(why, ERR_IO, "%s", strerror(errno));
        if (got == 0)
            return err_say(why, ERR_IO, "became shorter while it was read");
        to += got;
        n -= (size_t)got;
    }
    return OK;
}

/* Pages of their own, which go back to the system as a whole once the model is read. */
static enum err read_fd(int fd, void **bytes, size_t n, struct why *why)
{
    enum err e;

    *bytes =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (*bytes == MAP_FAILED)
        return err_say(why, ERR_NOMEM, "no memory for %zu bytes", n);
    if ((e = read_all(fd, *bytes, n, why)) != OK)
        munmap(*bytes, n);
    return e;
}

static enum err read_file(const char *path, void **bytes, size_t *n, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    enum err e;

    if (fd < 0 || fstat(fd, &st)) {
        e = err_say(why, ERR_IO, "%s", strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        e = err_say(why, ERR_IO, "not a file");
    } else if (st.st_size == 0) {
        e = err_say(why, ERR_FORMAT, "the file is empty");
    } else if (st.st_size > NET_MAX_FILE_BYTES) {
        e = err_say(why, ERR_LIMIT, "%lld bytes, limit %d", (long long)st.st_size,
                    NET_MAX_FILE_BYTES);
    } else {
        *n = (size_t)st.st_size;
        e = read_fd(fd, bytes, *n, why);
    }
    if (fd >= 0)
        close(fd);
    return e;
}

enum err net_open(const char *path, const struct net_options *opt, struct net **to, struct why *why)
{
    void *bytes = NULL;
    size_t n = 0;
    char *folder;
    enum err e;

    *to = NULL;
    if ((e = read_file(path, &bytes, &n, why)) != OK)
        return err_prefix(why, e, "%.160s: ", path);
    folder = folder_of(path);
    e = folder ? net_read(bytes, n, folder, opt, to, why)
               : err_say(why, ERR_NOMEM, "out of memory");
    free(folder);
    munmap(bytes, n); /* before weights are packed and tensors laid out */
    if (*to)
        e = net_build(to, why);
    return e == OK ? OK : err_prefix(why, e, "%.160s: ", path);
}

void net_close(struct net *n)
{
    if (!n)
        return;
    graph_finish(&n->graph);
    arena_finish(&n->arena);
    free(n);
}

int net_inputs(const struct net *n)
{
    return n->graph.n_inputs;
}

int net_outputs(const struct net *n)
{
    return n->graph.n_outputs;
}

struct tensor *net_input(struct net *n, int i)
{
    return &n->graph.input[i]->t;
}

const struct tensor *net_output(const struct net *n, int i)
{
    return &n->graph.output[i]->t;
}

const char *net_metadata(const struct net *n, const char *key)
{
    for (int i = 0; i < n->graph.n_properties; i++)
        if (!strcmp(n->graph.property[i].key, key))
            return n->graph.property[i].value;
    return NULL;
}

const char *net_id(const struct net *n)
{
    return n->id;
}

const struct graph *net_graph(const struct net *n)
{
    return &n->graph;
}

const struct net_facts *net_facts(const struct net *n)
{
    return &n->facts;
}

enum err net_run_watched(struct net *n, void (*after)(void *arg, int i), void *arg, struct why *why)
{
    struct graph *g = &n->graph;
    struct run r = {.kernels = &g->kernels, .pool = g->pool, .why = why};
    enum err e;

    for (int i = 0; i < g->n_nodes; i++) {
        r.scratch = n->arena.memory + g->node[i]->scratch_place;
        if ((e = g->node[i]->op->run(g->node[i], &r)) != OK)
            return e;
        if (after)
            after(arg, i);
    }
    return OK;
}

enum err net_run(struct net *n, struct why *why)
{
    return net_run_watched(n, NULL, NULL, why);
}
