// SPDX-License-Identifier: MIT
// The names of users by their ids. A look-up may go over a network, so what it finds is remembered, and so is
// that it fails, for a minute: with a directory that does not answer, each request of an operator would wait
// for it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace coppice::control {

class user_names {
 public:
  static constexpr std::size_t most_known = 1000;
  static constexpr base::nanos failed_for = 60 * base::nanos_per_second;

  // The name, empty if the machine knows none; nullopt: the machine cannot tell now.
  using lookup = std::optional<std::string> (*)(std::uint32_t uid);

  explicit user_names(lookup look) : look_(look) {}

  // Empty: there is none, or it is not known. `now`: monotonic. Valid until the next call.
  const std::string& of(std::uint32_t uid, base::nanos now) {
    const auto found = known_.find(uid);
    if (found != known_.end() && now < found->second.until) return found->second.name;
    if (found == known_.end() && known_.size() >= most_known) known_.clear();
    const std::optional<std::string> name = look_(uid);
    return (known_[uid] = {name.value_or(""), name ? no_end : now + failed_for}).name;
  }

 private:
  static constexpr base::nanos no_end = INT64_MAX;
  struct entry {
    std::string name;
    base::nanos until = 0; // then it is looked up again
  };
  lookup look_;
  std::map<std::uint32_t, entry> known_;
};

} // namespace coppice::control
