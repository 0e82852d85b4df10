// SPDX-License-Identifier: MIT
// The store of crash notes: a bounded queue, oldest first. See crash_notes.hpp. Any thread.
#include "runtime/crash_notes.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <string_view>

#include "base/log_settings.hpp"
#include "base/utf8.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::runtime {

void crash_notes::leave(const pid& whose, crash_note note) {
  const std::lock_guard guard(lock_);
  if (notes_.size() >= most) notes_.pop_front();
  notes_.emplace_back(whose, std::move(note));
}

std::optional<crash_note> crash_notes::take(const pid& whose) {
  const std::lock_guard guard(lock_);
  const auto found = std::ranges::find(notes_, whose, &std::pair<pid, crash_note>::first);
  if (found == notes_.end()) return std::nullopt;
  crash_note note = std::move(found->second);
  notes_.erase(found);
  return note;
}

std::string shown_in_note(etf::bytes term) {
  constexpr std::string_view cut = "...";
  std::string text = shown(term, crash_note::most);
  if (text.size() <= crash_note::most) return text;
  std::size_t kept = crash_note::most - cut.size();
  while (kept != 0 && base::is_utf8_continuation(text[kept])) --kept;
  text.resize(kept);
  return text.append(cut);
}

std::string shown_reason(const message& reason, std::size_t most) {
  etf::cursor at(reason.bytes());
  std::string_view tag;
  const bool of_request =
      at.read_tuple_of(2) && at.read_atom(tag) && (tag == "bad_call" || tag == "bad_cast");
  if (!of_request || base::log::shows_messages()) return shown(reason, most);
  return "{" + std::string(tag) + ",...}";
}

} // namespace coppice::runtime
