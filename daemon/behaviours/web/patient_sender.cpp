// SPDX-License-Identifier: MIT
// The pause doubles from 1 ms to 64 ms while a mailbox is full. In the process's turns.
#include "behaviours/web/patient_sender.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>

namespace coppice::behaviours {
namespace {

constexpr base::nanos first_pause = base::nanos_per_ms;
constexpr base::nanos longest_pause = 64 * base::nanos_per_ms;

} // namespace

void patient_sender::hand_on() {
  if (is_retry_due_) return;
  std::size_t gone = 0;
  for (; gone < kept_.size(); ++gone) {
    const auto& [to, m] = kept_[gone];
    const auto status = self_.send(runtime::destination(to), m, {.waits = false});
    if (status != runtime::send_status::full) continue; // if the node is lost, a monitor reports it
    pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
    is_retry_due_ = true;
    self_.remind(base::mono_now() + pause_, runtime::message::atom(retry_));
    break;
  }
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(gone));
  if (kept_.empty()) pause_ = 0;
}

bool patient_sender::take_retry(const runtime::message& m) {
  if (!etf::cursor(m.bytes()).read_atom_is(retry_)) return false;
  is_retry_due_ = false;
  hand_on();
  return true;
}

} // namespace coppice::behaviours
