/* RNN, GRU and LSTM: what reading the node (recurrent.c) leaves for the cells (recurrent_cell.c).
 *
 * Letters as in the operators' text: T steps, B sequences in the batch, I inputs, H hidden numbers,
 * D directions. Gates stand side by side in one row, in the order of the file:
 * RNN (h), GRU (z r h), LSTM (i o f c). */
#ifndef OUTRIDER_NN_RECURRENT_H
#define OUTRIDER_NN_RECURRENT_H

#include "perception/nn/ops/ops.h"

enum cell { CELL_RNN, CELL_GRU, CELL_LSTM };
enum { DIRECTIONS = 2, CELL_FUNCTIONS = 3 };

/* One of the functions an `activations` attribute may name, with its parameters. */
struct cell_function {
    const struct cell_function_row *row;
    float alpha, beta;
};
/* The row of a name, in any case; NULL: none. *uses: how many of alpha, beta it takes, *f filled
 * with what they are if left out. */
bool cell_function_find(const char *name, struct cell_function *f, int *uses);

/* The recurrent weights of one direction, as packed: GRU that resets before the product needs its
 * last gate apart, all others have one part. */
struct cell_weights {
    const unsigned char *w, *r[2]; /* packed by dense_pack(): all gates; R in its parts */
    const float *bias;             /* (gates H) added to the input's product */
    const float *bias_after;       /* (H) of the GRU that resets after the product */
    const float *peephole;         /* (3 H), i o f; or NULL */
};

struct recurrent_params {
    enum cell cell;
    int T, B, I, H, D, gates;
    bool batch_first; /* layout = 1 */
    bool reversed[DIRECTIONS];
    struct cell_function function[DIRECTIONS][CELL_FUNCTIONS];
    float clip; /* INFINITY: none */
    bool input_forget, reset_after;
    bool packed_early; /* else the weights are known only when running */
};

/* Up to tile_rows sequences going through a step together. */
struct cell_block {
    const struct kernels *k;
    const struct recurrent_params *p;
    const struct cell_weights *weights;
    const struct cell_function *function;
    int rows;
    bool *alive;   /* (rows) the sequence is not over */
    float *h, *c;  /* (rows, H) state */
    float *turned; /* (H, rows) */
    float *gates;  /* (rows, gates H): the input's part, then all */
    float *after;  /* (rows, H) */
    float *row;    /* (H) */
};

/* Of the rows that are alive, h and c go one step on. */
void cell_step(struct cell_block *b);

#endif
