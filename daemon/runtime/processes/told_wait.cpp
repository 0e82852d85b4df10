// SPDX-License-Identifier: MIT
// What a parked process waits for. Only its own thread can read that, so another process asks it by a signal,
// which it answers to an alias. A process that parks therefore has nothing to publish.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include <array>

#include "runtime/messages/delivery.hpp"
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

} // namespace

std::string_view to_string(waited_for::kind of) {
  constexpr std::array<std::string_view, 6> words{"nothing",    "answer", "room",
                                                  "connection", "work",   "moment"};
  return words[static_cast<std::size_t>(of)];
}

void process_record::tell_what_it_waits_for(const signal& question) {
  const bool parks = waiting != nullptr && !waiting->ready;
  const told now = parks ? seen(*waiting, find_call(waiting->number), host().nodes()) : told{};
  message_writer out(64);
  out.tuple(4);
  out.integer(static_cast<std::int64_t>(now.what));
  out.binary(now.whom);
  out.integer(parks ? waiting->since : 0);
  out.integer(parks ? waiting->deadline : no_deadline);
  delivery::dispatch(host(), destination::alias(question.ref),
                     make_signal(signal_kind::message, id(), question.ref, out.take()), nullptr);
}

std::optional<waited_for> process::waited_for_by(const pid& other, base::nanos deadline) {
  process_record& me = record_of(*this);
  const reference ref = make_ack();
  delivery::dispatch(host(), destination(other), make_signal(signal_kind::whom_waits, me.id(), ref), nullptr);
  const awaited answer = await(ref, deadline);
  if (!answer) return std::nullopt;
  etf::cursor at(answer->bytes());
  std::int64_t what = 0;
  etf::bytes whom;
  waited_for read;
  if (!at.read_tuple_of(4) || !at.read_integer(what) || !at.read_binary(whom) ||
      !at.read_integer(read.since) || !at.read_integer(read.deadline))
    return std::nullopt;
  read.what = static_cast<waited_for::kind>(what);
  read.whom.assign(reinterpret_cast<const char*>(whom.data()), whom.size());
  return read;
}

} // namespace coppice::runtime
