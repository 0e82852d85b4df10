// SPDX-License-Identifier: MIT
// The names of two partitions that meet, compared: what only the other side has is taken over; of two
// processes with one name the node whose name sorts first has the name's method decide. In the process's own
// turn.
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log.hpp"
#include "runtime/system.hpp"
#include "services/global_conflict.hpp"
#include "services/global_name_server.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos method_patience = 5 * base::nanos_per_second;

} // namespace

// [{insert, {Name, Pid, Method}} | {delete, Name}] for either side, without the list around them.
struct global_name_server::changes {
  message_writer mine;
  message_writer his;
  std::uint32_t mine_count = 0;
  std::uint32_t his_count = 0;

  void insert_mine(etf::bytes entry) { insert(mine, mine_count, entry); }
  void insert_his(etf::bytes entry) { insert(his, his_count, entry); }
  void remove(etf::bytes name) {
    for (auto* out : {&mine, &his}) {
      out->tuple(2);
      out->atom("delete");
      out->raw(name);
    }
    ++mine_count;
    ++his_count;
  }

 private:
  static void insert(message_writer& out, std::uint32_t& count, etf::bytes entry) {
    out.tuple(2);
    out.atom("insert");
    out.raw(entry);
    ++count;
  }
};

void global_name_server::settle(process& self, const std::string& node, etf::bytes entry, etf::bytes name,
                                const runtime::pid& his, const global_directory::entry& ours,
                                changes& out) const {
  const auto& nodes = self.host().nodes();
  const runtime::on_behalf asker(self, his);
  auto outcome = resolve_conflict(self, asker, ours.method.bytes(), name, his, ours.pid);
  if (!outcome) {
    const auto answer = ask_where_it_lives(self, name, his, ours);
    etf::cursor at(answer.bytes());
    const auto stays = runtime::read_pid(at, self.host().nodes());
    if (!answer || stays == his) {
      outcome = conflict_outcome::first_stays; // his, also when nobody could say
    } else {
      outcome = stays == ours.pid ? conflict_outcome::second_stays : conflict_outcome::neither;
    }
  }
  base::log::info("services", "global: a name of this partition and of {} had two processes", node);
  if (*outcome == conflict_outcome::neither) return out.remove(name);
  if (*outcome == conflict_outcome::first_stays) return out.insert_mine(entry);
  message_writer own;
  own.tuple(3);
  own.raw(name);
  runtime::write(own, ours.pid, nodes);
  own.raw(ours.method.bytes());
  out.insert_his(own.view());
}

// A method that is a function of some module runs where our process lives, if that is an Erlang node. What it
// returned; nothing: it could not.
message global_name_server::ask_where_it_lives(process& self, etf::bytes name, const runtime::pid& his,
                                               const global_directory::entry& ours) const {
  if (ours.pid.here()) return {};
  const auto& nodes = self.host().nodes();
  message_writer call;
  call.tuple(5);
  call.atom("call");
  call.atom("global");
  call.atom("resolve_it");
  call.list(4);
  call.raw(ours.method.bytes());
  call.raw(name);
  runtime::write(call, his, nodes);
  runtime::write(call, ours.pid, nodes);
  call.nil();
  runtime::write(call, self.group_leader(), nodes);
  const auto answer = behaviours::gen::call(self, runtime::destination::remote("rex", ours.pid.node),
                                            call.view(), self.now() + method_patience);
  etf::cursor at(answer ? answer->bytes() : etf::bytes{});
  const bool failed = !answer || (at.read_tuple_of(2) && at.read_atom_is("badrpc"));
  return failed ? message{} : *answer;
}

void global_name_server::resolve(process& self, const std::string& node, partner& p) {
  changes found;
  etf::cursor at(p.exchange.bytes());
  std::uint32_t count = 0;
  at.read_list(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    etf::bytes entry;
    etf::bytes name;
    etf::bytes method;
    if (!at.read_term(entry)) break;
    etf::cursor in(entry);
    if (!in.read_tuple_of(3) || !in.read_term(name)) continue;
    const auto pid = runtime::read_pid(in, self.host().nodes());
    if (!pid || !in.read_term(method)) continue;
    const auto* known = names_.find(name);
    if (known == nullptr) {
      found.insert_mine(entry);
    } else if (known->pid != *pid && !pid->here() && self.host().node_name() < node) {
      // What processes here are called is said here: nobody else claims a name for them.
      settle(self, node, entry, name, *pid, *known, found);
    }
  }
  message_writer ops;
  ops.list(found.mine_count);
  ops.raw(found.mine.view());
  ops.nil();
  p.ops = ops.take();
  p.exchanged = true;

  message_writer out;
  out.tuple(7);
  out.atom("resolved");
  out.raw(own_node(self).bytes());
  out.list(found.his_count);
  out.raw(found.his.view());
  out.nil();
  out.list(static_cast<std::uint32_t>(known_.size()));
  for (const auto& other : known_) out.atom(other);
  out.nil();
  out.atom("unused");
  out.nil();
  out.raw(p.his_tag.bytes());
  cast(self, p.node, out.view());
  if (p.resolved) finish(self, node, p);
}

} // namespace coppice::services
