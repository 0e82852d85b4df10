// SPDX-License-Identifier: MIT
// The part of the loader that a reload uses: it opens a generation beside the one in use, puts it into use or
// drops it, and unmaps the code of former generations once nothing needs it.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "base/file.hpp"
#include "base/log.hpp"
#include "loader/loader.hpp"
#include "loader/probe.hpp"

namespace coppice::loader {
namespace {

base::result<bool> differ(const std::string& file, const std::string& copy) {
  const auto ours = base::open_file(copy, O_RDONLY);
  if (!ours) return unexpected(ours.error());
  const auto theirs = base::open_file(file, O_RDONLY);
  if (!theirs) return unexpected(theirs.error());
  return !same_contents(theirs->get(), ours->get());
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// The things that still need the code of an image, in words. Empty: none.
std::string holders(const image& of) {
  using host::pin_of;
  std::vector<std::string> all;
  if (const auto count = of.pins(pin_of::actor))
    all.push_back(counted(count, "actor or its parked stack", "actors or their parked stacks"));
  if (const auto count = of.pins(pin_of::buffer))
    all.push_back(counted(count, "message in its memory", "messages in its memory"));
  if (const auto count = of.pins(pin_of::work))
    all.push_back(counted(count, "function on a blocking thread", "functions on blocking threads"));
  if (const auto count = of.pins(pin_of::thread))
    all.push_back(counted(count, "handle of a thread of its own", "handles of threads of its own"));
  return all.empty() ? std::string() : fmt::format("still needed by {}", fmt::join(all, ", "));
}

constexpr std::string_view stays_mapped =
    "closed, but its code is still mapped: a thread_local variable with a destructor keeps it";

} // namespace

base::result<bool> loader::changed(const std::string& plugin) const {
  std::string copy;
  {
    const reading guard(lock_);
    const entry* const known = find(plugin);
    if (known == nullptr) return base::fail(base::errc::not_found, fmt::format("{} is not loaded", plugin));
    copy = known->copy;
  }
  const auto file = find_file(plugin);
  if (!file) return unexpected(file.error());
  return differ(*file, copy);
}

base::result<std::unique_ptr<plugin_generation>> loader::open_next(const std::string& plugin) {
  const std::lock_guard alone(opening_);
  const auto file = find_file(plugin);
  if (!file) return unexpected(file.error());
  auto made = open(plugin, *file);
  if (!made) return unexpected(std::move(made.error()));
  return std::make_unique<plugin_generation>(std::move(*made));
}

base::status loader::try_states(const plugin_generation& next, const std::vector<trial_state>& states) const {
  if (states.empty()) return {};
  const auto file = write_states(states);
  if (!file) return unexpected(file.error());
  return probe(next.copy, {options_.plugin_host, options_.probe_deadline, file->get()});
}

void loader::promote(std::vector<std::unique_ptr<plugin_generation>> next) {
  const std::lock_guard guard(lock_);
  for (auto& one : next) {
    const auto known =
        std::ranges::find_if(entries_, [&](const auto& e) { return e->declared.id == one->declared.id; });
    if (known == entries_.end()) {
      entries_.push_back(std::move(one));
      continue;
    }
    std::swap(*known, one);
    former_.push_back(std::move(one));
  }
  code_has_changed();
}

void loader::discard(std::vector<std::unique_ptr<plugin_generation>> next) {
  const std::lock_guard guard(lock_);
  std::ranges::move(next, std::back_inserter(former_));
}

std::string loader::close(entry& one) const {
  if (std::string reason = holders(*one.mapped); !reason.empty()) return reason;
  (void)one.mapped->close();
  if (is_mapped(one.copy)) return std::string(stays_mapped);
  if (!one.copy_stays) unlink(one.copy.c_str());
  return {};
}

std::vector<kept_image> loader::collect() {
  const std::lock_guard alone(opening_);
  std::vector<std::unique_ptr<entry>> former;
  {
    const std::lock_guard guard(lock_);
    former.swap(former_);
  }
  std::vector<std::unique_ptr<entry>> staying;
  std::vector<kept_image> kept;
  for (auto& one : former) {
    std::string reason = close(*one);
    if (reason.empty()) continue;
    kept.push_back({one->declared.id, one->number(), std::move(reason)});
    staying.push_back(std::move(one));
  }
  const std::lock_guard guard(lock_);
  std::ranges::move(former_, std::back_inserter(staying));
  former_ = std::move(staying);
  kept_ = kept;
  return kept;
}

std::vector<kept_image> loader::kept() const {
  const reading guard(lock_);
  return kept_;
}

} // namespace coppice::loader
