// SPDX-License-Identifier: MIT
// Finds calls in a circle: A waits for the answer of B, B for that of C, and C for that of A. When a call
// times out, its caller sends a signal to the callee. Each process that is itself waiting in a call adds its
// pid to the signal and passes it on to its own callee. If that callee is already in the list, the circle is
// named in the log. Each process looks only at its own wait, so answered calls need no bookkeeping. The
// signal does not go to other nodes.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include <algorithm>
#include <vector>

#include "base/log_counted.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/system.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint32_t longest = 16;
constexpr base::nanos patience = 50 * base::nanos_per_ms; // for workers that are busy

std::string shown(const system& host, const pid& of) {
  std::string text = to_text(of, host.nodes());
  if (const auto seen = host.info(of)) {
    const std::string& word = seen->summary.name.empty() ? seen->summary.label : seen->summary.name;
    if (!word.empty()) text += " " + word;
  }
  return text;
}

// The list `way` with `next` behind it.
message longer(const node_names& names, const std::vector<pid>& way, const pid& next) {
  message_writer out(128);
  out.list(static_cast<std::uint32_t>(way.size() + 1));
  for (const pid& each : way) write(out, each, names);
  write(out, next, names);
  out.nil();
  return out.take();
}

std::vector<pid> read_way(node_names& names, const message& from) {
  std::vector<pid> way;
  etf::cursor at(from.bytes());
  std::uint32_t count = 0;
  if (!at.read_list(count) || count > longest) return way;
  for (std::uint32_t i = 0; i < count; ++i)
    if (const auto one = read_pid(at, names)) way.push_back(*one);
  return way;
}

} // namespace

void process_record::look_for_circle(const pid& called) {
  if (dead || !called.here() || called == id()) return;
  const process_record* other = delivery::find(host(), called);
  if (other == nullptr || other->status.load(std::memory_order_relaxed) != process_status::parked) return;
  wait answer;
  answer.number = new_wait();
  signal_ptr question = make_signal(signal_kind::whom_waits, id(), longer(host().nodes(), {}, id()));
  question->number = answer.number;
  delivery::dispatch(host(), destination(called), std::move(question), nullptr);
  wait_for(answer, home().now() + patience);
}

void process_record::tell_whom_it_waits_for(const signal& question) {
  const auto done = [&] {
    signal_ptr heard = make_signal(signal_kind::stop_waiting, {});
    heard->number = question.number;
    delivery::dispatch(host(), destination(question.from), std::move(heard), nullptr);
  };
  const call_state* call = waiting == nullptr || waiting->ready ? nullptr : find_call(waiting->number);
  if (call == nullptr || call->answered || !call->target || !call->target.here()) return done();
  std::vector<pid> way = read_way(host().nodes(), question.payload());
  const auto met = std::ranges::find(way, call->target);
  if (met == way.end()) {
    if (way.size() >= longest) return done();
    signal_ptr on = make_signal(signal_kind::whom_waits, question.from, longer(host().nodes(), way, id()));
    on->number = question.number;
    delivery::dispatch(host(), destination(call->target), std::move(on), nullptr);
    return;
  }
  std::string text;
  for (auto each = met; each != way.end(); ++each) text += shown(host(), *each) + " calls ";
  base::log::counted(
      base::log::level::warning, "runtime", "circle",
      "calls in a circle, none of which can be answered: {}{} calls {}; the first deadline has passed", text,
      shown(host(), id()), shown(host(), *met));
  done();
}

} // namespace coppice::runtime
