// SPDX-License-Identifier: MIT
// See stage_term.hpp.
#include "node/assembly/stage_term.hpp"

#include <algorithm>
#include <string>

#include "base/clock.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/process_term.hpp"

namespace coppice::node {
namespace {

using runtime::message;
using runtime::message_writer;

// A list whose elements are written one by one.
class list_writer {
 public:
  message_writer& next() {
    ++count_;
    return out_;
  }
  message_writer& pair(std::string_view key) {
    message_writer& out = next();
    out.tuple(2);
    out.atom(key);
    return out;
  }
  message take() {
    message_writer whole(out_.size() + 16);
    whole.list(count_);
    whole.raw(out_.view());
    whole.nil();
    return whole.take();
  }

 private:
  message_writer out_;
  std::uint32_t count_ = 0;
};

// A name that consists of digits is written as a number, any other name as an atom.
void write_partition(etf::writer& out, const std::string& name) {
  const bool number =
      name.size() < 19 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  if (number) {
    out.unsigned_integer(std::stoull(name));
  } else {
    out.atom(name);
  }
}

void write_subscription(etf::writer& out, const spec::stage_subscription& one) {
  out.tuple(2);
  write_process(out, one.to);
  list_writer options;
  options.pair("max_demand").unsigned_integer(one.max_demand);
  options.pair("min_demand").unsigned_integer(one.min_demand.value_or(one.max_demand / 2));
  options.pair("cancel").atom(tree::text(one.cancel));
  if (one.partition) write_partition(options.pair("partition"), *one.partition);
  if (one.resubscribe) {
    message_writer& again = options.pair("resubscribe");
    again.tuple(2);
    again.integer(base::to_nanos(one.resubscribe->first));
    again.integer(base::to_nanos(one.resubscribe->max));
  }
  out.raw(options.take().bytes());
}

void write_dispatcher(etf::writer& out, const spec::stage_dispatcher& from) {
  if (from.kind != tree::stage_dispatching::partition) return out.atom(tree::text(from.kind));
  list_writer names;
  for (const std::string& name : from.partitions) write_partition(names.next(), name);
  list_writer options;
  options.pair("partitions").raw(names.take().bytes());
  out.tuple(2);
  out.atom(tree::text(from.kind));
  out.raw(options.take().bytes());
}

} // namespace

message stage_term(const spec::stage_options& of, std::string_view behaviour) {
  list_writer out;
  if (behaviour != "producer") {
    list_writer all;
    for (const auto& one : of.subscribe_to) write_subscription(all.next(), one);
    out.pair("subscribe_to").raw(all.take().bytes());
  }
  if (behaviour != "consumer") {
    write_dispatcher(out.pair("dispatcher"), of.dispatcher);
    if (of.buffer.size) out.pair("buffer_size").unsigned_integer(*of.buffer.size);
    out.pair("buffer_keep").atom(tree::text(of.buffer.keep));
    out.pair("buffer_bytes").unsigned_integer(std::max<std::uint64_t>(of.buffer.bytes, 1));
  }
  if (behaviour == "producer") {
    out.pair("demand").atom(tree::text(of.demand));
    out.pair("demand_step").unsigned_integer(of.demand_step);
  }
  return out.take();
}

namespace {

void give_stage(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const stage = from.find<spec::stage_options>())
    out.options = stage_term(*stage, from.behaviour);
}

} // namespace

child_assembly stage_assembly() {
  return {&give_stage};
}

} // namespace coppice::node
