#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/track_files.h"
#include "daemon/cli/track_rows.h"
#include "perception/eval/track_scores.h"

enum { MAX_ONLY = 64 };

#define COMMAND "eval tracks"

static const double KITTI_HEIGHT_MIN = 25; /* px; lower guesses without a partner are dropped */

struct options {
    const char *truth, *tracks, *class;
    enum track_format format;
    const char *only[MAX_ONLY];
    int n_only;
    bool json;
};

static const char help[] =
    "usage: outrider eval tracks --truth PATH --tracks PATH [options]\n"
    "\n"
    "The scores of tracking, after the definitions of KITTI and MOTChallenge: HOTA with DetA, "
    "AssA\n"
    "and LocA (means over IoU 0.05 to 0.95), MOTA and MOTP (mean IoU of the hits), IDF1, IDP and\n"
    "IDR at an IoU of 0.5; switches of identity, fragments, truths mostly tracked (over 80 %) and\n"
    "mostly lost (under 20 %).\n"
    "\n"
    "  --truth PATH     the labels: a file, or a folder of NAME.txt (or NAME/gt/gt.txt)\n"
    "  --tracks PATH    the tracks: a file, or a folder with the same names\n"
    "  --format kitti   frame id type truncated occluded alpha x1 y1 x2 y2 ... (default).\n"
    "                   Neither right nor wrong: labels that are truncated or hardly visible, "
    "vans\n"
    "                   beside cars, tracks in a DontCare region or at most 25 pixels high\n"
    "  --format mot     frame,id,x,y,width,height,flag,class,...  people; distractors are ignored\n"
    "  --class NAME     of KITTI's types: car (default), pedestrian, cyclist, truck, van, ...\n"
    "  --sequence NAME  only this one of the folder; again for more\n"
    "  --json           one JSON object instead of a table\n";

static int wrong(const char *text, const char *value)
{
    fprintf(stderr, "outrider " COMMAND ": %s%s%s\n", text, value ? " " : "", value ? value : "");
    return 2;
}

enum { TRUTH = 256, TRACKS, FORMAT, CLASS, SEQUENCE, JSON };

static int take_option(struct options *o, int c, const char *value)
{
    switch (c) {
    case TRUTH:
        o->truth = value;
        return 0;
    case TRACKS:
        o->tracks = value;
        return 0;
    case FORMAT:
        if (strcmp(value, "kitti") != 0 && strcmp(value, "mot") != 0)
            return wrong("--format must be kitti or mot, not", value);
        o->format = strcmp(value, "mot") ? TRACKS_KITTI : TRACKS_MOT;
        return 0;
    case CLASS:
        if (!track_class_known(value))
            return wrong("--class must be one of KITTI's types in small letters, not", value);
        o->class = value;
        return 0;
    case SEQUENCE:
        if (o->n_only == MAX_ONLY)
            return wrong("--sequence is one too many, the limit is 64:", value);
        o->only[o->n_only++] = value;
        return 0;
    case JSON:
        o->json = true;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"truth", required_argument, NULL, TRUTH},
                                           {"tracks", required_argument, NULL, TRACKS},
                                           {"format", required_argument, NULL, FORMAT},
                                           {"class", required_argument, NULL, CLASS},
                                           {"json", no_argument, NULL, JSON},
                                           {"sequence", required_argument, NULL, SEQUENCE},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    int c, status;

    *o = (struct options){0};
    while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if ((status = take_option(o, c, optarg)) != 0)
            return status;
    }
    if (optind < argc)
        return wrong("takes options only, not", argv[optind]);
    if (!o->truth || !o->tracks)
        return wrong("--truth and --tracks are needed", NULL);
    if (o->class && o->format == TRACKS_MOT)
        return wrong("--class says nothing about --format mot, which knows people only", NULL);
    if (!o->class)
        o->class = o->format == TRACKS_MOT ? "pedestrian" : "car";
    return 0;
}

/* ---- what is printed ----------------------------------------------------------------------- */
static void print_head(const struct options *o)
{
    printf("%-12s %6s %6s %6s %6s %7s %6s %6s %6s %6s %6s %6s %6s %5s %5s\n", o->class, "HOTA",
           "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "truths", "switch", "frag",
           "MT", "ML");
}

static void print_row(const char *name, const struct track_sums *sum)
{
    const struct track_scores s = track_scores_of(sum);

    printf("%-12s %6.4f %6.4f %6.4f %6.4f %7.4f %6.4f %6.4f %6.4f %6.4f %6ld %6ld %6ld %5ld %5ld\n",
           name, s.hota, s.deta, s.assa, s.loca, s.mota, s.motp, s.idf1, s.idp, s.idr, sum->truths,
           sum->clear.switches, sum->clear.fragments, sum->clear.mostly_tracked,
           sum->clear.mostly_lost);
}

static json_t *row_json(const char *name, const struct track_sums *sum)
{
    const struct track_scores s = track_scores_of(sum);
    const struct {
        const char *key;
        double value;
    } share[] = {{"hota", s.hota}, {"deta", s.deta}, {"assa", s.assa},
                 {"loca", s.loca}, {"mota", s.mota}, {"motp", s.motp},
                 {"idf1", s.idf1}, {"idp", s.idp},   {"idr", s.idr}};
    const struct {
        const char *key;
        long value;
    } count[] = {{"truths", sum->truths},
                 {"guesses", sum->guesses},
                 {"truth_ids", sum->truth_ids},
                 {"guess_ids", sum->guess_ids},
                 {"misses", s.misses},
                 {"false_alarms", s.false_alarms},
                 {"switches", sum->clear.switches},
                 {"fragments", sum->clear.fragments},
                 {"mostly_tracked", sum->clear.mostly_tracked},
                 {"mostly_lost", sum->clear.mostly_lost}};
    json_t *j = json_pack("{s:s}", "name", name);

    for (size_t i = 0; i < sizeof share / sizeof *share; i++)
        json_object_set_new(j, share[i].key, json_real(share[i].value));
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        json_object_set_new(j, count[i].key, json_integer(count[i].value));
    return j;
}

static json_t *to_json(const struct options *o, const struct track_files *files,
                       const struct track_sums *each, const struct track_sums *all)
{
    json_t *sequences = json_array();
    bool failed = false;

    for (int i = 0; i < files->n; i++)
        failed |= json_array_append_new(sequences, row_json(files->pair[i].name, &each[i])) != 0;
    if (failed) {
        json_decref(sequences);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "format", o->format == TRACKS_MOT ? "mot" : "kitti",
                     "class", o->class, "sequences", sequences, "all", row_json("all", all));
}

static int print_json(json_t *j)
{
    const int failed = json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));

    putchar('\n');
    return failed;
}

/* -------------------------------------------------------------------------------------------- */
static enum err score_pair(const struct options *o, const struct track_pair *pair,
                           struct track_sums *sum, struct why *why)
{
    struct track_reading how = {.format = o->format, .class = o->class, .truth = true};
    struct track_rows truth, tracks = {0};
    struct track_sequence s = {0};
    enum err e = track_rows_read(pair->truth, &how, &truth, why);

    how.truth = false;
    if (e == OK)
        e = track_rows_read(pair->tracks, &how, &tracks, why);
    if (e == OK) {
        e = track_sequence_make(truth.row, truth.n, tracks.row, tracks.n,
                                o->format == TRACKS_KITTI ? KITTI_HEIGHT_MIN : -INFINITY, &s, why);
        if (e != OK)
            e = err_prefix(why, e, "%s", pair->name);
        else if ((e = track_sums_add(&s, sum)) != OK)
            err_say(why, e, "%s: no memory to score it", pair->name);
    }
    track_sequence_finish(&s);
    track_rows_finish(&truth);
    track_rows_finish(&tracks);
    return e;
}

static void print_text(const struct options *o, const struct track_files *files,
                       const struct track_sums *each, const struct track_sums *all)
{
    print_head(o);
    for (int i = 0; i < files->n; i++)
        print_row(files->pair[i].name, &each[i]);
    if (files->n > 1)
        print_row("all", all);
}

static enum err score_all(const struct options *o, const struct track_files *files, json_t **json,
                          struct why *why)
{
    struct track_sums *each = calloc((size_t)files->n + 1, sizeof *each), all = {0};
    enum err e = OK;

    if (!each) {
        err_say(why, ERR_NOMEM, "no memory for %d sequences", files->n);
        return ERR_NOMEM;
    }
    for (int i = 0; e == OK && i < files->n; i++) {
        e = score_pair(o, &files->pair[i], &each[i], why);
        track_sums_join(&all, &each[i]);
    }
    if (e == OK && !o->json)
        print_text(o, files, each, &all);
    else if (e == OK && !(*json = to_json(o, files, each, &all)))
        e = err_say(why, ERR_FORMAT, "%.200s: names that are not UTF-8 do not go into JSON",
                    o->truth);
    free(each);
    return e;
}

int eval_tracks_command(int argc, char **argv)
{
    struct options o;
    struct why why = {""};
    struct track_files files;
    json_t *json = NULL;
    int status = parse(argc, argv, &o);

    if (status != 0)
        return status;
    enum err e = track_files_list(o.truth, o.tracks, o.only, o.n_only, &files, &why);
    if (e == OK)
        e = score_all(&o, &files, &json, &why);
    if (e == OK && o.json)
        status = print_json(json);
    json_decref(json);
    track_files_finish(&files);
    if (e != OK)
        fprintf(stderr, "outrider " COMMAND ": %s\n", why.text);
    else if (fflush(stdout) != 0 || status)
        fprintf(stderr, "outrider " COMMAND ": the standard output cannot be written\n");
    return e != OK || status || ferror(stdout);
}
