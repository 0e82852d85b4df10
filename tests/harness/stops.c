/* SPDX-License-Identifier: MIT
 * Loaded into a program under test by LD_PRELOAD, this stops each of its threads for 300 ms at random, on
 * average every two seconds, as happens on a machine that is short of processors. A test that fails because
 * of it depends on an order or a speed. It acts in coppiced and in unit programs, and in no other program
 * that inherits the variable. `packaging/dev steady --stops` runs tests with it. The thread sleeps in a
 * signal handler, by the system call itself, so that a test that holds the clock does not hold the sleep.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { look_ms = 20, stopped_ms = 300, between_ms = 2000 };

static void sleep_ms(long ms) {
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, NULL);
}

static void stop_here(int number) {
  (void)number;
  const int kept = errno;
  sleep_ms(stopped_ms);
  errno = kept;
}

static int stops_now(void) {
  uint32_t drawn = 0;
  if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) return 0;
  return drawn % (between_ms / look_ms) == 0;
}

static void* stop_others(void* unused) {
  (void)unused;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  const long own = syscall(SYS_gettid);
  for (;;) {
    sleep_ms(look_ms);
    DIR* threads = opendir("/proc/self/task");
    if (threads == NULL) continue;
    for (const struct dirent* one = readdir(threads); one != NULL; one = readdir(threads)) {
      const long thread = strtol(one->d_name, NULL, 10);
      if (thread > 0 && thread != own && stops_now()) syscall(SYS_tgkill, getpid(), thread, SIGRTMAX - 3);
    }
    closedir(threads);
  }
  return NULL;
}

/* Whether this is a program under test, by the name that the kernel has for it. */
static int under_test(void) {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  const char* name = strrchr(path, '/');
  name = name == NULL ? path : name + 1;
  return strcmp(name, "coppiced") == 0 || strncmp(name, "unit-", 5) == 0;
}

__attribute__((constructor)) static void begin(void) {
  if (!under_test()) return;
  struct sigaction how;
  memset(&how, 0, sizeof how);
  how.sa_handler = stop_here;
  how.sa_flags = SA_RESTART;
  if (sigaction(SIGRTMAX - 3, &how, NULL) != 0) return;
  pthread_attr_t detached;
  pthread_t thread;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  (void)pthread_create(&thread, &detached, stop_others, NULL);
  pthread_attr_destroy(&detached);
}
