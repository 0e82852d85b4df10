// SPDX-License-Identifier: MIT
// The tables of levels. The table of modules is read without a lock: slots are only appended, and each reader
// compares an override's end with the clock. Processes with levels are rare and have a table with a lock.
#include "base/log_levels.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

namespace coppice::base::log {
namespace {

constexpr std::uint8_t none = 255;
constexpr std::size_t max_module_name = 31;
constexpr std::size_t max_process_name = 255;
constexpr std::size_t most_modules = 256;
constexpr std::size_t most_processes = 64;

constexpr auto node_modules = std::to_array<std::string_view>(
    {"application", "apply",      "base", "behaviours", "control", "cron",    "dist",    "durable",
     "epmd",        "events",     "host", "http",       "loader",  "log",     "metrics", "net",
     "node",        "pool",       "port", "raft",       "reload",  "runtime", "saga",    "services",
     "stage",       "supervisor", "sys",  "tcp",        "user",    "web"});

bool over(nanos until) {
  return until != no_end && mono_now() >= until;
}

// A configured level, and a level that may override it for a time.
class two_levels {
 public:
  explicit two_levels(std::uint8_t configured) : configured_(configured) {}

  // Returns `none` if there is neither.
  std::uint8_t now() const {
    const std::uint8_t other = override_.load(std::memory_order_relaxed);
    if (other != none && !over(until_.load(std::memory_order_relaxed))) return other;
    return configured_.load(std::memory_order_relaxed);
  }
  std::uint8_t configured() const { return configured_.load(std::memory_order_relaxed); }
  void configure(std::uint8_t value) { configured_.store(value, std::memory_order_relaxed); }
  void put(std::uint8_t value, nanos until) {
    until_.store(until, std::memory_order_relaxed);
    override_.store(value, std::memory_order_relaxed);
  }
  // The override in effect; nullopt: there is none.
  std::optional<level_difference> difference(level_scope scope, std::string_view of) const {
    const std::uint8_t other = override_.load(std::memory_order_relaxed);
    const nanos until = until_.load(std::memory_order_relaxed);
    if (other == none || over(until)) return std::nullopt;
    return level_difference{scope, std::string(of), static_cast<level>(other), until};
  }

 private:
  std::atomic<std::uint8_t> configured_;
  std::atomic<std::uint8_t> override_{none};
  std::atomic<nanos> until_{no_end};
};

struct module_slot {
  std::array<char, max_module_name + 1> name{};
  two_levels levels{none};
};

struct process_slot {
  std::string of;
  level lowest;
  nanos until;
};

class level_table {
 public:
  bool enabled(level of, std::string_view module) const {
    const module_slot* const found = find(module);
    const std::uint8_t own = found == nullptr ? none : found->levels.now();
    return static_cast<std::uint8_t>(of) >= (own != none ? own : common_.now());
  }

  two_levels& common() { return common_; }

  // The module's levels; makes the slot if there is none. errc::invalid, errc::limit.
  result<two_levels*> of(std::string_view module) {
    const std::lock_guard lock(writers_);
    if (const module_slot* const found = find(module))
      return &slots_[static_cast<std::size_t>(found - slots_.data())].levels;
    if (module.empty() || module.size() > max_module_name) {
      return fail(errc::invalid, "a log module's name has 1 to 31 characters");
    }
    const std::size_t count = count_.load(std::memory_order_relaxed);
    if (count == slots_.size()) return fail(errc::limit, "too many log modules with a level of their own");
    module.copy(slots_[count].name.data(), module.size());
    count_.store(count + 1, std::memory_order_release);
    return &slots_[count].levels;
  }

  bool knows(std::string_view module) const { return find(module) != nullptr; }

  template <class Does>
  void each_module(Does does) const {
    const std::size_t count = count_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) does(std::string_view(slots_[i].name.data()), slots_[i].levels);
  }

 private:
  const module_slot* find(std::string_view module) const {
    const std::size_t count = count_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) {
      if (module == slots_[i].name.data()) return &slots_[i];
    }
    return nullptr;
  }

  two_levels common_{static_cast<std::uint8_t>(level::info)};
  std::atomic<std::size_t> count_{0};
  std::array<module_slot, most_modules> slots_;
  std::mutex writers_;
};

class process_levels {
 public:
  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }

  status put(std::string_view of, std::optional<level> lowest, nanos until) {
    if (of.empty() || of.size() > max_process_name)
      return fail(errc::invalid, "a process is named by 1 to 255 characters");
    const std::lock_guard guard(lock_);
    std::erase_if(all_, [of](const process_slot& one) { return one.of == of || over(one.until); });
    const bool full = all_.size() >= most_processes;
    if (lowest && !full) all_.push_back({std::string(of), *lowest, until});
    count_.store(all_.size(), std::memory_order_relaxed);
    if (lowest && full) return fail(errc::limit, "too many processes have a log level of their own");
    return {};
  }

  // The level of the pid goes before that of the name.
  std::optional<level> of(std::string_view pid, std::string_view name) {
    const std::lock_guard guard(lock_);
    std::erase_if(all_, [](const process_slot& one) { return over(one.until); });
    count_.store(all_.size(), std::memory_order_relaxed);
    std::optional<level> found;
    for (const process_slot& one : all_) {
      if (one.of == pid) return one.lowest;
      if (!name.empty() && one.of == name) found = one.lowest;
    }
    return found;
  }

  void differences(std::vector<level_difference>& to) const {
    const std::lock_guard guard(lock_);
    for (const process_slot& one : all_) {
      if (!over(one.until)) to.push_back({level_scope::process, one.of, one.lowest, one.until});
    }
  }

 private:
  mutable std::mutex lock_;
  std::vector<process_slot> all_;
  std::atomic<std::size_t> count_{0};
};

level_table& levels() {
  static level_table the;
  return the;
}

process_levels& levels_of_processes() {
  static process_levels the;
  return the;
}

std::uint8_t number(std::optional<level> of) {
  return of ? static_cast<std::uint8_t>(*of) : none;
}

} // namespace

void set_level(level lowest) {
  levels().common().configure(number(lowest));
}

status set_level(std::string_view module, std::optional<level> lowest) {
  if (!lowest && !levels().knows(module)) return {};
  const auto of = levels().of(module);
  if (!of) return unexpected(of.error());
  (*of)->configure(number(lowest));
  return {};
}

level current_level() {
  return static_cast<level>(levels().common().now());
}

std::vector<std::pair<std::string, level>> module_levels() {
  std::vector<std::pair<std::string, level>> all;
  levels().each_module([&all](std::string_view name, const two_levels& one) {
    if (one.now() != none) all.emplace_back(name, static_cast<level>(one.now()));
  });
  return all;
}

bool enabled(level of, std::string_view module) {
  return levels().enabled(of, module);
}

status override_level(level_scope scope, std::string_view of, std::optional<level> lowest, nanos until) {
  if (scope == level_scope::process) return levels_of_processes().put(of, lowest, until);
  if (scope == level_scope::common) return levels().common().put(number(lowest), until), status{};
  if (!lowest && !levels().knows(of)) return {};
  const auto module = levels().of(of);
  if (!module) return unexpected(module.error());
  (*module)->put(number(lowest), until);
  return {};
}

std::vector<level_difference> level_differences() {
  std::vector<level_difference> all;
  if (auto common = levels().common().difference(level_scope::common, "")) all.push_back(std::move(*common));
  levels().each_module([&all](std::string_view name, const two_levels& one) {
    if (auto found = one.difference(level_scope::module, name)) all.push_back(std::move(*found));
  });
  levels_of_processes().differences(all);
  std::sort(all.begin(), all.end(), [](const level_difference& a, const level_difference& b) {
    return std::pair(a.scope, std::string_view(a.of)) < std::pair(b.scope, std::string_view(b.of));
  });
  return all;
}

level configured_level() {
  return static_cast<level>(levels().common().configured());
}

std::vector<std::pair<std::string, level>> configured_levels() {
  std::vector<std::pair<std::string, level>> all;
  levels().each_module([&all](std::string_view name, const two_levels& one) {
    if (one.configured() != none) all.emplace_back(name, static_cast<level>(one.configured()));
  });
  return all;
}

bool any_process_level() {
  return levels_of_processes().any();
}

std::optional<level> process_level(std::string_view pid, std::string_view name) {
  return levels_of_processes().of(pid, name);
}

bool is_module_of_node(std::string_view name) {
  return std::ranges::find(node_modules, name) != node_modules.end();
}

std::vector<std::string_view> modules_of_node() {
  return {node_modules.begin(), node_modules.end()};
}

} // namespace coppice::base::log
