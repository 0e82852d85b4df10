// SPDX-License-Identifier: MIT
// A saga in its process: owns the saga's core and carries out its effects. Requests to participants are calls
// of gen_server, so a participant is a saga or any gen_server; a participant's question and its interim
// values are casts. Records go to the node's durable log or, of a volatile saga, nowhere. The actor's
// callbacks are reached through a port; their answers are taken when they have returned, so no callback runs
// inside another. The callbacks of a step run in workers, if the saga has some. Without workers no callback
// runs beside a callback of the saga's earlier process, which may have been killed in blocking work. In the
// process's own turn.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "behaviours/gen/gen.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/saga/saga_call_queue.hpp"
#include "behaviours/saga/saga_callbacks.hpp"
#include "behaviours/saga/saga_callers.hpp"
#include "behaviours/saga/saga_log.hpp"
#include "behaviours/saga/saga_place.hpp"
#include "behaviours/saga/saga_settings.hpp"
#include "behaviours/saga/saga_subscribers.hpp"
#include "behaviours/saga/saga_workers.hpp"
#include "runtime/messages/kept_memory.hpp"
#include "saga/core.hpp"

namespace coppice::behaviours {

// The functions that the engine needs of its actor.
class saga_port {
 public:
  // Runs a callback. It is answered by saga_engine::answer(), now or later.
  virtual runtime::outcome run(const saga::call& what) = 0;
  // Sends a gen_server's call and returns its number, by which take_answer() is told of its end. Does not
  // wait. nullopt: it was not sent.
  virtual std::optional<std::uint64_t> ask(const runtime::destination& to, etf::bytes request) = 0;
  // The engine wants to hear nothing more of this call.
  virtual void forget(std::uint64_t asked) = 0;

 protected:
  ~saga_port() = default;
};

class saga_engine {
 public:
  // `log`: of a durable saga. Null: the node has none. `workers`: run the callbacks of steps. Null: the actor
  // does. `self`, `log` and `port` outlive the engine.
  saga_engine(runtime::process& self, saga_settings how, journal* log, saga_port& port,
              std::shared_ptr<const saga_worker_spec> workers = nullptr);

  // Reads the records that the log has under the process's name. Open transactions go on with the next
  // message, which the process sends to itself. Parks. errc::unsupported: durable, and the node has no log;
  // errc::invalid: the process has no name, or the records are damaged; else the log's errors. A log that
  // has ended while the node runs is no error: the saga is stopped then.
  base::status open();

  // Calls by a process of this node, answered {report, Map} | {error, Reason}. list_request(): the open
  // units of that kind. show_request(): the transaction with this id.
  static runtime::message list_request(saga::wanted_units which);
  static runtime::message show_request(std::string_view tx);
  // A call by the node itself (call_engine()): an operator decides, see saga::core::resolve(). Answered
  // {report, Map} | {error, Reason} once it is on the disk.
  static runtime::message resolve_request(std::string_view tx, bool commit);
  static bool is_one(const runtime::description& process) { return process.behaviour == "saga"; }

  // Input. nullopt: it is not meant for the saga, and nothing was done.
  std::optional<runtime::outcome> take_call(const runtime::message& whole, etf::bytes from,
                                            etf::bytes request);
  std::optional<runtime::outcome> take_cast(etf::bytes request);
  std::optional<runtime::outcome> take_info(const runtime::message& m);
  // The end of a call of saga_port::ask(). `answer` is empty: the callee has ended or its node is lost.
  std::optional<runtime::outcome> take_answer(std::uint64_t asked, const runtime::message& answer);

  // Answers of the actor's callbacks.
  using given = saga_callbacks::given;
  using reply = saga_callbacks::reply;
  given answer(std::uint64_t token, reply what, saga::term value);
  // Adds to the steps that reply::steps gives.
  given add_step(std::uint64_t token, saga::step_spec&& one);
  // The answer of a callback that the actor does not have.
  void answer_by_default(const saga::call& what);
  // `key`: {Tx, Step}, as a callback was given it. False: it is no such key.
  bool interim(etf::bytes key, saga::term value);

  const saga::core& core() const { return *core_; }
  saga_stay* stay() const { return stay_.get(); } // null: it has workers
  // As core::in_doubt_since() and core::first_ending(), in monotonic time, which may be before the machine's
  // start. nullopt: never.
  std::optional<base::nanos> in_doubt_since() const { return monotonic(core_->in_doubt_since()); }
  std::optional<base::nanos> first_ending() const { return monotonic(core_->first_ending()); }
  // A step that has been in doubt for longer waits for a coordinator that is not there. It is the lifespan
  // of a transaction plus the longest time between two requests.
  base::nanos longest_doubt() const;
  // A map for people.
  runtime::message report() const;

 private:
  struct asked_step {
    saga::step_key key;
    saga::request_kind what = saga::request_kind::perform;
    saga::commit_kind kind = saga::commit_kind::compensate;
    saga::address to;
  };
  struct client { // its start, cancel or resolve has no answer yet
    runtime::message from;
    std::string tx;
  };

  base::nanos now() const;
  std::optional<base::nanos> monotonic(base::nanos of_core) const {
    return of_core == saga::never ? std::nullopt : std::optional(of_core - offset_);
  }
  std::string origin_node() const;
  runtime::outcome carry_out();
  runtime::outcome carry_out(saga::effects&& what);
  runtime::outcome run(const saga::call& what);
  runtime::outcome run_held();
  void drop_held(std::uint64_t token);
  void submit();
  void count_end(std::uint64_t token);
  // Nothing can be written until the node starts again. Everything is answered with an error.
  void stop(std::string why);
  runtime::message stopped_answer(bool to_saga) const;
  bool is_overloaded() const;
  void send(saga::message&& what);
  void ask(const saga::address& to, const saga::request& what, bool awaits_answer);
  void tell(const saga::reply& what);
  void answer_waiting(const saga::reply& what);
  bool keep_caller(const saga_callers::place& of, const runtime::message& from, saga::commit_kind kind);
  void tell(const saga::notice& what);
  void tell_subscribers(const std::string& tx, std::string_view word, const saga::term& value, bool last);
  void answer_client(const saga::answer& what);
  void set_timer();
  void soon();
  given answered(std::uint64_t token, given how, saga::verdict&& said);
  std::optional<runtime::outcome> take_from_workers(const runtime::message& m);
  void take_ends_of_workers();

  bool may_ask() const;
  void log_share() const;
  bool start(const runtime::message& from, etf::cursor words, std::uint32_t arity);
  void cancel(const runtime::message& from, etf::cursor words);
  void resolve(const runtime::message& from, etf::cursor words);
  // Whether the request was answered already, because the saga is stopped, too much waits for the disk, or it
  // is too long.
  bool turned_away(etf::bytes from, std::string_view word, std::size_t size);
  // Whether a request of so many bytes has more than a value and what goes with one.
  bool is_too_long(std::size_t request) const;
  runtime::message subscribe(etf::bytes from, etf::cursor words);
  runtime::message look(etf::cursor words) const;
  runtime::message listed(saga::wanted_units which) const;
  runtime::message shown(const std::string& tx) const;
  void take_request(const runtime::message& from, etf::bytes request);

  runtime::process& self_;
  saga_settings settings_;
  saga_log log_;
  saga_port& port_;
  const base::nanos offset_; // from the monotonic clock to the core's
  std::unique_ptr<saga::core> core_;
  saga::effects effects_;
  std::optional<std::string> stopped_;
  bool running_ = false; // the effects are being carried out
  bool notified_ = false;
  std::uint64_t timer_ = 0; // 0: none
  base::nanos timer_at_ = 0;

  // Input that comes while effects are being carried out.
  std::deque<saga::message> lost_;
  std::deque<std::pair<std::uint64_t, std::optional<saga::verdict>>> answers_; // none: it ended without one

  saga_callbacks callbacks_;
  // A saga has exactly one of these two. workers_ null: it has no workers.
  std::unique_ptr<saga_workers> workers_;
  std::unique_ptr<saga_stay> stay_;
  saga_call_queue held_; // callbacks that wait until the saga has its place
  saga_callers callers_;
  std::unordered_map<std::uint64_t, asked_step> asked_; // by the call's number
  std::map<saga::step_key, std::uint64_t> asked_by_key_;
  std::unordered_map<std::uint64_t, client> clients_; // by token
  std::uint64_t last_client_ = 0;
  saga_subscribers subscribers_;
  runtime::kept_memory memory_; // what is kept for other nodes
};

} // namespace coppice::behaviours
