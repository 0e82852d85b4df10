// SPDX-License-Identifier: MIT
// A test_host with a pool of workers that obey requests and note in the host's book what they get.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "behaviours/gen/shown_state.hpp"
#include "behaviours/pool/pool.hpp"
#include "behaviours/pool/pool_kind.hpp"
#include "behaviours/supervision/order.hpp"
#include "children.hpp"
#include "held_clock.hpp"

namespace coppice::behaviours::pool_testing {

using runtime::message;
using test::term;
using test::test_host;
using lines = std::vector<std::string>;

inline constexpr base::nanos patience = 10 * base::nanos_per_second;
inline const auto workers = runtime::destination::named("workers");

// A worker of the pool. It keeps calls with `hold`, and answers each with {released, ID} when it is told
// `release`. It answers `who` with its id, `of_client` with whether a client outside of the cluster called,
// `count` with how often it was asked that, {later, Request} from a process that it spawns, and any other
// call with {echo, Request}. It notes casts and messages in the book; {exit, Reason} as a cast or message
// ends it.
class worker : public native_server {
 public:
  worker(test::diary& book, std::string id) : native_server("worker"), book_(book), id_(std::move(id)) {}

 protected:
  runtime::outcome on_start(runtime::process&) override {
    if (int& left = book_.failures[id_]; left > 0) return --left, runtime::stop(term("{cannot, start}"));
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process& self, const message& from, const message& request) override {
    etf::cursor at(request.bytes());
    runtime::message_writer out;
    if (at.read_atom_is("hold")) {
      held_.push_back(from.compact(0));
      book_.write("hold " + id_);
      return no_reply();
    }
    if (at.read_atom_is("of_client"))
      return reply(message::atom(gen::is_of_client(self, from.bytes()) ? "true" : "false"));
    if (at.read_atom_is("who")) {
      out.raw(term(id_).bytes());
      return reply(out.take());
    }
    if (at.read_atom_is("count")) {
      out.integer(++counted_);
      return reply(out.take());
    }
    if (at.read_tuple_of(2) && at.read_atom_is("later")) {
      (void)self.spawn({}, std::make_unique<deputy>(from, request.slice(at.rest())));
      return no_reply();
    }
    out.tuple(2);
    out.atom("echo");
    out.raw(request.bytes());
    return reply(out.take());
  }
  runtime::outcome handle_cast(runtime::process& self, const message& request) override {
    if (etf::cursor(request.bytes()).read_atom_is("release")) {
      for (const message& from : held_) gen::reply(self, from, term("{released, " + id_ + "}"));
      held_.clear();
      return runtime::carry_on();
    }
    return told(request, "cast ");
  }
  runtime::outcome handle_info(runtime::process&, const message& m) override { return told(m, "info "); }

 private:
  class deputy : public runtime::behaviour {
   public:
    deputy(message from, message answer) : from_(std::move(from)), answer_(std::move(answer)) {}
    runtime::outcome init(runtime::process& self) override {
      gen::reply(self, from_, answer_);
      return runtime::ignore();
    }
    runtime::outcome receive(runtime::process&, message) override { return runtime::carry_on(); }
    void describe(runtime::description& out) const override { out.behaviour = "deputy"; }

   private:
    message from_;
    message answer_;
  };
  runtime::outcome told(const message& m, std::string_view how) {
    etf::cursor at(m.bytes());
    if (at.read_tuple_of(2) && at.read_atom_is("exit")) return runtime::stop(m.slice(at.rest()));
    book_.write(std::string(how) + id_ + " " + test::text(m));
    return runtime::carry_on();
  }

  test::diary& book_;
  std::string id_;
  std::vector<message> held_;
  std::int64_t counted_ = 0;
};

struct pool_host : test_host {
  explicit pool_host(runtime::system_options given = options()) : test_host(std::move(given)) {
    factory.more["worker"] = [this](std::string id) { return std::make_unique<worker>(book, std::move(id)); };
  }
  // Starts a supervisor `sup`, whose child is the pool `workers`.
  void start(pool_spec options, std::uint32_t size = 2, std::string actor = "worker",
             std::uint32_t intensity = 100, runtime::message args = {}) {
    supervisor_spec top;
    top.name = "sup";
    top.children.push_back(child(options, size, std::move(actor), intensity, std::move(args)));
    supervisor = supervise(std::move(top)).first;
    REQUIRE(supervisor);
  }
  static std::shared_ptr<const child_spec> child(pool_spec options, std::uint32_t size,
                                                 std::string actor = "worker", std::uint32_t intensity = 100,
                                                 const runtime::message& args = {}) {
    auto inside = std::make_shared<supervisor_spec>();
    inside->intensity = intensity;
    inside->period = 1000 * base::nanos_per_second;
    for (std::uint32_t number = 1; number <= size; ++number) {
      auto one = std::make_shared<child_spec>();
      one->id = term(std::to_string(number));
      one->actor = actor;
      one->args = args;
      inside->children.push_back(std::move(one));
    }
    auto out = std::make_shared<child_spec>();
    out->id = message::atom("workers");
    out->name = "workers";
    out->shutdown = shutdown_limit::infinity();
    out->supervisor = std::move(inside);
    if (options.on_full == pool_overload::park_sender)
      out->mailbox = {options.queue_limit, 0, runtime::on_full::park_sender};
    out->kind = pool_kind(std::make_shared<const pool_spec>(options));
    return out;
  }
  // The order that the running pool gets when a child with these options takes its place.
  static std::any order(const pool_spec& options, std::uint32_t size) {
    const auto to = child(options, size);
    return to->kind->order_for(to).value().what;
  }

  // Calls the pool from a new process, which writes `as` and the answer (in the form of call()) into the
  // book.
  runtime::pid ask(const std::string& as, std::string_view request, base::nanos timeout = patience) {
    class asker : public runtime::behaviour {
     public:
      asker(test::diary& book, std::string as, message request, base::nanos timeout)
          : book_(book), as_(std::move(as)), request_(std::move(request)), timeout_(timeout) {}
      runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
      runtime::outcome receive(runtime::process& self, message) override {
        const auto answer = gen::call(self, workers, request_, base::mono_now() + timeout_);
        using kind = gen::call_error::kind;
        std::string what = answer ? test::text(*answer) : "";
        if (!answer)
          what = answer.error().what == kind::exit ? "!exit " + test::text(answer.error().reason) : "!other";
        if (!self.exiting()) book_.write(as_ + " " + what);
        return runtime::stop(message::atom("normal"));
      }
      void describe(runtime::description& out) const override { out.behaviour = "asker"; }

     private:
      test::diary& book_;
      std::string as_;
      message request_;
      base::nanos timeout_;
    };
    const auto pid = system.spawn({}, std::make_unique<asker>(book, as, term(request), timeout));
    REQUIRE(pid);
    system.send(*pid, message::atom("go"));
    return *pid;
  }
  void cast(std::string_view what) {
    run([&](runtime::process& self) { gen::cast(self, workers, term(what)); });
  }
  void tell_worker(std::uint32_t number, std::string_view what, bool as_cast = true) {
    const auto pid = worker_pid(number);
    run([&](runtime::process& self) {
      if (as_cast)
        gen::cast(self, pid, term(what));
      else
        self.send(pid, term(what));
    });
  }
  runtime::pid worker_pid(std::uint32_t number) {
    for (int tries = 0; tries < 2000; ++tries) {
      const auto all = test::children_of(*this, workers);
      REQUIRE(all);
      for (const auto& one : *all)
        if (one.id == std::to_string(number) && one.pid) return one.pid;
      coppice::test::pause(std::chrono::milliseconds(1));
    }
    FAIL("worker " << number << " does not run");
    return {};
  }
  // The report of the pool's engine.
  message engine() {
    const message said = run([](runtime::process& self) {
      const auto pool = self.host().whereis("workers").value_or(runtime::pid());
      return ask_shown_state(self, pool, base::mono_now() + patience).engine;
    });
    REQUIRE(said);
    return said;
  }
  // The numbers in the report of the pool's engine, by key.
  std::map<std::string, std::uint64_t> report() {
    const message said = engine();
    std::map<std::string, std::uint64_t> out;
    etf::cursor at(said.bytes());
    std::uint32_t pairs = 0;
    REQUIRE(at.read_map(pairs));
    for (; pairs != 0; --pairs) {
      std::string_view key;
      REQUIRE(at.read_atom(key));
      std::uint64_t value = 0;
      if (!at.read_unsigned(value)) at.skip();
      out[std::string(key)] = value;
    }
    return out;
  }
  void until(const char* key, std::uint64_t value) {
    for (int tries = 0; tries < 5000; ++tries) {
      if (report()[key] == value) return;
      coppice::test::pause(std::chrono::milliseconds(1));
    }
    FAIL(key << " is " << report()[key]);
  }
  std::string resize(std::uint32_t size) {
    return call(workers, "{'$coppice_pool_resize', " + std::to_string(size) + "}");
  }
  runtime::pid supervisor;
};

inline std::vector<std::string> sorted(std::vector<std::string> all) {
  std::ranges::sort(all);
  return all;
}

} // namespace coppice::behaviours::pool_testing
