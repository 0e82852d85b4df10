// SPDX-License-Identifier: MIT
// Compares the names of two partitions that meet. Names that only the other side has are taken over. If two
// processes have one name, the node whose name sorts first lets the name's method decide. A method that is a
// function of some module is first asked of other nodes (questions.hpp), by a process that may wait, while
// this process serves other requests. In the process's own turn.
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/global/conflict.hpp"
#include "services/global/name_server.hpp"
#include "services/global/questions.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

// [{insert, {Name, Pid, Method}} | {delete, Name}] for either side, without the list around them.
struct global_name_server::changes {
  message_writer mine;
  message_writer his;
  std::uint32_t mine_count = 0;
  std::uint32_t his_count = 0;

  void insert_mine(etf::bytes entry) { insert(mine, mine_count, entry); }
  // The peer is to have this side's process.
  void keep_ours(etf::bytes name, const global_directory::entry& ours, const runtime::node_names& nodes) {
    message_writer own;
    own.tuple(3);
    own.raw(name);
    runtime::write(own, ours.pid, nodes);
    own.raw(ours.method.bytes());
    insert(his, his_count, own.view());
  }
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
                                const std::optional<runtime::pid>& said, changes& out) const {
  const runtime::on_behalf asker(self, his);
  auto outcome = resolve_conflict(self, asker, ours.method.bytes(), name, his, ours.pid);
  if (!outcome) {
    if (!said || *said == his)
      outcome = conflict_outcome::first_stays; // the peer's, also if no node could answer
    else
      outcome = *said == ours.pid ? conflict_outcome::second_stays : conflict_outcome::neither;
  }
  base::log::info("services", "global: a name of this partition and of {} had two processes", node);
  if (*outcome == conflict_outcome::neither) return out.remove(name);
  if (*outcome == conflict_outcome::first_stays) return out.insert_mine(entry);
  out.keep_ours(name, ours, self.host().nodes());
}

// {call, global, resolve_it, [Method, Name, First, Second], GroupLeader} to the node of our process.
message global_name_server::question_where_it_lives(process& self, etf::bytes name, const runtime::pid& his,
                                                    const global_directory::entry& ours) const {
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
  return call.take();
}

// Calls use(index, entry, name, peer's pid, own entry or null) for each of the peer's names.
template <class Use>
void global_name_server::for_each_of(process& self, const message& exchange, const Use& use) {
  etf::cursor at(exchange.bytes());
  std::uint32_t count = 0;
  at.read_list(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    etf::bytes entry;
    etf::bytes name;
    etf::bytes method;
    if (!read_long_term(at, entry, work_)) break;
    work_.add(entry.size());
    etf::cursor in(entry);
    if (!in.read_tuple_of(3) || !read_long_term(in, name, work_)) continue;
    const auto pid = runtime::read_pid(in, self.host().nodes());
    if (!pid || !read_long_term(in, method, work_)) continue;
    use(i, entry, name, *pid, names_.find(name));
  }
}

// A method that is a function of some module runs on the node of our process, if that is an Erlang node.
void global_name_server::resolve(process& self, const std::string& node, partner& p) {
  const auto& nodes = self.host().nodes();
  std::vector<global_questions::question> questions;
  if (self.host().node_name() < node) {
    for_each_of(
        self, p.exchange,
        [&](std::uint32_t index, etf::bytes, etf::bytes name, const runtime::pid& his, const auto* ours) {
          const bool asks = ours != nullptr && ours->pid != his && !his.here() && !ours->pid.here() &&
                            !is_method_of_global(ours->method.bytes());
          if (!asks) return;
          p.asked.push_back({index, ours->pid});
          questions.push_back({ours->pid.node, question_where_it_lives(self, name, his, *ours)});
        });
  }
  if (questions.empty()) return settle_all(self, node, p, {});
  runtime::spawn_options options;
  options.label = "global: a name of two";
  options.monitor = &p.settling;
  options.of_node = true;
  const auto asker = self.spawn(
      std::move(options),
      std::make_unique<global_questions>(self.self(), std::string(node), p.my_tag, std::move(questions)));
  if (asker) {
    p.asker = *asker;
    return;
  }
  base::log::warning("services", "global: {} could not be asked about names that two processes have",
                     nodes.name(p.node));
  p.settling = {};
  settle_all(self, node, p, {});
}

// Handles the answers of the asking process, or its end without answers.
void global_name_server::on_questions_answered(process& self, etf::cursor at) {
  std::string_view node;
  std::int64_t tag = 0;
  if (!at.read_atom(node) || !at.read_integer(tag)) return;
  const auto found = partners_.find(node);
  if (found == partners_.end() || found->second.my_tag != tag || !found->second.settling) return;
  self.demonitor(std::exchange(found->second.settling, {}), true);
  settle_all(self, std::string(node), found->second, at);
}

bool global_name_server::is_end_of_questions(process& self, const runtime::reference& ref) {
  for (auto& [node, p] : partners_) {
    if (!p.settling || p.settling != ref) continue;
    p.settling = {};
    settle_all(self, std::string(node), p, {});
    return true;
  }
  return false;
}

// `answers`: [Pid | neither | none], for the names that were asked about.
void global_name_server::settle_all(process& self, const std::string& node, partner& p, etf::cursor answers) {
  changes found;
  std::uint32_t count = 0;
  answers.read_list(count);
  std::vector<std::pair<asked_about, std::optional<runtime::pid>>> said;
  for (const auto& one : std::exchange(p.asked, {})) {
    auto pid = runtime::read_pid(answers, self.host().nodes());
    if (!pid && answers.read_atom_is("neither"))
      pid = runtime::pid{};
    else if (!pid)
      skip_long_terms(answers, 1, work_);
    said.emplace_back(one, pid);
  }
  auto next = said.begin();
  const bool decides = self.host().node_name() < node;
  const message exchange = p.exchange;
  std::size_t common = 0; // names that both sides have
  for_each_of(self, exchange,
              [&](std::uint32_t index, etf::bytes entry, etf::bytes name, const runtime::pid& his,
                  const global_directory::entry* ours) {
                while (next != said.end() && next->first.index < index) ++next;
                if (ours == nullptr) return found.insert_mine(entry);
                if (ours->pid == his || !decides) return;
                // A peer that says names several times gets no more answers than there are names.
                if (++common > names_.all().size()) return;
                work_.add(ours->method.size());
                // This node alone decides about names of its own processes: no other node may claim one for
                // them, and its method is not asked, which could end such a process.
                const bool has_ended = ours->pid.here() && !self.host().alive(ours->pid);
                if (his.here() && has_ended && self.host().alive(his)) return found.insert_mine(entry);
                if (his.here()) return found.keep_ours(name, *ours, self.host().nodes());
                const bool known =
                    next != said.end() && next->first.index == index && next->first.ours == ours->pid;
                settle(self, node, entry, name, his, *ours, known ? next->second : std::nullopt, found);
              });
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
  write_nodes(out, known_);
  out.atom("unused");
  out.nil();
  out.raw(p.his_tag.bytes());
  cast(self, p.node, out.view());
  if (p.resolved) finish(self, node, p);
}

} // namespace coppice::services
