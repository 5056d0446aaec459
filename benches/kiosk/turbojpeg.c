/* Decodes one JPEG with libturbojpeg, once for each byte that comes on standard input, and tells how long that took.
 *
 *   turbojpeg FILE     reads 'c' (colour) or 'g' (grey), writes nanoseconds, a line each
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <turbojpeg.h>

static void stop(const char *what) {
    fprintf(stderr, "turbojpeg: %s\n", what);
    exit(1);
}

int main(int count, char **words) {
    static unsigned char jpeg[1 << 24];
    FILE *file = count == 2 ? fopen(words[1], "rb") : NULL;
    if (!file) stop("it wants the name of one picture");
    unsigned long length = fread(jpeg, 1, sizeof jpeg, file);
    fclose(file);

    tjhandle handle = tjInitDecompress();
    int width, height, sampling, space;
    if (!handle || tjDecompressHeader3(handle, jpeg, length, &width, &height, &sampling, &space)) stop("no JPEG");
    unsigned char *pixels = malloc((size_t)width * height * 3);
    if (!pixels) stop("no memory");

    for (int mode; (mode = getchar()) != EOF;) {
        int format = mode == 'g' ? TJPF_GRAY : TJPF_RGB;
        struct timespec began, ended;
        clock_gettime(CLOCK_MONOTONIC, &began);
        if (tjDecompress2(handle, jpeg, length, pixels, width, 0, height, format, TJFLAG_ACCURATEDCT)) stop("it cannot be decoded");
        clock_gettime(CLOCK_MONOTONIC, &ended);
        long long nanoseconds = (ended.tv_sec - began.tv_sec) * 1000000000LL + ended.tv_nsec - began.tv_nsec;
        printf("%lld\n", nanoseconds);
        fflush(stdout);
    }
    return 0;
}
