// SPDX-License-Identifier: MIT
// A named event, its outlets, and subscribers that read, leave, end and have little room, in any order and
// under every policy. Each subscriber sees each number once, as an event or in a gap, up to the end. The rest
// of the script is also read as a message of another node.
// rooms: behaviours
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "behaviours/channels/event_outlet.hpp"
#include "behaviours/channels/event_terms.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace coppice::behaviours;
using fuzz::check;
using kind = event_news::kind;

constexpr std::size_t endless = 1'000'000;

runtime::pid pid(std::uint32_t id) {
  return {id % 3 == 0 ? 9u : 0u, 4, id, 0};
}

struct subscriber {
  bool is_in = false;
  bool ended = false;
  std::uint64_t next = 0; // the next expected number
  std::size_t room = 1;
  std::deque<runtime::message> mailbox;
  int watched = 0;

  void read(std::size_t most) {
    for (; most != 0 && !mailbox.empty(); --most) {
      const runtime::message one = std::move(mailbox.front());
      mailbox.pop_front();
      const auto news = read_event_news(one.bytes());
      check(news.has_value());
      if (!is_in) continue; // sent before it left
      check(!ended);
      if (news->what == kind::end) {
        ended = true;
        is_in = false;
        continue;
      }
      const std::uint64_t first = news->what == kind::gap ? news->first : news->seq;
      const std::uint64_t last = news->what == kind::gap ? news->last : news->seq;
      check(first <= last && first == next);
      next = last + 1;
    }
  }
};

struct node final : event_port {
  std::map<std::uint32_t, subscriber> all;

  bool send(const runtime::pid& to, const runtime::message& m) override {
    subscriber& its = all[to.id];
    if (its.mailbox.size() >= its.room) return false;
    its.mailbox.push_back(m);
    return true;
  }
  void send_unbounded(const runtime::pid& to, runtime::message m) override {
    all[to.id].mailbox.push_back(std::move(m));
  }
  void exit(const runtime::pid& to, runtime::message reason) override {
    all[to.id].mailbox.push_back(std::move(reason));
  }
  runtime::reference watch(const runtime::pid& who) override {
    ++all[who.id].watched;
    return runtime::reference::made_by(who, 1);
  }
  void unwatch(const runtime::reference& of) override { --all[of.owner().id].watched; }
};

void settle(event_outlet& one, event_port& by) {
  for (int i = 0; i < 4; ++i) {
    one.ask_again();
    while (one.run(by, endless).more) {
    }
  }
}

void play(fuzz::script& from) {
  constexpr std::array policies{slow_subscriber::drop_old, slow_subscriber::drop_new,
                                slow_subscriber::unsubscribe, slow_subscriber::park};
  node of;
  event_outlet first(0, [] {}), second(1, [] {});
  std::array outlets{&first, &second};
  channel_options options;
  options.buffer = from.byte() % 5;
  options.queue = 1 + from.byte() % 5;
  options.slow = policies[from.byte() % policies.size()];
  const auto channel = std::make_shared<event_channel>(
      runtime::message::atom("e"), std::vector{&first, &second}, std::function<void(std::size_t)>());
  channel->begin(7, from.byte(), options);
  const std::uint8_t nothing[] = {106};
  while (!from.ended()) {
    const std::uint8_t what = from.byte();
    const std::uint32_t id = 1 + from.byte() % 6;
    subscriber& its = of.all[id];
    event_outlet& outlet = *outlets[id % 2];
    switch (what % 8) {
      case 0:
      case 1:
        for (int i = what / 8 % 4; i >= 0; --i) (void)channel->publish(nothing);
        break;
      case 2:
        outlet.run(of, 1 + what / 8 % 6);
        break;
      case 3:
        outlet.ask_again();
        break;
      case 4:
        its.read(1 + what / 8 % 4);
        break;
      case 5: {
        if (its.is_in || channel->has(pid(id))) break;
        settle(outlet, of); // messages under way have arrived
        its = {};
        its.room = 1 + what / 8 % 4;
        event_subscribe_options how;
        if (what / 32 % 2 != 0) how.begin = event_subscribe_options::kind::now;
        const auto begun = channel->subscribe(pid(id), id % 2, how);
        if (!begun) break;
        its.is_in = true;
        its.next = begun->first;
        break;
      }
      case 6:
        if (what / 8 % 2 != 0) {
          (void)channel->unsubscribe(pid(id));
        } else {
          its.watched = 0;
          outlet.gone(pid(id));
          (void)channel->unsubscribe(pid(id)); // or the message was still under way
        }
        its.is_in = false;
        its.mailbox.clear();
        break;
      default:
        options.queue = 1 + what / 8 % 5;
        channel->change(options);
        break;
    }
  }
  for (auto& [id, its] : of.all) its.room = endless;
  for (event_outlet* const one : outlets) settle(*one, of);
  const std::uint64_t last = channel->last();
  for (auto& [id, its] : of.all) {
    its.read(endless);
    check(!its.is_in || its.next == last + 1);
  }
  channel->end(runtime::message::atom("over"));
  for (event_outlet* const one : outlets) settle(*one, of);
  for (auto& [id, its] : of.all) {
    its.read(endless);
    check(!its.is_in && its.mailbox.empty());
    check(its.watched == 0);
  }
  check(channel->counts().subscribers == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)read_event_news({data, size});
  fuzz::script from({data, size});
  play(from);
  return 0;
}
