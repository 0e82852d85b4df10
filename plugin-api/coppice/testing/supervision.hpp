// SPDX-License-Identifier: MIT
// A supervisor of a scene: which children it restarts after an exit, and when it gives up, by the rules of
// OTP's supervisor. It decides only; coppice/testing/scene.hpp starts and ends the children. One
// thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <coppice/testing.hpp>

namespace coppice::testing {

enum class strategy : std::uint8_t { one_for_one, one_for_all, rest_for_one };
enum class restart : std::uint8_t { permanent, transient, temporary };

struct child_spec {
  std::string name; ///< also its registered name, unless `how` has one
  const plugin& from;
  settings how = {};
  restart when = restart::permanent;
};
/// The defaults are OTP's.
struct supervision {
  strategy how = strategy::one_for_one;
  std::size_t intensity = 1; ///< restarts within the period; with one more it ends
  nanoseconds period = 5s;
};

class supervisor {
 public:
  supervisor(value pid, const supervision& how) : pid_(std::move(pid)), how_(how) {}

  const value& pid() const { return pid_; }
  /// False: it has given up, and its children have ended.
  bool alive() const { return alive_; }
  /// Since it was started.
  std::size_t restarts() const { return restarts_; }

 private:
  friend class scene;

  struct member {
    std::string name;
    restart when;
  };
  // Whether a child that ended for this reason is started again.
  static bool is_restarted(restart when, const value& reason);
  // Notes a restart. False: it was one too many.
  bool may_restart(nanoseconds now);
  // The children that end and start together with this one, in the order of their starts.
  std::vector<member> affected_by(const std::string& name) const;
  void forget(const std::string& name);

  const value pid_;
  const supervision how_;
  std::vector<member> children_;
  std::deque<nanoseconds> times_;
  std::size_t restarts_ = 0;
  bool alive_ = true;
};

} // namespace coppice::testing
