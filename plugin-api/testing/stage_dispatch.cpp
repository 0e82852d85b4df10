// SPDX-License-Identifier: MIT
// Decides which consumer of a stage under test gets which event. In the test's thread.
#include <coppice/testing/stage_dispatch.hpp>

#include <algorithm>
#include <deque>
#include <optional>

namespace coppice::testing::detail {

std::optional<value> option_of(const value& list, std::string_view key) {
  etf::cursor at(list.bytes());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return std::nullopt;
  for (; length != 0; --length) {
    etf::bytes each;
    etf::bytes found;
    if (!at.read_term(each)) return std::nullopt;
    etf::cursor inside(each);
    if (inside.read_tuple_of(2) && inside.read_atom_is(key) && inside.read_term(found))
      return value::of(found);
  }
  return std::nullopt;
}

bool is_keyword_list(const value& list) {
  etf::cursor at(list.bytes());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return false;
  for (std::uint32_t left = length; left != 0; --left) {
    std::string_view key;
    if (!at.read_tuple_of(2) || !at.read_atom(key) || !at.skip()) return false;
  }
  return length == 0 || at.read_nil();
}

std::optional<std::string> staged_dispatcher::subscribe(const shared_link& one) {
  links_.push_back(one);
  return std::nullopt;
}

void staged_dispatcher::deliver(staged_link& to, value event) {
  to.events.push_back(std::move(event));
  ++to.received;
}

std::uint64_t by_demand::ask(const shared_link& one, std::uint64_t count) {
  std::erase(links_, one);
  one->demand += count;
  put(one);
  const std::uint64_t owed = std::min(credit_, count);
  credit_ -= owed;
  return count - owed;
}

std::uint64_t by_demand::cancel(const shared_link& one) {
  credit_ += one->demand;
  std::erase(links_, one);
  return 0;
}

std::uint64_t by_demand::room() const {
  std::uint64_t all = 0;
  for (const auto& each : links_) all += each->demand;
  return all;
}

bool by_demand::dispatch(std::deque<value> events, std::uint64_t) {
  while (!events.empty()) {
    const shared_link first = links_.front();
    links_.erase(links_.begin());
    for (; first->demand != 0 && !events.empty(); --first->demand) {
      deliver(*first, std::move(events.front()));
      events.pop_front();
    }
    put(first);
  }
  return true;
}

void by_demand::put(const shared_link& one) {
  const auto less = [&one](const shared_link& other) { return one->demand > other->demand; };
  links_.insert(std::ranges::find_if(links_, less), one);
}

std::optional<std::string> to_all::subscribe(const shared_link& one) {
  for (const auto& each : links_) each->demand += common_;
  common_ = 0;
  return staged_dispatcher::subscribe(one);
}

std::uint64_t to_all::ask(const shared_link& one, std::uint64_t count) {
  one->demand += count;
  return synchronise();
}

std::uint64_t to_all::cancel(const shared_link& one) {
  std::erase(links_, one);
  if (links_.empty()) common_ = 0;
  return synchronise();
}

bool to_all::dispatch(std::deque<value> events, std::uint64_t) {
  common_ -= events.size();
  requested_ -= std::min<std::uint64_t>(requested_, events.size());
  for (const value& event : events)
    for (const auto& each : links_) deliver(*each, event);
  return true;
}

std::uint64_t to_all::synchronise() {
  if (links_.empty()) return 0;
  std::uint64_t least = UINT64_MAX;
  for (const auto& each : links_) least = std::min(least, each->demand);
  for (const auto& each : links_) each->demand -= least;
  common_ += least;
  const std::uint64_t request = common_ - std::min(common_, requested_);
  requested_ += request;
  return request;
}

std::optional<std::string> by_partition::subscribe(const shared_link& one) {
  const auto wanted = option_of(one->options, "partition");
  if (!wanted) return "it has to name its partition";
  const auto name = std::ranges::find(names_, *wanted);
  if (names_.empty()) {
    if (!etf::cursor(wanted->bytes()).read_unsigned(one->partition))
      return "its partition has to be a number";
  } else if (name == names_.end()) {
    return "there is no such partition";
  } else {
    one->partition = static_cast<std::uint64_t>(name - names_.begin());
  }
  if (of(one->partition)) return "the partition has a consumer already";
  return staged_dispatcher::subscribe(one);
}

std::uint64_t by_partition::ask(const shared_link& one, std::uint64_t count) {
  std::uint64_t left = count;
  for (; left != 0 && !one->backed_up.empty(); --left) {
    deliver(*one, std::move(one->backed_up.front()));
    one->backed_up.pop_front();
  }
  one->demand += left;
  const std::uint64_t owed = std::min(credit_, count);
  credit_ -= owed;
  open_ += count - owed;
  return count - owed;
}

std::uint64_t by_partition::cancel(const shared_link& one) {
  std::erase(links_, one);
  credit_ += one->demand;
  const std::uint64_t lost = one->backed_up.size();
  one->backed_up.clear();
  open_ += lost;
  return lost;
}

bool by_partition::dispatch(std::deque<value> events, std::uint64_t partition) {
  const shared_link to = of(partition);
  if (!to) return false; // the demand stays
  open_ -= events.size();
  for (value& event : events) {
    if (to->demand == 0) {
      to->backed_up.push_back(std::move(event));
    } else {
      --to->demand;
      deliver(*to, std::move(event));
    }
  }
  return true;
}

std::uint64_t by_partition::queued() const {
  std::uint64_t all = 0;
  for (const auto& each : links_) all += each->backed_up.size();
  return all;
}

shared_link by_partition::of(std::uint64_t partition) const {
  const auto found = std::ranges::find(links_, partition, [](const auto& one) { return one->partition; });
  return found == links_.end() ? nullptr : *found;
}

} // namespace coppice::testing::detail
