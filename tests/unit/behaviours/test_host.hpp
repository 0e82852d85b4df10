// SPDX-License-Identifier: MIT
// A runtime for tests: a system with two workers, actors that note their starts and stops, and a driver
// process in which a test's own code runs, so that it can call, link and wait as any process does. Tests
// wait for noted lines, never for time to pass.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/sanitizer.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/native_server.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "promised.hpp"
#include "runtime/system.hpp"
#include "terms.hpp"

namespace coppice::test {

// The lines that processes note, in order. Any thread.
class diary {
 public:
  void write(std::string line) {
    const std::scoped_lock held(lock_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::vector<std::string> lines() const {
    const std::scoped_lock held(lock_);
    return lines_;
  }
  // Takes all lines once there are `count` of them, or after ten seconds.
  std::vector<std::string> take(std::size_t count) {
    std::unique_lock held(lock_);
    changed_.wait_for(held, std::chrono::seconds(10), [&] { return lines_.size() >= count; });
    return std::exchange(lines_, {});
  }
  // How often an action still fails, by its name: a start by the actor's id.
  std::map<std::string, int> failures;
  // Called by each scribe that starts, if set, with its id.
  std::function<void(runtime::process&, const std::string&)> on_start;

 private:
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// Notes "start ID" and "stop ID REASON" in the diary. It ends on {exit, Reason}, and answers `self` with its
// pid, `id` with its id, and any other call with {echo, Request}.
class scribe : public behaviours::native_server {
 public:
  scribe(diary& book, std::string id) : native_server("scribe"), book_(book), id_(std::move(id)) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    self.trap_exit(true);
    if (book_.on_start) book_.on_start(self, id_);
    if (int& left = book_.failures[id_]; left > 0) {
      --left;
      book_.write("fail " + id_);
      return runtime::stop(term("{cannot, start}"));
    }
    book_.write("start " + id_);
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process& self, const runtime::message&,
                          const runtime::message& request) override {
    runtime::message_writer out;
    if (etf::cursor(request.bytes()).read_atom_is("self")) {
      runtime::write(out, self.self(), self.host().nodes());
    } else if (etf::cursor(request.bytes()).read_atom_is("id")) {
      out.atom(id_);
    } else {
      out.tuple(2);
      out.atom("echo");
      out.raw(request.bytes());
    }
    return reply(out.take());
  }
  runtime::outcome handle_info(runtime::process&, const runtime::message& m) override {
    etf::cursor at(m.bytes());
    if (!at.read_tuple_of(2) || !at.read_atom_is("exit")) return runtime::carry_on();
    return runtime::stop(m.slice(at.rest()));
  }
  void on_stop(runtime::process&, const runtime::message& reason) override {
    book_.write("stop " + id_ + " " + text(reason));
  }

 private:
  diary& book_;
  std::string id_;
};

// Traps exits and ignores them.
class stubborn : public runtime::behaviour {
 public:
  stubborn(diary& book, std::string id) : book_(book), id_(std::move(id)) {}
  runtime::outcome init(runtime::process& self) override {
    self.trap_exit(true);
    book_.write("start " + id_);
    return runtime::carry_on();
  }
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "stubborn"; }

 private:
  diary& book_;
  std::string id_;
};

// Its init returns ignore.
class ignoring : public runtime::behaviour {
 public:
  runtime::outcome init(runtime::process&) override { return runtime::ignore(); }
  runtime::outcome receive(runtime::process&, runtime::message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "ignoring"; }
};

// Makes scribe, stubborn and ignoring by these names. The id is args.id, or without that the last part of
// the label.
class scripted_factory : public runtime::actor_factory {
 public:
  explicit scripted_factory(diary& book) : book_(book) {}
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override {
    std::string id = spec.label.substr(spec.label.rfind('/') + 1);
    etf::cursor at(spec.args.bytes());
    std::uint32_t keys = 0;
    std::string_view own;
    if (spec.args && at.read_map(keys) && keys == 1 && at.read_atom_is("id") && at.read_atom(own)) id = own;
    if (spec.args) book_.write("args " + text(spec.args));
    if (spec.actor == "scribe") return std::make_unique<scribe>(book_, id);
    if (spec.actor == "stubborn") return std::make_unique<stubborn>(book_, id);
    if (spec.actor == "ignoring") return std::make_unique<ignoring>();
    if (const auto own_kind = more.find(spec.actor); own_kind != more.end()) return own_kind->second(id);
    return base::fail(base::errc::not_found, "no actor " + spec.actor);
  }

  // Makes further actors, by the actor's name; the argument is the id.
  std::map<std::string, std::function<std::unique_ptr<runtime::behaviour>(std::string id)>> more;

 private:
  diary& book_;
};

class test_host {
 public:
  static runtime::system_options options() {
    runtime::system_options out;
    out.node_name = "test@localhost";
    out.creation = 4;
    out.workers = 2;
    if (base::sanitized) out.stack_bytes *= 4; // frames are several times as large
    return out;
  }

  explicit test_host(runtime::system_options given = options()) : factory(book), system(std::move(given)) {
    REQUIRE(system.start().has_value());
    runtime::spawn_options options;
    options.trap_exit = true;
    const auto pid = system.spawn(std::move(options), std::make_unique<driver>(*this));
    REQUIRE(pid.has_value());
    driver_ = *pid;
  }
  ~test_host() { system.stop(); }

  // Runs `work` in the driver's turn and waits until it has returned. REQUIRE works only in the test's own
  // thread: `work` uses CHECK, or returns what is to be checked.
  template <class Work>
  auto run(Work work) -> decltype(work(std::declval<runtime::process&>())) {
    using result = decltype(work(std::declval<runtime::process&>()));
    std::promise<result> promise;
    auto done = promise.get_future();
    {
      const std::scoped_lock held(lock_);
      work_.push_back([&promise, &work](runtime::process& self) { test::fulfil(promise, work, self); });
    }
    system.send(driver_, runtime::message::atom("work"));
    return done.get();
  }

  // gen_server:call from the driver, with request and answer as text. Errors: "!timeout", "!noproc", "!exit
  // REASON", …
  std::string call(const runtime::destination& to, std::string_view request) {
    return run([&](runtime::process& self) {
      return shown(behaviours::gen::call(self, to, term(request).bytes(),
                                         base::mono_now() + 10 * base::nanos_per_second));
    });
  }
  // Calls as a client outside of the cluster does.
  std::string call_of_client(const runtime::destination& to, std::string_view request) {
    return run([&](runtime::process& self) {
      return shown(behaviours::gen::call_for_client(self, to, term(request),
                                                    base::mono_now() + 10 * base::nanos_per_second));
    });
  }
  static std::string shown(const behaviours::gen::call_result& answer) {
    if (answer) return text(*answer);
    using kind = behaviours::gen::call_error::kind;
    switch (answer.error().what) {
      case kind::timeout:
        return "!timeout";
      case kind::noproc:
        return "!noproc";
      case kind::nodedown:
        return "!nodedown";
      case kind::exit:
        return "!exit " + text(answer.error().reason);
      case kind::calling_self:
        return "!calling_self";
      case kind::exiting:
        return "!exiting";
      case kind::bad_term:
        return "!bad_term";
    }
    return "?";
  }

  // Calls as a process of another node. The From in the call is of this node, so that the answer comes here.
  std::string call_of_peer(const runtime::destination& to, std::string_view request) {
    return run([&](runtime::process& self) {
      const auto ref = self.make_ack();
      auto asked = behaviours::gen::call_message(self, ref, term(request).bytes());
      system.deliver(to, from_peer(std::move(asked)));
      const auto answer =
          behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
      return answer ? text(*answer) : std::string("no answer");
    });
  }
  // A message in the form in which a connection delivers it.
  static runtime::signal_ptr from_peer(runtime::message m) {
    auto made = runtime::make_signal(runtime::signal_kind::message, runtime::pid{1, 77, 40, 0}, std::move(m));
    made->flags = runtime::signal::remote;
    return made;
  }

  // Sends a request of sys, such as get_state, and returns the answer as text.
  std::string system_request(const runtime::destination& to, std::string_view what) {
    return run([&](runtime::process& self) {
      const auto ref = self.monitor(to, true);
      self.send(to, system_message(self, ref, what));
      return answer_to(self, ref);
    });
  }
  // Sends a request of sys as a process of another node, and returns the answer as text.
  std::string system_request_of_peer(const runtime::destination& to, std::string_view what) {
    return run([&](runtime::process& self) {
      const auto ref = self.monitor(to, true);
      system.deliver(to, from_peer(system_message(self, ref, what)));
      return answer_to(self, ref);
    });
  }

  // Starts a supervisor that is linked to the driver. Returns its pid, or as text the reason of the failed
  // start.
  std::pair<runtime::pid, std::string> supervise(behaviours::supervisor_spec spec) {
    auto shared =
        std::make_shared<behaviours::supervision>(behaviours::supervision{&factory, &tree, &orders, {}});
    shared->resources = resources;
    shared->rights = rights;
    auto owned = std::make_shared<const behaviours::supervisor_spec>(std::move(spec));
    return run([&](runtime::process& self) -> std::pair<runtime::pid, std::string> {
      runtime::spawn_options options;
      options.name = owned->name;
      options.link = true;
      options.ack = self.make_ack();
      const auto ack = options.ack;
      const auto pid =
          self.spawn(std::move(options), std::make_unique<behaviours::supervisor>(owned, shared, "app"));
      if (!pid) return {{}, pid.error().text};
      const auto answer = self.await(ack);
      if (!answer || text(*answer) != "ok") return {{}, answer ? text(*answer) : "no answer"};
      return {*pid, {}};
    });
  }

  // Ends a supervisor by reason shutdown, as its parent does, and waits. Returns its exit reason as text.
  std::string shut_down(const runtime::pid& supervisor) {
    return run([&](runtime::process& self) {
      const auto ended = self.monitor(supervisor, true);
      self.exit(supervisor, runtime::message::atom("shutdown"));
      const auto answer = self.await(ended);
      return answer ? std::string("?") : text(answer.error().reason);
    });
  }

  // Waits for the end of the process and returns its exit reason as text.
  std::string end_of(const runtime::pid& process) {
    return run([&](runtime::process& self) {
      const auto answer = self.await(self.monitor(process, true));
      return answer ? std::string("?") : text(answer.error().reason);
    });
  }

  diary book;
  scripted_factory factory;
  behaviours::engine_resources resources; // for supervisors started after it is filled
  behaviours::supervision_tree tree;
  behaviours::pending_orders orders;
  behaviours::peer_rights rights; // for supervisors started after it is set
  runtime::system system;

  // The request `what` of sys. Its answer is for `ref`.
  static runtime::message system_message(runtime::process& self, const runtime::reference& ref,
                                         std::string_view what) {
    runtime::message_writer out;
    out.tuple(3);
    out.atom("system");
    out.tuple(2);
    runtime::write(out, self.self(), self.host().nodes());
    out.list(1);
    out.atom("alias");
    runtime::write(out, ref, self.host().nodes());
    out.raw(term(what).bytes());
    return out.take();
  }

 private:
  static std::string answer_to(runtime::process& self, const runtime::reference& ref) {
    const auto answer =
        behaviours::gen::finish_call(self, ref, base::mono_now() + 10 * base::nanos_per_second);
    return answer ? text(*answer) : std::string("no answer");
  }

  class driver : public runtime::behaviour {
   public:
    explicit driver(test_host& host) : host_(host) {}
    runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
    runtime::outcome receive(runtime::process& self, runtime::message m) override {
      if (!etf::cursor(m.bytes()).read_atom_is("work")) return runtime::carry_on();
      std::function<void(runtime::process&)> work;
      {
        const std::scoped_lock held(host_.lock_);
        work = std::move(host_.work_.front());
        host_.work_.pop_front();
      }
      work(self);
      return runtime::carry_on();
    }
    void describe(runtime::description& out) const override { out.behaviour = "driver"; }

   private:
    test_host& host_;
  };

  std::mutex lock_;
  std::deque<std::function<void(runtime::process&)>> work_;
  runtime::pid driver_;
};

// A child whose id is an atom.
inline behaviours::child_spec actor(std::string_view id, std::string actor = "scribe",
                                    behaviours::restart_type restart = behaviours::restart_type::permanent) {
  behaviours::child_spec out;
  out.id = runtime::message::atom(id);
  out.actor = std::move(actor);
  out.plugin = "test";
  out.name = std::string(id);
  out.restart = restart;
  return out;
}

} // namespace coppice::test
