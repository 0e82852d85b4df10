// SPDX-License-Identifier: MIT
// Each question is asked by a process of its own, which may wait; its answer goes to the caller's function.
// See requests.hpp.
#include "node/instance/requests.hpp"

#include <coppice/etf/cursor.hpp>

#include "behaviours/gen/system_notice.hpp"
#include "behaviours/supervision/order.hpp"
#include "node/instance/components.hpp"
#include "node/instance/requester.hpp"
#include "node/instance/snapshots.hpp"
#include "node/instance/target.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

using behaviours::gen::call_error;
using behaviours::gen::call_result;

base::status sent(runtime::send_status how) {
  if (how == runtime::send_status::ok) return {};
  return base::fail(base::errc::limit, "its mailbox is full");
}

} // namespace

void requests::resolve(std::string_view target,
                       std::function<void(base::result<runtime::destination>)> done) {
  const auto name = global_name_in(target);
  if (!name) return done(snapshots(of_).resolve(target));
  find_global(*name, of_.system, [done = std::move(done)](base::result<runtime::pid> found) {
    if (!found) return done(unexpected(std::move(found.error())));
    done(runtime::destination(*found));
  });
}

void requests::info(std::string_view process, std::function<void(base::result<runtime::process_info>)> done) {
  const auto name = global_name_in(process);
  if (!name) return done(snapshots(of_).info(process));
  find_global(*name, of_.system, [&of = of_, done = std::move(done)](base::result<runtime::pid> found) {
    if (!found) return done(unexpected(std::move(found.error())));
    done(snapshots(of).info(runtime::destination(*found)));
  });
}

runtime::pid requests::call(const runtime::destination& to, runtime::message request, base::nanos timeout,
                            call_done done) {
  const base::nanos deadline = deadline_after(timeout);
  return ask_from_outside<call_result>(
      of_.system,
      [to, request = std::move(request), deadline](runtime::process& self) {
        return behaviours::gen::call_for_client(self, to, request, deadline);
      },
      std::move(done), unexpected(call_error{call_error::kind::exiting, {}}),
      [](const base::error&) -> call_result {
        return unexpected(call_error{call_error::kind::exit, runtime::message::atom("system_limit")});
      });
}

base::status requests::cast(const runtime::destination& to, const runtime::message& request) {
  runtime::message_writer out(request.size() + 16);
  out.tuple(2);
  out.atom("$gen_cast");
  out.raw(request.bytes());
  return sent(of_.system.send(to, out.take()));
}

base::status requests::send(const runtime::destination& to, runtime::message m) {
  return sent(of_.system.send(to, std::move(m)));
}

void requests::occupation_of(const runtime::pid& process, base::nanos timeout,
                             std::function<void(std::optional<runtime::occupation>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<std::optional<runtime::occupation>>(
      of_.system,
      [process, deadline](runtime::process& self) { return ask_occupation(self, process, deadline); },
      std::move(done), std::nullopt);
}

void requests::state_of(const runtime::pid& process, behaviours::shown_part wanted, base::nanos timeout,
                        std::function<void(behaviours::shown_state)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<behaviours::shown_state>(of_.system,
                                            [process, wanted, deadline](runtime::process& self) {
                                              return behaviours::ask_shown_state(self, process, deadline,
                                                                                 wanted);
                                            },
                                            std::move(done), {});
}

runtime::pid requests::engine_of(const runtime::pid& process, runtime::message change, base::nanos timeout,
                                 std::function<void(base::result<runtime::message>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  return ask_from_outside<base::result<runtime::message>>(
      of_.system,
      [process, change = std::move(change),
       deadline](runtime::process& self) -> base::result<runtime::message> {
        const auto unanswered = [deadline]() -> base::error {
          if (base::mono_now() >= deadline) return {base::errc::timeout, "not done in time; it goes on"};
          return {base::errc::closed, "it has ended meanwhile"};
        };
        if (change) {
          const call_result changed = behaviours::call_engine(self, process, change, deadline);
          if (!changed) return unexpected(unanswered());
          etf::cursor at(changed->bytes());
          std::string_view word;
          if (at.read_tuple_of(2) && at.read_atom(word)) {
            if (word == "error")
              return base::fail(base::errc::refused, runtime::shown(changed->slice(at.rest()), 1000));
            if (word == "report") return changed->slice(at.rest()).compact();
          }
        }
        behaviours::shown_state shown =
            behaviours::ask_shown_state(self, process, deadline, behaviours::shown_part::without_state);
        if (!shown.engine) return unexpected(unanswered());
        return std::move(shown.engine);
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

runtime::pid requests::stop_debugging(const runtime::pid& process, base::nanos timeout,
                                      std::function<void(base::status)> done) {
  const base::nanos deadline = deadline_after(timeout);
  return ask_from_outside<base::status>(
      of_.system,
      [process, deadline](runtime::process& self) -> base::status {
        runtime::message_writer body;
        body.tuple(2);
        body.atom("debug");
        body.atom("no_debug");
        const auto answer = behaviours::ask_by_notice(self, process, body.take().bytes(), deadline);
        if (answer) return {};
        if (answer.error().what == call_error::kind::timeout)
          return base::fail(base::errc::timeout, "it has not answered in time");
        return base::fail(base::errc::closed, "it has ended meanwhile");
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

} // namespace coppice::node
