// SPDX-License-Identifier: MIT
// OTP's gen protocol, both sides: parses and builds the messages of `gen_server`, `supervisor` and `sys`. A
// call uses one reference as monitor and as alias, so an answer that comes after the caller gave up is
// dropped. In the process's own turn.
#pragma once

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/result.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::gen {

// The form of a message that reaches a server. The parts are slices of the message.
struct request {
  enum class kind : std::uint8_t {
    info,   // any other message; `body` is the whole message
    call,   // {'$gen_call', From, Body}
    cast,   // {'$gen_cast', Body}
    system, // {system, From, Body}
  };
  kind what = kind::info;
  runtime::message from; // call, system: {Pid, Tag}, for reply()
  runtime::message body;
};

request parse(const runtime::message& m);

// A request as a view: `from` and `body` are parts of the term, which must be one whole term, and keep no
// message alive.
struct request_view {
  request::kind what = request::kind::info;
  etf::bytes from;
  etf::bytes body;
};
request_view look(etf::bytes term);
// True for an atom, or a small tuple whose first atom differs in length from all of gen's tags: most messages
// that are not requests. False: look() decides.
inline bool is_plain(etf::bytes term) {
  if (term.size() < 5) return false;
  return term[0] == 119 || (term[0] == 104 && term[2] == 119 && term[3] != 9 && term[3] != 6);
}

// Answers a call. `from`: request::from, or a copy of it kept for later. Empty result: it is not a From.
using replied = std::optional<runtime::send_status>;
replied reply(runtime::process& self, const runtime::message& from, etf::bytes answer);
replied reply(runtime::process& self, const runtime::message& from, const runtime::message& answer);
// As reply() with a message; `answer` is sent without a copy if no other message shares its memory. Empty
// also if `from` is not one term.
replied reply(runtime::process& self, etf::bytes from, runtime::message answer);
// As reply(), but never parks. An answer that the caller's node does not take yet waits at its connection,
// and counts as caused by that node. For processes that others wait for.
replied reply_at_once(runtime::process& self, const runtime::message& from, const runtime::message& answer);

// For a call that will not be answered: the caller of `from` is told that the callee ended with `reason`, as
// if this process had ended. False: no caller waits with a monitor, so none can be told.
bool end_call(runtime::process& self, const runtime::message& from, runtime::message reason);
// The reference that the caller of `from` waits with. Empty: there is none in it.
std::optional<runtime::reference> call_reference(runtime::process& self, etf::bytes from);
// Whether the caller is a client outside of the cluster: see reference::of_client.
bool is_of_client(runtime::process& self, etf::bytes from);
// {error, {bad_request, Text}}: the answer to a request that no callback takes.
runtime::message refusal(std::string_view text);
// The answer of one of the daemon's servers to a call that it does not take. For a client outside of the
// cluster it is refusal(), so that the client exits with an error. For other callers it is {error,
// bad_request}.
runtime::message unknown_request(runtime::process& self, etf::bytes from, std::string_view text);
// The Text of an answer made by refusal(), a part of its memory. Empty: it is another answer.
std::optional<std::string_view> refusal_text(etf::bytes answer);

struct call_error {
  enum class kind : std::uint8_t {
    timeout,
    noproc,   // no process has that pid or name
    nodedown, // the node is lost or cannot be reached
    exit, // the callee ended before it answered, with `reason`. Or the reason is `mailbox_full`: the request
          // was dropped; `system_limit`: see system_limit(); `badarg`: the reference was used already;
          // `bad_reply`: a process that knew the alias sent something that is not an answer
    calling_self, // a process cannot call itself
    bad_term,     // the request, for another node, is not one well-formed term
    exiting,      // the caller itself was killed meanwhile, and must return
  };
  kind what = kind::timeout;
  runtime::message reason; // for exit
};

using call_result = expected<runtime::message, call_error>;

// gen_server:call. `deadline` is monotonic; runtime::no_deadline waits without a bound. Parks.
call_result call(runtime::process& self, const runtime::destination& to, etf::bytes body,
                 base::nanos deadline);

call_result call(runtime::process& self, const runtime::destination& to, runtime::message body,
                 base::nanos deadline);
call_result call(runtime::process& self, const runtime::pid& to, runtime::message body, base::nanos deadline);
// As call(), in the name of a client outside of the cluster.
call_result call_for_client(runtime::process& self, const runtime::destination& to, runtime::message body,
                            base::nanos deadline);
// The result of process::call().
call_result result_of(runtime::answer_to_call answer);

// Calls many processes in parallel; returns one result for each, in their order.
std::vector<call_result> call_many(runtime::process& self, std::span<const runtime::destination> to,
                                   etf::bytes body, base::nanos deadline);

// call() in two steps: the reference from start_call() is given to finish_call() once.
expected<runtime::reference, call_error> start_call(runtime::process& self, const runtime::destination& to,
                                                    etf::bytes body);
expected<runtime::reference, call_error> start_call(runtime::process& self, const runtime::destination& to,
                                                    runtime::message body);
call_result finish_call(runtime::process& self, const runtime::reference& call, base::nanos deadline);

// The exit reason in call_error when no stack was left to wait on. Always this very message.
const runtime::message& system_limit();

// How long a killed process may take to end. Only code that does not return takes longer.
inline constexpr base::nanos kill_patience = base::nanos_per_second;

// Why no process was started and initialised. In each case the starter keeps nothing of the attempt: no wait
// for an answer, no monitor, and after `timeout` and `limit` no link.
struct start_error {
  enum class kind : std::uint8_t {
    spawn,   // no process was made, see `error`. errc::exists: the name is taken; errc::limit: too many
             // processes
    init,    // its init failed with `reason`. As in OTP, linked processes get its exit signal as well
    ignored, // its init returned `ignore`; `reason` is that atom
    timeout, // its init did not return by the deadline; it is killed, and `who` says whether it has ended
    limit,   // there is no stack to wait on; it is killed
    exiting, // the starter itself was killed meanwhile, and must return
  };
  kind what = kind::spawn;
  base::error error{};       // for spawn
  runtime::message reason{}; // for init, ignored
  // init: the failed process. timeout and limit: the process if it may still run after kill_patience, since
  // it is in code that does not return; null: it has ended, and its name is free.
  runtime::pid who{};
};

using start_result = expected<runtime::pid, start_error>;

// proc_lib:start_link and its variants: spawns a process, and waits until its init has returned. options.ack
// is set here. options.monitor is valid only if there is a result. `deadline` is monotonic. Parks, after the
// deadline for at most kill_patience, until the killed process has ended.
start_result start(runtime::process& self, runtime::spawn_options&& options,
                   std::unique_ptr<runtime::behaviour> does, base::nanos deadline = runtime::no_deadline);

// gen_server:cast.
runtime::send_status cast(runtime::process& self, const runtime::destination& to, runtime::message body,
                          runtime::sending how = {});
runtime::send_status cast(runtime::process& self, const runtime::pid& to, runtime::message body);
runtime::send_status cast(runtime::process& self, const runtime::destination& to, etf::bytes body);

// Makes {'$gen_call', {Self, [alias|Ref]}, Body}, for code that sends the request in another way.
runtime::message call_message(runtime::process& self, const runtime::reference& ref, etf::bytes body);
runtime::message call_message(runtime::process& self, const runtime::reference& ref, runtime::message body);

// {'EXIT', Pid, Reason}: tells a process that traps exits that a link has ended. Sent as a notice.
struct exit_notice {
  runtime::pid from;
  runtime::message reason;
};
// Whether the term begins as such a message does.
inline bool is_exit(etf::bytes term) {
  constexpr std::array<std::uint8_t, 8> head{104, 3, 119, 4, 'E', 'X', 'I', 'T'};
  return term.size() > head.size() && std::memcmp(term.data(), head.data(), head.size()) == 0;
}
// Reads the current message. False: another message, or no notice, since any process can send such a tuple.
bool read_exit(runtime::process& self, const runtime::message& m, exit_notice& out);

} // namespace coppice::behaviours::gen
