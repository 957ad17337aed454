/* TORCS 1.3.7 as compiled modules see it, on 64-bit machines: only what we look into, in the places
 * where it lies. Nothing of TORCS is copied: names are ours, sizes are facts of its binaries, which
 * the assertions keep. */
#ifndef OUTRIDER_SIM_TORCS_ABI_H
#define OUTRIDER_SIM_TORCS_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct abi_module { /* what a module says of itself; an array of 10 */
    char *name, *about;
    int (*init)(int index, void *functions);
    unsigned framework; /* graphics: 1, robots: 0 */
    int index, priority, magic;
};
enum { ABI_MODULES = 10 };

struct abi_point {
    float x, y, z;
};
struct abi_pose {
    float x, y, z, ax, ay, az;
};

enum abi_turn { ABI_RIGHT = 1, ABI_LEFT = 2, ABI_STRAIGHT = 3 };

struct abi_segment {
    const char *name;
    int id, turn, part, style;
    float length, width, width_start, width_end, from_start;
    float radius, radius_right, radius_left, arc;
    struct abi_point centre;
    struct abi_point corner[4]; /* start left, start right, end left, end right */
    float heading;              /* at its start */
    char unseen[108];
    struct abi_segment *next;
    char unseen_too[24];
};
static_assert(offsetof(struct abi_segment, corner) == 72, "segment");
static_assert(offsetof(struct abi_segment, heading) == 120, "segment");
static_assert(offsetof(struct abi_segment, next) == 232, "segment");
static_assert(sizeof(struct abi_segment) == 264, "segment");

struct abi_track {
    char names[48];
    int n_segments, version;
    float length, width;
    char pits[80];
    struct abi_segment *last; /* a ring; the one behind it begins at the start line */
};
static_assert(offsetof(struct abi_track, last) == 144, "track");

struct abi_car {
    int index;
    struct {
        char names[128];
        int race_number, start_rank, driver_type, skill;
        float icon[3];
        struct abi_point size, driver, bonnet;
        float tank, steer_lock;
        struct abi_point mass_centre;
        char wheels[112];
    } info;
    struct {
        struct abi_pose pose, velocity, acceleration;                   /* car axes */
        struct abi_pose world_pose, world_velocity, world_acceleration; /* world axes */
        float speed;
        float matrix[4][4];
        const struct abi_segment *segment;
        int place_kind;
        float to_start, to_right, to_middle, to_left; /* to_start: an angle in turns */
        int padding, state;
        char corners[96];
    } seen;
    char race[160];
    struct {
        char handles[16];
        int driver;
        char name[32], padding[4];
        struct {
            struct abi_pose place; /* from the mass centre */
            char unseen[64];
        } wheel[4];
        char corners[96];
        int gear;
        float fuel, rpm, rpm_red, rpm_max;
        char unseen[172];
    } own;
    struct {
        float steer, throttle, brake, clutch; /* -1..1, then 0..1 */
        int gear;
        char unseen[152];
    } control;
};
static_assert(offsetof(struct abi_car, info.size) == 4 + 156, "car");
static_assert(offsetof(struct abi_car, info.mass_centre) == 4 + 200, "car");
static_assert(offsetof(struct abi_car, seen) == 328, "car");
static_assert(offsetof(struct abi_car, seen.matrix) == 328 + 148, "car");
static_assert(offsetof(struct abi_car, seen.segment) == 328 + 216, "car");
static_assert(offsetof(struct abi_car, race) == 680, "car");
static_assert(offsetof(struct abi_car, own) == 840, "car");
static_assert(offsetof(struct abi_car, own.wheel) == 840 + 56, "car");
static_assert(offsetof(struct abi_car, own.gear) == 840 + 504, "car");
static_assert(offsetof(struct abi_car, control) == 1536, "car");

enum { ABI_RACE_BEFORE_START = 0x10 };

struct abi_situation {
    int n_cars, laps, state, kind, max_damage;
    unsigned long fps;
    double dt, t;
    int n_players;
    struct abi_car **car;
};
static_assert(offsetof(struct abi_situation, t) == 40, "situation");
static_assert(offsetof(struct abi_situation, car) == 56, "situation");

struct abi_graphics {
    int (*init_track)(struct abi_track *t);
    int (*init_view)(int x, int y, int width, int height, int flag, void *screen);
    int (*init_cars)(struct abi_situation *s);
    int (*refresh)(struct abi_situation *s);
    void (*shutdown_cars)(void);
    void (*shutdown_track)(void);
    void (*mute)(void);
};

struct abi_robot {
    void (*new_track)(int index, struct abi_track *t, void *car, void **setup,
                      struct abi_situation *s);
    void (*new_race)(int index, struct abi_car *car, struct abi_situation *s);
    void (*end_race)(int index, struct abi_car *car, struct abi_situation *s);
    void (*drive)(int index, struct abi_car *car, struct abi_situation *s);
    int (*pit)(int index, struct abi_car *car, struct abi_situation *s);
    void (*shutdown)(int index);
    int index;
};

#endif
