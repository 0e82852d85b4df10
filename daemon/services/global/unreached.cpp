// SPDX-License-Identifier: MIT
// Names whose process could not be reached when this node was told of them. Two partitions that meet tell
// their other nodes of each other's names, and these connect to the nodes of the processes. Where that fails,
// the monitor of the process ends with noconnection, and the name is gone from this node, though it is not
// from the others. It is set aside here. When the node of the process has connected, it is asked whether the
// process still has the name, and then the name is known again. OTP's global lacks such a name until its next
// change. In the process's own turn.
#include "services/global/unreached.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/bytes.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/global/name_server.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos patience = 5 * base::nanos_per_second; // for one question

} // namespace

runtime::outcome unreached_names::init(process& self) {
  for (const std::string& name : names_) {
    message_writer question;
    question.tuple(2);
    question.atom("whereis_name");
    question.raw(base::as_bytes(name));
    const auto answer =
        behaviours::gen::call(self, runtime::destination::remote(global_name_server::registered_name, node_),
                              question.view(), self.now() + patience);
    if (!answer || self.exiting()) break;
    message_writer out;
    out.tuple(3);
    out.atom(answered);
    out.raw(base::as_bytes(name));
    if (etf::cursor(answer->bytes()).peek() == etf::kind::pid)
      out.raw(answer->bytes());
    else
      out.atom("undefined");
    self.notify(server_, out.take());
  }
  return runtime::stop(message::atom("normal"));
}

// `at` is behind the reference of a 'DOWN' message. A node that was connected has ended its names with the
// connection; a node that has left the partition has taken its names along. The name counts on for the node
// that has told of it, see may_say().
void global_name_server::set_aside(process& self, global_directory::named gone, etf::cursor at) {
  auto& [name, entry] = gone;
  if (entry.pid.here() || !at.skip(2) || !at.read_atom_is("noconnection")) return;
  const std::string node(self.host().nodes().name(entry.pid.node));
  if (!known_.contains(node) || partners_.contains(node)) return;
  const std::size_t bytes = name.size() + entry.method.size();
  memory_.add(bytes + runtime::memory_of_entry);
  unreached_by_.add(entry.speaker);
  unreached_bytes_by_.add(entry.speaker, bytes);
  unreached_.emplace(std::move(name), unreached{entry.pid, std::move(entry.method), entry.speaker});
}

void global_name_server::ask_for_unreached(process& self, std::uint32_t node) {
  std::vector<std::string> names;
  for (const auto& [name, one] : unreached_) {
    work_.add();
    if (one.pid.node == node) names.push_back(name);
  }
  if (names.empty()) return;
  runtime::spawn_options options;
  options.label = "global: names that were not reached";
  options.of_node = true;
  // Where it cannot be started, they are asked for after the next connection.
  (void)self.spawn(std::move(options),
                   std::make_unique<unreached_names>(self.self(), node, std::move(names)));
}

void global_name_server::on_unreached_answered(process& self, etf::cursor at) {
  etf::bytes name;
  if (!read_long_term(at, name, work_)) return;
  const auto found = unreached_.find(base::as_text(name));
  if (found == unreached_.end()) return; // it was changed meanwhile
  const auto pid = runtime::read_pid(at, self.host().nodes());
  const unreached one = found->second;
  drop_unreached(found);
  if (pid && *pid == one.pid) insert(self, name, one.pid, one.method.bytes(), one.speaker);
}

void global_name_server::drop_unreached(etf::bytes name) {
  const auto found = unreached_.find(base::as_text(name));
  if (found != unreached_.end()) drop_unreached(found);
}

global_name_server::unreached_table::iterator global_name_server::drop_unreached(
    unreached_table::iterator at) {
  const std::size_t bytes = at->first.size() + at->second.method.size();
  memory_.remove(bytes + runtime::memory_of_entry);
  unreached_by_.remove(at->second.speaker);
  unreached_bytes_by_.remove(at->second.speaker, bytes);
  return unreached_.erase(at);
}

void global_name_server::drop_unreached_of(std::uint32_t node) {
  for (auto at = unreached_.begin(); at != unreached_.end();) {
    work_.add();
    at = at->second.pid.node == node ? drop_unreached(at) : std::next(at);
  }
}

} // namespace coppice::services
