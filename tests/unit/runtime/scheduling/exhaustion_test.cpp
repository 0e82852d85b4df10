// SPDX-License-Identifier: MIT
// The node while the machine gives no more stacks or threads, or while the node's own limits are reached: it
// goes on, and recovers when they are available again. This program's own mmap and pthread_create refuse what
// a test wants refused. Sanitizers replace those functions, so those tests are left out there.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/foreign_code.hpp"

#if !defined(COPPICE_ASAN) && !defined(COPPICE_TSAN)

namespace {

std::atomic<bool> no_stacks{false};
std::atomic<bool> no_threads{false};
std::atomic<int> refusals{0};

bool refused(const std::atomic<bool>& what) {
  if (what) ++refusals;
  return what;
}

struct refusing {
  explicit refusing(std::atomic<bool>& what) : what_(what) {
    refusals = 0;
    what_ = true;
  }
  ~refusing() { end(); }
  void end() { what_ = false; }
  refusing(const refusing&) = delete;
  refusing& operator=(const refusing&) = delete;
  std::atomic<bool>& what_;
};

} // namespace

extern "C" void* mmap(void* at, std::size_t size, int rights, int flags, int file, off_t offset) noexcept {
  if ((flags & MAP_STACK) != 0 && refused(no_stacks)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, rights, flags, file, offset));
}

extern "C" int pthread_create(pthread_t* made, const pthread_attr_t* how, void* (*run)(void*),
                              void* with) noexcept {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return refused(no_threads) ? EAGAIN : real(made, how, run, with);
}

#endif

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

struct gate {
  void open() { promise.set_value(); }
  void pass() { future.wait(); }
  std::promise<void> promise;
  std::shared_future<void> future{promise.get_future().share()};
};

// A process whose handler is in foreign code and waits there until open().
class stuck {
 public:
  explicit stuck(system& host) {
    const pid made = host.spawn({}, script([door = door_, begun = begun_](process& self, message m) {
                                  const foreign_code outside(self, "handle_info", m.bytes());
                                  begun->store(true);
                                  door->pass();
                                  return carry_on();
                                }))
                         .value();
    host.send(made, atom("hold"));
  }
  bool begun() const { return begun_->load(); }
  void open() const { door_->open(); }

 private:
  std::shared_ptr<gate> door_ = std::make_shared<gate>();
  std::shared_ptr<std::atomic<bool>> begun_ = std::make_shared<std::atomic<bool>>(false);
};

// Parks processes until there is no stack for another one.
class parked_processes {
 public:
  explicit parked_processes(system& host) {
    for (bool refused = false; !refused;) {
      all_.push_back(std::make_unique<actor>(host));
      auto full = std::make_shared<std::atomic<bool>>(false);
      all_.back()->start([full](process& self) {
        const auto got = self.await(self.make_ack());
        if (!got && got.error().what == await_error::kind::limit) *full = true;
      });
      const pid who = all_.back()->id();
      REQUIRE(eventually([&] { return *full || host.info(who)->summary.status == process_status::parked; }));
      refused = *full;
    }
  }
  std::size_t size() const { return all_.size() - 1; }

 private:
  std::vector<std::unique_ptr<actor>> all_;
};

bool goes_on(const actor& one) {
  one.run([](process& self) { return self.start_timer(self.now(), self.self(), atom("tick")); });
  return is_atom(one.next(), "tick");
}

} // namespace

TEST_CASE("a worker whose stacks are all parked on is taken over like any other, and goes on") {
  node here(1, system_options{.parked_stacks = 4, .watchdog = 2 * ms});
  const actor other(here.host);
  const parked_processes parked(here.host);
  CHECK(parked.size() == 4);
  const stuck handler(here.host);
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  CHECK(goes_on(other));
  handler.open();
  CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
  CHECK(goes_on(other));
}

TEST_CASE(
    "a process that may use the reserve waits where all stacks are parked on, and leaves it to no other") {
  node here(1, system_options{.parked_stacks = 4, .reserved_stacks = 1});
  const actor essential(here.host), second(here.host), ordinary(here.host);
  const auto waits = [](process& self) { return self.await(self.make_ack(), self.now() + ms).error().what; };
  for (const actor* one : {&essential, &second})
    one->run([](process& self) { return self.use_reserved_stacks(), 0; });
  const parked_processes parked(here.host);
  CHECK(parked.size() == 4);
  for (int i = 0; i < 3; ++i) {
    CHECK(ordinary.run(waits) == await_error::kind::limit);
    CHECK(essential.run(waits) == await_error::kind::timeout);
  }
  CHECK(ordinary.run(waits) == await_error::kind::limit);
  const auto held = essential.run([](process& self) { return self.make_ack(); });
  essential.start([held](process& self) { (void)self.await(held); });
  REQUIRE(eventually([&] { return essential.parked(); }));
  CHECK(second.run(waits) == await_error::kind::limit);
  second.run([held](process& self) { return self.answer(held, atom("go_on")), 0; });
  CHECK(eventually([&] { return second.run(waits) == await_error::kind::timeout; }));
}

TEST_CASE(
    "with all spare threads stuck a worker waits for its handler, or for the first thread that is back") {
  node here(1, system_options{.watchdog = ms});
  const actor other(here.host);
  std::vector<std::unique_ptr<stuck>> handlers;
  for (unsigned i = 0; i <= driver_pool::most_spares; ++i) {
    handlers.push_back(std::make_unique<stuck>(here.host));
    REQUIRE(eventually([&] { return handlers.back()->begun(); }));
  }
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == driver_pool::most_spares; }));
  handlers.front()->open();
  CHECK(goes_on(other)); // on the thread that was freed
  for (std::size_t i = 1; i < handlers.size(); ++i) handlers[i]->open();
  CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
  CHECK(goes_on(other));
}

#if !defined(COPPICE_ASAN) && !defined(COPPICE_TSAN)

TEST_CASE("a node that gets no stack to run processes on does not start, and says why") {
  const refusing stacks(no_stacks);
  system host({.workers = 2});
  const auto started = host.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().text.find("stack") != std::string::npos);
}

TEST_CASE("a node that gets no thread does not start, and says why") {
  const refusing threads(no_threads);
  system host({.workers = 2});
  const auto started = host.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().text.find("thread") != std::string::npos);
}

TEST_CASE(
    "without another stack a call is refused, messages and timers go on, and calls do when there is one") {
  node here(1);
  const actor callee(here.host);
  const actor caller(here.host);
  const auto call = [&] {
    return caller.run([&](process& self) {
      const reference ref = self.make_ack();
      self.send_call(callee.id(), ref, atom("request"));
      return self.await(ref, self.now() + ms).error().what;
    });
  };
  {
    const refusing stacks(no_stacks);
    const parked_processes parked(here.host);
    CHECK(call() == await_error::kind::limit);
    CHECK(is_atom(callee.next(), "request"));
    CHECK(goes_on(callee));
    CHECK(caller.run([](process& self) { return self.blocking_run([] {}).error().code; }) ==
          base::errc::limit);
  }
  CHECK(call() == await_error::kind::timeout);
  CHECK(is_atom(callee.next(), "request"));
}

TEST_CASE("a stuck worker for which there is no stack, or no thread, is taken over when there is") {
  for (std::atomic<bool>* missing : {&no_stacks, &no_threads}) {
    CAPTURE(missing == &no_stacks);
    node here(1, system_options{.parked_stacks = 4, .watchdog = ms});
    const actor other(here.host);
    const parked_processes parked(here.host); // so that the takeover needs a new stack as well
    refusing nothing(*missing);
    const stuck handler(here.host);
    REQUIRE(eventually([&] { return handler.begun() && refusals > 2; })); // it was tried more than once
    CHECK(here.host.counters().stuck_threads == 0);
    nothing.end();
    CHECK(goes_on(other));
    CHECK(here.host.counters().stuck_threads == 1);
    handler.open();
    CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
    CHECK(goes_on(other));
  }
}

#endif

} // namespace coppice::runtime::testing
