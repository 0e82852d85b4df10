// SPDX-License-Identifier: MIT
// See raft.hpp.
#include "spec/kinds/raft.hpp"

#include <algorithm>
#include <set>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/kinds/raft_groups.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t most_members = 64;
constexpr std::uint64_t largest_entry = std::uint64_t{2} << 20;
constexpr std::uint64_t kib = 1024;

// NAME@ALIVE@HOST.
std::string check_member(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.find('@', at + 1) == std::string_view::npos)
    return "must name its node: NAME@ALIVE@HOST";
  return check_process(text);
}
constexpr std::string_view member_pattern =
    "^[^@\\u0000-\\u001f\\u007f]{1,255}@[A-Za-z0-9_-]+@[A-Za-z0-9._:-]+$";

std::string check_pattern(std::string_view text) {
  return text.empty() || text.size() > 255 ? "must have 1 to 255 bytes" : "";
}

const table<raft_snapshot>& snapshot_table() {
  static const auto rows =
      table<raft_snapshot>()
          .add<&raft_snapshot::entries>("entries", whole<std::uint64_t>(1, 1'000'000'000),
                                        "a snapshot is taken after this many entries")
          .add<&raft_snapshot::bytes>("bytes", size(), "or after this many bytes of them")
          .add<&raft_snapshot::keep_entries>(
              "keep_entries", whole<std::uint64_t>(0, 1'000'000'000),
              "entries that the log keeps below a snapshot, for members that are a little behind");
  return rows;
}

const table<raft_limits>& limits_table() {
  static const auto rows =
      table<raft_limits>()
          .add<&raft_limits::entry>("entry", size(), "bytes of one command; at most 2MiB")
          .add<&raft_limits::in_flight>("in_flight", size(),
                                        "bytes sent to one member that it has not acknowledged")
          .add<&raft_limits::pending>("pending", whole<std::uint32_t>(1, 1'000'000),
                                      "calls that wait for an answer at once, half of them from one other "
                                      "node; others are {error, overloaded}")
          .add<&raft_limits::clients>(
              "clients", whole<std::uint32_t>(1, 10'000'000),
              "sessions that are kept; beyond that the one that was unused for longest goes, of the node "
              "that has most. "
              "Alike in all members when the group begins, and the group's from then on");
  return rows;
}

void check_raft(reader& from, const node& at, raft_options& group) {
  const node* const members = at.find("members");
  const node* const join = at.find("join");
  if ((members == nullptr) == (join == nullptr))
    from.error(at,
               from.path + (members == nullptr ? ": the key 'members' is missing"
                                               : ": it has one of 'members' and 'join'"),
               members == nullptr ? "or 'join', for a member that is to be added to a group that runs"
                                  : "'members' for the first members of a group, 'join' for a later one");
  for (const auto& [key, written, list] :
       {std::tuple("members", members, &group.members), std::tuple("join", join, &group.join)}) {
    if (written == nullptr || !written->is_sequence()) continue;
    if (list->empty() || list->size() > most_members)
      from.error(*written, from.path + "." + key + ": 1 to " + std::to_string(most_members) + " members");
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < list->size() && i < written->items.size(); ++i)
      if (!(*list)[i].empty() && !seen.insert((*list)[i]).second)
        from.error(*written->items[i], from.path + "." + key + ": " + (*list)[i] + " is there twice");
  }
  const auto place = [&](std::string_view section, std::string_view key) -> const node& {
    const node* const inside = at.find(section);
    const node* const found = value_of(inside, key);
    return found != nullptr ? *found : inside != nullptr ? *inside : at;
  };
  if (group.election <= 2 * group.heartbeat)
    from.error(value_or_map(at, "election"), from.path + ".election: has to be more than two heartbeats",
               "ten heartbeats are usual, so that a lost message costs no leader");
  if (group.limits.entry < kib || group.limits.entry > largest_entry)
    from.error(place("limits", "entry"), from.path + ".limits.entry: from 1KiB to 2MiB",
               "larger values belong into files or another store, and their names into commands");
  if (group.limits.in_flight < group.limits.entry)
    from.error(place("limits", "in_flight"), from.path + ".limits.in_flight: less than limits.entry");
  if (group.snapshot.bytes < 64 * kib)
    from.error(place("snapshot", "bytes"), from.path + ".snapshot.bytes: at least 64KiB");
}

json raft_rule() {
  return {{"oneOf", json::array({{{"required", {"members"}}}, {{"required", {"join"}}}})}};
}

void prune_raft(const raft_options&, json& raft) {
  for (const char* const key : {"members", "join", "from"})
    if (raft.contains(key) && raft[key].empty()) raft.erase(key);
}

const table<raft_options>& raft_table() {
  using names = list<std::string, text>;
  static const auto rows =
      table<raft_options>()
          .add<&raft_options::members>(
              "members", names(text("NAME@ALIVE@HOST", &check_member, member_pattern)),
              "the first members, this one among them: the registered name and the node of each. It begins "
              "once all of them have met; from then on the group's own list counts, which `coppice raft` "
              "changes")
          .live()
          .add<&raft_options::join>("join", names(text("NAME@ALIVE@HOST", &check_member, member_pattern)),
                                    "instead of `members`, for a member that `coppice raft NAME add` makes "
                                    "one of a group that runs: "
                                    "members that it asks for that group")
          .live()
          .add<&raft_options::heartbeat>("heartbeat", duration(milliseconds(10)),
                                         "how often the leader tells the others that it is there")
          .add<&raft_options::election>(
              "election", duration(milliseconds(10)),
              "after one to two of these without a leader the others elect one; more than two heartbeats")
          .add<&raft_options::snapshot>("snapshot", section<raft_snapshot>(&snapshot_table, compared::by_key),
                                        "when the state is written whole, so that the log can be cut")
          .add<&raft_options::limits>("limits", section<raft_limits>(&limits_table, compared::by_key),
                                      "bounds of this member")
          .add<&raft_options::append_timeout>(
              "append_timeout", duration(milliseconds(10)),
              "how long an append may take; then its caller gets {error, timeout}, and it may still happen")
          .add<&raft_options::query_timeout>("query_timeout", duration(milliseconds(10)),
                                             "how long a query may take")
          .add<&raft_options::check>("check", whole<std::uint64_t>(0, 1'000'000'000),
                                     "members compare a hash of their states after every so many commands, "
                                     "and one that differs from "
                                     "the majority applies nothing any more; alike in all members. 0: never")
          .add<&raft_options::from>("from", names(text("a pattern of nodes", &check_pattern)),
                                    "which other nodes may append and query, as shell patterns such as "
                                    "\"shop*@10.0.0.*\"; absent: all that have the cookie")
          .check(&check_raft, raft_rule())
          .prune(&prune_raft);
  return rows;
}

// A member has a name, by which the others reach it, and is one of the first members that its options name.
void check_member_of(child_check& with, const child_spec& child, const raft_options& group,
                     const node& written) {
  if (child.name.empty())
    with.to.error(written.at, "raft: a member of a group needs a 'name', by which the others reach it");
  const std::string own = child.name + "@" + std::string(with.node_name);
  const bool named = std::ranges::find(group.members, own) != group.members.end();
  const node* const members = written.find("members");
  if (members != nullptr && !group.members.empty() && !named && !child.name.empty() &&
      with.node_name.find('@') != std::string_view::npos)
    with.to.error(members->at, "raft.members: this member, " + own + ", is not among them",
                  "a member that is to be added later has 'join' instead");
  if (group.members.size() % 2 == 0 && !group.members.empty())
    with.to.warning(members->at,
                    "raft.members: " + std::to_string(group.members.size()) +
                        " voters bear the loss of no more members than one voter less",
                    "3, 5 or 7 are usual");
}

class raft_of_children final : public kind_of<raft_options> {
 public:
  raft_of_children()
      : kind_of("raft", {}, &raft_table, "of an actor whose behaviour is raft: its group", compared::by_key) {
  }

 private:
  void check_options(child_check& with, child_spec& child, raft_options& of, const node&,
                     const node& written) const override {
    raft_groups& groups = with.notes.get<raft_groups>();
    groups.names.insert(child.name);
    const node* const limits = written.find("limits");
    const node* const entry = value_of(limits, "entry");
    const node& at = entry != nullptr ? *entry : limits != nullptr ? *limits : written;
    groups.commands.push_back({at.at, of.limits.entry});
    check_member_of(with, child, of, written);
  }
  // A replicated state machine is a child of its own, with a 'raft' map. No other child has a 'raft' map.
  void check_class(child_check& with, const named_actor& actor) const override {
    const node* const options = actor.at.find(key);
    if (actor.type.behaviour != "raft") {
      if (options != nullptr)
        with.to.error(options->at,
                      "raft: the actor " + actor.type.name + " is a " + actor.type.behaviour +
                          " and no replicated state machine",
                      "leave it out");
      return;
    }
    const bool is_own = actor.by == nullptr && !is_in_place_of_actor(actor.child);
    if (options == nullptr || !is_own)
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' is a replicated state machine",
                    is_own ? "it needs a 'raft' map beside it, with its group's members"
                           : "it belongs to a child of its own, with a 'raft' map");
  }
};

} // namespace

const kind& raft_kind() {
  static const raft_of_children made;
  return made;
}

} // namespace coppice::spec
