/* Replays stored inputs through a fuzz target with any compiler: every argument is a file or a
 * folder of files. Each input is copied into a buffer of its exact size, so that a sanitizer sees
 * a read beyond its end. With `make fuzzers` (clang) libFuzzer takes the place of this file. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes;
    size_t size;
    int ok;

    if (!f || fstat(fileno(f), &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (f)
            fclose(f);
        return 1;
    }
    size = (size_t)st.st_size;
    bytes = malloc(size ? size : 1);
    ok = bytes && fread(bytes, 1, size, f) == size;
    fclose(f);
    if (ok)
        LLVMFuzzerTestOneInput(bytes, size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    free(bytes);
    return !ok;
}

static int replay_folder(const char *path, int *n)
{
    DIR *d = opendir(path);
    int bad = 0;

    if (!d)
        return 1;
    for (struct dirent *e; (e = readdir(d));) {
        char file[4096];

        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        bad |= replay_file(file);
        ++*n;
    }
    closedir(d);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0, n = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            bad |= replay_folder(argv[i], &n);
        } else {
            bad |= replay_file(argv[i]);
            n++;
        }
    }
    printf("%s: %d inputs\n", argv[0], n);
    return bad || n == 0;
}
