// SPDX-License-Identifier: MIT
// The workload of named events: each host has a publisher of `news`, which come often, and a publisher of
// `fair`, which are rare and get crowds of subscribers. Events end and begin again, and so do their
// publishers. Listeners on all hosts subscribe to events of any host, are slow at times, and lose the hosts
// of their events. Invariants: a subscriber gets the events of one subscription in order, each once, and is
// told which numbers it does not get. A subscription ends once, and nothing comes after its end. Once all
// events have ended, every subscriber has been told.
// rooms: node
#include <fmt/format.h>

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "actors.hpp"
#include "behaviours/channels/event_channels.hpp"
#include "behaviours/channels/event_terms.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::event_news;
using behaviours::native_server;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::string_view news = "news";
constexpr std::string_view fair = "fair";
constexpr std::uint64_t largest_crowd = 5'000;

// The events of the host's node. The calling process runs on that host, so the node is up.
behaviours::event_channels& events_of(const cluster& all, unsigned host) {
  return all.at(host)->events();
}

class publisher final : public native_server {
 public:
  publisher(const cluster& of, unsigned host, std::string_view event)
      : native_server("publisher"), of_(of), host_(host), event_(event) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go")) return runtime::carry_on();
    if (the_ledger().quiet) return end_it(self);
    if (token_ == 0) {
      enroll(self);
    } else if (now() > ends_) {
      if (one_in(3)) return hand_on(self);
      tell("the event {} ends", event_);
      (void)events_of(of_, host_).withdraw(std::exchange(token_, 0));
    } else {
      publish();
    }
    go_on(self);
    return runtime::carry_on();
  }
  void go_on(process& self) const {
    const nanos most = event_ == news ? 300 * millisecond : 2 * second;
    self.remind(self.now() + draw_between(millisecond, most), message::atom("go"));
  }
  // Refused while the process of the former publisher still has the event.
  void enroll(process& self) {
    behaviours::channel_options how;
    how.buffer = static_cast<std::uint32_t>(draw_below(20));
    how.queue = one_in(2) ? 1000 : 1 + static_cast<std::uint32_t>(draw_below(20));
    how.notify = one_in(2);
    constexpr std::array all{tree::slow_subscriber::drop_old, tree::slow_subscriber::drop_new,
                             tree::slow_subscriber::unsubscribe, tree::slow_subscriber::park};
    how.slow = all[draw_below(all.size())];
    const auto made = events_of(of_, host_).enroll(event_, how, self.self(), self.name());
    if (!made) return;
    tell("the event {} begins", event_);
    token_ = *made;
    ends_ = now() + draw_between(100 * millisecond, 6 * second);
  }
  void publish() const {
    const auto channel = events_of(of_, host_).find(token_);
    if (channel == nullptr) return;
    std::uint64_t left = event_ == news ? 1 + draw_below(10) : 1;
    tell("{} events of {} are published", left, event_);
    for (; left > 0; --left) {
      message_writer out;
      out.unsigned_integer(the_ledger().next());
      (void)channel->publish(out.take().bytes());
    }
  }
  runtime::outcome end_it(process&) {
    if (token_ != 0) (void)events_of(of_, host_).withdraw(std::exchange(token_, 0));
    return runtime::stop(runtime::reasons::normal());
  }
  // Ends this process, and the event with it, and starts another publisher.
  runtime::outcome hand_on(process& self) const {
    const auto made = self.spawn({.label = "publisher"}, std::make_unique<publisher>(of_, host_, event_));
    if (!made) give_up("a workload's process does not start: " + made.error().text);
    return runtime::stop(message::atom("spent"));
  }

  const cluster& of_;
  unsigned host_;
  std::string_view event_;
  std::uint64_t token_ = 0; // 0: no event
  nanos ends_ = 0;
};

// The present subscription of a listener. Never destroyed, because listeners of a killed host never end.
struct subscription {
  std::uint64_t number = 0; // the listener's number
  unsigned to = 0;          // the host of the event
  std::string_view event;
  bool open = false;
  std::uint64_t next = 0; // the number of the next event; 0: not known yet
  std::uint64_t said = 0; // the content of the last event
};

class listener final : public native_server {
 public:
  // `again` false: the listener subscribes once, to an event of its own host, and ends with it.
  listener(const cluster& of, unsigned host, subscription& has, bool again)
      : native_server("listener"), of_(of), host_(host), has_(has), again_(again) {}

 private:
  runtime::outcome on_start(process& self) override {
    if (!again_) {
      subscribe(self);
      return has_.open ? runtime::carry_on() : runtime::ignore();
    }
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    const auto told = behaviours::read_event_news(m.bytes());
    if (told) return take(self, *told);
    if (the_ledger().quiet || has_.open) return runtime::carry_on();
    has_.to = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    has_.event = one_in(3) ? fair : news;
    subscribe(self);
    if (!has_.open) go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, second), message::atom("go"));
  }
  void subscribe(process& self) {
    using kind = behaviours::event_subscribe_options::kind;
    behaviours::event_subscribe_options how;
    how.begin = one_in(2) ? kind::buffered : kind::now;
    behaviours::event_channels& at = events_of(of_, host_);
    const auto begun = has_.to == host_ ? at.subscribe(has_.event, self.self(), how)
                                        : at.subscribe_to(has_.event, of_.name(has_.to), self.self(), how);
    if (!begun) return;
    if (again_) tell("listener {} subscribes to {} of host {}", has_.number, has_.event, has_.to);
    has_.open = true;
    has_.next = begun->first;
    has_.said = 0;
  }
  runtime::outcome take(process& self, const event_news& told) {
    if (again_) tell("listener {} receives {}", has_.number, content(told));
    if (!has_.open) broken("nothing comes after the end of a subscription", told);
    switch (told.what) {
      case event_news::kind::event:
        hear(told);
        break;
      case event_news::kind::gap:
        if (told.last < told.first || (has_.next != 0 && told.first != 0 && told.first != has_.next))
          broken("events that do not come are named in their order", told);
        has_.next = told.last + 1;
        break;
      case event_news::kind::end:
        has_.open = false;
        the_ledger().subscription_ended();
        if (!again_) return runtime::stop(runtime::reasons::normal());
        go_on(self);
        break;
    }
    if (again_ && one_in(40))
      (void)call_of(self, of_, host_, "load",
                    fmt::format("{{call,{},{}}}", the_ledger().next(), draw_below(500)), second);
    return runtime::carry_on();
  }
  void hear(const event_news& told) {
    std::uint64_t says = 0;
    etf::cursor in(told.term);
    if ((has_.next != 0 && told.seq != has_.next) || !in.read_unsigned(says) || says <= has_.said)
      broken("events come in their order, each once", told);
    the_ledger().event_came();
    has_.next = told.seq + 1;
    has_.said = says;
  }
  static std::string content(const event_news& told) {
    return told.what == event_news::kind::event ? fmt::format("event {}", told.seq)
           : told.what == event_news::kind::gap ? fmt::format("a gap from {} to {}", told.first, told.last)
                                                : std::string("an end");
  }
  [[noreturn]] void broken(std::string_view invariant, const event_news& told) const {
    const std::string what = content(told);
    give_up(fmt::format("invariant: {}: listener {} of host {} got {} of {} of host {}, and waits for {}",
                        invariant, has_.number, host_, what, has_.event, has_.to, has_.next));
  }

  const cluster& of_;
  unsigned host_;
  subscription& has_;
  bool again_;
};

class gatherings final : public workload {
 public:
  gatherings() : hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned) const override { return {}; }
  void populate(cluster& all, unsigned host) override {
    add_load(all, host);
    for (const std::string_view event : {news, fair})
      add_process(all, host, fmt::format("publisher_{}", the_ledger().next()),
                  std::make_unique<publisher>(all, host, event));
    for (std::uint64_t count = 1 + draw_below(6); count > 0; --count) add_listener(all, host, -1, true);
  }
  void lost(unsigned host) override { listeners_[host].clear(); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    if (all.at(host) != nullptr && crowds_ < 2 && one_in(3)) gather(all, host);
  }
  void check(cluster& all) override {
    for (unsigned host = 1; host <= hosts_; ++host) {
      for (const subscription* one : listeners_[host])
        if (one->open)
          the_ledger().broken(
              fmt::format("the end of an event is told: listener {} of host {} waits for {} of "
                          "{} of host {}",
                          one->number, host, one->next, one->event, one->to));
      const std::string told = all.ask(host, "kv", "size", 10 * second);
      if (told != "0")
        the_ledger().broken(fmt::format("after the faults every node answers: host {} said {}", host, told));
    }
  }

 private:
  // Adds many listeners at once, on all workers or on one of them, if the event exists.
  void gather(cluster& all, unsigned host) {
    const on_host here(host);
    bool is_there = false;
    for (const behaviours::event_report& one : events_of(all, host).report())
      is_there |= one.name == fair && one.node.empty();
    if (!is_there) return;
    ++crowds_;
    const std::uint64_t size = draw_below(largest_crowd);
    const int worker = one_in(2) ? -1 : static_cast<int>(draw_below(2));
    note("crowd", host, size);
    tell("{} listeners subscribe to {} of host {} at once", size, fair, host);
    for (std::uint64_t left = size; left > 0; --left) add_listener(all, host, worker, false);
  }
  void add_listener(cluster& all, unsigned host, int worker, bool again) {
    auto* const has = new subscription; // NOLINT: never destroyed, see subscription
    has->number = the_ledger().next();
    has->to = host;
    has->event = fair;
    listeners_[host].push_back(has);
    runtime::spawn_options how;
    how.label = "listener";
    how.worker = worker;
    if (again && one_in(2)) how.mailbox.messages = 1 + static_cast<std::uint32_t>(draw_below(50));
    const on_host here(host);
    const auto made =
        all.at(host)->runtime().spawn(std::move(how), std::make_unique<listener>(all, host, *has, again));
    if (!made) give_up("a workload's process does not start: " + made.error().text);
  }

  unsigned hosts_;
  unsigned crowds_ = 0;
  std::array<std::vector<subscription*>, most_hosts> listeners_;
};

} // namespace

std::unique_ptr<workload> make_events() {
  return std::make_unique<gatherings>();
}

} // namespace coppice::simulated
