// SPDX-License-Identifier: MIT
// rooms: manifest
// Any bytes as a plugin file: they get a verdict; if they are accepted there is a manifest whose actors have
// the tables of their behaviours. The search for bad habits ends in a report or an error.
#include <sys/mman.h>
#include <unistd.h>

#include <coppice/detail/tables.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "manifest/lint.hpp"
#include "manifest/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  static const int file = memfd_create("plugin.so", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size))
    return 0;
  const auto found = manifest::inspect(path, {.file_safety = false});
  if (found.verdict.accepted() != found.verdict.text().empty()) std::abort();
  const auto report = manifest::lint(path);
  if (report && !found.declared) std::abort();
  if (!found.verdict.accepted()) return 0;
  if (!found.declared || !found.linked || found.declared->actors.empty()) std::abort();
  for (const auto& actor : found.declared->actors)
    if (!tables::check_names(actor.behaviour, actor.tables).empty() || actor.tables.size() > tables::most)
      std::abort();
  return 0;
}
