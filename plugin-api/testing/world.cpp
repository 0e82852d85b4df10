// SPDX-License-Identifier: MIT
// Registers each actor under test as long as it exists. Any thread.
#include <coppice/testing/world.hpp>

#include <algorithm>
#include <deque>
#include <mutex>
#include <new>

namespace coppice::testing::detail {

namespace {

/// Memory of actors that are gone, the latest last.
class gone_memory {
 public:
  gone_memory() = default;
  gone_memory(const gone_memory&) = delete;
  gone_memory& operator=(const gone_memory&) = delete;
  ~gone_memory() {
    for (void* const one : all_) ::operator delete(one);
  }
  void add(void* memory) {
    const std::scoped_lock held(lock_);
    all_.push_back(memory);
    if (all_.size() <= most) return;
    ::operator delete(all_.front());
    all_.pop_front();
  }

 private:
  static constexpr std::size_t most = 64;
  std::mutex lock_;
  std::deque<void*> all_;
};

gone_memory& gone() {
  static gone_memory made;
  return made;
}

} // namespace

void* world::operator new(std::size_t size) {
  gone(); // made before the first actor, it ends after the last one
  return ::operator new(size);
}

void world::operator delete(void* memory) noexcept {
  gone().add(memory);
}

std::map<std::string_view, void (*)(world&)>& engines_of_behaviours() {
  static std::map<std::string_view, void (*)(world&)> all;
  return all;
}

world::world() {
  const std::scoped_lock held(worlds.lock);
  worlds.all.insert(this);
}

world::~world() {
  world* mine = this;
  latest.compare_exchange_strong(mine, nullptr);
  const std::scoped_lock held(worlds.lock);
  worlds.all.erase(this);
  std::ranges::move(overheard, std::back_inserter(worlds.complaints));
}

world* of(coppice_actor* self) {
  return reinterpret_cast<world*>(self);
}

} // namespace coppice::testing::detail
