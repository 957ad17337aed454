/* What stands beside the road, as triangles. */
#ifndef OUTRIDER_SIM_RENDER_PROP_H
#define OUTRIDER_SIM_RENDER_PROP_H

#include "sim/render/mesh.h"
#include "sim/world/world.h"

/* Add a prop to the meshes of its place; leaves is for what has holes. */
void prop_build(const struct world *w, int index, const double origin[3], struct builder *solid,
                struct builder *leaves);

/* Parts of it, in the frame of the prop's foot (x where its front looks). */
void building(struct builder *b, const struct prop *p);
void sign(struct builder *b, const struct prop *p);
void sign_boards(struct builder *b, const struct prop *p); /* of a gantry */

#endif
