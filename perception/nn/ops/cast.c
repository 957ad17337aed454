/* From one element type to another. */
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

static enum err cast_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t to = n->op->variant ? (int64_t)in(n, 1)->type : attr_int(n, "to", 0);

    (void)g;
    attr_ignore(n, "saturate"); /* about 8-bit floating point only */
    if (to < 0 || to > DTYPE_BF16 || !dtype_size((enum dtype)to))
        return err_say(why, ERR_UNSUPPORTED, "element type %lld (%s)", (long long)to,
                       dtype_name(to < 0 || to > INT32_MAX ? DTYPE_NONE : (enum dtype)to));
    return set_out_like(n, 0, (enum dtype)to, in(n, 0), why);
}

static enum err cast_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    int64_t count = tensor_count(x);

    (void)r;
    if (x->type == y->type)
        memcpy(y->data, x->data, tensor_bytes(x));
    else if (dtype_is_float(x->type) || dtype_is_float(y->type))
        for (int64_t i = 0; i < count; i++)
            number_set_float(y, i, number_float(x, i));
    else
        for (int64_t i = 0; i < count; i++)
            number_set_int(y, i, number_int(x, i));
    return OK;
}

const struct op ops_cast[] = {
    {"Cast", 1, 1, 1, T_ANY, 0, cast_infer, cast_run, NULL, 0},
    {"CastLike", 2, 2, 1, T_ANY, 0, cast_infer, cast_run, NULL, 1},
    {NULL},
};
