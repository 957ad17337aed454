/* Running a network asks for no memory: every allocator is counted while it runs. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "perception/nn/net.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED 0 /* the sanitizer's allocator is in our place */
#else
#define COUNTED 1
#endif

static atomic_int calls;
static atomic_bool counting;

#if COUNTED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

static void note(void)
{
    if (atomic_load(&counting))
        atomic_fetch_add(&calls, 1);
}

void *malloc(size_t n)
{
    note();
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    note();
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    note();
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    note();
    return __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    note();
    *p = __libc_memalign(align, n);
    return *p ? 0 : 12;
}

void free(void *p)
{
    note();
    __libc_free(p);
}
#endif

Test(noalloc_net, the_count_works)
{
    if (!COUNTED)
        cr_skip_test("a sanitizer has the allocator");
    atomic_store(&counting, true);
    free(malloc(1));
    atomic_store(&counting, false);
    cr_assert_geq(atomic_load(&calls), 2);
}

static void check_model(const char *folder, const char *name, struct pool *pool)
{
    struct net_options opt = {.cpu_mask = ~0u, .pool = pool};
    char path[4096];
    struct net *net;
    struct why why;

    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    cr_assert_eq(net_open(path, &opt, &net, &why), OK, "%s", why.text);
    atomic_store(&calls, 0);
    atomic_store(&counting, true);
    for (int i = 0; i < 3; i++)
        if (net_run(net, &why) != OK)
            abort();
    atomic_store(&counting, false);
    cr_expect_eq(atomic_load(&calls), 0, "%s: %d calls", name, atomic_load(&calls));
    net_close(net);
}

Test(noalloc_net, models_run_without_memory, .timeout = 60)
{
    static const char *const names[] = {"fastestdet", "lstr", "vehicle-detection-adas-0002",
                                        "yolox_nano", "twinlitenet_int8_qdq"};
    const char *shared = getenv("OUTRIDER_SHARED");
    struct pool *pool;
    char folder[2048];

    if (!COUNTED)
        cr_skip_test("a sanitizer has the allocator");
    snprintf(folder, sizeof folder, "%s/models", shared ? shared : "../shared");
    if (access(folder, R_OK) != 0)
        cr_skip_test("no models in %s", folder);
    cr_assert_eq(pool_open(2, &pool), OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_model(folder, names[i], pool);
    pool_close(pool);
}

Test(noalloc_net, graphs_in_graphs_run_without_memory)
{
    static const char *const names[] = {"test_if", "test_scan9_sum", "test_einsum_batch_matmul",
                                        "test_dft", "test_det_nd"};
    const char *folder = "/usr/share/libonnx-testdata/data/node";

    if (!COUNTED)
        cr_skip_test("a sanitizer has the allocator");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_model(folder, names[i], NULL);
}
