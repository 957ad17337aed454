/* A network over pictures, for scoring. */
#ifndef OUTRIDER_DAEMON_CLI_EVAL_MODEL_H
#define OUTRIDER_DAEMON_CLI_EVAL_MODEL_H

#include "daemon/cli/pictures.h"
#include "daemon/cli/predictions.h"
#include "perception/heads/head.h"

struct eval_model; /* network, decoder of pictures, threads */

/* cfg->pool is not looked at: the model has threads of its own. parts: HEAD_... bits of what is kept;
 * ERR_MISMATCH for a model that does not give them. */
MUST_CHECK enum err eval_model_open(const struct head_config *cfg, unsigned parts, int threads,
                                    struct eval_model **out, struct why *why);
/* As predictions_read() of what infer would have written. The names of pictures must rise. */
MUST_CHECK enum err eval_model_run(struct eval_model *m, const struct pictures *pictures,
                                   struct predictions *out, struct why *why);
void eval_model_close(struct eval_model *m); /* NULL is fine */

#endif
