// SPDX-License-Identifier: MIT
// Several actors and their supervisors in one world of a test, with one clock: messages, calls, links,
// monitors, names, spawned children and restarts go between them as in a node.
//
//   scene world;
//   world.supervise({.how = strategy::rest_for_one}, {{"bank", shop}, {"till", shop, {.actor = "till"}}});
//   CHECK(world["till"].call(sell{"tea"}) == 3);             // which asks the bank
//   world.kill("bank");                                      // its supervisor starts it and the till again
//
// Each step is one callback. Signals from one actor to another one keep their order, as Erlang promises; the
// plain order of everything else is the order of sending. coppice/testing/explore.hpp tries others. Processes
// that the test serves stand beside the actors. In the test's thread.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>
#include <coppice/testing/faults.hpp>
#include <coppice/testing/print.hpp>
#include <coppice/testing/supervision.hpp>

namespace coppice::testing {

namespace detail {

/// A signal on its way to an actor or a supervisor of the scene.
struct signal {
  enum class type : std::uint8_t { message, exit, link_exit, down, child_exit };
  type what = type::message;
  value from, target;      ///< pids
  value to = {};           ///< of a message: its destination as the sender wrote it
  letter content = {};     ///< of a message
  std::uint32_t flags = 0; ///< of a message
  value reason = {};       ///< of the others
  value reference = {};    ///< of a monitor
};

/// Picks one of `count` things that can happen next, of which 0 is the plain one; `say` names them.
using chooser =
    std::function<std::size_t(std::size_t count, const std::function<std::string(std::size_t)>& say)>;

} // namespace detail

class scene final : detail::surroundings {
 public:
  explicit scene(std::string_view node = "test@localhost") : others_(node) {}

  /// Starts an actor that has no supervisor. Its registered name is `name`, unless `how` has one.
  actor& start(const std::string& name, const plugin& from, const settings& how = {});
  /// Starts a supervisor and its children, in order. Throws testing::failure if one of them does not start.
  const supervisor& supervise(const supervision& how, const std::vector<child_spec>& children);
  /// The actor of that name, as it is now: after a restart another one. It may have ended.
  actor& operator[](std::string_view name) { return *named(name).now; }

  nanoseconds now() const override { return now_; }
  /// Lets time pass for all.
  void advance(nanoseconds time) override;
  /// The effects of `does` come at one time: nothing runs before it has returned.
  template <class Does>
  void together(Does does) {
    {
      const busy guard(running_);
      does();
    }
    go_on();
  }
  /// Kills an actor, as exit(Pid, kill) does.
  void kill(std::string_view name);
  /// Replaces the code of all actors of that plugin: save_state, restore_state, after_restore. Restarts use
  /// it, too. Throws testing::failure if an actor refuses.
  void reload_with(const plugin& next);
  /// reload_with() by a built file of another version, which the scene keeps loaded.
  void reload_with(const std::string& file) { reload_with(load(file)); }

  /// A process beside the actors, as in coppice/testing/neighbours.hpp.
  value serve(std::string_view name, std::function<response(value request)> does);

  // Events that may happen while explore() tries orders, and never in the plain order.

  /// That host call may fail with this status; see coppice/testing/faults.hpp.
  void may_fail(std::string function, std::int32_t status);
  /// That actor may be killed, once.
  void may_be_killed(std::string name) { killable_.push_back(std::move(name)); }
  /// The code of that plugin's actors may be replaced by this file, once.
  void may_be_reloaded_with(const std::string& file) { reloadable_.push_back(&load(file)); }

  /// Complaints about all actors that there have been, each with the actor's name.
  std::vector<std::string> complaints() const;
  /// For coppice/testing/explore.hpp. None: the plain order.
  void choose_by(detail::chooser how) { choose_ = std::move(how); }

 private:
  using signal = detail::signal;
  using type = detail::signal::type;

  // An actor, whose process changes with each restart.
  struct role {
    std::string name, actor_type;
    const plugin* from;
    settings how;
    value parent;
    supervisor* above = nullptr;
    detail::world* process = nullptr; ///< null before its first callback
    std::unique_ptr<actor> now = {};  ///< null until its init has returned
    bool is_told = false;             ///< its exit is known to others
    bool is_stopped = false;          ///< its supervisor ends it
    bool lives() const { return process != nullptr && !process->dead; }
  };
  // A request without a response.
  struct open_one {
    value from;
    std::uint64_t id;
    value callee;
    std::shared_ptr<const detail::awaited> waits;
  };
  class busy {
   public:
    explicit busy(bool& flag) : flag_(flag), outer_(std::exchange(flag, true)) {}
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;
    ~busy() { flag_ = outer_; }

   private:
    bool& flag_;
    const bool outer_;
  };
  static std::string text(const value& term) { return term ? detail::show(term.bytes()) : "(no reason)"; }

  // ---- actors ----

  role& add(const std::string& name, const plugin& from, const settings& how, const value& parent);
  // False: it has not started.
  bool begin(role& who, const saved_state* saved = nullptr);
  void enters(detail::world& who) override;
  role& named(std::string_view name);
  // The living actor of a pid, a name or an alias.
  role* find(const value& to);
  role* of_pid(const value& pid);
  supervisor* supervisor_of(const value& pid);
  std::string name_of(const value& pid) const;
  const plugin& load(const std::string& file);
  void replace(const plugin& next);

  // ---- signals ----

  void message(detail::world& from, const value& to, detail::letter what, std::uint32_t flags) override;
  void exit(detail::world& from, const value& to, const value& reason) override;
  void linked(detail::world& from, const value& to) override;
  void unlinked(detail::world& from, const value& to) override;
  void monitors(detail::world& from, const value& reference) override;
  void post(type what, const value& from, const value& target, const value& reason,
            const value& reference = {});
  value whereis(const std::string& name) override;
  std::optional<value> spawn(detail::world& from, child& made) override;
  // Delivers a signal, and makes the callback for a message.
  void deliver(const signal& what);
  static void deliver_down(detail::world& w, const signal& what);

  // ---- exits ----

  // Tells others of actors that have ended.
  void tell_exits();
  void tell_exit(const role& who);
  // Ends requests that have been answered, and those whose callee has ended.
  void end_requests();

  // ---- supervisors ----

  void hear_exit(supervisor& above, const signal& what);
  void give_up(supervisor& above);
  // Ends a child as its supervisor does; what does not end by itself is killed.
  void stop(role& who);

  // ---- calls ----

  std::shared_ptr<const detail::awaited> pass_call(const detail::world& from, const role& callee,
                                                   const value& to, const value& request);
  std::optional<response> ask(detail::world& from, const value& to, const value& request,
                              nanoseconds patience) override;
  bool asks(detail::world& from, std::uint64_t id) override;
  void wait_for(detail::world& from, std::uint64_t id) override;

  // ---- steps ----

  void go_on() override;
  void run_until(nanoseconds end);
  void set_clock(nanoseconds to);
  // The time of the next timer of an actor that runs no callback.
  std::optional<nanoseconds> next_time() const;

  // Something that can happen next.
  struct choice {
    enum class type : std::uint8_t { work, signal, timer, kill, reload } what;
    role* who = nullptr;
    std::list<detail::signal>::iterator which = {};
    std::size_t index = 0;
  };
  std::vector<choice> choices(std::optional<nanoseconds> until);
  role* find_living(const std::string& name);
  bool is_any_busy() const;
  std::string said(const choice& one) const;
  // Makes one step. False: there is nothing to do before time passes.
  bool run_one(std::optional<nanoseconds> until);
  void take(const choice& one);

  struct past {
    std::string name;
    value reason;
  };
  neighbours others_;
  nanoseconds now_ = 1000s;
  std::map<value, past> gone_; ///< actors that have ended, by pid
  std::list<signal> signals_;
  std::vector<open_one> requests_;
  std::list<supervisor> supervisors_;
  std::vector<role*> starting_;
  std::vector<std::string> killable_;
  std::vector<const plugin*> reloadable_;
  std::optional<faults> faults_;
  detail::chooser choose_;
  std::size_t steps_ = 0;
  bool running_ = false;
  std::vector<std::unique_ptr<const plugin>> loaded_;                  // outlives the actors
  std::vector<std::pair<std::string, std::unique_ptr<actor>>> former_; ///< for their journals
  std::vector<std::unique_ptr<role>> roles_;
};

} // namespace coppice::testing
