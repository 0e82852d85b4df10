// SPDX-License-Identifier: MIT
// How members find each other before they belong to a group. Each draws an identity at random and keeps it on
// its disk, then tells it to the members that the configuration names. A group begins when a member knows the
// identities of all first members: the cluster's id is made of all of them, so two members that have begun
// with different identities belong to different groups and ignore each other. A member whose disk was emptied
// draws a new identity. The others answer that the group has begun without it, so it is a new member that has
// to be added. One thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "consensus/types.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours::raft {

// The message in which a member introduces itself: {raft_hello, Name, Group, Id, Asks, Of}. Group: see
// group_of(). Of: undefined, or {Cluster, Clients, Members} of the group that the sender belongs to. A hello
// that asks is answered by a hello that does not.
struct hello {
  std::string name; // the sender's registered name; its node is the message's origin
  std::uint64_t group = 0;
  consensus::member_id id{};
  bool asks = false;
  struct belongs {
    consensus::cluster_id cluster{};
    std::uint64_t clients = 0;
    consensus::configuration members{};
  };
  std::optional<belongs> of{};
};

inline constexpr std::string_view hello_word = "raft_hello";

runtime::message to_message(const hello& what);
// errc::invalid: it is no hello.
base::result<hello> read_hello(etf::bytes term);

// A digest of the settings that must be equal in the configurations of all first members.
std::uint64_t group_of(std::vector<std::string> members, std::uint64_t clients);
// The id of the group that begins with these members.
consensus::cluster_id cluster_of(const consensus::configuration& first, std::uint64_t group);

// The identities of the first members, as they become known.
class meeting {
 public:
  meeting(std::vector<std::string> members, std::string own, const consensus::member_id& self);

  // A later identity of the same member replaces the earlier one. False: it is no first member.
  bool met(const std::string& address, const consensus::member_id& id);
  // The first members that are not known yet.
  std::vector<std::string> missing() const;
  // The first configuration. nullopt: some are missing.
  std::optional<consensus::configuration> first() const;

 private:
  std::map<std::string, consensus::member_id> ids_; // by address; none: not met
};

} // namespace coppice::behaviours::raft
