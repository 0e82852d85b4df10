// SPDX-License-Identifier: MIT
// Parcels, which one process gives to another and which are not terms: each arrives once and in order, or
// comes back, or is destroyed.
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

struct counted final : parcel {
  explicit counted(std::atomic<int>& of, int which) : alive(of), number(which) { ++alive; }
  ~counted() override { --alive; }
  std::atomic<int>& alive;
  const int number;
};

// Writes down what it receives.
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
  outcome receive_returned(process&, std::unique_ptr<parcel> given) override {
    const std::string which = std::to_string(dynamic_cast<counted&>(*given).number);
    note("returned " + which, std::move(given));
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

// Gives its parcels to `to` when it is told to.
class giver final : public behaviour {
 public:
  giver(receiver::notes& into, std::atomic<int>& alive, destination to, int count)
      : told_(into), alive_(alive), to_(std::move(to)), count_(count) {}
  outcome init(process&) override { return carry_on(); }
  outcome receive(process& self, message) override {
    self.send(to_, atom("end"));
    for (int number = 0; number < count_; ++number) self.hand(to_, std::make_unique<counted>(alive_, number));
    return carry_on();
  }
  outcome receive_returned(process& self, std::unique_ptr<parcel> given) override {
    return told_.receive_returned(self, std::move(given));
  }
  void describe(description& out) const override { out.behaviour = "giver"; }

 private:
  receiver told_;
  std::atomic<int>& alive_;
  const destination to_;
  const int count_;
};

} // namespace

TEST_CASE("parcels for who has ended, or ends without taking them, come back to who gave them, once each") {
  std::atomic<int> alive{0};
  receiver::notes of_giver, of_receiver;
  {
    node on(2);
    const pid ends = *on.host.spawn({}, std::make_unique<receiver>(of_receiver));
    const actor here(on.host);
    for (const destination& to : {destination(ends), destination::named("nobody")}) {
      const pid gives = *on.host.spawn({}, std::make_unique<giver>(of_giver, alive, to, 3));
      here.run([&](process& self) {
        self.send(gives, atom("go"));
        return 0;
      });
      std::unique_lock guard(of_giver.lock);
      REQUIRE(of_giver.arrived.wait_for(guard, patience, [&] { return of_giver.all.size() == 3; }));
      CHECK(of_giver.all == std::vector<std::string>{"returned 0", "returned 1", "returned 2"});
      of_giver.all.clear();
    }
    CHECK(of_receiver.all.empty());
  }
  of_giver.kept.clear();
  CHECK(alive == 0);
}

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
    const actor without(on.host); // has no receive_parcel()
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
    CHECK(eventually([&] { return !on.host.alive(ends); }));
  }
  CHECK(alive == 0);
  CHECK(notes.all.empty());
}

} // namespace coppice::runtime::testing
