// SPDX-License-Identifier: MIT
// A worker that waits in its loop does not delay others, whatever callbacks of the loop did before: it holds
// no memory back, and its processes can be fetched.
#include <uv.h>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

// Calls `does` right before each wait of worker 0's loop, on that worker's thread.
class before_each_wait {
 public:
  before_each_wait(system& host, std::function<void()> does) : host_(host), does_(std::move(does)) {
    handle_.data = this;
    on_the_loop([this] {
      uv_prepare_init(host_.loop(0), &handle_);
      uv_prepare_start(&handle_, [](uv_prepare_t* of) { static_cast<before_each_wait*>(of->data)->does_(); });
    });
  }
  ~before_each_wait() {
    std::promise<void> closed;
    closed_ = &closed;
    on_the_loop([this] {
      uv_close(reinterpret_cast<uv_handle_t*>(&handle_),
               [](uv_handle_t* of) { static_cast<before_each_wait*>(of->data)->closed_->set_value(); });
    });
    closed.get_future().wait();
  }
  before_each_wait(const before_each_wait&) = delete;
  before_each_wait& operator=(const before_each_wait&) = delete;

 private:
  void on_the_loop(const std::function<void()>& does) {
    std::promise<void> done;
    REQUIRE(host_.post(0, [&] { does(), done.set_value(); }));
    done.get_future().wait();
  }

  system& host_;
  std::function<void()> does_;
  uv_prepare_t handle_{};
  std::promise<void>* closed_ = nullptr;
};

} // namespace

TEST_CASE("a worker that sleeps keeps nothing from being freed, whatever its loop looked at before") {
  struct mortal : scripted {
    explicit mortal(std::atomic<bool>& freed) : scripted({}), gone(freed) {}
    ~mortal() override { gone = true; }
    std::atomic<bool>& gone;
  };
  std::atomic<int> looked{0};
  std::atomic<bool> freed{false};
  node here(2);
  const actor bystander(here.host, {.worker = 1});
  const before_each_wait looks(here.host, [&] {
    if (here.host.alive(bystander.id())) ++looked;
  });
  const pid mortal_one = here.host.spawn({.worker = 1}, std::make_unique<mortal>(freed)).value();
  const auto sleeps = [&] { return here.host.counters().workers[0].sleeping; };
  REQUIRE(eventually([&] { return looked > 0 && sleeps(); }));
  here.host.exit(mortal_one, atom("kill"));
  CHECK(eventually([&] { return freed.load(); }));
}

TEST_CASE("a process of a worker that sleeps is fetched, whatever that worker's loop looked at before") {
  std::atomic<int> looked{0};
  node here(2);
  const actor spawner(here.host, {.worker = 0});
  const actor caller(here.host, {.worker = 1});
  const before_each_wait looks(here.host, [&] {
    if (here.host.alive(caller.id())) ++looked;
  });
  const pid guest = spawner.run([](process& self) { return self.spawn({}, script({})).value(); });
  REQUIRE(eventually([&] { return looked > 0 && here.host.counters().workers[0].sleeping; }));
  CHECK(eventually([&] {
    if (!here.host.counters().workers[0].sleeping) return false;
    caller.run([&](process& self) { return self.send(guest, atom("hello")); });
    return here.host.info(guest)->summary.worker == 1;
  }));
}

} // namespace coppice::runtime::testing
