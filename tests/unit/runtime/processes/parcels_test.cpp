// SPDX-License-Identifier: MIT
// Parcels: what a process gives another that is no term comes once, in order, or is destroyed.
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

struct counted final : parcel {
  explicit counted(std::atomic<int>& of, int which) : alive(of), number(which) { ++alive; }
  ~counted() override { --alive; }
  std::atomic<int>& alive;
  const int number;
};

// It notes what it is given.
class receiver final : public behaviour {
 public:
  struct notes {
    std::mutex lock;
    std::condition_variable arrived;
    std::vector<std::string> all;
    std::vector<std::unique_ptr<parcel>> kept;
  };
  explicit receiver(notes& into) : into_(into) {}
  outcome init(process&) override { return carry_on(); }
  outcome receive(process& self, message m) override {
    if (is_atom(m, "end")) return stop(atom("normal"));
    note("message from " + std::to_string(self.origin().here()), nullptr);
    return carry_on();
  }
  outcome receive_parcel(process&, std::unique_ptr<parcel> given) override {
    const std::string which = std::to_string(dynamic_cast<counted&>(*given).number);
    note("parcel " + which, std::move(given));
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "receiver"; }

 private:
  void note(std::string what, std::unique_ptr<parcel> given) {
    const std::lock_guard guard(into_.lock);
    into_.all.push_back(std::move(what));
    if (given != nullptr) into_.kept.push_back(std::move(given));
    into_.arrived.notify_all();
  }
  notes& into_;
};

} // namespace

TEST_CASE("parcels and messages come in the order they were sent, each parcel once") {
  std::atomic<int> alive{0};
  receiver::notes notes;
  {
    node on(2);
    const pid to = *on.host.spawn({}, std::make_unique<receiver>(notes));
    const actor here(on.host);
    here.run([&](process& self) {
      for (int number = 0; number < 3; ++number) {
        self.hand(to, std::make_unique<counted>(alive, number));
        self.send(to, atom("word"));
      }
      return 0;
    });
    std::unique_lock guard(notes.lock);
    REQUIRE(notes.arrived.wait_for(guard, patience, [&] { return notes.all.size() == 6; }));
    CHECK(notes.all == std::vector<std::string>{"parcel 0", "message from 1", "parcel 1", "message from 1",
                                                "parcel 2", "message from 1"});
    CHECK(alive == 3);
  }
  notes.kept.clear();
  CHECK(alive == 0);
}

TEST_CASE("a parcel that nobody takes is destroyed: to nobody, to who ends first, to who has no use for it") {
  std::atomic<int> alive{0};
  receiver::notes notes;
  {
    node on(2);
    const actor here(on.host);
    const actor without(on.host); // no receive_parcel()
    const pid ends = *on.host.spawn({}, std::make_unique<receiver>(notes));
    here.run([&](process& self) {
      self.hand(destination::named("nobody"), std::make_unique<counted>(alive, 0));
      self.hand(without.id(), std::make_unique<counted>(alive, 1));
      self.send(ends, atom("end"));
      self.hand(ends, std::make_unique<counted>(alive, 2));
      return 0;
    });
    without.settle();
    here.run([&](process& self) {
      self.hand(destination::remote("elsewhere", 7), std::make_unique<counted>(alive, 3));
      return 0;
    });
    while (on.host.alive(ends)) std::this_thread::yield();
  }
  CHECK(alive == 0);
  CHECK(notes.all.empty());
}

} // namespace coppice::runtime::testing
