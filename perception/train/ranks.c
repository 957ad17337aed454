/* Sums in the order of ranks, whatever the network does: each process gets everybody's numbers for its
 * share of the places, adds them up from rank 0 on, and sends the sums back to all. */
#include "perception/train/ranks.h"

#ifdef OUTRIDER_MPI
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 18 }; /* floats of a share at a time */

struct ranks {
    int n;
    float *in, *all; /* (n, BLOCK) each */
};

/* One failing rank must not leave the others waiting. */
static void sure(int result)
{
    if (result != MPI_SUCCESS)
        MPI_Abort(MPI_COMM_WORLD, 1);
}

/* x (n, share), in place. */
static void sum_block(const struct ranks *r, float *x, int share)
{
    sure(MPI_Alltoall(x, share, MPI_FLOAT, r->all, share, MPI_FLOAT, MPI_COMM_WORLD));
    for (int k = 1; k < r->n; k++)
        for (int i = 0; i < share; i++)
            r->all[i] += r->all[(size_t)k * (size_t)share + (size_t)i];
    sure(MPI_Allgather(r->all, share, MPI_FLOAT, x, share, MPI_FLOAT, MPI_COMM_WORLD));
}

static void sum(void *state, float *x, size_t n)
{
    const struct ranks *r = state;
    size_t most = (size_t)r->n * BLOCK;

    for (size_t at = 0; at < n; at += most) {
        size_t part = n - at < most ? n - at : most;
        size_t share = (part + (size_t)r->n - 1) / (size_t)r->n;

        memset(r->in, 0, share * (size_t)r->n * sizeof *r->in);
        memcpy(r->in, x + at, part * sizeof *x);
        sum_block(r, r->in, (int)share);
        memcpy(x + at, r->in, part * sizeof *x);
    }
}

/* Few numbers: everybody gets all of them. */
static void sum_doubles(void *state, double *x, int n)
{
    const struct ranks *r = state;
    double *all = (double *)(void *)r->all;
    int most = BLOCK / 2;

    for (int at = 0; at < n; at += most) {
        int part = n - at < most ? n - at : most;

        sure(MPI_Allgather(x + at, part, MPI_DOUBLE, all, part, MPI_DOUBLE, MPI_COMM_WORLD));
        for (int i = 0; i < part; i++) {
            x[at + i] = all[i];
            for (int k = 1; k < r->n; k++)
                x[at + i] += all[(size_t)k * (size_t)part + (size_t)i];
        }
    }
}

enum err ranks_open(struct train_ranks *out)
{
    int level;
    struct ranks *r;

    *out = (struct train_ranks){0};
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return ERR_IO;
    if (!(r = calloc(1, sizeof *r)))
        return ERR_NOMEM;
    MPI_Comm_size(MPI_COMM_WORLD, &r->n);
    MPI_Comm_rank(MPI_COMM_WORLD, &out->rank);
    r->in = malloc((size_t)r->n * BLOCK * sizeof *r->in);
    r->all = malloc((size_t)r->n * BLOCK * sizeof *r->all);
    out->n = r->n;
    out->state = r;
    out->sum = sum;
    out->sum_doubles = sum_doubles;
    if (r->in && r->all)
        return OK;
    ranks_close(out);
    return ERR_NOMEM;
}

void ranks_close(struct train_ranks *out)
{
    struct ranks *r = out->state;

    if (r) {
        free(r->in);
        free(r->all);
        free(r);
        MPI_Finalize();
    }
    *out = (struct train_ranks){0};
}

#else

static void alone(void *state, float *x, size_t n)
{
    (void)state;
    (void)x;
    (void)n;
}

static void alone_doubles(void *state, double *x, int n)
{
    (void)state;
    (void)x;
    (void)n;
}

enum err ranks_open(struct train_ranks *out)
{
    *out = (struct train_ranks){.n = 1, .sum = alone, .sum_doubles = alone_doubles};
    return OK;
}

void ranks_close(struct train_ranks *out)
{
    *out = (struct train_ranks){0};
}

#endif
