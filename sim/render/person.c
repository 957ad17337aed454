#include "sim/render/model.h"

void person_build(struct builder *b, struct model *m)
{
    m->size = v3(0.5f, 0.55f, 1.75f);
    builder_color(b, 0xffffff, 0.03f, 0.1f);
    b->brush.paint = 1;
    builder_ellipsoid(b, v3(0, 0, 0.875f), v3(0.25f, 0.27f, 0.875f), 8, 8);
}

void person_bones(struct pose *bone, const struct actor *a, const struct pose *root)
{
    (void)a;
    bone[0] = *root;
}

void cycle_build(struct builder *b, struct model *m, enum model_name name)
{
    (void)name;
    m->size = v3(1.8f, 0.6f, 1.75f);
    builder_color(b, 0xffffff, 0.03f, 0.1f);
    b->brush.paint = 1;
    builder_ellipsoid(b, v3(0, 0, 0.875f), v3(0.9f, 0.3f, 0.875f), 8, 8);
}

void cycle_bones(struct pose *bone, const struct model *m, enum model_name name,
                 const struct actor *a, const struct pose *root)
{
    (void)m;
    (void)name;
    (void)a;
    bone[0] = *root;
}
