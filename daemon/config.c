/* The table below says everything about a key: name, type and place (to libcyaml), default, range
 * and meaning. settle.c judges the user's tree by it, where lines are known, and gives a tree that
 * holds every key; libcyaml puts the text of that into struct config. */
#include "daemon/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settle.h"
#include "perception/kernels/kernels.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PLAIN CYAML_FLAG_DEFAULT

/* Places, as the macros of libcyaml take them: key, struct, member. */
#define TEXT(key, s, m, min) CYAML_FIELD_STRING(key, PLAIN, struct s, m, min)
#define REAL(key, s, m) CYAML_FIELD_FLOAT(key, PLAIN, struct s, m)
#define WHOLE(key, s, m) CYAML_FIELD_INT(key, PLAIN, struct s, m)
#define CHOICE(key, s, m, names)                                                                   \
    CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT, struct s, m, names, COUNT(names))
#define LIST(key, s, m, n, entry, min, max)                                                        \
    CYAML_FIELD_SEQUENCE_COUNT(key, PLAIN, struct s, m, n, entry, min, max)
#define GROUP(key, flags, s, m, fields) CYAML_FIELD_MAPPING(key, flags, struct s, m, fields)

/* ---- the table ----------------------------------------------------------------------------- */

static const cyaml_strval_t modes[] = {{"live", MODE_LIVE}, {"lockstep", MODE_LOCKSTEP}};
static const cyaml_strval_t levels[] = {
    {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
static const cyaml_strval_t trackers[] = {
    {"kalman", TRACKER_KALMAN}, {"rnn", TRACKER_RNN}, {"lstm", TRACKER_LSTM}};
static const cyaml_strval_t egos[] = {
    {"any", EGO_ANY}, {"messages", EGO_FROM_MESSAGES}, {"pictures", EGO_FROM_PICTURES}};
static const cyaml_strval_t lenses[] = {{"pinhole", CAMERA_PINHOLE}, {"fisheye", CAMERA_FISHEYE}};

static const cyaml_schema_value_t endpoint = {
    CYAML_VALUE_STRING(PLAIN, struct endpoint, 1, CONFIG_MAX_TEXT - 1)};
static const cyaml_schema_value_t number = {CYAML_VALUE_FLOAT(PLAIN, float)};

static const struct key end_keys[] = {
    {LIST("bind", bus_config, bind, n_bind, &endpoint, 0, CONFIG_MAX_ENDPOINTS), "[]", 0, 0, NULL,
     "endpoints to open: tcp://ADDRESS:PORT, ipc://PATH"},
    {LIST("connect", bus_config, connect, n_connect, &endpoint, 0, CONFIG_MAX_ENDPOINTS), "[]", 0,
     0, NULL, "endpoints that others opened"},
    {.field = CYAML_FIELD_END}};
static cyaml_schema_field_t end_fields[COUNT(end_keys)];

static const struct key bus_keys[] = {
    {GROUP("in", PLAIN, config, in, end_fields), "{bind: ['tcp://127.0.0.1:5701']}", 0, 0, end_keys,
     "where frames, ego motion and calibrations come from"},
    {GROUP("out", PLAIN, config, out, end_fields), "{bind: ['tcp://127.0.0.1:5702']}", 0, 0,
     end_keys, "where objects, lanes, calibrations and status go"},
    {.field = CYAML_FIELD_END}};
static cyaml_schema_field_t bus_fields[COUNT(bus_keys)];

static const struct key network_keys[] = {
    {TEXT("model", network_config, model, 1), NULL, 0, 0, NULL,
     "ONNX file; relative to the folder of this file"},
    {TEXT("decoder", network_config, decoder, 0), "''", 0, 0, NULL,
     "ssd, yolox, fastestdet, lstr or lane-masks; empty: found out from the model"},
    {REAL("score_min", network_config, score_min), "nan", 0, 1, NULL,
     "weaker detections are left out; nan: the decoder's own"},
    {REAL("nms_iou", network_config, nms_iou), "nan", 0, 1, NULL,
     "boxes overlapping more are one; nan: the decoder's own"},
    {.field = CYAML_FIELD_END}};
static cyaml_schema_field_t network_fields[COUNT(network_keys)];
static const cyaml_schema_value_t network = {
    CYAML_VALUE_MAPPING(PLAIN, struct network_config, network_fields)};

#define OF calibration_config
static const struct key calibration_keys[] = {
    {WHOLE("width", OF, camera.width), NULL, 1, IMAGE_MAX_SIDE, NULL,
     "px; the picture that fx to cy are for"},
    {WHOLE("height", OF, camera.height), NULL, 1, IMAGE_MAX_SIDE, NULL, "px"},
    {CHOICE("model", OF, camera.model, lenses), "pinhole", 0, 0, NULL, "of the lens"},
    {REAL("fx", OF, camera.fx), NULL, 1, 1e6, NULL, "px"},
    {REAL("fy", OF, camera.fy), NULL, 1, 1e6, NULL, "px"},
    {REAL("cx", OF, camera.cx), NULL, -1e6, 1e6, NULL, "px; 0 is the edge of the picture"},
    {REAL("cy", OF, camera.cy), NULL, -1e6, 1e6, NULL, "px"},
    {LIST("distortion", OF, camera.distortion, n_distortion, &number, 0, CAMERA_DISTORTION), "[]",
     -1e3, 1e3, NULL, "pinhole: k1 k2 p1 p2 k3 k4 k5 k6; fisheye: k1 k2 k3 k4"},
    {REAL("x_m", OF, camera.x_m), "0", -100, 100, NULL,
     "camera in front of the rear axle's centre"},
    {REAL("y_m", OF, camera.y_m), "0", -100, 100, NULL, "to the left of it"},
    {REAL("z_m", OF, camera.z_m), NULL, 0.1, 10, NULL, "above the ground"},
    {REAL("roll_rad", OF, camera.roll_rad), "0", -1.58, 1.58, NULL, "right side down > 0"},
    {REAL("pitch_rad", OF, camera.pitch_rad), "0", -1.58, 1.58, NULL, "nose down > 0"},
    {REAL("yaw_rad", OF, camera.yaw_rad), "0", -3.15, 3.15, NULL, "to the left > 0"},
    {REAL("sigma_pitch_rad", OF, camera.sigma_pitch_rad), "0", 0, 1, NULL,
     "of the mount and the body's motion; 0: 0.005"},
    {REAL("sigma_z_m", OF, camera.sigma_z_m), "0", 0, 10, NULL, "0: 0.03"},
    {.field = CYAML_FIELD_END}};
#undef OF
static cyaml_schema_field_t calibration_fields[COUNT(calibration_keys)];

static const struct key camera_keys[] = {
    {TEXT("name", camera_config, name, 1), NULL, 0, 0, NULL,
     "frames come as frame/NAME; letters, digits and _ . -"},
    {REAL("rate_hz", camera_config, rate_hz), "20", 0.1, 1000, NULL,
     "frames a second to expect; messages leave at this rate"},
    {GROUP("calibration", CYAML_FLAG_OPTIONAL, camera_config, calibration, calibration_fields),
     NULL, 0, 0, calibration_keys, "without it objects and lanes stay in pixels"},
    {LIST("networks", camera_config, network, n_networks, &network, 0, PERCEPTION_MAX_NETWORKS),
     "[]", 0, 0, network_keys, "in place of the common ones"},
    {.field = CYAML_FIELD_END}};
static cyaml_schema_field_t camera_fields[COUNT(camera_keys)];
static const cyaml_schema_value_t camera = {
    CYAML_VALUE_MAPPING(PLAIN, struct camera_config, camera_fields)};

static const struct key keys[] = {
    {CHOICE("mode", config, mode, modes), "live", 0, 0, NULL,
     "live: the newest frame wins; lockstep: every frame is answered, in order"},
    {TEXT("vehicle", config, vehicle, 1), "car", 0, 0, NULL, "ego motion comes as ego/NAME"},
    /* A mapping of its own for the eye only: its places are those of struct config. */
    {{.key = "bus", .value = {CYAML_VALUE_MAPPING(PLAIN, struct config, bus_fields)}},
     "{}",
     0,
     0,
     bus_keys,
     "ZeroMQ endpoints"},
    {REAL("status_hz", config, status_hz), "2", 2, 100, NULL, "status messages a second"},
    {CHOICE("log", config, log, levels), "info", 0, 0, NULL, "least important lines on stderr"},
    {WHOLE("threads", config, threads), "0", 0, 64, NULL,
     "for each camera's networks; 0: its share of the cores"},
    {TEXT("cpu", config, cpu, 1), "native", 0, 0, NULL,
     "instructions the kernels may use: c, avx2, avx512, vnni, neon, native"},
    {CHOICE("tracker", config, tracker, trackers), "lstm", 0, 0, NULL,
     "how objects and lanes are carried on: lstm, rnn or kalman"},
    {CHOICE("ego_motion", config, ego, egos), "any", 0, 0, NULL,
     "how fast we drive and turn: from messages, estimated from pictures, or any: pictures where "
     "no "
     "message came"},
    {LIST("networks", config, network, n_networks, &network, 0, PERCEPTION_MAX_NETWORKS), "[]", 0,
     0, network_keys, "of each kind of output the first that gives it wins"},
    {LIST("cameras", config, camera, n_cameras, &camera, 1, MESSAGE_MAX_CAMERAS), NULL, 0, 0,
     camera_keys, "one entry each"},
    {.field = CYAML_FIELD_END}};
static cyaml_schema_field_t fields[COUNT(keys)];
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields)};

/* libcyaml wants its fields side by side. */
static void fields_from(const struct key *k, cyaml_schema_field_t *f)
{
    do
        *f++ = k->field;
    while (k++->field.key);
}

static void schema_init(void)
{
    fields_from(end_keys, end_fields);
    fields_from(bus_keys, bus_fields);
    fields_from(network_keys, network_fields);
    fields_from(calibration_keys, calibration_fields);
    fields_from(camera_keys, camera_fields);
    fields_from(keys, fields);
}

/* ---- what one key alone cannot tell -------------------------------------------------------- */

static bool name_ok(const char *name)
{
    return name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

static int refuse_at(struct settling *s, const char *tree_path, const char *path, const char *what)
{
    int node = tree_find(s->from, tree_path);

    s->node = node ? node : 1;
    snprintf(s->path, sizeof s->path, "%s", path);
    return settle_refuse(s, "%s", what);
}

static bool check_camera(struct settling *s, const struct config *c, unsigned i)
{
    const struct camera_config *cam = &c->camera[i];
    char at[64], path[64];
    struct why why;

    snprintf(at, sizeof at, "cameras.%u.name", i);
    snprintf(path, sizeof path, "cameras[%u].name", i);
    if (!name_ok(cam->name))
        return refuse_at(s, at, path, "only letters, digits and _ . - may be in a name");
    for (unsigned k = 0; k < i; k++)
        if (!strcmp(cam->name, c->camera[k].name))
            return refuse_at(s, at, path, "another camera has this name");
    snprintf(at, sizeof at, "cameras.%u.calibration", i);
    snprintf(path, sizeof path, "cameras[%u].calibration", i);
    if (cam->calibration.camera.width && camera_check(&cam->calibration.camera, &why) != OK)
        return refuse_at(s, at, path, why.text);
    return true;
}

static bool check_whole(struct settling *s, struct config *c)
{
    struct why why;

    for (unsigned i = 0; i < c->n_cameras; i++)
        if (!check_camera(s, c, i))
            return false;
    if (!name_ok(c->vehicle))
        return refuse_at(s, "vehicle", "vehicle",
                         "only letters, digits and _ . - may be in a name");
    if (c->in.n_bind + c->in.n_connect == 0)
        return refuse_at(s, "bus.in", "bus.in", "needs an endpoint to bind or to connect");
    if (c->out.n_bind + c->out.n_connect == 0)
        return refuse_at(s, "bus.out", "bus.out", "needs an endpoint to bind or to connect");
    if (cpu_parse(c->cpu, &c->cpu_mask, &why) != OK)
        return refuse_at(s, "cpu", "cpu", why.text);
    return true;
}

/* ---- loading ------------------------------------------------------------------------------- */

static const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

void config_close(struct config *c)
{
    if (!c)
        return;
    free(c->text);
    cyaml_free(&cyaml, &schema, c, 0);
}

/* Relative paths start in the folder of the file. */
static enum err join_paths(struct network_config *n, unsigned count, const char *folder,
                           struct why *why)
{
    for (unsigned i = 0; i < count; i++) {
        char given[CONFIG_MAX_PATH];

        if (n[i].model[0] == '/' || !*folder)
            continue;
        memcpy(given, n[i].model, sizeof given);
        if (snprintf(n[i].model, sizeof n[i].model, "%s/%s", folder, given) >=
            (int)sizeof n[i].model)
            return err_say(why, ERR_LIMIT, "networks[%u].model: path of more than %d bytes", i,
                           CONFIG_MAX_PATH - 1);
    }
    return OK;
}

static void make_id(struct config *c)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (const char *t = c->text; *t; t++)
        hash = (hash ^ (unsigned char)*t) * 1099511628211u;
    snprintf(c->id, sizeof c->id, "cfg-%016" PRIx64, hash);
}

static enum err config_settled(struct settling *s, const char *folder, struct config **out)
{
    char *text = NULL;
    size_t size;
    cyaml_err_t ce;
    enum err e;

    if (!yaml_document_initialize(&s->to, NULL, NULL, NULL, 1, 1))
        return err_say(s->why, ERR_NOMEM, "%s: no memory", s->name);
    if (!settle(s, keys)) {
        yaml_document_delete(&s->to);
        return ERR_FORMAT;
    }
    if (tree_text(&s->to, &text, &size) != OK)
        return err_say(s->why, ERR_NOMEM, "%s: no memory", s->name);
    schema_init();
    ce = cyaml_load_data((const uint8_t *)text, size, &cyaml, &schema, (void **)out, NULL);
    if (ce != CYAML_OK) {
        free(text);
        *out = NULL;
        return err_say(s->why, ERR_FORMAT, "%s: %s", s->name, cyaml_strerror(ce));
    }
    (*out)->text = text;
    make_id(*out);
    e = check_whole(s, *out) ? OK : ERR_FORMAT;
    if (e == OK)
        e = join_paths((*out)->network, (*out)->n_networks, folder, s->why);
    for (unsigned i = 0; e == OK && i < (*out)->n_cameras; i++)
        e = join_paths((*out)->camera[i].network, (*out)->camera[i].n_networks, folder, s->why);
    if (e != OK) {
        config_close(*out);
        *out = NULL;
    }
    return e;
}

enum err config_parse(const char *text, size_t size, const char *name, const char *folder,
                      const char *const *sets, int n_sets, struct config **out, struct why *why)
{
    struct tree t;
    struct settling s = {.from = &t, .name = name, .why = why};
    enum err e = tree_parse(&t, text, size, name, why);

    *out = NULL;
    if (e != OK)
        return e;
    for (int i = 0; e == OK && i < n_sets; i++)
        e = tree_set(&t, sets[i], why);
    if (e == OK)
        e = config_settled(&s, folder, out);
    tree_finish(&t);
    return e;
}

enum err config_load(const char *path, const char *const *sets, int n_sets, struct config **out,
                     struct why *why)
{
    char *text = malloc(TREE_MAX_BYTES + 1), *folder = strdup(path), *slash;
    FILE *f = fopen(path, "rb");
    size_t size;
    enum err e;

    *out = NULL;
    if (!text || !folder) {
        e = err_say(why, ERR_NOMEM, "%s: no memory", path);
    } else if (!f) {
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    } else {
        size = fread(text, 1, TREE_MAX_BYTES + 1, f);
        slash = strrchr(folder, '/');
        if (slash)
            *slash = '\0';
        if (ferror(f))
            e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        else
            e = config_parse(text, size, path,
                             !slash    ? ""
                             : *folder ? folder
                                       : "/",
                             sets, n_sets, out, why);
    }
    if (f)
        fclose(f);
    free(folder);
    free(text);
    return e;
}

/* ---- reading it ---------------------------------------------------------------------------- */

static void range_text(const struct key *k, char *out, size_t size)
{
    const cyaml_schema_value_t *v = &k->field.value;

    out[0] = '\0';
    if (v->type == CYAML_SEQUENCE && v->sequence.entry->type != CYAML_FLOAT)
        snprintf(out, size, "up to %u", v->sequence.max);
    else if (k->min < k->max)
        snprintf(out, size, "%g .. %g", k->min, k->max);
    else if (v->type == CYAML_ENUM)
        for (uint32_t i = 0; i < v->enumeration.count; i++)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "|" : "",
                     v->enumeration.strings[i].str);
}

static void help(FILE *f, const struct key *k, int indent)
{
    for (; k->field.key; k++) {
        const cyaml_schema_value_t *v = &k->field.value;
        const char *fallback = k->fallback                        ? k->fallback
                               : (v->flags & CYAML_FLAG_OPTIONAL) ? "absent"
                                                                  : "(required)";
        char range[80];

        range_text(k, range, sizeof range);
        fprintf(f, "%*s%s:%*s %-11s %-18s %s\n", 2 * indent, "", k->field.key,
                (int)(19 - 2 * (size_t)indent - strlen(k->field.key)), "",
                !strcmp(fallback, "{}") ? "" : fallback, range, k->help);
        if (k->inside)
            help(f, k->inside, indent + 1);
    }
}

void config_help(FILE *f)
{
    fprintf(f, "%-20s %-11s %-18s %s\n", "key", "default", "range", "meaning");
    help(f, keys, 0);
}

static unsigned share_of_cores(unsigned n_cameras)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > (long)n_cameras ? (unsigned)cores / n_cameras : 1;
}

int config_threads(const struct config *c)
{
    return c->threads ? c->threads : (int)share_of_cores(c->n_cameras);
}

struct perception_config config_perception(const struct config *c, int i, struct pool *pool)
{
    const struct camera_config *cam = &c->camera[i];
    const struct network_config *n = cam->n_networks ? cam->network : c->network;
    struct perception_config p = {.n_networks =
                                      (int)(cam->n_networks ? cam->n_networks : c->n_networks),
                                  .camera = cam->calibration.camera,
                                  .tracker = c->tracker,
                                  .ego = c->ego};

    for (int k = 0; k < p.n_networks; k++)
        p.network[k] = (struct head_config){.model = n[k].model,
                                            .decoder = *n[k].decoder ? n[k].decoder : NULL,
                                            .score_min = n[k].score_min,
                                            .nms_iou = n[k].nms_iou,
                                            .cpu_mask = c->cpu_mask,
                                            .pool = pool};
    return p;
}
