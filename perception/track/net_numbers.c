#include "perception/track/net_numbers.h"

#include <assert.h>
#include <string.h>

const struct tensor *net_named(const struct net *n, const char *name, bool input)
{
    int count = input ? net_inputs(n) : net_outputs(n);

    for (int i = 0; i < count; i++) {
        const struct tensor *t = input ? net_input((struct net *)n, i) : net_output(n, i);

        if (!strcmp(t->name, name))
            return t;
    }
    return NULL;
}

float *net_numbers(const struct net *n, const char *name, bool input, int64_t count,
                   struct why *why)
{
    const struct tensor *t = net_named(n, name, input);

    if (t && t->type == DTYPE_F32 && tensor_count(t) == count)
        return t->data;
    err_say(why, ERR_MISMATCH, "%s '%s' of the tracker's network: %s%lld numbers, must be %lld",
            input ? "input" : "output", name, t ? "" : "not there, ",
            t ? (long long)tensor_count(t) : 0LL, (long long)count);
    return NULL;
}

void net_run_sure(struct net *n)
{
    struct why why;
    enum err e = net_run(n, &why);

    assert(e == OK);
}
