// SPDX-License-Identifier: MIT
// The bound of a mailbox, in every interleaving of its owner and of senders on other threads: it is not
// exceeded, and no message is refused while there is room. Ghost variables hold how many messages are surely
// in the mailbox and how many may be.
#include "runtime/messages/mailbox_load.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "runtime/structures/interleavings.hpp"

using namespace coppice::runtime;
using namespace coppice::runtime::testing;

namespace {

constexpr std::uint32_t size = 10; // bytes of each message

template <std::uint32_t Margin, class Atomics = watched_atomics>
using load_of = basic_mailbox_load<Atomics, Margin>;

struct shape {
  std::uint32_t limit;                // messages
  std::uint64_t bytes = 0;            // the limit of bytes
  std::array<unsigned, 2> sent{1, 1}; // messages by each of the two senders on other threads
  unsigned held = 0;                  // messages that the owner counts by itself, at the start
  // How many times it takes the messages that have arrived, and handles them.
  unsigned handled = 0;
  std::uint32_t over = 0; // how many messages more than the limit are allowed
};

template <class Load>
class one_mailbox {
 public:
  one_mailbox(run& all, const shape& its) : its_(its) {
    for (std::size_t i = 0; i < 2; ++i)
      all.thread("sender " + std::to_string(i), [this, i] {
        for (unsigned n = 0; n < its_.sent[i]; ++n)
          if (count(i, [this] { return load_.reserve(size, limits_); })) pushed_.fetch_add(1);
      });
    all.thread("owner", [this] {
      unsigned own = 0;
      for (unsigned n = 0; n < its_.held; ++n)
        own += count(2, [this] { return load_.hold(size, limits_); }) ? 1U : 0U;
      for (unsigned n = 0; n < its_.handled; ++n)
        for (unsigned left = std::exchange(own, 0) + take(); left != 0; --left) handle();
    });
  }
  void end() const {
    expect(load_.messages() == surely_, "the count is wrong at the end");
    expect(load_.bytes() == std::uint64_t{surely_} * size, "the bytes are wrong at the end");
  }

 private:
  // The operations on `moment_` make the changes of the ghost variables points of the schedule.
  template <class Attempt>
  bool count(std::size_t who, Attempt attempt) {
    moment_.fetch_add(1);
    most_[who] = perhaps_;
    note(perhaps_ + 1);
    const bool counted = attempt();
    moment_.fetch_add(1);
    if (counted) {
      expect(++surely_ <= room_ + its_.over, "the limit is passed");
      return true;
    }
    --perhaps_;
    expect(most_[who] - 1 >= room_, "refused while there was room");
    return false;
  }
  void handle() {
    moment_.fetch_add(1);
    --surely_;
    load_.remove(Load::share(size));
    moment_.fetch_add(1);
    --perhaps_;
  }
  unsigned take() {
    const unsigned taken = pushed_.exchange(0);
    if constexpr (requires { load_.take_over(0); }) load_.take_over(taken * Load::share(size));
    return taken;
  }
  void note(std::uint32_t perhaps) {
    perhaps_ = perhaps;
    for (std::uint32_t& one : most_) one = std::max(one, perhaps);
  }

  const shape its_;
  const typename Load::bounds limits_{its_.limit, its_.bytes};
  const std::uint32_t room_ = its_.bytes == 0 ? its_.limit : static_cast<std::uint32_t>(its_.bytes / size);
  Load load_;
  watched<unsigned> pushed_{0};
  watched<unsigned> moment_{0};
  std::uint32_t surely_ = 0;            // counted, and not about to be handled
  std::uint32_t perhaps_ = 0;           // about to be counted, counted, or about to be handled
  std::array<std::uint32_t, 3> most_{}; // of perhaps_, since each thread began to count
};

template <class Load>
void must_hold(const shape& its) {
  const verdict found = in_every_interleaving<one_mailbox<Load>>({.most = affordable}, its);
  MESSAGE(found.schedules, " schedules");
  CHECK_MESSAGE(found.holds(), found.failure);
  CHECK(found.schedules > 100);
}

template <class Load>
std::string failure(const shape& its) {
  const verdict found = in_every_interleaving<one_mailbox<Load>>({}, its);
  return found.failure.substr(0, found.failure.find('\n'));
}

constexpr std::uint32_t always_near = 1000;
constexpr std::uint32_t never_near = 0;

// A CAS that is not atomic.
struct torn_atomics : watched_atomics {
  template <class T>
  class atomic : public watched<T> {
   public:
    using watched<T>::watched;
    bool compare_exchange_weak(T& seen, T to, std::memory_order, std::memory_order) {
      if (const T now = this->load(); now != seen) return seen = now, false;
      this->store(to);
      return true;
    }
  };
};

// Refuses after a single look.
class hasty : public load_of<always_near> {
 public:
  bool reserve(std::uint32_t bytes, const bounds& limits) {
    if (messages() >= limits.messages) return false;
    return load_of<always_near>::reserve(bytes, limits);
  }
};

// Two counters; a message moves from one to the other, and senders add first and then look.
class two_counts {
 public:
  using bounds = mailbox_load::bounds;
  static std::uint64_t share(std::uint32_t bytes) { return mailbox_load::share(bytes); }
  bool hold(std::uint32_t bytes, const bounds& limits) {
    if ((incoming_.load() + held_.load()) >> mailbox_load::bytes_bits >= limits.messages) return false;
    held_.store(held_.load() + share(bytes));
    return true;
  }
  bool reserve(std::uint32_t bytes, const bounds& limits) {
    const std::uint64_t before = incoming_.fetch_add(share(bytes));
    if ((before + held_.load()) >> mailbox_load::bytes_bits < limits.messages) return true;
    incoming_.fetch_sub(share(bytes));
    return false;
  }
  void take_over(std::uint64_t shares) {
    held_.store(held_.load() + shares);
    incoming_.fetch_sub(shares);
  }
  void remove(std::uint64_t shares) { held_.store(held_.load() - shares); }
  std::uint64_t messages() const { return (incoming_.load() + held_.load()) >> mailbox_load::bytes_bits; }
  std::uint64_t bytes() const { return (incoming_.load() + held_.load()) & 0xff'ffff'ffff; }

 private:
  watched<std::uint64_t> incoming_{0};
  watched<std::uint64_t> held_{0};
};

constexpr shape taken{.limit = 2, .sent = {2, 1}, .handled = 2};
constexpr shape held{.limit = 2, .sent = {1, 1}, .held = 1, .handled = 1};

} // namespace

TEST_CASE("in every interleaving of two senders and the owner that handles, the bound is exact") {
  must_hold<load_of<always_near>>(taken);
}

TEST_CASE("in every interleaving of two senders and an owner that sends too, the bound is exact") {
  must_hold<load_of<always_near>>(held);
  must_hold<load_of<always_near>>(shape{.limit = 1, .sent = {1, 1}, .held = 2});
}

TEST_CASE("in every interleaving, the bound of bytes is exact") {
  must_hold<load_of<always_near>>(
      shape{.limit = 9, .bytes = 2 * size, .sent = {1, 1}, .held = 1, .handled = 1});
}

TEST_CASE("the owner counts without a read-modify-write where senders do not take more than the margin") {
  must_hold<load_of<1>>(shape{.limit = 3, .sent = {1, 0}, .held = 3});
}

TEST_CASE(
    "where senders fill the margin in the moment of a count of the owner's, it is one message too many") {
  constexpr shape filled{.limit = 2, .sent = {1, 1}, .held = 2};
  CHECK(failure<load_of<never_near>>(filled) == "the limit is passed");
  must_hold<load_of<never_near>>(shape{.limit = 2, .sent = {1, 1}, .held = 2, .over = 1});
}

TEST_CASE("each step of the count is needed") {
  CHECK(failure<load_of<always_near, torn_atomics>>(held) == "the count is wrong at the end");
  CHECK(failure<hasty>(taken) == "refused while there was room");
}

TEST_CASE("a message that moves between two counts strikes early, and one counted at once twice passes") {
  CHECK(failure<two_counts>(taken) == "refused while there was room");
  CHECK(failure<two_counts>(shape{.limit = 1, .sent = {1, 0}, .held = 1}) == "the limit is passed");
}

TEST_CASE("an empty mailbox takes any message, others as many bytes as the limit says") {
  mailbox_load load;
  const mailbox_load::bounds limits{1000, 100};
  CHECK(load.hold(5000, limits));
  CHECK_FALSE(load.hold(1, limits));
  CHECK_FALSE(load.reserve(1, limits));
  CHECK_FALSE(load.exceeds(limits));
  load.remove(mailbox_load::share(5000));
  CHECK(load.reserve(60, limits));
  CHECK(load.hold(40, limits));
  CHECK_FALSE(load.hold(1, limits));
  CHECK(load.messages() == 2);
  CHECK(load.bytes() == 100);
  load.add(mailbox_load::share(1));
  CHECK(load.exceeds(limits));
}
