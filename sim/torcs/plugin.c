/* Inside TORCS: starts the race, stops its clock, draws through its own graphics module and hands
 * over what that drew.
 *
 * One shared object under three names: preloaded, it stands in front of glut's main loop and of
 * TORCS's clock; as graphics module "outrider_graphic" it forwards every call to the module that
 * Debian ships and reads colour and depth back after each refresh; as robot module
 * "outrider_robots" it drives the cars (robots.c). */
#include "sim/torcs/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RGB = 0x1907,
    BYTES = 0x1401,
    DEPTH = 0x1902,
    FLOATS = 0x1406,
    PACK = 0x0D05,
    FRONT = 0x0404
};
enum { PRESS_MS = 300, PRESSES = 100, WARM_UP = 2, MAX_PIXELS = 1 << 22 };
static const double FIRST_STEP_S = 0.02;

typedef void (*key_handler)(unsigned char key, int x, int y);
void glutMainLoop(void);
void glutKeyboardFunc(key_handler f);
double _Z11GfTimeClockv(void);

struct torcs_order plugin_order;

static struct abi_graphics real;
static key_handler keyboard;
static double clock_s;
static int refreshed, view_width, view_height, fd = -1;
static void *pixels; /* of colour, then of depth */

static void give_up(const char *what)
{
    fprintf(stderr, "outrider: %s\n", what);
    _exit(3);
}

static void *of(const char *library_name)
{
    void *f = dlsym(RTLD_NEXT, library_name);

    return f ? f : dlsym(RTLD_DEFAULT, library_name);
}

/* ---- through the menus -------------------------------------------------------------------------- */
/* Main menu, race, quick race, new race: each screen's first entry, so Return does it. */
static void press(int count)
{
    void (*timer)(unsigned, void (*)(int), int) =
        (void (*)(unsigned, void (*)(int), int))of("glutTimerFunc");

    if (refreshed)
        return;
    if (count == PRESSES)
        give_up("no race began after a hundred times Return");
    if (keyboard)
        keyboard('\r', 0, 0);
    timer(PRESS_MS, press, count + 1);
}

void glutKeyboardFunc(key_handler f)
{
    keyboard = f;
    ((void (*)(key_handler))of("glutKeyboardFunc"))(f);
}

void glutMainLoop(void)
{
    void (*timer)(unsigned, void (*)(int), int) =
        (void (*)(unsigned, void (*)(int), int))of("glutTimerFunc");

    timer(PRESS_MS, press, 0);
    ((void (*)(void))of("glutMainLoop"))();
}

/* TORCS simulates as far as its clock says, and this one moves by our orders alone. */
double _Z11GfTimeClockv(void)
{
    return clock_s;
}

/* ---- the socket ------------------------------------------------------------------------------------ */
static void put(const void *from, size_t n)
{
    const char *p = from;

    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(0); /* nobody looks any more */
        p += done;
        n -= (size_t)done;
    }
}

static void get(void *to, size_t n)
{
    char *p = to;

    while (n > 0) {
        ssize_t done = read(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(0);
        p += done;
        n -= (size_t)done;
    }
}

/* ---- what is told ---------------------------------------------------------------------------------- */
static float curvature_of(const struct abi_segment *s)
{
    return s->turn == ABI_LEFT ? 1 / s->radius : s->turn == ABI_RIGHT ? -1 / s->radius : 0;
}

/* TORCS cuts turns and straights into steps; here they are whole again. */
static void add_segment(struct torcs_hello *h, const struct abi_segment *s)
{
    struct torcs_segment *last = h->n_segments ? &h->segment[h->n_segments - 1] : NULL;

    if (last && last->curvature == curvature_of(s)) {
        last->length += s->length;
        return;
    }
    if (h->n_segments == TORCS_MAX_SEGMENTS)
        give_up("the track has too many segments");
    h->segment[h->n_segments++] = (struct torcs_segment){s->length, curvature_of(s)};
}

static int init_track(struct abi_track *t)
{
    const struct abi_segment *s = t->last->next;
    struct torcs_hello h = {.magic = TORCS_MAGIC,
                            .width = t->width,
                            .x = (s->corner[0].x + s->corner[1].x) / 2,
                            .y = (s->corner[0].y + s->corner[1].y) / 2,
                            .heading = s->heading};

    for (int i = 0; i < t->n_segments; i++, s = s->next)
        add_segment(&h, s);
    put(&h, sizeof h);
    return real.init_track(t);
}

static void tell_car(const struct abi_car *c, struct torcs_car *to)
{
    const struct abi_pose *v = &c->seen.world_velocity, *a = &c->seen.world_acceleration;

    *to = (struct torcs_car){
        .driver = c->own.driver,
        .size = {c->info.size.x, c->info.size.y, c->info.size.z},
        .centre = {-c->info.mass_centre.x, -c->info.mass_centre.y, 0},
        .eye = {c->info.bonnet.x, c->info.bonnet.y, c->info.bonnet.z},
        .front_axle = (c->own.wheel[0].place.x + c->own.wheel[1].place.x) / 2,
        .rear_axle = (c->own.wheel[2].place.x + c->own.wheel[3].place.x) / 2,
        .velocity = {v->x, v->y, v->z},
        .acceleration = {a->x, a->y, a->z},
        .yaw_rate = c->seen.velocity.az,
        .steer = c->control.steer * c->info.steer_lock,
        .s = robots_place(c),
        .d = c->seen.to_middle,
        .lock = c->info.steer_lock,
    };
    memcpy(to->pose, c->seen.matrix, sizeof to->pose);
}

static void tell(const struct abi_situation *s)
{
    static struct torcs_frame f;
    const size_t n = (size_t)view_width * (size_t)view_height;
    void (*read_pixels)(int, int, int, int, unsigned, unsigned, void *) =
        (void (*)(int, int, int, int, unsigned, unsigned, void *))of("glReadPixels");
    void (*pixel_store)(unsigned, int) = (void (*)(unsigned, int))of("glPixelStorei");

    f = (struct torcs_frame){.magic = TORCS_MAGIC,
                             .width = view_width,
                             .height = view_height,
                             .n_cars = s->n_cars < TORCS_MAX_CARS ? s->n_cars : TORCS_MAX_CARS,
                             .t = s->t};
    for (int i = 0; i < f.n_cars; i++)
        tell_car(s->car[i], &f.car[i]);
    pixel_store(PACK, 1);
    read_pixels(0, 0, view_width, view_height, RGB, BYTES, pixels);
    read_pixels(0, 0, view_width, view_height, DEPTH, FLOATS, (char *)pixels + 3 * n);
    put(&f, sizeof f);
    put(pixels, 7 * n);
}

/* ---- the graphics module --------------------------------------------------------------------------- */
static int init_view(int x, int y, int width, int height, int flag, void *screen)
{
    if (width <= 0 || height <= 0 || width > MAX_PIXELS / height)
        give_up("a window of no size, or too large");
    view_width = width;
    view_height = height;
    free(pixels);
    if (!(pixels = malloc((size_t)width * (size_t)height * 7)))
        give_up("no memory");
    return real.init_view(x, y, width, height, flag, screen);
}

static int refresh(struct abi_situation *s)
{
    int result = real.refresh(s);

    if (s->state & ABI_RACE_BEFORE_START || refreshed++ < WARM_UP) {
        clock_s += FIRST_STEP_S;
        return result;
    }
    tell(s);
    get(&plugin_order, sizeof plugin_order);
    clock_s += plugin_order.dt;
    return result;
}

static int init(int index, void *functions)
{
    struct abi_module m[ABI_MODULES] = {0};
    const char *path = getenv(TORCS_GRAPHICS), *number = getenv(TORCS_FD);
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
    int (*entry)(struct abi_module *) =
        module ? (int (*)(struct abi_module *))dlsym(module, "ssggraph") : NULL;
    struct abi_graphics *g = functions;

    (void)index;
    if (!entry || !number)
        give_up(path ? dlerror() : TORCS_GRAPHICS " is not set");
    fd = atoi(number);
    entry(m);
    m[0].init(m[0].index, &real);
    *g = real;
    g->init_track = init_track;
    g->init_view = init_view;
    g->refresh = refresh;
    return 0;
}

int outrider_graphic(struct abi_module *m)
{
    m->name = strdup("outrider_graphic");
    m->about = strdup("Frames and truth for Outrider");
    m->init = init;
    m->framework = 1;
    return 0;
}
