#include "sim/render/scene.h"

#include "sim/render/render.h"

void prop_build(const struct world *w, int index, const double origin[3], struct builder *solid,
                struct builder *leaves)
{
    const struct prop *p = &w->prop[index];
    struct pose at =
        pose_move((float)(p->x - origin[0]), (float)(p->y - origin[1]), (float)(p->z - origin[2]));
    struct pose turn = pose_turn_z((float)p->heading);

    solid->place = pose_mul(&at, &turn);
    leaves->place = solid->place;
    solid->brush.id = leaves->brush.id = PIXEL_ID(PIXEL_PROP, index);
    builder_color(solid, 0x808080, 0.02f, 0.1f);
    if (p->kind != PROP_BRIDGE && p->kind != PROP_TUNNEL && p->kind != PROP_GANTRY)
        builder_box(solid, v3(-(float)p->length / 2, -(float)p->width / 2, 0),
                    v3((float)p->length / 2, (float)p->width / 2, (float)p->height));
}
