// SPDX-License-Identifier: MIT
// The process coppice_events gets arbitrary requests from processes of this node and of another one; the
// mirror of that node's event gets arbitrary answers and events. The service answers the next request, and
// each subscriber gets each number once, as an event or in a gap. A byte chooses what happens, the bytes
// after it the contents.
// rooms: services
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "behaviours/channels/event_terms.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"
#include "script.hpp"
#include "services/events/event_service.hpp"
#include "small_system.hpp"

namespace {

using namespace coppice;
using behaviours::event_channels;
using behaviours::event_news;
using fuzz::check;
using input = fuzz::script;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr const char* other_name = "other@localhost";
constexpr std::array names{"a", "b", "c", "d"};

message term_of(input& from) {
  return message::copy_of(from.term());
}

// The answer of another node's service to a subscription: mostly one that our service would give.
message answer_of(input& from) {
  if (from.byte() % 4 == 0) return term_of(from);
  message_writer out;
  out.tuple(2);
  if (from.byte() % 8 == 0) {
    out.atom("error");
    out.atom("no_such_event");
    return out.take();
  }
  out.atom("ok");
  out.map(5);
  for (const char* key : {"creation", "first", "last", "buffer", "queue"}) {
    out.atom(key);
    out.unsigned_integer(from.byte());
  }
  return out.take();
}

// Stands in for the connections to other nodes: requests of a mirror are answered as the script says.
class other_node final : public runtime::remote_router {
 public:
  explicit other_node(runtime::system& of) : system_(of) {}

  void answers(message with) {
    const std::scoped_lock held(lock_);
    answer_ = std::move(with);
  }
  // The mirrors that have subscribed there, by the names of their events.
  std::map<std::string, runtime::pid> mirrors() const {
    const std::scoped_lock held(lock_);
    return mirrors_;
  }
  // Sends from a process of that node.
  void sends(const destination& to, message m, const runtime::pid& from) {
    auto made = runtime::make_signal(runtime::signal_kind::message, from, std::move(m));
    made->flags = runtime::signal::remote;
    system_.deliver(to, std::move(made));
  }

  void route(const destination& to, runtime::signal_ptr what) override {
    if (what->kind != runtime::signal_kind::message) return;
    const behaviours::gen::request asked = behaviours::gen::parse(what->payload());
    if (asked.what != behaviours::gen::request::kind::call) return;
    etf::cursor at(asked.body.bytes());
    std::string_view subscribe, name;
    if (!at.read_tuple_of(2) || !at.read_atom(subscribe) || !at.read_atom(name)) return;
    message_writer out;
    {
      const std::scoped_lock held(lock_);
      mirrors_[std::string(name)] = what->from;
      etf::cursor sender(asked.from.bytes());
      sender.read_tuple_of(2);
      sender.skip();
      out.tuple(2);
      out.raw(sender.rest());
      out.raw(answer_.bytes());
    }
    sends(destination::alias(what->ref), out.take(), runtime::pid{to.node(), 4, 50, 0});
  }
  bool route_ahead(const destination&, runtime::signal_ptr) override { return false; }
  bool connected(std::uint32_t) const override { return true; }
  bool takes_bare_calls(std::uint32_t) const override { return false; }
  bool busy(std::uint32_t) const override { return false; }
  bool rest(std::uint32_t, const runtime::pid&, std::uint64_t) override { return false; }
  void monitor_node(const runtime::pid&, std::uint32_t, bool) override {}
  std::vector<std::string> nodes(which) const override { return {other_name}; }
  void connect(std::uint32_t, const runtime::reference&) override {}
  base::status disconnect(std::uint32_t, std::string) override { return {}; }

 private:
  runtime::system& system_;
  mutable std::mutex lock_;
  message answer_ = message::atom("ok");
  std::map<std::string, runtime::pid> mirrors_;
};

// What a subscriber has seen of each event that it has subscribed to, by the event's label.
class seen_events {
 public:
  void take(const message& m) {
    const auto news = behaviours::read_event_news(m.bytes());
    if (!news) return;
    one& its = all_[std::string(reinterpret_cast<const char*>(news->label.data()), news->label.size())];
    if (its.left) return; // sent before it left
    check(!its.ended);
    if (news->what == event_news::kind::end) {
      its.ended = true;
      return;
    }
    const bool gap = news->what == event_news::kind::gap;
    const std::uint64_t first = gap ? news->first : news->seq;
    const std::uint64_t last = gap ? news->last : news->seq;
    check(first <= last && (its.next == 0 || first == its.next));
    its.next = last + 1;
  }
  // Each event is subscribed to once.
  bool may_subscribe(const std::string& label) { return subscribed_.emplace(label, true).second; }
  void leaves(const std::string& label) { all_[label].left = true; }

 private:
  struct one {
    std::uint64_t next = 0; // 0: any number
    bool ended = false;
    bool left = false;
  };
  std::map<std::string, one> all_;
  std::map<std::string, bool> subscribed_;
};

std::string label_of(std::string_view name, bool elsewhere) {
  message_writer out;
  if (elsewhere) out.tuple(2);
  out.atom(name);
  if (elsewhere) out.atom(other_name);
  const message made = out.take();
  return {reinterpret_cast<const char*>(made.bytes().data()), made.size()};
}

// The state of one script: a process that subscribes, publishes and asks, and a node that does the same.
class play {
 public:
  play(event_channels& events, other_node& other, std::uint32_t node, process& self, input& from)
      : events_(events), other_(other), node_(node), self_(self), from_(from) {}

  void run() {
    while (!from_.ended()) {
      step();
      read();
    }
    check(call(message::atom("list")).has_value());
    read();
  }

 private:
  void step() {
    const std::string name = names[from_.byte() % names.size()];
    switch (from_.byte() % 12) {
      case 0:
        return enroll(name);
      case 1:
        for (std::uint8_t i = from_.byte() % 8; i != 0 && token_ != 0; --i)
          if (const auto channel = events_.find(token_)) (void)channel->publish(term_of(from_).bytes());
        return;
      case 2:
        if (seen_.may_subscribe(label_of(name, false))) (void)call(request("subscribe", name));
        return;
      case 3:
        seen_.leaves(label_of(name, false));
        (void)call(request("unsubscribe", name));
        return;
      case 4:
        (void)call(request("publish", name));
        return;
      case 5:
        (void)call(term_of(from_));
        return;
      case 6:
        return mirror(name);
      case 7:
        return news(name);
      case 8: // a message outside its protocol
        other_.sends(destination::named(event_channels::service_name), term_of(from_), stranger());
        return;
      case 9:
        return ask_from_there(request(from_.byte() % 2 == 0 ? "subscribe" : "unsubscribe", name));
      case 10:
        return ask_from_there(from_.byte() % 2 == 0 ? term_of(from_) : request("publish", name));
      default:
        if (token_ != 0) (void)events_.withdraw(std::exchange(token_, 0));
        return;
    }
  }

  void enroll(const std::string& name) {
    behaviours::channel_options options;
    options.buffer = from_.byte() % 5;
    options.queue = 1 + from_.byte() % 5;
    options.open = from_.byte() % 2 != 0;
    options.bytes = 64;
    options.notify = true;
    if (const auto made = events_.enroll(name, options, self_.self(), "")) token_ = *made;
  }
  void mirror(const std::string& name) {
    if (!seen_.may_subscribe(label_of(name, true))) return;
    other_.answers(answer_of(from_));
    behaviours::event_subscribe_options how;
    if (from_.byte() % 2 != 0) {
      how.begin = behaviours::event_subscribe_options::kind::after;
      how.after.seq = from_.byte();
    }
    (void)events_.subscribe_to(name, other_name, self_.self(), how);
  }
  void news(const std::string& name) {
    const auto mirrors = other_.mirrors();
    const auto found = mirrors.find(name);
    if (found == mirrors.end()) return;
    const message label = message::atom(name);
    const std::uint64_t number = from_.byte();
    message what;
    switch (from_.byte() % 5) {
      case 0:
        what = behaviours::event_gap_term(label.bytes(), number, number + from_.byte());
        break;
      case 1:
        what = behaviours::event_end_term(label.bytes(), term_of(from_).bytes());
        break;
      case 2:
        what = term_of(from_);
        break;
      default:
        what = behaviours::event_term(label.bytes(), number, 1, term_of(from_).bytes());
    }
    other_.sends(destination(found->second), what, stranger());
  }
  // {subscribe, Name} and the like; some with a third element.
  message request(std::string_view word, const std::string& name) {
    const bool longer = word == "publish" || (word == "subscribe" && from_.byte() % 2 != 0);
    message_writer out;
    out.tuple(longer ? 3 : 2);
    out.atom(word);
    out.atom(name);
    if (longer) out.raw(term_of(from_).bytes());
    return out.take();
  }
  runtime::pid stranger() { return {node_, 4, 40 + from_.byte() % 4u, 0}; }
  // From is {Pid, Ref} of a process of that node, or made up.
  void ask_from_there(const message& what) {
    const runtime::pid who = stranger();
    message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    if (from_.byte() % 8 == 0) {
      out.raw(term_of(from_).bytes());
    } else {
      out.tuple(2);
      runtime::write(out, who, self_.host().nodes());
      runtime::write(out, self_.make_reference(), self_.host().nodes());
    }
    out.raw(what.bytes());
    other_.sends(destination::named(event_channels::service_name), out.take(), who);
  }
  behaviours::gen::call_result call(message what) {
    return behaviours::gen::call(self_, destination::named(event_channels::service_name), std::move(what),
                                 base::mono_now() + 20 * base::nanos_per_second);
  }
  void read() {
    const auto any = [](const message&, runtime::message_origin) { return true; };
    while (const message one = self_.take_message(any)) seen_.take(one);
  }

  event_channels& events_;
  other_node& other_;
  const std::uint32_t node_;
  process& self_;
  input& from_;
  seen_events seen_;
  std::uint64_t token_ = 0;
};

class world {
 public:
  world() : system_(fuzz::small_system()), events_(system_), other_(system_) {
    system_.set_router(&other_);
    check(system_.start().has_value());
    node_ = system_.nodes().intern(other_name).value();
    runtime::spawn_options how;
    how.name = event_channels::service_name;
    how.of_node = true;
    const services::peer_bounds bounds{.subscriptions = 3};
    check(system_.spawn(std::move(how), std::make_unique<services::event_service>(events_, bounds))
              .has_value());
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() { system_.stop(); }

  void run(std::span<const std::uint8_t> bytes) {
    fuzz::run_in_process(system_, [&](process& self) {
      input from(bytes);
      play(events_, other_, node_, self, from).run();
    });
  }

 private:
  runtime::system system_;
  event_channels events_;
  other_node other_;
  std::uint32_t node_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static world only;
  only.run({data, size});
  return 0;
}
