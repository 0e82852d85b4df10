// SPDX-License-Identifier: MIT
// A supervisor, which coppice/children.hpp asks, for tests. It is served among the neighbours of the actor
// under test. It answers as a node's supervisor does, but its children are pids alone: no code of theirs
// runs, and they answer nothing. coppice/testing/scene.hpp has supervisors whose children run.
//
//   supervisor_in_test games("games");
//   neighbours others;
//   games.serve(others);
//   actor lobby(plugin::linked(), {.among = others});
//   lobby.call(open{"chess"});
//   CHECK(games.children().at(0).args == game_args{"chess"});
//   games.ended(atom("chess"), atom("crashed"));         // a permanent child has another pid now
//
// In the test's thread. The actors end before these objects.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/testing.hpp>

namespace coppice::testing {

struct child_in_test {
  value id = {};                     ///< none: it was made from the template
  std::string actor = {};            ///< "PLUGIN:ACTOR" or "PLUGIN"; "supervisor": a supervisor
  value args = {};                   ///< of a supervisor: {Flags, Children}
  std::string restart = "permanent"; ///< or transient, temporary
  value spec = {};                   ///< the whole specification: #{id, start, …}
  value pid = {};                    ///< none: it does not run
};

class supervisor_in_test {
 public:
  /// `name`: as the actors call it; "games@far" is one of another node.
  explicit supervisor_in_test(std::string_view name);
  /// A simple_one_for_one supervisor: its children are made from the template, whose restart type it has.
  supervisor_in_test(std::string_view name, child_in_test of_template);
  supervisor_in_test(const supervisor_in_test&) = delete;
  supervisor_in_test& operator=(const supervisor_in_test&) = delete;

  /// Answers calls to the supervisor's name there.
  void serve(neighbours& among);

  /// In the order in which they were started.
  const std::vector<child_in_test>& children() const { return children_; }
  /// By its id or its pid. Throws failure if there is none.
  const child_in_test& child(const value& id_or_pid) const;
  /// Decides which children do not start: a term is the reason.
  void refuse_children(std::function<value(const child_in_test&)> why) { refuse_ = std::move(why); }
  /// A child ends by itself, and is restarted with a new pid if its restart type says so; the number of
  /// restarts has no bound. An actor that is linked to it or monitors it is told by actor::exit() and down().
  /// Throws failure if the child does not run.
  void ended(const value& id_or_pid, const value& reason);

 private:
  using members = std::map<value, value>;

  // Null: there is none.
  const child_in_test* find(const value& id_or_pid) const;
  child_in_test& own(const child_in_test& one) {
    return children_[static_cast<std::size_t>(&one - children_.data())];
  }
  value fresh_pid() const;
  // Why the child does not start. None: it starts.
  value refusal_of(const child_in_test& one) const { return refuse_ ? refuse_(one) : value(); }
  value answer_to(const value& asked);
  value start_child(const value& given);
  // From a specification. Empty: it is none.
  std::optional<child_in_test> read(const value& spec) const;
  // From the template, with `extra` merged over its arguments. Empty: they are no maps.
  std::optional<child_in_test> from_template(const value& extra) const;
  value started(child_in_test made);
  value restart_child(const value& id);
  value terminate_child(const value& id_or_pid);
  value delete_child(const value& id);
  value which_children() const;
  value count_children() const;
  // Removes a child that has ended for good, unless its specification stays.
  void retire(const child_in_test& one);

  const std::string name_;
  const std::optional<child_in_test> template_;
  std::vector<child_in_test> children_;
  std::function<value(const child_in_test&)> refuse_;
};

} // namespace coppice::testing
