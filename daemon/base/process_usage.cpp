// SPDX-License-Identifier: MIT
// Reads /proc/self and getrusage(2). See process_usage.hpp. Any thread.
#include "base/process_usage.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace coppice::base {

memory_use used_memory() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return {};
  unsigned long size = 0;
  unsigned long resident = 0; // both in pages
  const bool read = std::fscanf(file, "%lu %lu", &size, &resident) == 2;
  std::fclose(file);
  if (!read) return {};
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return {resident * page, size * page};
}

std::uint64_t resident_bytes() {
  return used_memory().resident;
}

std::uint64_t open_files() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t found = 0;
  while (const dirent* const entry = readdir(folder)) found += entry->d_name[0] != '.';
  closedir(folder);
  return found - 1; // without that of `folder`
}

nanos processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * nanos_per_second +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

} // namespace coppice::base
