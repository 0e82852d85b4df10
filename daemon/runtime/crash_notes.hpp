// SPDX-License-Identifier: MIT
// What a process that ends badly leaves behind for the log, since its supervisor, who writes the line, sees
// its exit reason only. A note waits for its supervisor; one that nobody fetches goes when there are too
// many. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct crash_note {
  static constexpr std::size_t most = 1024; // bytes of each but the callback

  std::string callback{}; // that ran, "handle_call"
  std::string message{};  // what it was given; empty: nothing, or it is not to be shown
  std::string state{};    // as its format_status shows it; empty: it has none
  // Where the exception was thrown that ended it, a line a frame; empty: none did, or that is not known.
  std::string backtrace{};
};

class crash_notes {
 public:
  static constexpr std::size_t most = 1024;

  void leave(const pid& whose, crash_note note);
  // The note is gone then.
  std::optional<crash_note> take(const pid& whose);

 private:
  std::mutex lock_;
  std::deque<std::pair<pid, crash_note>> notes_; // the oldest first
};

// The head of a term for a note: at most crash_note::most bytes, whole characters.
std::string shown_in_note(etf::bytes term);
// A reason to end, for the log, of at most so many characters: where messages are not to be shown, without
// the request that nobody took, which is part of some reasons.
std::string shown_reason(const message& reason, std::size_t most);

} // namespace coppice::runtime
