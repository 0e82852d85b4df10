// SPDX-License-Identifier: MIT
// Registered names: a process has at most one name, a name belongs to at most one process. Any thread.
// Readers share the lock; a thread that looks for the name it found last needs no lock while no name has
// changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

class names {
 public:
  names();
  // errc::exists: the name is taken. errc::invalid: no process may have such a name.
  base::status add(const std::string& name, const pid& of);
  void remove(const std::string& name);
  std::optional<pid> find(std::string_view name) const;
  std::vector<std::pair<std::string, pid>> all() const; // sorted by name

  // The position of a caller of some().
  struct place {
    std::size_t next = 0;    // the next bucket of the table
    std::size_t buckets = 0; // the table's buckets when the caller began; 0: it has not begun
  };
  // Appends names to `into` after looking at about `most` entries and empty buckets. False: all names are
  // done. If the table has grown since `from` began, it begins again and clears `into`.
  bool some(place& from, std::size_t most, std::vector<std::string>& into) const;

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  mutable std::shared_mutex lock_;
  std::atomic<std::uint64_t> version_; // changes with each change of the table
  std::unordered_map<std::string, pid, text_hash, std::equal_to<>> table_;
};

} // namespace coppice::runtime
