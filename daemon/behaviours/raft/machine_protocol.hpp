// SPDX-License-Identifier: MIT
// The messages between a member of a Raft group and the actor that applies the group's commands, which is a
// process of its own. All of them are notices {machine_tag, Run, Body}, so that no other process can send
// one. Run is the number of the actor's present life: the member ignores what an earlier life has said. The
// actor handles them in order, so a question that is sent after an entry is answered from a state that
// contains the entry.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "consensus/types.hpp"

namespace coppice::behaviours::raft {

inline constexpr std::string_view machine_tag = "$coppice_raft";

// From the member:
//   {begin, Clients, Snapshot, Check}   first of all. Snapshot: undefined, or the binary of a `saved`.
//                                  Check: the option `check`. 0: never
//   {skip, Serial}                 no member applies that command. Told before the entry that says so
//   {apply, [{Index, Kind, Client, Sequence, Wanted, Body}]}   committed entries, in order, without gaps. An
//                                  entry that changes the version is the last of its message
//   {query, Token, Query}
//   {get, Token, Serial}           asks what was answered to that command
//   {compacted, Index}             the log has no entries up to there any more
//   {validate, Token, Client, Sequence, Node, Command}   Client, Sequence: of the session. 0: none. Node: of
//                                  the caller. A command that the session's earlier commands settle is not
//                                  checked, but accepted
//   save
//   {leader, Leader, Term}         Leader: undefined, or {Name, Node}
//   {quorum, Voters, Reachable}    Reachable: whether a majority answers, as a boolean
//   {members, [{{Name, Node}, Role}]}
//   {lead, First, Carried, Most}   see effect_carrier::leadership
// From the actor:
//   {applied, Index, Serial, Clients, [{Index, Answer}]}   of the entries that were wanted
//   {queried, Token, Answer}
//   {got, Token, Index, Reply}     of the command's entry; or {queried, Token, {error, Reason}}
//   {validated, Token, Answer}     Answer: ok, or the caller's answer; or {queried, Token, Answer}, if
//                                  another node has opened the session
//   {saved, Index, Snapshot, Microseconds}, or {not_saved, Text}
//   {checked, Serial, Version, Hash}   of the state after the command of that serial
//   {code}                         a reload has replaced the code, and perhaps `versions`
//   {came, Came}                   outcome of a timer or a monitor, see group_effects::read_came()
// The actor stops with has_skipped_reason if it has applied a command that no member applies, and with
// {bad_snapshot, Text} if the snapshot with which it began has that command; with {bad_version, Text} if its
// state cannot go over to a version that an entry names.
inline constexpr std::string_view begin_word = "begin";
inline constexpr std::string_view skip_word = "skip";
inline constexpr std::string_view apply_word = "apply";
inline constexpr std::string_view query_word = "query";
inline constexpr std::string_view get_word = "get";
inline constexpr std::string_view compacted_word = "compacted";
inline constexpr std::string_view validate_word = "validate";
inline constexpr std::string_view save_word = "save";
inline constexpr std::string_view leader_word = "leader";
inline constexpr std::string_view quorum_word = "quorum";
inline constexpr std::string_view members_word = "members";
inline constexpr std::string_view lead_word = "lead";
inline constexpr std::string_view applied_word = "applied";
inline constexpr std::string_view queried_word = "queried";
inline constexpr std::string_view got_word = "got";
inline constexpr std::string_view validated_word = "validated";
inline constexpr std::string_view saved_word = "saved";
inline constexpr std::string_view not_saved_word = "not_saved";
inline constexpr std::string_view came_word = "came";
inline constexpr std::string_view code_word = "code";
inline constexpr std::string_view checked_word = "checked";
inline constexpr std::string_view has_skipped_reason = "has_skipped_command";
inline constexpr std::string_view bad_version_reason = "bad_version";

// The facts that a member has to know of the actor at any time, also after a crash. Only the actor writes.
struct machine_progress {
  std::atomic<std::uint64_t> applying{0};           // serial of the command in hand. 0: none
  std::atomic<bool> validates{false};               // its code has `validate`
  std::atomic<consensus::version_range> versions{}; // that its code knows; a reload changes them
  // Index of the last entry whose messages it has begun to send. 0: none.
  std::atomic<std::uint64_t> carried{0};
};

// Implemented by the actors that can apply commands.
class machine {
 public:
  virtual std::shared_ptr<const machine_progress> progress() const = 0;

 protected:
  ~machine() = default;
};

} // namespace coppice::behaviours::raft
