// SPDX-License-Identifier: MIT
// What a process may do: the interface that a behaviour uses in its own callbacks. A process has a mailbox,
// links and monitors, and a behaviour that handles one message at a time. All functions are for the process's
// own turn unless their comment says "any thread". While a call here is parked, other processes of the worker
// run. If the process is killed while it is parked, this call and every later call that would wait return
// `exiting`; what the handler of a dead process still sends, spawns or links has no effect.
#pragma once

#include <coppice/etf/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bound.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/mailbox_bounds.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/parcel.hpp"
#include "runtime/messages/sent_compressed.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/scheduling/code_border.hpp"

struct uv_loop_s;

namespace coppice::runtime {

class system;

constexpr base::nanos no_deadline = INT64_MAX;

// Reductions of one turn, a budget beside system_options::turn_messages. A handled message, a sent message
// and a spawned process cost 1 each; process::reductions() adds to that. A sender that has used up its budget
// yields.
inline constexpr std::uint32_t usual_turn_reductions = 4000;
extern const base::bound<std::uint32_t> turn_reductions;

enum class send_status : std::uint8_t {
  ok,   // sent, or the receiver does not exist: as in Erlang, the sender is not told
  full, // the receiver's mailbox is full and its policy refused this message
  // For another node: not one well-formed term. Not sent, since the peer would close the connection.
  malformed,
  nodedown, // the node is not connected and the caller forbade connecting: not sent
};

struct await_error {
  enum class kind : std::uint8_t {
    timeout,
    down,    // the called process ended, or its node is lost; reason: noproc, noconnection, …
    exiting, // the waiting process itself is dead and has to unwind
    limit,   // no stack to park on: system_options::parked_stacks is reached, or the machine gives none
    invalid, // not an open call reference: already spent, or not made by monitor(…, true) or make_ack()
    full,    // from call(): the receiver's mailbox refused the message
  };
  kind what = kind::timeout;
  message reason; // of `down`
};

// The result of a process::call().
struct answer_to_call {
  enum class kind : std::uint8_t {
    reply,     // term: the reply
    enveloped, // term: a message that came to the call's alias by other means than process::reply()
    timeout,   // timeout to full: as in await_error
    down,      // term: the reason
    exiting,
    limit,
    invalid,
    full,
    malformed, // from call_away(): the request is not a well-formed term
  };
  kind what = kind::timeout;
  message term{};
};

// When a message is received: after all messages that wait, or before all ordinary messages and after earlier
// priority messages. These are OTP 28's priority messages (EEP 76), with their rules.
enum class urgency : std::uint8_t { ordinary, priority };

// How a signal is sent.
struct sending {
  runtime::urgency urgency = runtime::urgency::ordinary;
  bool connects = true; // false: only over an existing connection; without one, the result is `nodedown`
  bool waits = true; // false: where the sender would wait for room, the result is `full` and nothing is sent
};

// How long a monitor's reference is also an alias, as in erlang:monitor/3. unalias() always ends the alias.
enum class alias_until : std::uint8_t {
  never,     // it is no alias
  unalias,   // until unalias(), whatever becomes of the monitor
  demonitor, // until the monitor ends, by demonitor() or its 'DOWN'
  reply,     // as `demonitor`; the first message to the alias ends both alias and monitor
};

struct monitor_options {
  sending how{}; // its urgency is that of the 'DOWN' message
  alias_until alias = alias_until::never;
  message tag{};        // the term in place of the atom 'DOWN'; none: 'DOWN'
  bool request = false; // the reference is_of_request()
  bool client = false;  // the reference is_of_client()
};

struct spawn_options {
  // Registered before init runs. If it is taken, spawn fails with errc::exists. Empty: none.
  std::string name{};
  std::string label{}; // app/sup/child, for people
  bool link = false;   // from a process's turn only
  bool trap_exit = false;
  bool of_node = false; // the process is a part of the node: exit signals from other nodes do not reach it
  reference* monitor = nullptr; // out: the reference of a monitor of the new process; null: no monitor
  reference ack{};    // from make_ack(); answered when init returns: `ok` | `ignore` | {error, Reason}
  pid parent{};       // none: the spawner
  pid group_leader{}; // none: that of the spawner
  pid application{};  // of this node: the root of the application that it is a part of. None: the spawner's
  runtime::priority priority = runtime::priority::normal;
  mailbox_bounds mailbox{};
  sent_compressed compression{};
  int worker = -1; // index of its worker, where it then stays; -1: the runtime chooses
};

// A request to start a process on another node, which calls apply(Module, Function, Arguments).
struct remote_spawn {
  std::uint32_t node = 0;  // index of that node in node_names; never 0
  std::string_view module; // the name of an atom, as is `function`
  std::string_view function;
  std::uint32_t arity = 0; // at most 255
  etf::bytes arguments{};  // a proper list of `arity` elements
  etf::bytes options{};    // a proper list of options other than link and monitor; empty: none
  bool link = false;
  bool monitor = false;
};

// The origin of a message, from the runtime and the connection it arrived by. Unlike a From inside the
// message, its sender cannot forge it.
struct message_origin {
  std::uint32_t node = 0; // index in node_names
  // A notice: the runtime tells of the end of a link or monitor, or processes of the daemon talk to each
  // other. No peer and no plugin can send one, whatever its term.
  bool notice = false;
  bool here() const { return node == 0; }
};

class process {
 public:
  pid self() const;
  pid parent() const;
  system& host() const;
  // Monotonic, at most about 10 µs old. Cheap.
  base::nanos now() const;

  // Messages. At a full mailbox with policy park_sender the sender parks for at most system_options::park.
  send_status send(const pid& to, message&& m);
  // With priority: a priority message if `to` is an active priority alias, else an ordinary one. With
  // how.waits false it does not yield either when the turn's budget is used up.
  send_status send(const destination& to, message m, sending how = {});
  // As send(), but does not count against the mailbox's bound: for replies, sys and supervisor traffic.
  send_status send_unbounded(const destination& to, message m);
  // For the daemon's own messages to another node whose order does not matter, and which must arrive however
  // much waits for that node. The message passes what waits, also what this process has sent to the receiver
  // before. The process does not wait, and nothing is connected. `nodedown`: the node is not connected;
  // `full`: too much waits in this way. In both cases nothing is sent.
  send_status send_ahead(const destination& to, message m);
  // As send_unbounded(), to a process of this node, as a notice (see message_origin).
  void notify(const destination& to, message m);
  // Gives a parcel to a process of this node, in order behind what was sent before. That process's
  // behaviour::receive_parcel() gets it. If the process does not exist or ends before, the parcel comes back
  // to this one's behaviour::receive_returned(), which drops it by default.
  void hand(const destination& to, std::unique_ptr<parcel> owned);
  // The origin of the message that is being handled. Before the first message: this node, no notice.
  message_origin origin() const;
  // For a behaviour that kept a message and handles it now.
  void set_origin(message_origin of);
  // Answers the call that this alias belongs to. As send_unbounded() to the alias, but faster.
  send_status answer(const reference& alias, message m);
  // Answers a call that came to behaviour::receive_call(); `term` is the reply alone.
  send_status reply(const call_id& call, message&& term);

  // From now on the process stays on its present worker. Returns that worker's loop, on which it may open
  // handles.
  uv_loop_s* stay();
  // Makes behaviour::receive_io() be called, behind the messages that came before. Only after stay(); from a
  // callback of that loop or in the process's own turn.
  void request_io();

  // Waiting. A call reference is a monitor and an alias in one. Its first answer, or the end of the monitored
  // process, is for await() and never arrives in receive():
  //   ref = monitor(to, true); send(to, …{self, [alias|ref]}…); await(ref, deadline)
  // await() returns the whole message that was sent to the alias ({[alias|Ref], Reply} from a gen_server).
  // The reference is then spent, also after a timeout. Several may be open and awaited in any order. A form
  // that sends nothing but the message is cheaper. It works for processes of any node:
  //   ref = make_ack(); send_call(to, ref, …{self, [alias|ref]}…); await(ref, deadline)
  // For a gen_server's call; where the receiver accepts it, only the request is sent:
  //   ref = make_ack(); send_call(to, ref, request, call_form::request); await_reply(ref, deadline)
  using awaited = expected<message, await_error>;
  enum class call_form : std::uint8_t { whole, request };
  send_status send_call(const destination& to, const reference& call, message m,
                        call_form form = call_form::whole);
  // As await(), but tells an answer made by process::reply() from other messages to the alias.
  answer_to_call await_reply(const reference& ref, base::nanos deadline = no_deadline);
  // A complete call of a process of this node, which gets it in behaviour::receive_call().
  answer_to_call call(const pid& to, message&& request, base::nanos deadline = no_deadline);
  // A complete call of a process on another node.
  answer_to_call call_away(const destination& to, message&& request, base::nanos deadline = no_deadline);
  awaited await(const reference& ref, base::nanos deadline = no_deadline);
  // Asks a process of this node without waiting. The result goes to behaviour::receive_answer() with the
  // returned number. A call arrives in the other's receive_call(). A message arrives in its receive(), and is
  // acknowledged when that returns. Requests do not count against the mailbox's bound, so the asker must
  // limit how many are open at once. nullopt: no such process, and `request` is unchanged.
  // client_call: the reference is_of_client().
  enum class asking : std::uint8_t { call, client_call, message };
  std::optional<std::uint64_t> ask(const pid& to, message&& request, asking how);
  // The process that waits for an answer with this call reference, or monitors this process with it, until
  // this process answers or ends. nullopt: there is none, or no longer.
  std::optional<pid> caller(const reference& of) const;
  // Tells the caller that its call ended with `reason`, as if this process had ended. False: caller() knows
  // no such caller.
  bool end_call(const reference& of, message reason);
  // What another process of this node waits for. The other process answers for itself, so a busy worker
  // delays the answer. nullopt: no answer before the deadline, or no such process.
  std::optional<waited_for> waited_for_by(const pid& other, base::nanos deadline);
  // Whether await() would return at once.
  bool answered(const reference& ref);
  // Turns a monitor with alias_until::reply into a call reference: its first answer or its 'DOWN' is for
  // await() from now on. An answer that came before is an ordinary message: take_message(). False: no such
  // monitor.
  bool expect_answer(const reference& ref);
  // Removes and returns the first waiting message for which `wanted` is true, also of those that the
  // behaviour keeps back. Skips calls that arrive in short form (behaviour::receive_call()). None: there is
  // no such message.
  message take_message(const behaviour::message_test& wanted);

  // Links, monitors, exits: Erlang's semantics. A link to a missing process comes back as an exit signal
  // noproc, a monitor as a 'DOWN' with noproc.
  // `call`: makes a call reference, see await(). `client`: the reference is_of_client().
  reference monitor(const destination& to, bool call = false, bool client = false);
  // Empty reference: options.how forbids connecting and the node is not connected; nothing is monitored.
  reference monitor(const destination& to, monitor_options options);
  // False: there is no such monitor any more. `flush` also removes its 'DOWN', whatever its tag, from the
  // messages that wait, also of those that the behaviour keeps back.
  bool demonitor(const reference& ref, bool flush = false);
  // `ok`, or `nodedown`: not connected, and nothing is linked. With priority, a trapped exit of `to` is
  // received before ordinary messages; a later link() to the same process changes that.
  send_status link(const pid& to, sending how = {});
  void unlink(const pid& to);
  // exit/2, to a process or an alias. `malformed`: sent with the reason bad_term. With priority and to a
  // priority alias, the message that a trapped exit becomes goes before ordinary messages.
  send_status exit(const destination& to, message reason, sending how = {});
  bool trap_exit(bool on); // returns the old value
  bool trapping_exit() const;
  // From now on trapped exits are received before all other waiting messages, in order of arrival. For
  // supervisors: a long mailbox then delays no child's exit.
  void take_exits_first();
  // From now on its calls, starts and awaits may use system_options::reserved_stacks. For processes that
  // start and stop others, and wait for nothing else: a node whose stacks are all parked on can still restart
  // a child, and stop its tree in order.
  void use_reserved_stacks();

  // Makes an alias. Messages to it are ordinary messages until unalias(), or until the first message if
  // `once`. With urgency::priority, messages sent with priority to it go before ordinary messages.
  reference make_alias(bool once = false, urgency most = urgency::ordinary);
  bool unalias(const reference& ref);
  // A call reference without a monitor, for spawn_options::ack and other answers that are certain to come.
  reference make_ack();
  // A reference for other uses. Unique on this node.
  reference make_reference();

  // Names: a process has at most one, and a name has at most one process. errc::exists: the process has a
  // name or the name is taken. errc::invalid: empty, "undefined", or longer than 255 characters.
  // errc::closed: the process is dead.
  base::status register_name(std::string name);
  base::status unregister();
  std::string name() const; // empty: none

  // Timers. `m` is sent once `deadline` (monotonic) has passed. With a `period` (a millisecond or more; 0:
  // none) it is sent again at deadline + N * period, except for times already past when a message is sent,
  // and times at which the receiver's mailbox is full. The process's timers end with it. Ids are never
  // reused.
  std::uint64_t start_timer(base::nanos deadline, const destination& to, message m, base::nanos period = 0);
  // A timer without period that sends a notice to the process itself.
  std::uint64_t remind(base::nanos deadline, message m);
  // Both return the time left until the next message, or -1: the process has no such timer, or it has fired.
  base::nanos cancel_timer(std::uint64_t id);
  base::nanos remaining(std::uint64_t id) const;

  base::result<pid> spawn(spawn_options&& options, std::unique_ptr<behaviour> does);
  // Spawns a process and waits until its init returns: `ok` | `ignore` | {error, Reason}. Sets options.ack.
  struct begun {
    pid who;
    answer_to_call came;
  };
  base::result<begun> start(spawn_options&& options, std::unique_ptr<behaviour> does,
                            base::nanos deadline = no_deadline);
  // Asks another node to start a process. Returns a call reference, which is also that of the monitor, if one
  // is wanted. await() returns the new process's pid, or the atom that says why there is none; it fails with
  // noconnection if the node cannot be reached. All that the new process sends comes later. If await() gives
  // up, the process is killed as soon as its pid arrives.
  reference spawn_at(const remote_spawn& what);

  // Fairness. yield() lets other processes run, whether or not the turn's budget is used up.
  void yield();
  void reductions(std::uint32_t count);
  bool should_yield() const;
  // Runs `work` on the blocking pool and parks meanwhile. errc::limit: the pool's queue is full or there is
  // no stack to park on. errc::closed: this process died meanwhile; `work` still runs to its end.
  base::status blocking_run(std::function<void()> work);

  pid group_leader() const;
  void set_group_leader(const pid& leader);
  void set_label(std::string label);
  void set_priority(runtime::priority to);
  // True: dead to all other processes; only its stack is left.
  bool exiting() const;
  // For a dead process whose handler cannot return: abandons its stack. Returns only if there is no stack to
  // park on.
  void give_up_stack();
  behaviour& does() const;

  // For foreign_code.
  code_border& border() { return border_; }
  const code_border& border() const { return border_; }

  process(const process&) = delete;
  process& operator=(const process&) = delete;

 protected:
  // Only spawn makes processes, and each is a process_record.
  process() = default;
  ~process() = default;

 private:
  [[no_unique_address]] code_border border_; // derived classes use its padding
};

} // namespace coppice::runtime
