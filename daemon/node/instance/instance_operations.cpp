// SPDX-License-Identifier: MIT
// What operators do to the tree of a running node: each is a call to the application controller or to the
// supervisor concerned, made by a process of its own, so that whoever asked never waits. The tree is only
// looked at to find that supervisor; what it says when it is asked counts. Any thread.
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>

#include "behaviours/application/controller.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "node/instance/components.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/requester.hpp"
#include "node/instance/target.hpp"
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

message pid_term(const runtime::pid& pid, const runtime::system& host) {
  runtime::message_writer out;
  runtime::write(out, pid, host.nodes());
  return out.take();
}

base::error absent(std::string_view path, std::string_view step) {
  return {base::errc::not_found, fmt::format("there is no {} in {}", step, path)};
}

} // namespace

std::optional<runtime::pid> instance::components::top_of(std::string_view application) const {
  for (const auto& row : board.rows()) {
    if (row.name == application) return row.top;
  }
  return std::nullopt;
}

base::result<tree_place> instance::components::place_of(std::string_view path) {
  const std::string_view application = path.substr(0, path.find('/'));
  const auto top = top_of(application);
  if (!top) return unexpected(absent("this node", application));
  if (!*top) return base::fail(base::errc::refused, std::string(application) + " does not run");
  tree_place at{*top, {}};
  for (std::string_view rest = path.substr(application.size());;) {
    rest.remove_prefix(1);
    const std::string_view step = rest.substr(0, rest.find('/'));
    std::optional<behaviours::child_row> found = tree.child(at.supervisor, message::atom(step).bytes());
    if (!found) {
      // No plain atom: another term, or a pid for want of an id.
      const auto term = parse_term(step, system);
      etf::cursor in(term ? term->bytes() : etf::bytes());
      const auto pid = term ? runtime::read_pid(in, system.nodes()) : std::nullopt;
      if (pid) found = tree.child(at.supervisor, *pid);
      if (!found && term) found = tree.child(at.supervisor, term->bytes());
    }
    if (!found) return unexpected(absent(path.substr(0, path.size() - rest.size() - 1), step));
    if (step.size() == rest.size()) {
      at.child = found->id ? found->id : pid_term(found->pid, system);
      return at;
    }
    if (!found->pid || !found->spec->is_supervisor()) {
      return base::fail(base::errc::invalid, fmt::format("{} is no running supervisor", step));
    }
    at.supervisor = found->pid;
    rest.remove_prefix(step.size());
  }
}

base::result<runtime::pid> instance::components::process_at(std::string_view path) {
  if (path.find('/') == std::string_view::npos) {
    const auto top = top_of(path);
    if (top && *top) return *top;
    return base::fail(base::errc::not_found, std::string(path) + " does not run");
  }
  const auto place = place_of(path);
  if (!place) return unexpected(place.error());
  const auto row = tree.child(place->supervisor, place->child.bytes());
  if (!row || !row->pid) return base::fail(base::errc::not_found, std::string(path) + " does not run");
  return row->pid;
}

void instance::start_application(std::string_view name, base::nanos timeout, told done) {
  ask(components_->system, controller, application_controller::start_request(name), timeout, std::move(done));
}

void instance::stop_application(std::string_view name, base::nanos timeout, told done) {
  ask(components_->system, controller, application_controller::stop_request(name), timeout, std::move(done));
}

void instance::restart(std::string_view path, base::nanos timeout, told done) {
  if (path.find('/') == std::string_view::npos) {
    stop_application(path, timeout,
                     [this, name = std::string(path), timeout, done](const base::status& stopped) {
                       stopped ? start_application(name, timeout, done) : done(stopped);
                     });
    return;
  }
  const auto place = components_->place_of(path);
  if (!place) return done(unexpected(place.error()));
  ask(components_->system, place->supervisor, behaviours::supervisor::restart_request(place->child.bytes()),
      timeout, std::move(done));
}

void instance::terminate(std::string_view path, base::nanos timeout, told done) {
  if (path.find('/') == std::string_view::npos) return stop_application(path, timeout, std::move(done));
  const auto place = components_->place_of(path);
  if (!place) return done(unexpected(place.error()));
  runtime::message_writer out;
  out.tuple(2);
  out.atom("terminate_child");
  out.raw(place->child.bytes());
  ask(components_->system, place->supervisor, out.take(), timeout, std::move(done));
}

} // namespace coppice::node
