// SPDX-License-Identifier: MIT
// The lock is first taken on the node whose name sorts last, as all nodes do, so that two nodes that want it
// meet there. In the process's own turn.
#include "services/global/registrar.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/random.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"
#include "services/global/name_server.hpp"

namespace coppice::services {

namespace gen = behaviours::gen;
using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos patience = 30 * base::nanos_per_second;
// For one node's answer; a lost connection is noticed sooner.
constexpr base::nanos answer_patience = 10 * base::nanos_per_second;

// The nodes of this partition, sorted. Empty: this node's global has not answered.
std::vector<std::string> partition(process& self) {
  const auto question = message::atom("get_known");
  const auto answer = gen::call(self, destination::named(global_name_server::registered_name),
                                question.bytes(), self.now() + answer_patience);
  if (!answer) return {};
  std::vector<std::string> out{std::string(self.host().node_name())};
  etf::cursor at(answer->bytes());
  std::uint32_t count = 0;
  std::string_view name;
  at.read_list(count);
  for (std::uint32_t i = 0; i < count && at.read_atom(name); ++i) out.emplace_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

// {What, {global, Self}}
message lock_request(process& self, std::string_view what) {
  message_writer out;
  out.tuple(2);
  out.atom(what);
  out.tuple(2);
  out.atom("global");
  runtime::write(out, self.self(), self.host().nodes());
  return out.take();
}

// OTP's waits: up to 125 ms, doubling up to 8 s.
void wait_a_while(process& self, unsigned round) {
  const std::uint64_t most_ms = round > 5 ? 8000 : std::uint64_t{125} << round;
  const auto ms = static_cast<std::int64_t>(1 + base::random_below(most_ms));
  (void)self.await(self.make_ack(), self.now() + ms * base::nanos_per_ms);
}

} // namespace

message global_registrar::order(const message& from, etf::bytes request) {
  message_writer out;
  out.tuple(2);
  out.raw(from.bytes());
  out.raw(request);
  return out.take();
}

runtime::outcome global_registrar::receive(process& self, message m) {
  etf::cursor at(m.bytes());
  etf::bytes from;
  if (!self.origin().notice || !at.read_tuple_of(2) || !at.read_term(from)) return runtime::carry_on();
  const auto everyone = lock_all(self, self.now() + patience);
  if (everyone.empty()) {
    message_writer out;
    out.tuple(2);
    out.atom("error");
    out.atom("timeout");
    gen::reply(self, from, out.take());
    return runtime::carry_on();
  }
  auto answer = change(self, at.rest(), everyone);
  unlock(self, everyone, answer_patience);
  gen::reply(self, from, std::move(answer));
  return runtime::carry_on();
}

global_registrar::destinations global_registrar::lock_all(process& self, base::nanos deadline) const {
  for (unsigned round = 0; self.now() < deadline && !self.exiting(); ++round) {
    const auto before = partition(self);
    destinations at;
    for (const auto& node : before) {
      if (const auto index = self.host().nodes().intern(node))
        at.push_back(destination::remote(global_name_server::registered_name, *index));
    }
    if (!at.empty() && lock(self, {at.back()})) {
      if (lock(self, at)) {
        const auto now = partition(self);
        if (!now.empty() && std::includes(before.begin(), before.end(), now.begin(), now.end())) return at;
        unlock(self, at, answer_patience);
      } else {
        unlock(self, {at.back()}, answer_patience);
      }
    }
    wait_a_while(self, round);
  }
  return {};
}

// A node that is lost does not count, as in OTP; one that does not answer for so long is taken for lost. Each
// has its time to answer, also if the request's time is over.
bool global_registrar::lock(process& self, const destinations& at) const {
  const auto body = lock_request(self, "set_lock");
  const auto answers = gen::call_many(self, at, body.bytes(), self.now() + answer_patience);
  destinations locked;
  destinations silent; // they may take the lock yet
  bool all = true;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    bool yes = false;
    if (!answers[i]) {
      if (answers[i].error().what == gen::call_error::kind::timeout) silent.push_back(at[i]);
      continue;
    }
    etf::cursor(answers[i]->bytes()).read_bool(yes);
    if (yes) locked.push_back(at[i]);
    all = all && yes;
  }
  if (all) return true;
  unlock(self, locked, answer_patience);
  unlock(self, silent, 0);
  return false;
}

void global_registrar::unlock(process& self, const destinations& at, base::nanos patience_of_each) const {
  const auto body = lock_request(self, "del_lock");
  gen::call_many(self, at, body.bytes(), self.now() + patience_of_each);
}

message global_registrar::change(process& self, etf::bytes request, const destinations& everyone) const {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  etf::bytes name;
  if (!at.read_tuple(arity) || !at.read_atom(what)) return message::atom("no");
  const auto rest = at.rest();
  at.read_term(name);
  message_writer question;
  question.tuple(2);
  question.atom("may_register");
  question.tuple(2);
  question.raw(name);
  etf::bytes pid;
  if (at.read_term(pid)) question.raw(pid);
  if (what == "register_name") {
    const auto free = gen::call(self, destination::named(global_name_server::registered_name),
                                question.view(), self.now() + answer_patience);
    if (!free || !etf::cursor(free->bytes()).read_atom_is("true")) return message::atom("no");
  }
  const bool leaves = what == "unregister_name";
  message_writer order;
  order.tuple(arity);
  order.atom(leaves ? "unregister" : "register");
  order.raw(rest);
  gen::call_many(self, everyone, order.view(), self.now() + answer_patience);
  return message::atom(leaves ? "ok" : "yes");
}

} // namespace coppice::services
