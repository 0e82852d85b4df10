// SPDX-License-Identifier: MIT
// The owners, their sums, and the owner that a thread has itself. See heap_account.hpp.
#include "base/heap_account.hpp"

#include <array>
#include <atomic>
#include <mutex>

namespace coppice::base::heap {
namespace {

struct account {
  std::atomic<std::int64_t> bytes{0};
  std::array<char, 64> name{};
  std::size_t length = 0;
};

constinit std::array<account, most_owners> accounts; // the first one stands for no owner
constinit std::size_t owners = 0;                    // guarded by naming
constinit std::mutex naming;
constinit std::atomic<owner (*)()> runs_here{nullptr};
constinit std::atomic<std::uint64_t> without_room{0};
constinit std::atomic<bool> counting{false};
constinit thread_local owner charged_here = unknown;

} // namespace

owner owner_of(std::string_view plugin) {
  if (plugin.size() > accounts[0].name.size()) return unknown;
  const std::lock_guard guard(naming);
  for (std::size_t i = 1; i <= owners; ++i)
    if (std::string_view(accounts[i].name.data(), accounts[i].length) == plugin) return static_cast<owner>(i);
  if (owners + 1 == most_owners) return unknown;
  account& made = accounts[++owners];
  plugin.copy(made.name.data(), made.name.size());
  made.length = plugin.size();
  return static_cast<owner>(owners);
}

std::uint64_t bytes_of(owner of) {
  if (!is_charged(of)) return 0;
  const std::int64_t bytes = accounts[of].bytes.load(std::memory_order_relaxed);
  return bytes < 0 ? 0 : static_cast<std::uint64_t>(bytes);
}

void add_bytes(owner of, std::int64_t bytes) {
  accounts[of].bytes.fetch_add(bytes, std::memory_order_relaxed);
}

std::uint64_t left_out() {
  return without_room.load(std::memory_order_relaxed);
}

void note_left_out() {
  without_room.fetch_add(1, std::memory_order_relaxed);
}

bool counts() {
  return counting.load(std::memory_order_relaxed);
}

void count_from_now_on() {
  counting.store(true, std::memory_order_relaxed);
}

void find_owner_by(owner (*running)()) {
  runs_here.store(running, std::memory_order_release);
}

owner running_here() {
  if (charged_here != unknown) return charged_here == daemon ? unknown : charged_here;
  owner (*const find)() = runs_here.load(std::memory_order_acquire);
  return find == nullptr ? unknown : find();
}

charge::charge(owner whom) : before_(charged_here) {
  charged_here = whom;
}

charge::~charge() {
  charged_here = before_;
}

} // namespace coppice::base::heap
