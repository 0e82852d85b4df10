// SPDX-License-Identifier: MIT
// OTP's gen protocol, both sides: what `gen_server`, `supervisor` and `sys` put on the wire, taken apart
// and put together. A call is a monitor and an alias in one reference, so that an answer that comes after
// the caller gave up finds nobody and leaves nothing behind. In the process's own turn.
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

// What a message is to a server. The parts are slices of the message's own bytes.
struct request {
  enum class kind : std::uint8_t {
    info,   // anything else; `body` is the whole message
    call,   // {'$gen_call', From, Body}
    cast,   // {'$gen_cast', Body}
    system, // {system, From, Body}
  };
  kind what = kind::info;
  runtime::message from; // call, system: {Pid, Tag}, for reply()
  runtime::message body;
};

request parse(const runtime::message& m);

// The same without a share in the message: parts of the term, which is one whole term.
struct request_view {
  request::kind what = request::kind::info;
  etf::bytes from;
  etf::bytes body;
};
request_view look(etf::bytes term);
// An atom, or a small tuple whose first atom is not as long as any of gen's tags: most messages that are no
// requests. False: look().
inline bool is_plain(etf::bytes term) {
  if (term.size() < 5) return false;
  return term[0] == 119 || (term[0] == 104 && term[2] == 119 && term[3] != 9 && term[3] != 6);
}

// Answers a call; `from` is request::from, also a copy of it kept for later. None: it is no From.
using replied = std::optional<runtime::send_status>;
replied reply(runtime::process& self, const runtime::message& from, etf::bytes answer);
replied reply(runtime::process& self, const runtime::message& from, const runtime::message& answer);
// The same; `answer` travels in its own memory if it is nobody else's. None also if `from` is not one term.
replied reply(runtime::process& self, etf::bytes from, runtime::message answer);

// For a call that will not be answered: the caller of `from` hears that it ended with `reason`, as if this
// process had. False: nobody waits with a monitor, so that nobody can be told.
bool end_call(runtime::process& self, const runtime::message& from, runtime::message reason);
// The reference that the caller of `from` waits with; nothing: there is none in it.
std::optional<runtime::reference> call_reference(runtime::process& self, etf::bytes from);
// Whether a client outside of the cluster waits: see reference::of_client.
bool is_of_client(runtime::process& self, etf::bytes from);
// {error, {bad_request, Text}}: what the caller of a request that no callback takes is told.
runtime::message refusal(std::string_view text);
// What a server of the daemon answers to a call that it does not take: to a client outside of the cluster
// refusal(), so that the client exits with an error; to others {error, bad_request}, as an answer among
// others.
runtime::message unknown_request(runtime::process& self, etf::bytes from, std::string_view text);
// The Text of such an answer, part of its memory; nothing: it is another one.
std::optional<std::string_view> refusal_text(etf::bytes answer);

struct call_error {
  enum class kind : std::uint8_t {
    timeout,
    noproc,       // nobody by that pid or name
    nodedown,     // its node is lost or cannot be reached
    exit,         // it ended before it answered, with `reason`; or why there is no answer: `mailbox_full`,
                  // the request was dropped; `system_limit`, see below; `badarg`, the reference is spent
    calling_self, // a call to oneself would wait forever
    bad_term,     // the request, for another node, is not one well-formed term
    exiting,      // the caller itself was killed meanwhile: unwind
  };
  kind what = kind::timeout;
  runtime::message reason; // for exit
};

using call_result = expected<runtime::message, call_error>;

// gen_server:call. `deadline` is monotonic; runtime::no_deadline waits as long as it takes. Parks.
call_result call(runtime::process& self, const runtime::destination& to, etf::bytes body,
                 base::nanos deadline);

call_result call(runtime::process& self, const runtime::destination& to, runtime::message body,
                 base::nanos deadline);
call_result call(runtime::process& self, const runtime::pid& to, runtime::message body, base::nanos deadline);
// The same as call(), in the name of a client outside of the cluster.
call_result call_for_client(runtime::process& self, const runtime::destination& to, runtime::message body,
                            base::nanos deadline);
// What process::call() came to.
call_result result_of(runtime::answer_to_call answer);

// The same to many at once, asked in parallel; one result for each, in their order.
std::vector<call_result> call_many(runtime::process& self, std::span<const runtime::destination> to,
                                   etf::bytes body, base::nanos deadline);

// call() in two steps: what start_call returns is given to finish_call, once.
expected<runtime::reference, call_error> start_call(runtime::process& self, const runtime::destination& to,
                                                    etf::bytes body);
expected<runtime::reference, call_error> start_call(runtime::process& self, const runtime::destination& to,
                                                    runtime::message body);
call_result finish_call(runtime::process& self, const runtime::reference& call, base::nanos deadline);

// The exit reason in call_error when there was no stack left to wait on: this very message.
const runtime::message& system_limit();

// Why there is no process that is through its init. Whatever it was, nothing of the attempt is left with the
// starter: no wait for an answer, no monitor, and after `timeout` and `limit` no link.
struct start_error {
  enum class kind : std::uint8_t {
    spawn,   // none was made: `error`. errc::exists: the name is taken; errc::limit: too many processes
    init,    // its init failed with `reason`; who is linked to it gets its exit signal as well, as in OTP
    ignored, // its init said so; `reason` is the atom `ignore`
    timeout, // its init was not through by the deadline; it is killed
    limit,   // there is no stack to wait on; it is killed
    exiting, // the starter itself was killed meanwhile: unwind
  };
  kind what = kind::spawn;
  base::error error{};       // for spawn
  runtime::message reason{}; // for init, ignored
  runtime::pid who{};        // for init: whose it was
};

using start_result = expected<runtime::pid, start_error>;

// proc_lib:start_link and its kin: spawns, and waits until the new process's init is through. options.ack is
// set here; options.monitor is worth something only with a result. `deadline` is monotonic. Parks.
start_result start(runtime::process& self, runtime::spawn_options&& options,
                   std::unique_ptr<runtime::behaviour> does, base::nanos deadline = runtime::no_deadline);

// gen_server:cast.
runtime::send_status cast(runtime::process& self, const runtime::destination& to, runtime::message body,
                          runtime::sending how = {});
runtime::send_status cast(runtime::process& self, const runtime::pid& to, runtime::message body);
runtime::send_status cast(runtime::process& self, const runtime::destination& to, etf::bytes body);

// {'$gen_call', {Self, [alias|Ref]}, Body}, for those who send requests by other means.
runtime::message call_message(runtime::process& self, const runtime::reference& ref, etf::bytes body);
runtime::message call_message(runtime::process& self, const runtime::reference& ref, runtime::message body);

// {'EXIT', Pid, Reason}: how a process that traps exits hears of a link's end, as a notice.
struct exit_notice {
  runtime::pid from;
  runtime::message reason;
};
// Whether it begins as one.
inline bool is_exit(etf::bytes term) {
  constexpr std::array<std::uint8_t, 8> head{104, 3, 119, 4, 'E', 'X', 'I', 'T'};
  return term.size() > head.size() && std::memcmp(term.data(), head.data(), head.size()) == 0;
}
// The message that is being handled. False: something else, or no notice: anybody may write such a tuple.
bool read_exit(runtime::process& self, const runtime::message& m, exit_notice& out);

} // namespace coppice::behaviours::gen
