/* SPDX-License-Identifier: MIT
 * Loaded into a node by LD_PRELOAD, this counts the node's writes to its durable log and its syncs of files.
 * It also produces faults: slow syncs, syncs that fail, and the end of the process by SIGKILL in the middle
 * of a write, before a sync, or after it. A page chooses the faults and has the counts: a file, named by
 * COPPICE_DISK_FAULTS, that the node and the test map. harness/disk_faults.py compiles this file and writes
 * the page. The product's log writes by pwrite(2), so only that is counted as a write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The order of harness/disk_faults.py. */
struct page {
  uint64_t writes;   /* begun so far, in all lives of the node */
  uint64_t syncs;    /* ended so far */
  uint64_t delay_us; /* of each sync. 0: none */
  uint64_t fails;    /* syncs that still have to fail */
  uint64_t kill_on;  /* one of `moments`. 0: never */
  uint64_t kill_at;  /* the number of the write or sync */
};
enum moments { in_write = 1, before_sync = 2, after_sync = 3 };

static struct page* faults; /* NULL: nothing is done */

__attribute__((constructor)) static void begin(void) {
  const char* const name = getenv("COPPICE_DISK_FAULTS");
  if (name == NULL || strcmp(program_invocation_short_name, "coppiced") != 0) return;
  const int file = open(name, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* const mapped = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) faults = mapped;
}

static uint64_t get(const uint64_t* from) {
  return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}
static uint64_t next(uint64_t* of) {
  return __atomic_add_fetch(of, 1, __ATOMIC_SEQ_CST);
}

/* Happens once: end_here() clears kill_on, so that the next life of the node does not end too. */
static int has_to_end(uint64_t moment, uint64_t number) {
  return get(&faults->kill_on) == moment && number >= get(&faults->kill_at);
}
static void end_here(void) {
  __atomic_store_n(&faults->kill_on, 0, __ATOMIC_SEQ_CST);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static void wait_us(uint64_t us) {
  const struct timespec span = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, NULL);
}

static ssize_t put(int file, const void* bytes, size_t size, off_t at) {
  return (ssize_t)syscall(SYS_pwrite64, file, bytes, size, at);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  if (faults != NULL && has_to_end(in_write, next(&faults->writes))) {
    (void)put(file, bytes, size / 2, at); /* leaves a torn tail */
    end_here();
  }
  return put(file, bytes, size, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off_t at) {
  return pwrite(file, bytes, size, at);
}

static int sync_by(long call, int file) {
  if (faults == NULL) return (int)syscall(call, file);
  const uint64_t delay = get(&faults->delay_us);
  if (delay > 0) wait_us(delay);
  if (has_to_end(before_sync, get(&faults->syncs) + 1)) end_here();
  uint64_t left = get(&faults->fails);
  while (left > 0)
    if (__atomic_compare_exchange_n(&faults->fails, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      errno = EIO;
      return -1;
    }
  const int done = (int)syscall(call, file);
  const int kept = errno;
  if (has_to_end(after_sync, next(&faults->syncs))) end_here();
  errno = kept;
  return done;
}

int fdatasync(int file) {
  return sync_by(SYS_fdatasync, file);
}
int fsync(int file) {
  return sync_by(SYS_fsync, file);
}
