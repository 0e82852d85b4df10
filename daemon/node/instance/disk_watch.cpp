// SPDX-License-Identifier: MIT
// See disk_watch.hpp.
#include "node/instance/disk_watch.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/descriptors.hpp"
#include "base/log.hpp"
#include "node/instance/components.hpp"
#include "spec/schema/default_files.hpp"

namespace coppice::node {
namespace {

constexpr base::nanos again_after = 60 * base::nanos_per_second;

std::string stamp_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return path;
  const auto time = [](const timespec& of) { return fmt::format("{}.{}", of.tv_sec, of.tv_nsec); };
  return fmt::format("{} {} {} {} {}", path, info.st_ino, info.st_size, time(info.st_mtim),
                     time(info.st_ctim));
}

} // namespace

std::string in_words(const spec::difference& of) {
  constexpr std::size_t most = 5;
  std::vector<std::string> all;
  for (const spec::setting_change& one : of.settings) all.push_back(one.key);
  for (const spec::application_change& one : of.applications)
    all.push_back((one.after != nullptr ? one.after : one.before)->name);
  if (all.empty()) all.emplace_back("the order of the applications");
  const std::size_t more = all.size() > most ? all.size() - most : 0;
  all.resize(all.size() - more);
  return fmt::format("{}{}", fmt::join(all, ", "), more == 0 ? "" : fmt::format(", and {} more", more));
}

std::string first_mistake(const std::vector<spec::diagnostic>& of) {
  const auto wrong = std::ranges::find(of, spec::severity::error, &spec::diagnostic::severity);
  if (wrong == of.end()) return "it cannot be read";
  return fmt::format("{}:{}:{}: {}", wrong->file, wrong->line, wrong->column, wrong->message);
}

std::string_view text(configuration_on_disk::verdict value) {
  switch (value) {
    case configuration_on_disk::verdict::same:
      return "same";
    case configuration_on_disk::verdict::differs:
      return "differs";
    case configuration_on_disk::verdict::refused:
      return "refused";
  }
  return "";
}

configuration_on_disk disk_watch::look(const configuration_source& source,
                                       const std::shared_ptr<const configuration>& runs) const {
  if (runs->texts.empty()) return {}; // it was read from no files
  const std::scoped_lock held(lock_);
  const auto files = spec::configuration_files(source.files);
  const auto stamps_now = [&] {
    std::vector<std::string> out;
    for (const std::string& one : files) out.push_back(stamp_of(one));
    for (const std::string& one : needs_) out.push_back(stamp_of(one));
    return out;
  };
  const base::nanos now = base::mono_now();
  const bool is_old = last_.is == configuration_on_disk::verdict::refused && now - read_ >= again_after;
  if (!is_old && held_against_ == runs && stamps_now() == stamps_) return last_;
  // Without a free descriptor no file can be opened, which says nothing about the files.
  if (base::only_last_descriptors_left()) return last_;
  held_against_ = runs;
  read_ = now;
  // Taken before the files are read: a file that changes meanwhile is then read once more.
  stamps_.clear();
  for (const std::string& one : files) stamps_.push_back(stamp_of(one));
  read(source, files, *runs);
  for (const std::string& one : needs_) stamps_.push_back(stamp_of(one));
  return last_;
}

void disk_watch::read(const configuration_source& source, const std::vector<std::string>& files,
                      const configuration& runs) const {
  using verdict = configuration_on_disk::verdict;
  const spec::outcome loaded = spec::load(files, source.options);
  configuration_on_disk found;
  const spec::node_spec& names = loaded.spec ? *loaded.spec : runs.spec;
  needs_ = names.plugins.path;
  for (const spec::plugin_file& one : names.plugin_files) needs_.push_back(one.path);
  if (!loaded.spec) {
    found.is = verdict::refused;
    found.why = first_mistake(loaded.diagnostics);
  } else if (const spec::difference difference = spec::diff(runs.spec, *loaded.spec); !difference.empty()) {
    found.is = verdict::differs;
    found.why = in_words(difference);
  }
  const bool is_new = found.is != last_.is || last_.since == 0;
  found.since = is_new ? base::wall_now() : last_.since;
  if (is_new && found.is == verdict::refused)
    base::log::warning("apply", "the configuration on disk would be refused by the next start: {}",
                       found.why);
  last_ = std::move(found);
}

} // namespace coppice::node
