// SPDX-License-Identifier: MIT
// The queue of kept lines and the readers that wait. See log_ring.hpp. Any thread.
#include "base/log_ring.hpp"

#include <algorithm>
#include <utility>

namespace coppice::base::log {
namespace {

bool is_of(const record& line, std::string_view process) {
  static constexpr std::string_view telling[] = {"pid", "name", "child", "label"};
  return std::ranges::any_of(line.fields, [process](const field& one) {
    return one.value == process && std::ranges::find(telling, one.name) != std::end(telling);
  });
}

// Whether `word` stands in the text with nothing around it that could belong to it.
bool has_word(std::string_view text, std::string_view word) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '-';
  };
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end]))) return true;
  }
  return false;
}

} // namespace

std::size_t cost(const record& line) {
  constexpr std::size_t block = 16;
  std::size_t sum = sizeof(record) + line.module.size() + line.text.size() + 2 * block;
  for (const field& one : line.fields) sum += sizeof(field) + one.name.size() + one.value.size() + 2 * block;
  for (const std::string& one : line.caused_by) sum += sizeof(one) + one.size() + block;
  return sum;
}

bool is_about(const record& line, std::string_view process) {
  return is_of(line, process) || has_word(line.text, process) ||
         std::ranges::find(line.caused_by, process) != line.caused_by.end();
}

bool line_filter::admits(const record& line) const {
  return line.level >= lowest && (module.empty() || line.module == module) &&
         (process.empty() || is_of(line, process));
}

log_ring::log_ring(std::size_t bytes)
    : most_(bytes), tap_(add_tap([this](const record& one) { keep(one); })) {}

log_ring::~log_ring() {
  remove_tap(tap_);
}

void log_ring::keep(const record& from) {
  const std::lock_guard guard(lock_);
  lines_.push_back(from);
  bytes_ += cost(from);
  while (bytes_ > most_ && lines_.size() > 1) {
    bytes_ -= cost(lines_.front());
    lines_.pop_front();
    ++first_;
  }
  const auto told = std::stable_partition(waiting_.begin(), waiting_.end(),
                                          [&from](const waiting& one) { return !one.wanted.admits(from); });
  for (auto at = told; at != waiting_.end(); ++at) at->does();
  waiting_.erase(told, waiting_.end());
}

std::size_t log_ring::index_of(std::uint64_t number) const {
  return number <= first_ ? 0
                          : static_cast<std::size_t>(std::min<std::uint64_t>(number - first_, lines_.size()));
}

log_ring::page log_ring::page_at(std::size_t index, const line_filter& wanted, std::size_t bytes) const {
  page out;
  std::size_t taken = 0;
  for (; index < lines_.size(); ++index) {
    const record& one = lines_[index];
    if (!wanted.admits(one)) continue;
    if (taken != 0 && taken + cost(one) > bytes) {
      out.more = true;
      break;
    }
    taken += cost(one);
    out.lines.push_back({first_ + index, one});
  }
  out.next = first_ + index;
  return out;
}

log_ring::page log_ring::from(std::uint64_t number, const line_filter& wanted, std::size_t bytes) const {
  const std::lock_guard guard(lock_);
  page out = page_at(index_of(number), wanted, bytes);
  out.missed = number < first_ ? first_ - number : 0;
  return out;
}

log_ring::page log_ring::last(std::size_t count, const line_filter& wanted, std::size_t bytes) const {
  const std::lock_guard guard(lock_);
  std::size_t index = lines_.size();
  for (std::size_t at = lines_.size(); at != 0 && count != 0; --at) {
    if (!wanted.admits(lines_[at - 1])) continue;
    index = at - 1;
    --count;
  }
  return page_at(index, wanted, bytes);
}

result<std::uint64_t> log_ring::when_line(std::uint64_t number, const line_filter& wanted,
                                          std::function<void()> does) {
  const std::lock_guard guard(lock_);
  for (std::size_t index = index_of(number); index < lines_.size(); ++index) {
    if (!wanted.admits(lines_[index])) continue;
    does();
    return std::uint64_t{0};
  }
  if (waiting_.size() >= most_waiting)
    return fail(errc::limit, fmt::format("{} others follow the log, which is the most", waiting_.size()));
  waiting_.push_back({++last_id_, wanted, std::move(does)});
  return last_id_;
}

void log_ring::forget(std::uint64_t id) {
  const std::lock_guard guard(lock_);
  std::erase_if(waiting_, [id](const waiting& one) { return one.id == id; });
}

} // namespace coppice::base::log
