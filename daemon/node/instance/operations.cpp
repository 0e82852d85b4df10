// SPDX-License-Identifier: MIT
// An operation on the tree is a call to the application controller or to the supervisor concerned, made by a
// process of its own, so that the caller never waits. The tree is only looked at to find that supervisor;
// what the supervisor answers counts. See operations.hpp.
#include "node/instance/operations.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>

#include "behaviours/application/controller.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "node/instance/components.hpp"
#include "node/instance/requester.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

using behaviours::application_controller;
using runtime::message;
using told = std::function<void(base::status)>;

base::status answered(const behaviours::gen::call_result& answer) {
  using kind = behaviours::gen::call_error::kind;
  if (!answer) {
    const auto& e = answer.error();
    if (e.what == kind::timeout) return base::fail(base::errc::timeout, "not done in time; it goes on");
    if (e.what == kind::exit) {
      return base::fail(base::errc::closed, "its supervisor ended: " + runtime::shown(e.reason));
    }
    return base::fail(base::errc::closed, "its supervisor is gone");
  }
  etf::cursor at(answer->bytes());
  if (at.read_atom_is("ok") || !at.read_tuple_of(2) || !at.read_atom_is("error")) return {};
  const message reason = answer->slice(at.rest());
  if (etf::cursor(reason.bytes()).read_atom_is("not_found")) {
    return base::fail(base::errc::not_found, "there is no such child any more");
  }
  return base::fail(base::errc::refused, etf::print(reason.bytes(), {.most = 1000}));
}

void ask(runtime::system& host, const runtime::destination& to, message request, base::nanos timeout,
         told done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::status>(
      host,
      [to, request = std::move(request), deadline](runtime::process& self) {
        return answered(behaviours::gen::call(self, to, request.bytes(), deadline));
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

const auto controller = runtime::destination::named(std::string(application_controller::registered_name));

} // namespace

void operations::start_application(std::string_view name, base::nanos timeout, told done) {
  ask(of_.system, controller, application_controller::start_request(name), timeout, std::move(done));
}

void operations::stop_application(std::string_view name, base::nanos timeout, told done) {
  ask(of_.system, controller, application_controller::stop_request(name), timeout, std::move(done));
}

void operations::restart(std::string_view path, base::nanos timeout, told done) {
  if (path.find('/') == std::string_view::npos) {
    stop_application(path, timeout,
                     [this, name = std::string(path), timeout, done](const base::status& stopped) {
                       stopped ? start_application(name, timeout, done) : done(stopped);
                     });
    return;
  }
  const auto place = of_.place_of(path);
  if (!place) return done(unexpected(place.error()));
  ask(of_.system, place->supervisor, behaviours::supervisor::restart_request(place->child.bytes()), timeout,
      std::move(done));
}

void operations::terminate(std::string_view path, base::nanos timeout, told done) {
  if (path.find('/') == std::string_view::npos) return stop_application(path, timeout, std::move(done));
  const auto place = of_.place_of(path);
  if (!place) return done(unexpected(place.error()));
  runtime::message_writer out;
  out.tuple(2);
  out.atom("terminate_child");
  out.raw(place->child.bytes());
  ask(of_.system, place->supervisor, out.take(), timeout, std::move(done));
}

void operations::apply(apply_request request, std::function<void(apply_outcome)> done) {
  const auto without = [](unexpected<base::error> why) {
    apply_outcome out;
    out.valid = true;
    out.result = std::move(why);
    return out;
  };
  ask_from_outside<apply_outcome>(
      of_.system,
      [&p = of_, request = std::move(request)](runtime::process& self) {
        apply_outcome out = p.apply(self, request);
        if (!request.dry_run) p.notes.note_apply(brief(out));
        return out;
      },
      std::move(done), without(base::fail(base::errc::closed, "the node stops")),
      [without](base::error why) { return without(unexpected(std::move(why))); });
}

void operations::reload(reload_request what, std::function<void(base::result<reload_report>)> done) {
  const node_state now = of_.state;
  if (now == node_state::starting) return done(base::fail(base::errc::refused, "the node is still starting"));
  if (now == node_state::stopping) return done(base::fail(base::errc::closed, "the node stops"));
  of_.reloads->ask(std::move(what), std::move(done));
}

void operations::set_draining(bool on) {
  of_.drain.is_on = on;
  of_.notes.tell();
}

void operations::switch_job(std::string_view name, bool on, std::function<void(base::status)> done) {
  if (auto switched = of_.cron->enable(name, on); !switched) return done(std::move(switched));
  ask_from_outside<base::status>(
      of_.system,
      [jobs = of_.cron](runtime::process& self) {
        base::status kept;
        const base::status ran = self.blocking_run([&] { kept = jobs->save(); });
        return ran ? kept : ran;
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

void operations::connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done) {
  of_.net->resume_peer(peer);
  const auto index = of_.system.nodes().intern(peer);
  if (!index) return done(base::fail(base::errc::limit, "too many node names are known to take another"));
  if (*index == 0) return done({});
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::status>(
      of_.system,
      [&of = of_, name = std::string(peer), node = *index, deadline](runtime::process& self) -> base::status {
        const runtime::reference ref = self.make_ack();
        of.net->router().connect(node, ref);
        const auto answer = self.await(ref, deadline);
        if (!answer) return base::fail(base::errc::timeout, "no answer in time");
        etf::cursor at(answer->bytes());
        bool connected = false;
        if (at.read_tuple_of(2) && at.skip() && at.read_bool(connected) && connected) return {};
        for (const peer_status& one : of.net->peers()) {
          if (one.name == name && !one.last_error.empty())
            return base::fail(base::errc::refused, one.last_error);
        }
        return base::fail(base::errc::refused, "it cannot be reached");
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

base::status operations::disconnect(std::string_view peer) {
  return of_.net->disconnect(peer);
}

} // namespace coppice::node
