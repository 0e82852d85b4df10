// SPDX-License-Identifier: MIT
// Asks the other node for its version by rpc, from a process made for that. After lib/stdlib sys.erl,
// get_state/1.
#include "behaviours/gen/state_answer.hpp"

#include <atomic>
#include <charconv>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <string>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr base::nanos patience = base::nanos_per_second;
// Most nodes that are asked at once. Beyond that, the answer has the form that newer releases take.
constexpr std::uint32_t most_under_way = 100;
std::atomic<std::uint32_t> under_way = 0;

void answer(process& self, const message& from, const message& state, bool apart) {
  if (!apart) {
    gen::reply(self, from, state);
    return;
  }
  message_writer out(state.size() + 16);
  out.tuple(2);
  out.atom("ok");
  out.raw(state.bytes());
  gen::reply(self, from, out.take());
}

// Makes {call, erlang, system_info, [version], GroupLeader} for rpc.
message version_request(process& self) {
  message_writer out;
  out.tuple(5);
  for (const char* each : {"call", "erlang", "system_info"}) out.atom(each);
  out.list(1);
  out.atom("version");
  out.nil();
  runtime::write(out, self.self(), self.host().nodes());
  return out.take();
}

// A process that asks one node, answers one get_state, and ends.
class answerer final : public runtime::behaviour {
 public:
  answerer(std::uint32_t node, message from, message state)
      : node_(node), from_(std::move(from)), state_(std::move(state)) {
    under_way.fetch_add(1, std::memory_order_relaxed);
  }
  ~answerer() override { under_way.fetch_sub(1, std::memory_order_relaxed); }

  runtime::outcome init(process& self) override {
    const auto told = gen::call(self, runtime::destination::remote("rex", node_), version_request(self),
                                self.now() + patience);
    std::string version;
    const bool known = told && etf::cursor(told->bytes()).read_text(version);
    if (!self.exiting()) answer(self, from_, state_, !known || takes_state_apart(version));
    return runtime::stop(message::atom("normal"));
  }
  runtime::outcome receive(process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "sys"; }

 private:
  const std::uint32_t node_;
  const message from_;
  const message state_;
};

} // namespace

bool takes_state_apart(std::string_view version) {
  constexpr std::pair<int, int> first_new{14, 1}; // of OTP 26.1
  std::pair<int, int> is{};
  const char* const end = version.data() + version.size();
  const auto major = std::from_chars(version.data(), end, is.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return true;
  const auto minor = std::from_chars(major.ptr + 1, end, is.second);
  return minor.ec != std::errc() || is >= first_new;
}

void answer_state(process& self, const message& from, message state) {
  const runtime::message_origin asker = self.origin();
  if (asker.here() || under_way.load(std::memory_order_relaxed) >= most_under_way)
    return answer(self, from, state, true);
  runtime::spawn_options options;
  options.label = "sys";
  options.of_node = true;
  const auto made = self.spawn(std::move(options), std::make_unique<answerer>(asker.node, from, state));
  if (!made) answer(self, from, state, true);
}

} // namespace coppice::behaviours
