#include "sim/render/model.h"

void truck_build(struct builder *b, struct model *m, enum model_name name)
{
    bool lorry = name == MODEL_LORRY, bus = name == MODEL_BUS;

    m->size = lorry ? v3(16.5f, 2.55f, 4.0f) : bus ? v3(12, 2.55f, 3.1f) : v3(8, 2.5f, 3.5f);
    m->wheel = 0.5f;
    m->axle[0] = -m->size.x / 2 + 2;
    m->axle[1] = m->size.x / 2 - 1.4f;
    builder_color(b, 0xffffff, 0.04f, 0.6f);
    b->brush.paint = 1;
    builder_box(b, v3(-m->size.x / 2, -m->size.y / 2, 0.5f),
                v3(m->size.x / 2, m->size.y / 2, m->size.z));
}
