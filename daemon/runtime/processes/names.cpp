// SPDX-License-Identifier: MIT
// The name registry, and the memory of what each thread found last. See names.hpp.
#include "runtime/processes/names.hpp"

#include <algorithm>
#include <mutex>

namespace coppice::runtime {
namespace {

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// The newest version of all registries together, so that a version belongs to one registry in one state.
std::atomic<std::uint64_t> newest{0};

// The name that this thread found last.
struct memory {
  std::uint64_t version = 0;
  std::string name;
  pid of;
};
thread_local memory last;

} // namespace

names::names() : version_(++newest) {}

base::status names::add(const std::string& name, const pid& of) {
  if (name.empty() || name == "undefined" || characters(name) > 255)
    return base::fail(base::errc::invalid, "register '" + name + "': not a name a process can have");
  const std::unique_lock guard(lock_);
  if (!table_.try_emplace(name, of).second)
    return base::fail(base::errc::exists, "register '" + name + "': the name is taken");
  version_.store(++newest, std::memory_order_release);
  return {};
}

void names::remove(const std::string& name) {
  const std::unique_lock guard(lock_);
  table_.erase(name);
  version_.store(++newest, std::memory_order_release);
}

// Often many messages in a row go to one name; while no name has changed, it is not looked up again. Never
// inlined, as worker::current(): the caller may continue on another thread.
[[gnu::noinline]] std::optional<pid> names::find(std::string_view name) const {
  asm volatile("");
  memory& known = last;
  if (known.version == version_.load(std::memory_order_acquire) && known.name == name) return known.of;
  const std::shared_lock guard(lock_);
  const auto found = table_.find(name);
  if (found == table_.end()) return std::nullopt;
  known.version = version_.load(std::memory_order_relaxed); // changes only under the lock
  known.name = name;
  known.of = found->second;
  return known.of;
}

std::vector<std::pair<std::string, pid>> names::all() const {
  std::vector<std::pair<std::string, pid>> copy;
  {
    const std::shared_lock guard(lock_);
    copy.assign(table_.begin(), table_.end());
  }
  std::ranges::sort(copy, {}, &std::pair<std::string, pid>::first);
  return copy;
}

bool names::some(place& from, std::size_t most, std::vector<std::string>& into) const {
  const std::shared_lock guard(lock_);
  if (from.buckets != table_.bucket_count()) {
    from = {0, table_.bucket_count()};
    into.clear();
  }
  for (std::size_t looked_at = 0; from.next < from.buckets && looked_at < most; ++from.next, ++looked_at) {
    for (auto at = table_.begin(from.next); at != table_.end(from.next); ++at, ++looked_at)
      into.push_back(at->first);
  }
  return from.next < from.buckets;
}

} // namespace coppice::runtime
