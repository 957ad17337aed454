#include "sim/torcs/files.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/torcs/link.h"
#include "sim/torcs/road.h"

static const char DATA[] = "/usr/share/games/torcs";
static const char *const libraries[] = {"/usr/lib/x86_64-linux-gnu/torcs",
                                        "/usr/lib/aarch64-linux-gnu/torcs", "/usr/lib/torcs"};
static const char *const cars[TORCS_MAX_CARS] = {
    "car1-trb1",    "p406",    "car1-stock1", "car1-stock2", "car3-trb1",
    "acura-nsx-sz", "155-DTM", "car4-trb1",   "car6-trb1",   "car8-trb1",
};
/* Ego starts behind half of them. */
static const int grid[TORCS_MAX_CARS] = {1, 2, 3, 4, 5, TORCS_EGO, 6, 7, 8, 9};

static const char HEAD[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<!DOCTYPE params SYSTEM \"../params.dtd\">\n";

/* ---- what is there -------------------------------------------------------------------------------- */
static enum err find_installed(struct torcs_paths *p, struct why *why)
{
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        snprintf(p->installed, sizeof p->installed, "%s", libraries[i]);
        snprintf(p->graphics, sizeof p->graphics, "%s/modules/graphic/ssggraph.so", libraries[i]);
        if (!access(p->graphics, R_OK) && !access(DATA, R_OK))
            return OK;
    }
    return err_say(why, ERR_IO, "TORCS is not installed: apt-get install torcs xvfb");
}

static enum err find_plugin(struct torcs_paths *p, struct why *why)
{
    static const char *const places[] = {"", "../lib/outrider/"};
    char program[TORCS_MAX_PATH / 2];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    program[n > 0 ? n : 0] = 0;
    if ((slash = strrchr(program, '/')))
        slash[1] = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(p->plugin, sizeof p->plugin, "%s%soutrider-torcs.so", program, places[i]);
        if (!access(p->plugin, R_OK))
            return OK;
    }
    return err_say(why, ERR_IO, "the plug-in outrider-torcs.so is not beside %s", program);
}

/* ---- links and files -------------------------------------------------------------------------------- */
struct making {
    const struct torcs_paths *p;
    struct why *why;
    enum err e;
};

static void fail(struct making *m, const char *path)
{
    if (m->e == OK)
        m->e = err_say(m->why, ERR_IO, "%.200s: %s", path, strerror(errno));
}

static void folder(struct making *m, const char *name)
{
    char path[TORCS_MAX_PATH * 2];

    snprintf(path, sizeof path, "%s/%s", m->p->folder, name);
    if (mkdir(path, 0755))
        fail(m, path);
}

static void link_to(struct making *m, const char *target, const char *name)
{
    char path[TORCS_MAX_PATH * 2];

    snprintf(path, sizeof path, "%s/%s", m->p->folder, name);
    if (symlink(target, path))
        fail(m, path);
}

/* Everything in `from` but what is called `but`. */
static void link_all(struct making *m, const char *from, const char *name, const char *but)
{
    DIR *d = opendir(from);
    struct dirent *entry;
    char target[TORCS_MAX_PATH * 2], path[TORCS_MAX_PATH];

    if (!d) {
        fail(m, from);
        return;
    }
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.' && !strstr(but, entry->d_name)) {
            snprintf(target, sizeof target, "%s/%.200s", from, entry->d_name);
            snprintf(path, sizeof path, "%s/%.200s", name, entry->d_name);
            link_to(m, target, path);
        }
    closedir(d);
}

static FILE *begin(struct making *m, const char *name)
{
    char path[TORCS_MAX_PATH * 2];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", m->p->folder, name);
    if (!(f = fopen(path, "w")))
        fail(m, path);
    else
        fputs(HEAD, f);
    return f;
}

static void end(struct making *m, FILE *f, const char *name)
{
    if (f && fclose(f))
        fail(m, name);
}

static void write_text(struct making *m, const char *name, const char *text)
{
    FILE *f = begin(m, name);

    if (f)
        fputs(text, f);
    end(m, f, name);
}

/* ---- configuration ---------------------------------------------------------------------------------- */
static void write_robots(struct making *m)
{
    const char *name = "local/drivers/outrider_robots/outrider_robots.xml";
    FILE *f = begin(m, name);

    for (int i = 0; f && i < TORCS_MAX_CARS; i++)
        fprintf(f,
                "%s<section name=\"%d\"><attstr name=\"name\" val=\"Outrider %d\"/>"
                "<attstr name=\"desc\" val=\"\"/><attstr name=\"team\" val=\"\"/>"
                "<attstr name=\"author\" val=\"\"/><attstr name=\"car name\" val=\"%s\"/>"
                "<attnum name=\"race number\" val=\"%d\"/></section>\n",
                i ? ""
                  : "<params name=\"outrider_robots\" type=\"robotdef\"><section name=\"Robots\">"
                    "<section name=\"index\">\n",
                i, i, cars[i], i + 1);
    if (f)
        fputs("</section></section></params>\n", f);
    end(m, f, name);
}

static void write_race(struct making *m)
{
    const char *name = "local/config/raceman/quickrace.xml";
    FILE *f = begin(m, name);

    if (!f)
        return;
    fputs("<params name=\"Quick Race\" type=\"param\" mode=\"mw\">"
          "<section name=\"Header\"><attstr name=\"name\" val=\"Quick Race\"/>"
          "<attstr name=\"description\" val=\"\"/><attnum name=\"priority\" val=\"10\"/>"
          "<attstr name=\"menu image\" val=\"data/img/splash-qr.png\"/></section>\n"
          "<section name=\"Tracks\"><attnum name=\"maximum number\" val=\"1\"/>"
          "<section name=\"1\"><attstr name=\"name\" val=\"outrider\"/>"
          "<attstr name=\"category\" val=\"road\"/></section></section>\n"
          "<section name=\"Races\"><section name=\"1\">"
          "<attstr name=\"name\" val=\"Quick Race\"/></section></section>\n"
          "<section name=\"Quick Race\"><attnum name=\"distance\" val=\"0\"/>"
          "<attstr name=\"type\" val=\"race\"/>"
          "<attstr name=\"starting order\" val=\"drivers list\"/>"
          "<attstr name=\"restart\" val=\"yes\"/><attnum name=\"laps\" val=\"10000\"/>\n"
          "<section name=\"Starting Grid\"><attnum name=\"rows\" val=\"3\"/>"
          "<attnum name=\"distance to start\" val=\"30\"/>"
          "<attnum name=\"distance between columns\" val=\"24\"/>"
          "<attnum name=\"offset within a column\" val=\"8\"/>"
          "<attnum name=\"initial speed\" val=\"18\"/>"
          "<attnum name=\"initial height\" val=\"0.2\"/></section></section>\n"
          "<section name=\"Drivers\"><attnum name=\"maximum number\" val=\"10\"/>"
          "<attstr name=\"focused module\" val=\"outrider_robots\"/>"
          "<attnum name=\"focused idx\" val=\"0\"/>\n",
          f);
    for (int i = 0; i < TORCS_MAX_CARS; i++)
        fprintf(f,
                "<section name=\"%d\"><attnum name=\"idx\" val=\"%d\"/>"
                "<attstr name=\"module\" val=\"outrider_robots\"/></section>\n",
                i + 1, grid[i]);
    fputs("</section><section name=\"Configuration\">"
          "<attnum name=\"current configuration\" val=\"4\"/></section></params>\n",
          f);
    end(m, f, name);
}

static void write_screen(struct making *m, int width, int height)
{
    const char *name = "local/config/screen.xml";
    FILE *f = begin(m, name);

    if (f)
        fprintf(f,
                "<params name=\"screen\" type=\"params\" mode=\"mw\">"
                "<section name=\"Screen Properties\"><attnum name=\"x\" val=\"%d\"/>"
                "<attnum name=\"y\" val=\"%d\"/><attnum name=\"bpp\" val=\"24\"/>"
                "<attstr name=\"fullscreen\" val=\"no\"/></section></params>\n",
                width, height);
    end(m, f, name);
}

/* Camera 4 of list 0 looks from the bonnet and does not draw its own car. */
static void write_configuration(struct making *m, int width, int height)
{
    write_text(m, "local/config/raceengine.xml",
               "<params name=\"\" type=\"template\" mode=\"mw\"><section name=\"Modules\">"
               "<attstr name=\"track\" val=\"track\"/><attstr name=\"simu\" val=\"simuv2\"/>"
               "<attstr name=\"graphic\" val=\"outrider_graphic\"/></section></params>\n");
    write_text(m, "local/config/sound.xml",
               "<params name=\"sound\" type=\"param\" mode=\"mw\"><section name=\"Sound Settings\">"
               "<attstr name=\"state\" val=\"disabled\"/></section></params>\n");
    write_text(
        m, "local/config/graph.xml",
        "<params name=\"graph\" type=\"param\" mode=\"mw\"><section name=\"Graphic\">"
        "<attnum name=\"smoke value\" val=\"0\"/><attnum name=\"skid value\" val=\"0\"/>"
        "<attnum name=\"fov factor\" val=\"1\"/>"
        "<attstr name=\"wheel rendering\" val=\"detailed\"/></section>"
        "<section name=\"Display Mode\"><section name=\"0\">"
        "<attstr name=\"current driver\" val=\"Outrider 0\"/>"
        "<attnum name=\"camera\" val=\"4\"/><attnum name=\"camera head list\" val=\"0\"/>"
        "<attnum name=\"driver board\" val=\"0\"/><attnum name=\"driver counter\" val=\"0\"/>"
        "<attnum name=\"leader board\" val=\"0\"/><attnum name=\"debug info\" val=\"0\"/>"
        "<attnum name=\"G graph\" val=\"0\"/><attnum name=\"map mode\" val=\"0\"/>"
        "<attnum name=\"enable mirror\" val=\"0\"/><attnum name=\"arcade\" val=\"0\"/>"
        "</section></section></params>\n");
    write_screen(m, width, height);
    write_race(m);
    write_robots(m);
}

static void make_folders(struct making *m)
{
    static const char *const names[] = {"local",
                                        "local/config",
                                        "local/config/raceman",
                                        "local/drivers",
                                        "local/drivers/outrider_robots",
                                        "lib",
                                        "lib/modules",
                                        "lib/modules/graphic",
                                        "lib/drivers",
                                        "lib/drivers/outrider_robots",
                                        "data",
                                        "data/config",
                                        "data/config/raceman",
                                        "data/tracks",
                                        "data/tracks/road",
                                        "data/tracks/road/outrider"};
    char path[TORCS_MAX_PATH + 64];

    for (size_t i = 0; m->e == OK && i < sizeof names / sizeof *names; i++)
        folder(m, names[i]);
    snprintf(path, sizeof path, "%s/modules", m->p->installed);
    link_all(m, path, "lib/modules", "graphic");
    link_to(m, m->p->plugin, "lib/modules/graphic/outrider_graphic.so");
    link_to(m, m->p->plugin, "lib/drivers/outrider_robots/outrider_robots.so");
    link_all(m, DATA, "data", "config tracks");
    snprintf(path, sizeof path, "%s/config", DATA);
    link_all(m, path, "data/config", "raceman");
    snprintf(path, sizeof path, "%s/config/raceman/quickrace.xml", DATA);
    link_to(m, path, "data/config/raceman/quickrace.xml"); /* listed here, read in local/ */
}

enum err torcs_files_make(struct torcs_paths *p, int width, int height, struct why *why)
{
    struct making m = {.p = p, .why = why};
    const char *tmp = getenv("TMPDIR");
    char road[TORCS_MAX_PATH + 64];
    enum err e;

    *p = (struct torcs_paths){0};
    if ((e = find_installed(p, why)) != OK || (e = find_plugin(p, why)) != OK)
        return e;
    snprintf(p->folder, sizeof p->folder, "%.400s/outrider-torcs-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(p->folder)) {
        e = err_say(why, ERR_IO, "%.200s: %s", p->folder, strerror(errno));
        p->folder[0] = 0;
        return e;
    }
    make_folders(&m);
    write_configuration(&m, width, height);
    snprintf(road, sizeof road, "%s/data/tracks/road/outrider", p->folder);
    if (m.e == OK)
        m.e = torcs_road_write(road, why);
    return m.e;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void torcs_files_remove(const struct torcs_paths *p)
{
    if (p->folder[0])
        nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
