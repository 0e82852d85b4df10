// SPDX-License-Identifier: MIT
// An event manager under arbitrary requests and messages, with handlers that leave, fail and swap depending
// on the event. The manager stays alive and answers the next request. A byte chooses the kind of request, the
// bytes after it the contents: names of handlers, or terms as a connection makes them of a peer's bytes.
// rooms: behaviours
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <span>

#include "behaviours/event_manager/event_manager.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/native_server.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "script.hpp"
#include "small_system.hpp"

namespace {

using namespace coppice;
using fuzz::check;
using input = fuzz::script;
using runtime::message;
using runtime::message_writer;
using runtime::process;

// The event, an integer, says what the handler does.
class handler final : public behaviours::native_server {
 public:
  handler() : native_server("event_handler") {}

 private:
  call_answer handle_call(process&, const message&, const message& request) override {
    etf::cursor at(request.bytes());
    const bool leaves = at.read_tuple_of(2) && at.read_atom_is(behaviours::events::leave_call);
    if (leaves) return reply_and_stop(message::atom("left"), runtime::reasons::normal());
    return reply(message::atom("ok"));
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    etf::cursor at(m.bytes());
    std::uint32_t count = 0;
    if (!at.read_tuple_of(2) || !at.read_atom_is(behaviours::events::batch_tag) || !at.read_list(count))
      return runtime::carry_on();
    for (; count != 0; --count) {
      std::uint64_t kind = 0, what = 0;
      if (!at.read_tuple_of(2) || !at.read_unsigned(kind)) break;
      if (at.peek() != etf::kind::integer) {
        at.skip();
        continue;
      }
      if (!at.read_unsigned(what)) break;
      if (what % 8 == 1) return runtime::stop(message::atom("failed"));
      if (what % 8 == 2 || what % 8 == 3) return leave(self, what % 8 == 3);
    }
    return runtime::carry_on();
  }
  static runtime::outcome leave(process& self, bool gives_its_place) {
    message_writer out;
    out.tuple(3);
    out.atom(behaviours::events::left_tag);
    runtime::write(out, self.self(), self.host().nodes());
    if (gives_its_place) out.tuple(4);
    for (int i = gives_its_place ? 3 : 1; i != 0; --i) out.atom(i == 3 ? "h" : "remove");
    if (gives_its_place) out.unsigned_integer(1);
    self.notify(self.parent(), out.take());
    return runtime::stop(runtime::reasons::normal());
  }
};

class handlers final : public runtime::actor_factory {
 public:
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
    if (spec.actor == "h") return std::make_unique<handler>();
    return base::fail(base::errc::not_found, "no actor " + spec.actor);
  }
};

message term_of(input& from) {
  return message::copy_of(from.term());
}

void write_name(message_writer& out, std::uint8_t which) {
  out.tuple(2);
  out.atom(which % 16 == 0 ? "absent" : "h");
  out.unsigned_integer(which % 4);
}

// {Pid, {Pid, Ref}, Request}, the form of gen_event's requests.
message asked(process& self, const runtime::reference& ref, etf::bytes request) {
  message_writer out;
  out.tuple(3);
  runtime::write(out, self.self(), self.host().nodes());
  out.tuple(2);
  runtime::write(out, self.self(), self.host().nodes());
  out.list(1);
  out.atom("alias");
  runtime::write(out, ref, self.host().nodes());
  out.raw(request);
  return out.take();
}

message command(process& self, input& from) {
  constexpr const char* words[] = {"call",         "delete_handler",   "add_handler", "add_sup_handler",
                                   "swap_handler", "swap_sup_handler", "sync_notify"};
  constexpr std::uint32_t arities[] = {3, 3, 3, 4, 5, 6, 2};
  const std::size_t which = from.byte() % std::size(words);
  message_writer out;
  out.tuple(arities[which]);
  out.atom(words[which]);
  if (arities[which] == 2) {
    out.raw(term_of(from).bytes());
    return out.take();
  }
  write_name(out, from.byte());
  out.raw(term_of(from).bytes());
  if (arities[which] > 4) {
    write_name(out, from.byte());
    out.raw(term_of(from).bytes());
  }
  if (arities[which] % 2 == 0) runtime::write(out, self.self(), self.host().nodes());
  return out.take();
}

void send_one(process& self, const runtime::pid& manager, input& from) {
  const auto ask = [&](etf::bytes request) { self.send(manager, asked(self, self.make_ack(), request)); };
  switch (from.byte() % 6) {
    case 0:
    case 1:
      return ask(command(self, from).bytes());
    case 2: {
      message_writer out;
      out.tuple(2);
      out.atom("notify");
      out.raw(term_of(from).bytes());
      self.send(manager, out.take());
      return;
    }
    case 3:
      self.send(manager, term_of(from));
      return;
    case 4:
      if (const message request = term_of(from); !etf::cursor(request.bytes()).read_atom_is("stop"))
        ask(request.bytes());
      return;
    default:
      return ask(message::atom("which_handlers").bytes());
  }
}

// Whether the manager answers, or has ended by a request to stop.
bool lives(process& self, const runtime::pid& manager) {
  const auto ref = self.monitor(manager, true);
  self.send(manager, asked(self, ref, message::atom("which_handlers").bytes()));
  const auto answer = behaviours::gen::finish_call(self, ref, base::mono_now() + 20 * base::nanos_per_second);
  using kind = behaviours::gen::call_error::kind;
  if (!answer && answer.error().what == kind::exit) return runtime::is_atom(answer.error().reason, "normal");
  if (!answer) return answer.error().what == kind::noproc;
  return answer->bytes().size() == 1 || etf::cursor(answer->bytes()).peek() == etf::kind::list;
}

class world {
 public:
  world() : system_(fuzz::small_system()) { check(system_.start().has_value()); }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() { system_.stop(); }

  void play(std::span<const std::uint8_t> bytes) {
    fuzz::run_in_process(system_, [&](process& self) {
      const auto child = std::make_shared<behaviours::child_spec>();
      const auto spec = std::make_shared<behaviours::event_manager_spec>();
      const auto shared = std::make_shared<behaviours::supervision>();
      shared->factory = &factory_;
      const auto made =
          self.spawn({}, std::make_unique<behaviours::event_manager>(child, spec, shared, message(), "fuzz"));
      check(made.has_value());
      for (input from(bytes); !from.ended();) send_one(self, *made, from);
      check(lives(self, *made));
      const auto ended = self.monitor(*made, true);
      self.exit(*made, runtime::reasons::kill());
      (void)self.await(ended);
    });
  }

 private:
  handlers factory_;
  runtime::system system_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static world only;
  only.play({data, size});
  return 0;
}
