// SPDX-License-Identifier: MIT
// The board's rows are few and short: a scan under a lock is enough. Any thread.
#include "behaviours/application/application.hpp"

#include <algorithm>

namespace coppice::behaviours {

std::string_view text(application_state value) {
  switch (value) {
    case application_state::waiting:
      return "waiting";
    case application_state::starting:
      return "starting";
    case application_state::running:
      return "running";
    case application_state::stopping:
      return "stopping";
    case application_state::stopped:
      return "stopped";
    case application_state::failed:
      return "failed";
  }
  return "";
}

application_board::application_board(const std::vector<application_spec>& applications) {
  for (const application_spec& one : applications) add(one);
}

void application_board::add(const application_spec& one) {
  const std::scoped_lock held(lock_);
  rows_.push_back({one.name, one.type, one.top->name, {}, {}, 0, {}});
}

void application_board::remove(std::string_view name) {
  const std::scoped_lock held(lock_);
  std::erase_if(rows_, [name](const application_row& row) { return row.name == name; });
}

void application_board::specify(const application_spec& one) {
  const std::scoped_lock held(lock_);
  application_row* const row = find(one.name);
  if (row == nullptr) return;
  row->type = one.type;
  row->top_name = one.top->name;
}

void application_board::arrange(const std::vector<std::string>& order) {
  const std::scoped_lock held(lock_);
  const auto rank = [&order](const application_row& row) {
    return std::find(order.begin(), order.end(), row.name) - order.begin();
  };
  std::stable_sort(rows_.begin(), rows_.end(),
                   [&rank](const application_row& a, const application_row& b) { return rank(a) < rank(b); });
}

void application_board::change(std::string_view name, application_state state,
                               const runtime::message& reason) {
  const std::scoped_lock held(lock_);
  application_row* const row = find(name);
  if (row == nullptr) return;
  row->state = state;
  row->reason = reason;
  if (state == application_state::stopped || state == application_state::failed) row->top = {};
}

void application_board::running(std::string_view name, const runtime::pid& top) {
  const std::scoped_lock held(lock_);
  application_row* const row = find(name);
  if (row == nullptr) return;
  row->state = application_state::running;
  row->top = top;
  row->started = base::wall_now();
  row->reason = {};
}

std::vector<application_row> application_board::rows() const {
  const std::scoped_lock held(lock_);
  return rows_;
}

application_row* application_board::find(std::string_view name) {
  for (application_row& row : rows_) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

} // namespace coppice::behaviours
