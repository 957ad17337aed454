/* What actors look like: a few meshes, each for many actors, moved by bones and dyed by paints. */
#ifndef OUTRIDER_SIM_RENDER_MODEL_H
#define OUTRIDER_SIM_RENDER_MODEL_H

#include "sim/render/body.h"
#include "sim/render/mesh.h"
#include "sim/render/program.h"
#include "sim/world/world.h"

enum model_name {
    MODEL_HATCHBACK,
    MODEL_SALOON,
    MODEL_ESTATE,
    MODEL_SUV,
    MODEL_SPORTS,
    MODEL_PICKUP,
    MODEL_VAN,
    CAR_BODIES, /* those before are struct body */
    MODEL_TRUCK = CAR_BODIES,
    MODEL_LORRY,
    MODEL_BUS,
    MODEL_MOTORCYCLE,
    MODEL_CYCLIST,
    MODEL_PERSON,
    MODELS
};

extern const struct body *const car_bodies[CAR_BODIES];

enum { HULL_POINTS = 768, DETAILS = 3 };

struct model {
    struct mesh mesh[DETAILS]; /* near, middling, far */
    struct mesh blob;          /* its shadow from the sky, uv -1..1 */
    struct v3 size;       /* m, that it was built with; an actor of another size stretches it */
    float axle[2], wheel; /* x of rear and front; radius of the wheels */
    int n_hull;
    struct v3 hull[HULL_POINTS]; /* its outermost points: between them lies the silhouette */
    uint8_t hull_bone[HULL_POINTS];
};

MUST_CHECK enum err models_open(struct model *models, struct why *why);
void models_close(struct model *models);

enum model_name model_of(const struct actor *a);

/* What is to be given to the shaders for one actor: its bones (relative to the camera, world axes),
 * its paints, and how brightly its lamps shine. */
struct dress {
    int n_bones;
    struct pose bone[MAX_BONES];
    float paint[MAX_PAINTS + 1][3]; /* 0: white */
    float emit[EMIT_CHANNELS];
};
/* t: s, for blinking; night: 0..1; root: footprint frame -> relative to the camera. */
void model_dress(const struct model *m, enum model_name name, const struct actor *a, double t,
                 float night, const struct pose *root, struct dress *out);

/* Builders, each leaving its mesh in b and its measures in m. */
void truck_build(struct builder *b, struct model *m, enum model_name name);
void cycle_build(struct builder *b, struct model *m, enum model_name name);
void person_build(struct builder *b, struct model *m);
/* Bones of people and riders, in the frame of the root. */
void person_bones(struct pose *bone, const struct actor *a, const struct pose *root);
void cycle_bones(struct pose *bone, const struct model *m, enum model_name name,
                 const struct actor *a, const struct pose *root);

#endif
