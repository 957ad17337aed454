#include "sim/drive.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/calibration.h"
#include "sim/file.h"
#include "sim/kitti.h"
#include "sim/listing.h"
#include "sim/stamps.h"

enum { TEXT_MAX_BYTES = 64 << 20, SMALL_MAX_BYTES = 1 << 20 };
static const double NOMINAL_HZ = 10;

struct drive {
    char folder[FILE_MAX_PATH]; /* of the pictures, without links */
    char parent[FILE_MAX_PATH]; /* "" where it is not part of the drive */
    char root[FILE_MAX_PATH];   /* of a KITTI raw drive, else "" */
    int kitti_camera;
    bool rectified; /* not an _extract drive */
    struct listing pictures;
    int64_t *t_ns;     /* (pictures.n) */
    double nominal_hz; /* of times that were not recorded; else 0 */
    bool calibrated;
    struct camera camera;
    const char *times_from, *camera_from; /* names of files; NULL: not from one */
    struct file picture, text;
};

/* ---- where the pictures are ---------------------------------------------------------------- */

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void parent_of(const char *path, char out[FILE_MAX_PATH])
{
    size_t n = (size_t)(last_name(path) - path);

    memcpy(out, path, n);
    out[n > 1 ? n - 1 : n] = 0;
}

/* PATH/name, if it is a folder with pictures. */
static enum err try_folder(struct drive *d, const char *path, const char *name, struct why *why)
{
    char joined[FILE_MAX_PATH];

    if (!path_join(joined, path, name) || !realpath(joined, d->folder) || !folder_exists(d->folder))
        return ERR_AGAIN;
    enum err e = listing_read(&d->pictures, d->folder, why);
    return e == OK && d->pictures.n == 0 ? ERR_AGAIN : e;
}

static enum err find_in(struct drive *d, const char *path, struct why *why)
{
    static const char *const inside[] = {
        ".",       "images",        "data",          "image_02/data", "image_03/data",
        "image_2", "image_00/data", "image_01/data",
    };

    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        enum err e = try_folder(d, path, inside[i], why);

        if (e != ERR_AGAIN)
            return e;
    }
    return ERR_AGAIN;
}

static bool is_kitti_drive(const char *path, const char *name)
{
    char joined[2][FILE_MAX_PATH];

    return name[0] != '.' && path_join(joined[0], path, name) &&
           path_join(joined[1], joined[0], "image_02") && folder_exists(joined[1]);
}

/* The one drive of a KITTI date. */
static enum err find_in_date(struct drive *d, const char *path, struct why *why)
{
    char name[256] = "", joined[FILE_MAX_PATH];
    const struct dirent *entry;
    DIR *folder = opendir(path);
    int drives = 0;

    if (!folder)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    while ((entry = readdir(folder)))
        if (is_kitti_drive(path, entry->d_name) && drives++ == 0)
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(folder);
    if (drives > 1)
        return err_say(why, ERR_MISMATCH, "%s: holds %d drives, name one of them (%s, ...)", path,
                       drives, name);
    return drives && path_join(joined, path, name) ? find_in(d, joined, why) : ERR_AGAIN;
}

static enum err find_pictures(struct drive *d, const char *path, struct why *why)
{
    char resolved[FILE_MAX_PATH];
    enum err e;

    if (!realpath(path, resolved))
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!folder_exists(resolved))
        return err_say(why, ERR_UNSUPPORTED,
                       "%s: is a file; a drive is a folder of PNG or JPEG files", path);
    if ((e = find_in(d, path, why)) == ERR_AGAIN)
        e = find_in_date(d, path, why);
    if (e == ERR_AGAIN)
        return err_say(why, ERR_IO,
                       "%s: no PNG or JPEG files, nor in images/, data/, image_02/data/", path);
    return e;
}

/* What the names of the folders tell. */
static void look_around(struct drive *d)
{
    const char *name = last_name(d->folder);
    char up[FILE_MAX_PATH] = "";
    bool data = !strcmp(name, "data");

    parent_of(d->folder, up);
    const char *camera = data ? last_name(up) : name;
    if (data || !strncmp(name, "image", 5))
        memcpy(d->parent, up, sizeof up);
    d->kitti_camera = 2;
    if (!strncmp(camera, "image_0", 7) && camera[7] >= '0' && camera[7] <= '3' && !camera[8]) {
        d->kitti_camera = camera[7] - '0';
        if (data)
            parent_of(up, d->root);
    }
    const char *extract = strstr(last_name(d->root), "_extract");
    d->rectified = !extract || extract[8];
}

/* ---- times --------------------------------------------------------------------------------- */

/* The first of names that is a file beside the pictures, or beside their folder (parent; "": not
 * there), is read into d->text; *found is its name and path where it is. ERR_AGAIN: none is. */
static enum err read_first(struct drive *d, const char *parent, const char *const names[],
                           const char **found, char path[FILE_MAX_PATH], struct why *why)
{
    const char *const folders[] = {d->folder, parent};

    for (int f = 0; f < 2; f++)
        for (int i = 0; folders[f][0] && names[i]; i++)
            if (path_join(path, folders[f], names[i]) && file_exists(path)) {
                *found = names[i];
                return file_read(&d->text, path, TEXT_MAX_BYTES, why);
            }
    return ERR_AGAIN;
}

static void times_nominal(struct drive *d, double rate_hz)
{
    d->nominal_hz = rate_hz;
    for (int i = 0; i < d->pictures.n; i++)
        d->t_ns[i] = llround(i * 1e9 / rate_hz);
}

/* rate_hz of set.json. ERR_AGAIN: no such file or key. */
static enum err read_set_rate(struct drive *d, double *rate_hz, struct why *why)
{
    static const char *const names[] = {"set.json", NULL};
    char parent[FILE_MAX_PATH], path[FILE_MAX_PATH];
    const char *found;
    json_error_t error;

    parent_of(d->folder, parent); /* a set may call its folders as it likes */
    enum err e = read_first(d, parent, names, &found, path, why);
    if (e != OK)
        return e;
    json_t *set = json_loadb(d->text.text, d->text.size, 0, &error);
    if (!set)
        return err_say(why, ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
    json_t *rate = json_object_get(set, "rate_hz");
    double value = json_number_value(rate);
    json_decref(set);
    if (rate && !(value >= 1e-3 && value <= 1e4))
        return err_say(why, ERR_FORMAT, "%s: rate_hz is %g, must be a number of 0.001..10000", path,
                       value);
    if (!rate)
        return ERR_AGAIN;
    *rate_hz = value;
    return OK;
}

static enum err find_times(struct drive *d, double rate_hz, struct why *why)
{
    static const char *const names[] = {"timestamps.txt", "times.txt", "timestamps.csv",
                                        "times.csv", NULL};
    char path[FILE_MAX_PATH];
    double set_hz = NOMINAL_HZ;
    enum err e;

    assert(d->pictures.n > 0);
    if (!(d->t_ns = calloc((size_t)d->pictures.n, sizeof *d->t_ns)))
        return err_say(why, ERR_NOMEM, "no memory for %d times", d->pictures.n);
    if (rate_hz > 0) {
        times_nominal(d, rate_hz);
        return OK;
    }
    e = read_first(d, d->parent, names, &d->times_from, path, why);
    if (e == OK)
        return stamps_parse(d->text.text, path, &d->pictures, d->t_ns, why);
    if (e != ERR_AGAIN || ((e = read_set_rate(d, &set_hz, why)) != OK && e != ERR_AGAIN))
        return e;
    if (e == OK)
        d->times_from = "set.json";
    times_nominal(d, set_hz);
    return OK;
}

/* Drop the pictures whose names do not match, with their times. */
static enum err choose(struct drive *d, const char *pattern, const char *path, struct why *why)
{
    struct listing *l = &d->pictures;
    int n = 0;

    for (int i = 0; i < l->n; i++) {
        if (fnmatch(pattern, l->name[i], 0) != 0) {
            free(l->name[i]);
            continue;
        }
        l->name[n] = l->name[i];
        d->t_ns[n++] = d->t_ns[i];
    }
    l->n = n;
    if (n == 0)
        return err_say(why, ERR_IO, "%s: no picture is called like '%s'", path, pattern);
    if (d->nominal_hz > 0) /* what is left follows on itself */
        times_nominal(d, d->nominal_hz);
    return OK;
}

/* ---- calibration --------------------------------------------------------------------------- */

static enum err find_kitti_calibration(struct drive *d, struct why *why)
{
    static const char *const names[] = {"calib_cam_to_cam.txt", "calib/calib_cam_to_cam.txt"};
    char at[FILE_MAX_PATH], path[FILE_MAX_PATH];
    int levels = d->root[0] ? 4 : 2; /* pictures, camera, drive, date; or pictures and set */

    memcpy(at, d->folder, sizeof at);
    for (int level = 0; level < levels; level++) {
        for (int i = 0; i < 2; i++) {
            if (!path_join(path, at, names[i]) || !file_exists(path))
                continue;
            enum err e = file_read(&d->text, path, SMALL_MAX_BYTES, why);
            if (e != OK)
                return e;
            d->camera_from = names[i];
            e = kitti_camera(d->text.text, d->kitti_camera, d->rectified, &d->camera, why);
            return e == OK ? OK : err_prefix(why, e, "%s: ", path);
        }
        char up[FILE_MAX_PATH];
        parent_of(at, up);
        memcpy(at, up, sizeof at);
    }
    return ERR_AGAIN;
}

static enum err find_calibration(struct drive *d, struct why *why)
{
    static const char *const names[] = {"calibration.yaml", "calibration.yml", "calibration.json",
                                        NULL};
    char path[FILE_MAX_PATH];
    enum err e = read_first(d, d->parent, names, &d->camera_from, path, why);

    if (e == OK) {
        e = calibration_parse(d->text.text, d->text.size, path, &d->camera, why);
    } else if (e == ERR_AGAIN) {
        e = find_kitti_calibration(d, why);
    }
    if (e != OK)
        return e == ERR_AGAIN ? OK : e;
    d->calibrated = true;
    d->camera.sigma_pitch_rad = camera_sigma_pitch(&d->camera); /* as it comes off the bus */
    d->camera.sigma_z_m = camera_sigma_z(&d->camera);
    return OK;
}

/* ---- the drive ----------------------------------------------------------------------------- */

enum err drive_open(const char *path, const struct drive_options *options, struct drive **out,
                    struct why *why)
{
    struct drive *d = calloc(1, sizeof *d);
    enum err e;

    *out = NULL;
    if (!d)
        return err_say(why, ERR_NOMEM, "%s: no memory", path);
    if ((e = find_pictures(d, path, why)) != OK)
        goto fail;
    look_around(d);
    if ((e = find_times(d, options->rate_hz, why)) != OK || (e = find_calibration(d, why)) != OK)
        goto fail;
    if (options->pattern && (e = choose(d, options->pattern, path, why)) != OK)
        goto fail;
    *out = d;
    return OK;
fail:
    drive_close(d);
    return e;
}

void drive_close(struct drive *d)
{
    if (!d)
        return;
    listing_finish(&d->pictures);
    file_finish(&d->picture);
    file_finish(&d->text);
    free(d->t_ns);
    free(d);
}

int drive_frames(const struct drive *d)
{
    return d->pictures.n;
}

int64_t drive_time_ns(const struct drive *d, int i)
{
    assert(i >= 0 && i < d->pictures.n);
    return d->t_ns[i];
}

int64_t drive_period_ns(const struct drive *d)
{
    int n = d->pictures.n;

    if (n > 1)
        return (d->t_ns[n - 1] - d->t_ns[0]) / (n - 1);
    return llround(1e9 / (d->nominal_hz > 0 ? d->nominal_hz : NOMINAL_HZ));
}

/* By its first bytes, as names may lie; a file that is neither goes by its name all the same, and
 * the reader says what it thinks of it. */
static enum encoding encoding_of(const struct file *f, const char *name)
{
    const char *dot = strrchr(name, '.');

    if (f->size >= 4 && !memcmp(f->text, "\x89PNG", 4))
        return ENCODING_PNG;
    if (f->size >= 2 && !memcmp(f->text, "\xff\xd8", 2))
        return ENCODING_JPEG;
    return dot && !strcasecmp(dot, ".png") ? ENCODING_PNG : ENCODING_JPEG;
}

enum err drive_frame(struct drive *d, int i, struct drive_frame *out, struct why *why)
{
    char path[FILE_MAX_PATH];
    enum err e;

    assert(i >= 0 && i < d->pictures.n);
    const char *name = d->pictures.name[i];
    if (!path_join(path, d->folder, name))
        return err_say(why, ERR_LIMIT, "%s: path is longer than %d bytes", name, FILE_MAX_PATH - 1);
    if ((e = file_read(&d->picture, path, FRAME_MAX_PIXEL_BYTES, why)) != OK)
        return e;
    if (d->picture.size == 0)
        return err_say(why, ERR_IO, "%s: empty", path);
    *out = (struct drive_frame){
        .header =
            {
                .schema_major = SCHEMA_MAJOR,
                .schema_minor = SCHEMA_MINOR,
                .frame_id = (uint64_t)i,
                .t_sof_ns = d->t_ns[i],
                .t_eof_ns = TIME_UNKNOWN,
                .clock_id = CLOCK_ID_SIM,
                .encoding = encoding_of(&d->picture, name),
            },
        .pixels = {(const uint8_t *)d->picture.text, d->picture.size},
        .name = name,
    };
    return OK;
}

/* KITTI's drives are synchronised: picture and motion of one number are at most 5 ms apart. */
enum err drive_ego(struct drive *d, int i, struct ego *out, struct why *why)
{
    char path[FILE_MAX_PATH + 32];
    enum err e;

    assert(i >= 0 && i < d->pictures.n);
    const char *name = d->pictures.name[i];
    const char *dot = strrchr(name, '.');
    if (!d->root[0])
        return ERR_AGAIN;
    int n = snprintf(path, sizeof path, "%s/oxts/data/%.*s.txt", d->root, (int)(dot - name), name);
    if (n < 0 || (size_t)n >= sizeof path || !file_exists(path))
        return ERR_AGAIN;
    if ((e = file_read(&d->text, path, SMALL_MAX_BYTES, why)) != OK)
        return e;
    if ((e = kitti_ego(d->text.text, out, why)) != OK)
        return err_prefix(why, e, "%s: ", path);
    out->t_ns = d->t_ns[i];
    out->clock_id = CLOCK_ID_SIM;
    return OK;
}

const struct camera *drive_camera(const struct drive *d)
{
    return d->calibrated ? &d->camera : NULL;
}

void drive_describe(const struct drive *d, char *out, size_t size)
{
    const char *times = d->times_from ? d->times_from : "nominal";
    const char *camera = d->camera_from ? d->camera_from : "none";

    snprintf(out, size, "%d picture%s in %s, %.4g Hz (%s), calibration: %s", d->pictures.n,
             d->pictures.n == 1 ? "" : "s", last_name(d->folder), 1e9 / (double)drive_period_ns(d),
             times, camera);
}
