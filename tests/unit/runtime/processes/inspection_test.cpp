// SPDX-License-Identifier: MIT
// Looking at a process does not hold it up. A process's tables are guarded by a spin lock, so nothing slow
// may happen under it. This program's operator new calls a hook, so a test can act when an inspection
// allocates memory.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "base/sanitizer.hpp"
#include "runtime/actor.hpp"
#include "runtime/find_processes.hpp"

#if !defined(COPPICE_ASAN) && !defined(COPPICE_TSAN)

namespace {

thread_local std::function<void()>* on_allocation = nullptr; // hook of this thread; null: none

void* allocated(std::size_t bytes) {
  if (std::function<void()>* const hook = std::exchange(on_allocation, nullptr)) {
    (*hook)();
    on_allocation = hook;
  }
  void* const made = std::malloc(bytes == 0 ? 1 : bytes);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

} // namespace

void* operator new(std::size_t bytes) {
  return allocated(bytes);
}
void operator delete(void* of) noexcept {
  std::free(of);
}
void operator delete(void* of, std::size_t) noexcept {
  std::free(of);
}

namespace coppice::runtime::testing {

TEST_CASE("a process changes what it is called and linked to while who looks at it waits for memory") {
  const std::string long_name(200, 'n');
  const std::string long_label(300, 'l');
  node here(2);
  const actor watched(here.host);
  const actor other(here.host);
  watched.run([&](process& self) {
    self.set_label(long_label);
    REQUIRE(self.register_name(long_name));
    for (int i = 0; i < 20; ++i) {
      self.link(here.host.spawn({}, script({})).value());
      self.monitor(here.host.spawn({}, script({})).value());
      self.monitor(destination::named(std::string(100, 'a')));
    }
    return true;
  });
  other.run([&](process& self) { return self.monitor(watched.id()); });
  int allocations = 0;
  bool held_up = false;
  std::function<void()> change = [&] {
    if (++allocations % 8 != 1 || held_up) return;
    auto changed = std::make_shared<std::promise<void>>();
    watched.start([changed, long_label](process& self) {
      self.set_label(long_label + "x");
      changed->set_value();
    });
    held_up = changed->get_future().wait_for(std::chrono::seconds(5)) != std::future_status::ready;
  };
  on_allocation = &change;
  const auto seen = here.host.info(watched.id());
  on_allocation = nullptr;
  CHECK(allocations > 0);
  CHECK_FALSE(held_up);
  REQUIRE(seen);
  CHECK(seen->summary.name == long_name);
  CHECK(seen->summary.label.substr(0, long_label.size()) == long_label);
  CHECK(seen->links.size() == 20);
  CHECK(seen->monitored_by.size() == 1);
}

} // namespace coppice::runtime::testing

#endif

namespace coppice::runtime::testing {

TEST_CASE("what is seen of links and monitors while they change is what there is, no more and no less") {
  constexpr int changes = base::sanitized ? 300 : 3'000;
  const auto named = destination::named("somebody whose name is not short");
  node here(2);
  std::vector<pid> lasting, passing;
  for (int i = 0; i < 32; ++i) lasting.push_back(here.host.spawn({}, script({})).value());
  for (int i = 0; i < 32; ++i) passing.push_back(here.host.spawn({}, script({})).value());
  const actor holder(here.host); // has the name
  const actor changing(here.host);
  REQUIRE(holder.run([&](process& self) { return self.register_name(named.name()).has_value(); }));
  changing.run([&](process& self) {
    for (const pid& one : lasting) {
      self.link(one);
      self.monitor(one);
    }
    self.monitor(named);
    return true;
  });
  std::atomic<bool> done{false};
  changing.start([&](process& self) {
    for (int i = 0; i < changes; ++i) {
      const auto first = passing.begin() + i % 32;
      self.link(*first);
      const reference ref = self.monitor(*first);
      if (i % 7 == 0) self.yield();
      self.unlink(*first);
      self.demonitor(ref);
    }
    done = true;
  });
  while (!done) {
    const process_info seen = here.host.info(changing.id()).value();
    const auto count = [](const auto& all, const auto& wanted) { return std::ranges::count(all, wanted); };
    for (const pid& one : lasting) {
      REQUIRE(count(seen.links, one) == 1);
      REQUIRE(count(seen.monitors, destination(one)) == 1);
    }
    REQUIRE(count(seen.monitors, named) == 1);
    REQUIRE(seen.links.size() <= lasting.size() + 1);
    REQUIRE(seen.monitors.size() <= lasting.size() + 2);
  }
}

TEST_CASE("the parent and the name of a process are told as long as it is there") {
  node here(1);
  const actor hub(here.host, {.name = "hub"});
  const pid child = hub.run([](process& self) { return self.spawn({.link = false}, script({})).value(); });
  const auto kin = kin_of(here.host, child);
  REQUIRE(kin);
  CHECK(kin->parent == hub.id());
  CHECK(kin->name.empty());
  CHECK(kin_of(here.host, hub.id())->name == "hub");
  here.host.exit(child, reasons::kill());
  CHECK(eventually([&] { return !kin_of(here.host, child); }));
}

} // namespace coppice::runtime::testing
