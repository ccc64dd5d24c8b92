/* The wall clock, wrong by as many milliseconds as the file $LEAD_SYNC_TEST_CLOCK says. Preloaded by tests/torture/skew.rs. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    long result = syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("LEAD_SYNC_TEST_CLOCK");
    FILE *file = clock == CLOCK_REALTIME && path ? fopen(path, "re") : NULL;
    long long wrong = 0;
    if (file) {
        if (fscanf(file, "%lld", &wrong) != 1) wrong = 0;
        fclose(file);
    }
    now->tv_sec += wrong / 1000;
    return (int)result;
}
