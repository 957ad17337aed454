/* Textures made from seeds. */
#ifndef OUTRIDER_SIM_RENDER_TEXTURE_H
#define OUTRIDER_SIM_RENDER_TEXTURE_H

#include "perception/base/err.h"

enum texture_name { TEXTURE_NOISE, TEXTURE_LEAVES, TEXTURE_ATLAS, TEXTURES };

struct textures {
    unsigned id[TEXTURES];
};

/* Noise (512, 512): r grain, g of medium size, b clouds of noise, a cracks; tiles without a seam.
 * Leaves (256, 256): a where there is one, g its brightness. Atlas: signs (atlas.h). */
MUST_CHECK enum err textures_open(struct textures *t);
void textures_close(struct textures *t);
void textures_bind(const struct textures *t); /* to units 0.. in the order above */

#endif
