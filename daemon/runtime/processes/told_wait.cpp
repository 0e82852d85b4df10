// SPDX-License-Identifier: MIT
// What a process is busy with. Only its own thread can read that, so another process asks it by a signal,
// which it answers to an alias. A process that parks therefore has nothing to publish.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/attribution.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/message_head.hpp"
#include "runtime/occupation.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/foreign_code.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {
namespace {

struct told {
  waited_for::kind what = waited_for::kind::nothing;
  std::string whom;
};

told seen(const wait& parked, const call_state* call, const node_names& names) {
  using kind = waited_for::kind;
  if (call != nullptr && call->target) return {kind::answer, to_text(call->target, names)};
  if (call != nullptr && call->by_name != nullptr) return {kind::answer, to_text(*call->by_name, names)};
  if (parked.at) return {kind::room, to_text(parked.at, names)};
  if (parked.at_node != 0) return {kind::connection, std::string(names.name(parked.at_node))};
  return {parked.holds ? kind::work : kind::moment, {}};
}

std::string head_of(const signal& waiting) {
  switch (waiting.kind) {
    case signal_kind::message:
      break;
    case signal_kind::answered:
    case signal_kind::unanswered:
      return "an answer";
    default:
      return "from within the node";
  }
  if ((waiting.flags & signal::bare) != 0) return "call " + message_head(waiting.payload().bytes());
  return carried_head(waiting.payload().bytes());
}

// Without what the node's own parts tell it, such as the question how it is.
void put_first(message_writer& out, const signal_list& ready, const node_names& names) {
  constexpr int most_looked_at = 1000;
  std::vector<const signal*> first;
  int looked_at = 0;
  for (const signal* one = ready.first();
       one != nullptr && first.size() < occupation::most_waiting && ++looked_at <= most_looked_at;
       one = ready.after(one))
    if ((one->flags & signal::notice) == 0) first.push_back(one);
  const base::nanos now = base::mono_now();
  out.list(static_cast<std::uint32_t>(first.size()));
  for (const signal* one : first) {
    const bool is_timed = one->kind == signal_kind::message && one->number != 0;
    out.tuple(3);
    out.binary(head_of(*one));
    out.binary(one->from ? to_text(one->from, names) : "");
    out.integer(is_timed ? std::max<base::nanos>(0, now - static_cast<base::nanos>(one->number)) : -1);
  }
  out.nil();
}

bool read_text(etf::cursor& at, std::string& into) {
  etf::bytes read;
  if (!at.read_binary(read)) return false;
  into.assign(reinterpret_cast<const char*>(read.data()), read.size());
  return true;
}

} // namespace

std::string_view to_string(waited_for::kind of) {
  constexpr std::array<std::string_view, 6> words{"nothing",    "answer", "room",
                                                  "connection", "work",   "moment"};
  return words[static_cast<std::size_t>(of)];
}

// Reports what the process itself sees between its messages, or while it is parked.
void process_record::tell_what_it_waits_for(const signal& question) {
  const bool is_busy = waiting != nullptr && !waiting->ready;
  const bool is_stuck = is_busy && waiting->shows == process_status::running;
  const told now = is_busy && !is_stuck ? seen(*waiting, find_call(waiting->number), host().nodes()) : told{};
  // The thread that is stuck in the callback leaves it only on this thread, when this process goes on.
  const foreign_code* const code = is_stuck ? border().outside() : nullptr;
  const pid& caller = received_calls.caller_at_hand();
  message_writer out(256);
  out.tuple(8);
  out.integer(static_cast<std::int64_t>(now.what));
  out.binary(now.whom);
  out.integer(is_busy ? waiting->since : 0);
  out.integer(is_busy ? waiting->deadline : no_deadline);
  out.binary(code == nullptr ? "" : code->callback());
  out.binary(code == nullptr || code->argument().empty() ? "" : message_head(code->argument()));
  out.binary(is_busy && caller ? to_text(caller, host().nodes()) : "");
  put_first(out, mailbox.ready(), host().nodes());
  delivery::dispatch(host(), destination::alias(question.ref),
                     make_signal(signal_kind::message, id(), question.ref, out.take()), nullptr);
}

std::vector<std::string> processes_at_work() {
  const process_record* const mine = driver::running_here();
  if (mine == nullptr) return {};
  const node_names& names = mine->host().nodes();
  std::vector<std::string> out{to_text(mine->id(), names)};
  // Without its worker the thread may not look at the calls: another one takes the process's signals.
  const worker* const here = worker::current();
  if (here == nullptr || here->running() != mine) return out;
  if (const pid& caller = mine->received_calls.caller_at_hand()) out.push_back(to_text(caller, names));
  return out;
}

std::optional<occupation> ask_occupation(process& self, const pid& other, base::nanos deadline) {
  const reference ref = self.make_ack();
  delivery::dispatch(self.host(), destination(other), make_signal(signal_kind::whom_waits, self.self(), ref),
                     nullptr);
  const auto answer = self.await(ref, deadline);
  if (!answer) return std::nullopt;
  etf::cursor at(answer->bytes());
  std::int64_t what = 0;
  std::uint32_t count = 0;
  occupation read;
  waited_for& waits = read.waits;
  if (!at.read_tuple_of(8) || !at.read_integer(what) || !read_text(at, waits.whom) ||
      !at.read_integer(waits.since) || !at.read_integer(waits.deadline) || !read_text(at, read.callback) ||
      !read_text(at, read.message) || !read_text(at, read.caller) || !at.read_list(count))
    return std::nullopt;
  waits.what = static_cast<waited_for::kind>(what);
  read.since = waits.since;
  for (; count != 0; --count) {
    waiting_message& one = read.next.emplace_back();
    if (!at.read_tuple_of(3) || !read_text(at, one.what) || !read_text(at, one.from) ||
        !at.read_integer(one.age))
      return std::nullopt;
  }
  return read;
}

std::optional<waited_for> process::waited_for_by(const pid& other, base::nanos deadline) {
  auto told = ask_occupation(*this, other, deadline);
  if (!told) return std::nullopt;
  return std::move(told->waits);
}

} // namespace coppice::runtime
