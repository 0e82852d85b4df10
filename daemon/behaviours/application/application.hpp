// SPDX-License-Identifier: MIT
// The specifications of applications, and the board that shows their states. The controller writes the board
// in its own turn; any thread reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "tree/supervision.hpp"

namespace coppice::behaviours {

using tree::application_type;

enum class application_state : std::uint8_t {
  waiting,  // for applications that it depends on, or for its turn
  starting, // its supervisors are starting
  running,
  stopping,
  stopped, // ended after it ran
  failed,  // did not start
};

std::string_view text(application_state value);

struct application_spec {
  std::string name; // an atom
  application_type type = application_type::temporary;
  std::vector<std::string> depends_on;
  base::nanos max_runtime = 0; // after this time it is stopped with the reason `normal`; 0: no limit
  runtime::message env;        // a map; empty: none
  std::shared_ptr<const supervisor_spec> top;
};

struct application_row {
  std::string name;
  application_type type = application_type::temporary;
  std::string top_name; // its top supervisor's registered name; empty: none
  application_state state = application_state::waiting;
  runtime::pid top;        // its top supervisor; null unless running
  base::nanos started = 0; // wall clock
  runtime::message reason; // why it stopped or failed; empty: it did not
};

class application_board {
 public:
  explicit application_board(const std::vector<application_spec>& applications);

  void change(std::string_view name, application_state state, const runtime::message& reason = {});
  void running(std::string_view name, const runtime::pid& top);
  // Appends a row, in the state `waiting`.
  void add(const application_spec& one);
  void remove(std::string_view name);
  // Updates the parts of a row that come from the specification.
  void specify(const application_spec& one);
  // Puts the rows into this order; rows that are not named come last.
  void arrange(const std::vector<std::string>& order);

  // In start order.
  std::vector<application_row> rows() const;

 private:
  application_row* find(std::string_view name);

  mutable std::mutex lock_;
  std::vector<application_row> rows_;
};

} // namespace coppice::behaviours
