// SPDX-License-Identifier: MIT
// A process: a mailbox, its links and monitors, and a behaviour that handles one message at a time. This
// header is what a behaviour may do in its own callbacks; everything here is for the process's own turn
// unless it says "any thread". A call that parks lets other processes of the worker run meanwhile; when
// the process is killed while parked, the call and every later one that waits says `exiting`, and what a
// dead process's handler still sends, spawns or links goes nowhere.
#pragma once

#include <coppice/etf/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

// A turn's budget beside system_options::turn_messages: a message handled, sent, a process spawned cost one
// each, and what a behaviour says by process::reductions(). Who sends on and on yields when it is used up.
constexpr std::uint32_t turn_reductions = 4000;

enum class send_status : std::uint8_t {
  ok,        // sent, or there is nobody: as in Erlang the sender is not told
  full,      // the receiver's mailbox is full and its policy dropped this message
  malformed, // for another node, whose connection it would have cost: not one well-formed term
  nodedown,  // for a node that is not connected, and no connection was to be opened: nothing was sent
};

struct await_error {
  enum class kind : std::uint8_t {
    timeout,
    down,    // the process called ended, or is on a node that is lost; reason: noproc, noconnection, …
    exiting, // the waiting process itself is dead: unwind
    limit,   // no stack to park on: system_options::parked_stacks is reached
    invalid, // no such call reference: spent already, or not made by monitor(…, true) or make_ack()
    full,    // from call(): the receiver's mailbox refused the message
  };
  kind what = kind::timeout;
  message reason; // for down
};

// What a process::call() came to.
struct answer_to_call {
  enum class kind : std::uint8_t {
    reply,     // term: it
    enveloped, // term: what was sent to the call's alias by other means than process::reply()
    timeout,   // these are as in await_error
    down,      // term: the reason
    exiting,
    limit,
    invalid,
    full,
    malformed, // from call_away(): the request is no term
  };
  kind what = kind::timeout;
  message term{};
};

// Whether something is received in its turn or before all ordinary messages that wait, behind those of its
// kind that came before: OTP 28's priority messages (EEP 76), with their rules.
enum class urgency : std::uint8_t { ordinary, priority };

// How a signal is sent.
struct sending {
  runtime::urgency urgency = runtime::urgency::ordinary;
  bool connects = true; // false: only over a connection there is, else it is `nodedown`
  bool waits = true;    // false: where its sender would wait for room it is `full`, and nothing is sent
};

// How long the reference of a monitor is an alias too, as erlang:monitor/3 has it. unalias() ends any.
enum class alias_until : std::uint8_t {
  never,     // it is none
  unalias,   // whatever becomes of the monitor
  demonitor, // the monitor has ended: by demonitor() or its 'DOWN'
  reply,     // likewise, or a message has come to it, which ends the monitor
};

struct monitor_options {
  sending how{}; // the urgency is that of its 'DOWN'
  alias_until alias = alias_until::never;
  message tag{};        // the term in place of the atom 'DOWN'; none: that
  bool request = false; // its reference is_of_request()
  bool client = false;  // its reference is_of_client()
};

struct spawn_options {
  std::string name{};  // registered before init runs; taken: spawn fails with errc::exists
  std::string label{}; // app/sup/child, for people
  bool link = false;   // from a process's turn only
  bool trap_exit = false;
  bool of_node = false;         // a part of the node itself: no exit from another node reaches it
  reference* monitor = nullptr; // out: a plain monitor of the new process
  reference ack{};              // make_ack(): `ok` | `ignore` | {error, Reason} when init is through
  pid parent{};                 // none: the spawner
  pid group_leader{};           // none: the spawner's
  runtime::priority priority = runtime::priority::normal;
  mailbox_bounds mailbox{};
  sent_compressed compression{};
  int worker = -1; // -1: where the runtime thinks best
};

// A process to be made on another node: apply(Module, Function, Arguments) there.
struct remote_spawn {
  std::uint32_t node = 0;  // not this one
  std::string_view module; // as `function`: an atom's name
  std::string_view function;
  std::uint32_t arity = 0; // at most 255
  etf::bytes arguments{};  // a proper list, so long
  etf::bytes options{};    // a proper list of options besides those below; empty: none
  bool link = false;
  bool monitor = false;
};

// Who sent a message, as the runtime and the connection it came by know it. What the message itself says of
// that, a From say, is what its sender wrote.
struct message_origin {
  std::uint32_t node = 0; // index in node_names
  // The node's own word: what the runtime tells of the end of links and monitors, and what the daemon's
  // processes tell each other. Nobody else can send one, whatever term he sends.
  bool notice = false;
  bool here() const { return node == 0; }
};

class process {
 public:
  pid self() const;
  pid parent() const;
  system& host() const;
  // Monotonic, at most some 10 µs old. Cheap.
  base::nanos now() const;

  // Messages. A sender parks at most the system's `park` time for a receiver that wants that.
  send_status send(const pid& to, message&& m);
  // With priority it is a priority message to an active priority alias; to all else it is an ordinary one.
  // One that does not wait does not yield either, though its turn's budget be used up.
  send_status send(const destination& to, message m, sending how = {});
  // The same as send(), without the bound: replies, sys and supervisor traffic.
  send_status send_unbounded(const destination& to, message m);
  // The same as send_unbounded(), to a process here: as a notice.
  void notify(const destination& to, message m);
  // Behind what was sent before, to a process here, whose behaviour::receive_parcel() gets it. If there
  // is no such process, or it ends before, it comes back to behaviour::receive_returned(); who has no use for
  // it drops it.
  void hand(const destination& to, std::unique_ptr<parcel> owned);
  // Of the message that is being handled; until the first one of nobody.
  message_origin origin() const;
  // For who kept a message and handles it now.
  void set_origin(message_origin of);
  // An answer to the call that this alias is of; the same as send_unbounded() to it, quicker.
  send_status answer(const reference& alias, message m);
  // The same for a call that came to behaviour::receive_call(), with the reply alone.
  send_status reply(const call_id& call, message&& term);

  // From now on it runs on the worker where it is now, whose loop this is: its handles may be there.
  uv_loop_s* stay();
  // Of one that stays, from callbacks of that loop, or in its own turn: behaviour::receive_io() is to be
  // called, behind the messages that have come before.
  void request_io();

  // Waiting. A call reference is a monitor and an alias in one whose first answer, or end, is for
  // await() and never arrives in receive():
  //   ref = monitor(to, true); send(to, …{self, [alias|ref]}…); await(ref, deadline)
  // await() returns what was sent to the alias, whole ({[alias|Ref], Reply} from a gen_server), and the
  // reference is spent, also after a timeout. Several may be outstanding and awaited in any order.
  // Cheaper, since nothing but the message is sent, to a process here or elsewhere:
  //   ref = make_ack(); send_call(to, ref, …{self, [alias|ref]}…); await(ref, deadline)
  // or, as a gen_server's call, of which only the request goes where the other takes it so:
  //   ref = make_ack(); send_call(to, ref, request, call_form::request); await_reply(ref, deadline)
  using awaited = expected<message, await_error>;
  enum class call_form : std::uint8_t { whole, request };
  send_status send_call(const destination& to, const reference& call, message m,
                        call_form form = call_form::whole);
  // The same as await(), whose result tells an answer of process::reply() from others.
  answer_to_call await_reply(const reference& ref, base::nanos deadline = no_deadline);
  // The whole of a call of another process of this node, which gets it in behaviour::receive_call().
  answer_to_call call(const pid& to, message&& request, base::nanos deadline = no_deadline);
  // The same of one of another node.
  answer_to_call call_away(const destination& to, message&& request, base::nanos deadline = no_deadline);
  awaited await(const reference& ref, base::nanos deadline = no_deadline);
  // Asks a process here without waiting for what comes of it, which goes to behaviour::receive_answer() with
  // the number returned. A call comes to its behaviour::receive_call(); a message to receive(), and is
  // acknowledged when that has returned. Its mailbox's bound does not count either: who asks bounds what he
  // asks at once. Nothing: it is no more, and `request` is as it was.
  // A client_call's reference is_of_client().
  enum class asking : std::uint8_t { call, client_call, message };
  std::optional<std::uint64_t> ask(const pid& to, message&& request, asking how);
  // Who waits with this call, or watches with this monitor, until this process answers or ends; none: nobody
  // (any more), or one that came without either.
  std::optional<pid> caller(const reference& of) const;
  // The caller of one that waits hears that its call ended with `reason`, as if this process had. False:
  // there is none, see caller().
  bool end_call(const reference& of, message reason);
  // What another process of this node waits for: asked of itself, so that a worker which is held up answers
  // late. Null: no answer in time, or there is no such process.
  std::optional<waited_for> waited_for_by(const pid& other, base::nanos deadline);
  // Whether await() would return at once.
  bool answered(const reference& ref);
  // Makes a call reference of a monitor's whose alias ends with a reply: its first answer, or its 'DOWN', is
  // for await() from now on. What came before is a message: take_message(). False: there is no such monitor.
  bool expect_answer(const reference& ref);
  // Of the messages that wait, but calls of processes here, the first that `wanted` says yes to, out of its
  // turn; none: there is no such.
  message take_message(const std::function<bool(const message&, message_origin)>& wanted);

  // Links, monitors, exits: Erlang's semantics. A link to a missing process comes back as an exit
  // signal noproc, a monitor as a down noproc.
  // `client`: the reference is_of_client().
  reference monitor(const destination& to, bool call = false, bool client = false);
  // No reference: send() would say `nodedown`, and nothing is monitored.
  reference monitor(const destination& to, monitor_options options);
  // False: no such monitor any more. `flush` also removes its 'DOWN', whatever its tag, from the mailbox.
  bool demonitor(const reference& ref, bool flush = false);
  // `ok`, or `nodedown` and nothing is linked. With priority its exit is received before ordinary messages if
  // it is trapped here; another link() changes that.
  send_status link(const pid& to, sending how = {});
  void unlink(const pid& to);
  // exit/2, to a process or an alias; malformed: sent with the reason bad_term. Of one with priority it is
  // the message it is trapped as that goes first, if it came to a priority alias.
  send_status exit(const destination& to, message reason, sending how = {});
  bool trap_exit(bool on); // the old value
  bool trapping_exit() const;
  // From now on trapped exits are received before all other messages that wait, in the order they came. For
  // supervisors: what waits at their name delays no child's exit.
  void take_exits_first();

  // An alias: messages to it are ordinary messages until unalias(), or the first one when `once`. At a
  // priority alias those sent with priority go before ordinary ones.
  reference make_alias(bool once = false, urgency most = urgency::ordinary);
  bool unalias(const reference& ref);
  // A call reference without a monitor, for spawn_options::ack and other answers that always come.
  reference make_ack();
  // A reference for other uses, unique on this node.
  reference make_reference();

  // Names: one a process, one process a name. errc::exists when either is taken; errc::invalid for
  // "undefined" or a name over 255 characters.
  base::status register_name(std::string name);
  base::status unregister();
  std::string name() const; // empty: none

  // Timers: `m` is sent when `deadline` (monotonic) has passed, and, with a period of a millisecond or more,
  // at each deadline + N * period after it; but for those that have passed when it is sent, or find the
  // receiver's mailbox at its bound. They end with the process. Ids are never reused.
  std::uint64_t start_timer(base::nanos deadline, const destination& to, message m, base::nanos period = 0);
  // One whose message is a notice to itself.
  std::uint64_t remind(base::nanos deadline, message m);
  // The time left until it fires next, -1 if it started no such timer, or it has fired.
  base::nanos cancel_timer(std::uint64_t id);
  base::nanos remaining(std::uint64_t id) const;

  base::result<pid> spawn(spawn_options&& options, std::unique_ptr<behaviour> does);
  // The same, and then waits for what comes of its init: `ok` | `ignore` | {error, Reason}. options.ack is
  // set here.
  struct begun {
    pid who;
    answer_to_call came;
  };
  base::result<begun> start(spawn_options&& options, std::unique_ptr<behaviour> does,
                            base::nanos deadline = no_deadline);
  // Asks another node for a process. A call reference, and that of the monitor if there is to be one: await()
  // gives the new process's pid, or the atom that says why there is none; it is down with noconnection if the
  // node cannot be reached. What the new process sends comes after that. Not awaited to the end, the process
  // is killed as soon as it is known.
  reference spawn_at(const remote_spawn& what);

  // Fairness. yield() lets others run if the turn's budget is used up or not.
  void yield();
  void reductions(std::uint32_t count);
  bool should_yield() const;
  // Runs `work` on the blocking pool and parks meanwhile. errc::limit: the pool's queue is full;
  // errc::closed: this process died meanwhile (the work goes on and finishes).
  base::status blocking_run(std::function<void()> work);

  pid group_leader() const;
  void set_group_leader(const pid& leader);
  void set_label(std::string label);
  void set_priority(runtime::priority to);
  // True once it is dead to others and only its stack lingers.
  bool exiting() const;
  // Its handler goes on although it is dead: its stack is given up. Does not return, unless there is no stack
  // to park on.
  void give_up_stack();
  behaviour& does() const;

  // For foreign_code.
  code_border& border() { return border_; }
  const code_border& border() const { return border_; }

  process(const process&) = delete;
  process& operator=(const process&) = delete;

 protected:
  // Made by spawn only: every process is a process_record.
  process() = default;
  ~process() = default;

 private:
  [[no_unique_address]] code_border border_; // what is derived uses its padding
};

} // namespace coppice::runtime
