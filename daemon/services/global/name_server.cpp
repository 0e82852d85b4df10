// SPDX-License-Identifier: MIT
// The sessions of global_name_server with its peers, message by message. In the process's own turn.
#include "services/global/name_server.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>
#include <utility>

#include "base/log.hpp"
#include "behaviours/gen/askers.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/global/questions.hpp"
#include "services/global/registrar.hpp"
#include "services/peers/existing_connection.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::int64_t protocol_version = 8;
constexpr std::string_view up_mark = "$coppice_node_up";
constexpr std::string_view lock_mark = "$coppice_lock"; // see locker.cpp
constexpr std::string_view down_mark = "$coppice_node_down";

void tell_server(runtime::system& system, std::string_view what, std::string_view node) {
  message_writer out;
  out.tuple(2);
  out.atom(what);
  out.atom(node);
  system.notify(runtime::destination::named(global_name_server::registered_name), out.take());
}

void write_tag(etf::writer& out, const message& tag) {
  out.raw(tag.bytes());
}

} // namespace

void global_name_server::node_up(runtime::system& system, std::string_view node) {
  tell_server(system, up_mark, node);
}

void global_name_server::node_down(runtime::system& system, std::string_view node) {
  tell_server(system, down_mark, node);
}

// Connected nodes already have a session with the server's predecessor, which only a new connection ends.
runtime::outcome global_name_server::on_start(process& self) {
  work_ = portions(self);
  std::vector<std::string> peers;
  if (router_.settings().visible) peers = router_.nodes(runtime::remote_router::which::visible);
  for (const std::string& peer : peers) {
    base::log::warning("services", "global starts anew: disconnecting {}, whose names it is to learn again",
                       peer);
    disconnect(self, peer, "it starts anew");
  }
  runtime::spawn_options chosen;
  chosen.label = "global_registrar";
  chosen.link = true;
  auto made = self.spawn(std::move(chosen), std::make_unique<global_registrar>());
  if (!made) return runtime::stop(message::atom("system_limit"));
  registrar_ = *made;
  return runtime::carry_on();
}

// Dispatch ------------------------------------------------------------------------------------------------

runtime::outcome global_name_server::handle_cast(process& self, const message& request) {
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || !at.read_atom(what)) return runtime::carry_on();
  if (what == "init_connect" && arity == 4) on_init_connect(self, at, request);
  if (what == "lock_set" && (arity == 4 || arity == 5)) on_lock_set(self, at, arity);
  if (what == "exchange" && arity == 5) on_exchange(self, at, request);
  if (what == "resolved" && arity == 7) on_resolved(self, at, request);
  if (what == "in_sync" && arity == 3) on_in_sync(self, at);
  if (what == "new_nodes" && arity == 6) on_new_nodes(self, at);
  return runtime::carry_on();
}

runtime::outcome global_name_server::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  std::string_view node;
  if (is_answer(self, m)) return runtime::carry_on();
  if (!at.read_tuple(arity) || !at.read_atom(what)) return runtime::carry_on();
  if (self.origin().notice) {
    if (what == "DOWN" && arity == 5) on_down(self, at);
    if (what == global_questions::answered && arity == 4) on_questions_answered(self, at);
    if (what == lock_mark && at.read_atom(node)) try_lock(self, std::string(node));
    if (what == up_mark && at.read_atom(node)) up(self, node);
    if (what == down_mark && at.read_atom(node)) down(self, std::string(node));
  } else if (what == "lock_set" && arity == 4) {
    on_lock_set(self, at, arity); // from a locker that has no session with this node
  } else if (what == "init_connect_ack" && arity == 4) {
    on_init_connect_ack(self, at);
  } else if (what == "cancel_connect" && arity == 3) {
    on_cancel_connect(self, at);
  } else if (what == "lost_connection" && arity == 5) {
    on_lost_connection(self, at, m);
  } else if (what == "remove_connection" && arity == 2) {
    on_remove_connection(self, at);
  } else if (what == "whereis" && arity == 3) {
    etf::bytes name;
    etf::bytes from;
    if (!read_long_term(at, name, work_) || !read_long_term(at, from, work_)) return runtime::carry_on();
    if (behaviours::gen::is_of_origin(self, from))
      behaviours::gen::reply(self, m.slice(from), whereis(self, name));
  }
  return runtime::carry_on();
}

// Sessions ------------------------------------------------------------------------------------------------

message global_name_server::own_node(process& self) const {
  return message::atom(self.host().node_name());
}

void global_name_server::tell(process& self, std::uint32_t node, message m) {
  send_over_existing_connection(self.host(), self.self(), runtime::destination::remote(registered_name, node),
                                std::move(m));
}

message global_name_server::cast_message(etf::bytes term) {
  message_writer out;
  out.tuple(2);
  out.atom("$gen_cast");
  out.raw(term);
  return out.take();
}

void global_name_server::cast(process& self, std::uint32_t node, etf::bytes term) {
  tell(self, node, cast_message(term));
}

void global_name_server::up(process& self, std::string_view node) {
  const auto index = self.host().nodes().intern(node);
  if (!index) return;
  auto& p = partners_[std::string(node)];
  p.node = *index;
  begin(self, std::string(node), p);
}

void global_name_server::begin(process& self, const std::string& node, partner& p) {
  end_session(self, p);
  p.his_tag = {};
  p.my_tag = ++next_tag_;
  try_later(self, node, p);
  message_writer out;
  out.tuple(4);
  out.atom("init_connect");
  out.tuple(2);
  out.integer(protocol_version);
  out.integer(p.my_tag);
  out.raw(own_node(self).bytes());
  out.tuple(4);
  out.atom("locker");
  out.atom("no_longer_a_pid");
  out.map(0);
  runtime::write(out, self.self(), self.host().nodes());
  cast(self, p.node, out.view());
}

void global_name_server::on_init_connect(process& self, etf::cursor at, const message& m) {
  std::uint32_t arity = 0;
  std::int64_t version = 0;
  etf::bytes tag;
  std::string_view node;
  if (!at.read_tuple(arity) || arity < 2 || !at.read_integer(version) || !read_long_term(at, tag, work_))
    return;
  if (!skip_long_terms(at, arity - 2, work_)) return;
  if (!at.read_atom(node) || !at.read_tuple_of(4) || !skip_long_terms(at, 3, work_)) return;
  const auto locker = runtime::read_pid(at, self.host().nodes());
  const auto found = partners_.find(node);
  if (!locker || found == partners_.end() || !speaks_for(self, node)) return;
  if (locker->node != self.origin().node || tag.size() > longest_key) return;
  auto& p = found->second;
  if (p.his_tag) end_session(self, p);
  p.his_tag = m.slice(tag).compact();
  p.his_locker = *locker;
  make_lock(self, p);
  if (version < protocol_version) return;
  message_writer out;
  out.tuple(4);
  out.atom("init_connect_ack");
  out.raw(own_node(self).bytes());
  write_tag(out, p.his_tag);
  out.integer(p.my_tag);
  tell(self, p.node, out.take());
}

// Whether the message being handled came from that node: a node may speak only for itself.
bool global_name_server::speaks_for(const process& self, std::string_view node) {
  return self.host().nodes().name(self.origin().node) == node;
}

// The session that a message belongs to. Null: the node is not connected, or its init_connect has not come.
global_name_server::partner* global_name_server::session(const process& self, etf::cursor& at,
                                                         std::string& node) {
  std::string_view name;
  if (!at.read_atom(name) || !speaks_for(self, name)) return nullptr;
  const auto found = partners_.find(name);
  if (found == partners_.end()) return nullptr;
  node = name;
  return &found->second;
}

bool global_name_server::is_my_tag(etf::cursor& at, const partner& p) const {
  std::int64_t tag = 0;
  return at.read_integer(tag) && tag == p.my_tag && p.his_tag;
}

void global_name_server::on_init_connect_ack(process& self, etf::cursor at) {
  std::string node;
  partner* p = session(self, at, node);
  if (p == nullptr) return;
  std::int64_t mine = 0;
  etf::bytes his;
  if (!at.read_integer(mine) || !read_long_term(at, his, work_)) return;
  if (his.size() > longest_key) return; // longer than any tag that is sent
  work_.add_read(his.size());
  // Its init_connect came before its acknowledgement, so both tags are known by now.
  const bool agree = mine == p->my_tag && p->his_tag && etf::compare(his, p->his_tag.bytes()) == 0;
  if (agree) return;
  message_writer out;
  out.tuple(3);
  out.atom("cancel_connect");
  out.raw(own_node(self).bytes());
  out.raw(his);
  tell(self, p->node, out.take());
  begin(self, node, *p);
}

void global_name_server::on_cancel_connect(process& self, etf::cursor at) {
  std::string node;
  partner* p = session(self, at, node);
  std::int64_t tag = 0;
  if (p != nullptr && at.read_integer(tag) && tag == p->my_tag) begin(self, node, *p);
}

void global_name_server::on_lock_set(process& self, etf::cursor at, std::uint32_t arity) {
  const auto locker = runtime::read_pid(at, self.host().nodes());
  bool set = false;
  if (!locker || locker->node != self.origin().node || !at.read_bool(set)) return;
  if (!skip_long_terms(at, 1, work_)) return;
  const auto found = partners_.find(self.host().nodes().name(locker->node));
  if (found == partners_.end()) return;
  auto& p = found->second;
  if (arity == 5 && !is_my_tag(at, p)) return;
  if (!p.his_tag || *locker != p.his_locker) return;
  if (!set) {
    give_up_lock(self, p);
    return try_later(self, found->first, p);
  }
  if (!p.locked) {
    p.locked = set_lock(self, p.lock.bytes(), self.self());
    send_lock_set(self, p, p.locked);
  }
  if (!p.locked || p.names_sent) return;
  send_names(self, p);
  if (p.exchange) resolve(self, found->first, p);
}

void global_name_server::send_lock_set(process& self, const partner& p, bool set) {
  message_writer out;
  out.tuple(5);
  out.atom("lock_set");
  runtime::write(out, self.self(), self.host().nodes());
  out.boolean(set);
  write_nodes(out, known_);
  write_tag(out, p.his_tag);
  cast(self, p.node, out.view());
}

void global_name_server::on_exchange(process& self, etf::cursor at, const message& m) {
  std::string node;
  partner* p = session(self, at, node);
  etf::bytes list;
  if (p == nullptr || !read_long_term(at, list, work_) || !skip_long_terms(at, 1, work_)) return;
  if (!is_my_tag(at, *p)) return;
  if (p->settling || p->exchanged) return; // the peer has sent its names
  p->exchange = m.slice(list);
  if (p->names_sent) resolve(self, node, *p);
}

void global_name_server::on_resolved(process& self, etf::cursor at, const message& m) {
  std::string node;
  partner* p = session(self, at, node);
  etf::cursor rest = at;
  if (p == nullptr || !skip_long_terms(rest, 4, work_) || !is_my_tag(rest, *p)) return;
  p->resolved = m.slice(at.rest());
  if (p->exchanged) finish(self, node, *p);
}

void global_name_server::finish(process& self, const std::string& node, partner& p) {
  const auto his = std::exchange(p.resolved, {});
  etf::cursor at(his.bytes());
  etf::bytes his_ops;
  read_long_term(at, his_ops, work_);
  // The other nodes would take what is refused here for this node's words.
  applied done;
  if (!apply(self, p.ops.bytes(), p.node, &done) || !apply(self, his_ops, p.node, &done))
    return end_session(self, p);

  // The own partition is told of the new nodes, and of what either side has decided, before the lock is
  // released.
  message_writer out;
  out.tuple(6);
  out.atom("new_nodes");
  out.raw(own_node(self).bytes());
  out.list(done.count);
  out.raw(done.ops.view());
  out.nil();
  out.nil();
  write_known(out, node, at);
  out.list(2);
  out.tuple(2);
  out.atom("vsn");
  out.integer(protocol_version);
  out.tuple(2);
  out.atom("lock");
  out.raw(p.lock.bytes());
  out.nil();
  const message told = cast_message(out.view());
  const auto others = known_;
  for (const auto& other : others) {
    work_.add();
    const auto found = partners_.find(other);
    if (found != partners_.end() && other != node) tell(self, found->second.node, told);
  }
  know(node);
  add_known(self, at, true);
  end_session(self, p);
  synced_with(self, node);
}

// Releases the lock; the tags stay, for messages still on their way.
void global_name_server::end_session(process& self, partner& p) {
  give_up_lock(self, p);
  p.names_sent = false;
  p.exchanged = false;
  p.exchange = {};
  p.asked.clear();
  if (p.settling) {
    self.demonitor(std::exchange(p.settling, {}), true);
    // A peer may begin sessions without end, and each asker waits for seconds.
    self.exit(runtime::destination(p.asker), runtime::reasons::kill());
  }
  p.ops = {};
  p.resolved = {};
}

void global_name_server::on_in_sync(process& self, etf::cursor at) {
  std::string node;
  partner* p = session(self, at, node);
  if (p == nullptr) return;
  end_session(self, *p);
  synced_with(self, node);
}

void global_name_server::on_new_nodes(process& self, etf::cursor at) {
  std::string_view node;
  etf::bytes ops;
  if (!at.read_atom(node) || !speaks_for(self, node)) return;
  if (!read_long_term(at, ops, work_) || !skip_long_terms(at, 1, work_)) return;
  apply(self, ops, self.origin().node);
  add_known(self, at, true);
}

} // namespace coppice::services
