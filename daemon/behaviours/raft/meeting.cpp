// SPDX-License-Identifier: MIT
// See meeting.hpp. Any thread.
#include "behaviours/raft/meeting.hpp"

#include <algorithm>

#include "behaviours/raft/storage.hpp"
#include "consensus/wire.hpp"

namespace coppice::behaviours::raft {

using consensus::identity;

namespace {

bool read(etf::cursor& at, std::optional<hello::belongs>& into) {
  if (at.read_atom_is("undefined")) return true;
  hello::belongs of;
  etf::bytes members;
  if (!at.read_tuple_of(3) || !consensus::read_id(at, of.cluster) || !at.read_unsigned(of.clients) ||
      !at.read_binary(members) || members.size() > consensus::configuration::max_encoded)
    return false;
  // A member that has not heard from its leader yet knows no members.
  if (!members.empty() && !of.members.decode(members)) return false;
  into = std::move(of);
  return true;
}

} // namespace

runtime::message to_message(const hello& what) {
  runtime::message_writer out(256);
  out.tuple(6);
  out.atom(hello_word);
  out.atom(what.name);
  out.unsigned_integer(what.group);
  consensus::put_id(what.id, out);
  out.boolean(what.asks);
  if (!what.of) {
    out.atom("undefined");
    return out.take();
  }
  out.tuple(3);
  consensus::put_id(what.of->cluster, out);
  out.unsigned_integer(what.of->clients);
  if (what.of->members.members().empty())
    out.binary(std::string_view());
  else
    out.binary(what.of->members.encode().bytes());
  return out.take();
}

base::result<hello> read_hello(etf::bytes term) {
  etf::cursor at(term);
  hello out;
  std::string_view name;
  if (!at.read_tuple_of(6) || !at.read_atom_is(hello_word) || !at.read_atom(name) || name.empty() ||
      name.find('@') != std::string_view::npos || !at.read_unsigned(out.group) ||
      !consensus::read_id(at, out.id) || !at.read_bool(out.asks) || !read(at, out.of) || !at.at_end())
    return base::fail(base::errc::invalid, "a hello is malformed");
  out.name = name;
  return out;
}

std::uint64_t group_of(std::vector<std::string> members, std::uint64_t clients) {
  std::ranges::sort(members);
  std::string all = std::to_string(clients);
  for (const std::string& one : members) all += ' ' + one;
  return digest_of(base::as_bytes(all));
}

consensus::cluster_id cluster_of(const consensus::configuration& first, std::uint64_t group) {
  const consensus::payload members = first.encode();
  std::string all(base::as_text(members.bytes()));
  all += std::to_string(group);
  const std::uint64_t high = digest_of(base::as_bytes(all));
  all += std::to_string(high);
  return {high | 1, digest_of(base::as_bytes(all))};
}

meeting::meeting(std::vector<std::string> members, std::string own, const consensus::member_id& self) {
  for (std::string& one : members) ids_.emplace(std::move(one), consensus::member_id{});
  met(own, self);
}

bool meeting::met(const std::string& address, const consensus::member_id& id) {
  const auto found = ids_.find(address);
  if (found == ids_.end()) return false;
  found->second = id;
  return true;
}

std::vector<std::string> meeting::missing() const {
  std::vector<std::string> out;
  for (const auto& [address, id] : ids_)
    if (!id) out.push_back(address);
  return out;
}

std::optional<consensus::configuration> meeting::first() const {
  consensus::configuration out;
  for (const auto& [address, id] : ids_) {
    if (!id) return std::nullopt;
    out.put({id, consensus::member_role::voter, address});
  }
  return out;
}

} // namespace coppice::behaviours::raft
