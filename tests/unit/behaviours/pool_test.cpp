// SPDX-License-Identifier: MIT
// Tests of running pools: which worker answers a request, what happens to requests whose worker, caller or
// place in the queue is lost, and changes of size. Time passes only where something has to expire.
#include <future>
#include <optional>
#include <set>

#include "held_clock.hpp"
#include "pool_host.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::pool_testing;

TEST_CASE("calls, casts and messages go to workers, and answers come back") {
  pool_host host;
  host.start({});
  CHECK(host.call(workers, "hello") == "{echo,hello}");
  CHECK(host.call(workers, "{later, 42}") == "42");
  host.cast("one");
  host.system.send(workers, term("{two, 2}"));
  const auto told = sorted(host.book.take(2));
  CHECK(told[0].starts_with("cast "));
  CHECK(told[0].ends_with(" one"));
  CHECK(told[1].ends_with(" {two,2}"));
  host.until("held", 0);
  CHECK(host.report()["handled"] == 4);
  CHECK(host.report()["queued"] == 0);
}

TEST_CASE("a pool reports its kind and its workers, also while it is suspended, and to nobody but the node") {
  pool_host host;
  host.start({});
  const auto first = host.worker_pid(1);
  host.tell_worker(1, "{exit, oops}");
  for (auto now = first; now == first; now = host.worker_pid(1))
    coppice::test::pause(std::chrono::milliseconds(1));
  const std::string pid = runtime::to_text(host.worker_pid(1), host.system.nodes());
  std::string told = test::text(host.engine());
  CHECK_MESSAGE(told.starts_with("#{kind => pool,dispatch => least_loaded,size => 2,max => 2,"), told);
  const std::string row =
      "pid => <<\"" + pid + "\">>,held => 0,queued => 0,handled => 0,lost => 0,busy_ms => ";
  CHECK_MESSAGE(told.find(row) != std::string::npos, told);
  CHECK_MESSAGE(told.find("restarts => 1}") != std::string::npos, told);
  CHECK(host.system_request(workers, "suspend") == "ok");
  told = test::text(host.engine());
  CHECK_MESSAGE(told.find("workers => [#{pid => ") != std::string::npos, told);
  CHECK(host.system_request(workers, "resume") == "ok");
  CHECK(host.system_request(workers, "{'$coppice_shown_state', 1000000000000000000}") ==
        "{error,{unknown_system_msg,{'$coppice_shown_state',1000000000000000000}}}");
  CHECK(host.call(workers, "'$coppice_pool_report'") == "{echo,'$coppice_pool_report'}"); // a worker's answer
}

TEST_CASE("a worker sees that a call is that of a client outside of the cluster") {
  pool_host host;
  host.start({});
  CHECK(host.call_of_client(workers, "of_client") == "true");
  CHECK(host.call(workers, "of_client") == "false");
  CHECK(host.call_of_peer(workers, "of_client") == "false");
}

TEST_CASE("of another node's calls, as they are on the wire, the answers come back too") {
  pool_host host;
  host.start({});
  CHECK(host.call_of_peer(workers, "hello") == "{echo,hello}");
  CHECK(host.call_of_peer(workers, "{later, 7}") == "7");
}

TEST_CASE("what a supervisor is asked, the pool's answers") {
  pool_host host;
  host.start({}, 3);
  CHECK(host.call(workers, "count_children") == "[{specs,3},{active,3},{supervisors,0},{workers,3}]");
  const auto all = test::children_of(host, workers);
  REQUIRE(all);
  CHECK(all->size() == 3);
  CHECK(host.call(workers, "{terminate_child, 2}") == "ok");
  CHECK(test::children_of(host, workers)->at(1).state == "undefined");
  CHECK(host.call(workers, "who") != "2");
  CHECK(host.call(workers, "{restart_child, 2}").starts_with("{ok,"));
  CHECK(host.call_of_peer(workers, "{terminate_child, 2}") == "{error,not_allowed}");
  const auto tree = host.tree.children_of(host.supervisor);
  REQUIRE(tree.size() == 1);
  CHECK(tree[0].behaviour == "pool");
  CHECK(tree[0].children.size() == 3);
}

TEST_CASE("a peer is told no arguments of workers; this node's processes are") {
  pool_host host;
  host.start({}, 2, "worker", 100, term("#{password => <<\"secret\">>}"));
  const std::string told = host.call_of_peer(workers, "{get_childspec, 1}");
  CHECK(told.starts_with("{ok,#{"));
  CHECK(told.find("secret") == std::string::npos);
  CHECK(told.find("#{}") != std::string::npos);
  CHECK(host.call(workers, "{get_childspec, 1}").find("secret") != std::string::npos);
  for (const char* unknown : {"{get_childspec, 0}", "{get_childspec, 3}", "{get_childspec, one}"})
    CHECK(host.call_of_peer(workers, unknown) == "{error,not_found}");
}

TEST_CASE("a worker holds in_flight requests, the others wait in order") {
  pool_host host;
  host.start({}, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.ask("b", "count");
  host.until("queued", 1);
  host.ask("c", "count");
  host.until("queued", 2);
  host.tell_worker(1, "release");
  CHECK(sorted(host.book.take(3)) == lines{"a {released,1}", "b 1", "c 2"});
}

TEST_CASE("a worker's end ends the calls that it held, at once and with its reason") {
  pool_host host;
  host.start({}, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.ask("b", "who");
  host.until("queued", 1);
  host.tell_worker(1, "{exit, oops}");
  CHECK(sorted(host.book.take(2)) == lines{"a !exit {worker_down,oops}", "b 1"});
  CHECK(host.report()["lost"] == 1);
  CHECK(host.report()["unanswered"] == 0);
  CHECK(host.call(workers, "hello") == "{echo,hello}");
}

TEST_CASE("a caller of another node hears of it where the pool has its monitor, else it is counted") {
  pool_host host;
  host.start({}, 1);
  const runtime::pid caller{1, 77, 40, 0};
  const runtime::reference ref{1, 77, 3, {1, 2, 3}};
  const auto ask = [&](bool watched) {
    if (watched)
      host.system.deliver(workers, runtime::make_signal(runtime::signal_kind::monitor, caller, ref));
    runtime::message_writer out;
    out.tuple(3);
    out.atom("$gen_call");
    out.tuple(2);
    out.raw(term("<0.7.0>").bytes());
    out.list(1);
    out.atom("alias");
    runtime::write(out, ref, host.system.nodes());
    out.atom("hold");
    host.system.deliver(workers, test_host::from_peer(out.take()));
    CHECK(host.book.take(1) == lines{"hold 1"});
    host.tell_worker(1, "{exit, oops}");
  };
  ask(false);
  host.until("unanswered", 1);
  ask(true);
  host.until("lost", 2);
  CHECK(host.report()["unanswered"] == 1);
}

TEST_CASE("retry_once: another worker gets what one held; twice is too often") {
  pool_host host;
  pool_spec options;
  options.on_death = on_worker_death::retry_once;
  host.start(options, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.tell_worker(1, "{exit, oops}");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.tell_worker(1, "{exit, again}");
  CHECK(host.book.take(1) == lines{"a !exit {worker_down,again}"});
  CHECK(host.report()["retried"] == 1);
  host.cast("{exit, by_cast}");
  host.until("retried", 2);
  host.until("lost", 2);
}

TEST_CASE("a full queue answers at once, or drops, as it is told") {
  pool_host host;
  pool_spec options;
  options.queue_limit = 1;
  host.start(options, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.cast("first");
  host.until("queued", 1);
  CHECK(host.call(workers, "more") == "{error,overloaded}");
  host.cast("second");
  CHECK(host.report()["rejected"] == 2);
  options.on_full = pool_overload::drop_old;
  CHECK(host.run([&](runtime::process& self) {
    const auto order = host.orders.add(pool_host::order(options, 1));
    return test::text(gen::call(self, workers, order, base::mono_now() + patience).value_or(message()));
  }) == "ok");
  host.cast("third");
  host.tell_worker(1, "release");
  CHECK(sorted(host.book.take(2)) == lines{"a {released,1}", "cast 1 third"});
  host.until("rejected", 3);
}

TEST_CASE("where memory is scarce no more than one request waits") {
  pool_host host;
  host.start({}, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.cast("first");
  host.until("queued", 1);
  runtime::block_memory::set_limit(1);
  CHECK(host.call(workers, "more") == "{error,overloaded}");
  runtime::block_memory::set_limit(0);
  host.cast("second");
  host.until("queued", 2);
  CHECK(host.report()["rejected"] == 1);
  host.tell_worker(1, "release");
  CHECK(sorted(host.book.take(3)) == lines{"a {released,1}", "cast 1 first", "cast 1 second"});
}

TEST_CASE("what waits too long is answered, and a caller that gave up is passed over") {
  pool_host host;
  pool_spec options;
  options.queue_wait = 30 * base::nanos_per_ms;
  host.start(options, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.ask("b", "b");
  CHECK(host.book.take(1) == lines{"b {error,overloaded}"});
  CHECK(host.report()["expired"] == 1);

  pool_host patient;
  patient.start({}, 1);
  patient.ask("a", "hold");
  CHECK(patient.book.take(1) == lines{"hold 1"});
  patient.ask("hasty", "hold", base::nanos_per_ms);
  CHECK(patient.book.take(1) == lines{"hasty !other"});
  const runtime::pid killed = patient.ask("killed", "hold");
  patient.until("queued", 2);
  patient.system.exit(killed, message::atom("kill"));
  patient.ask("b", "b");
  patient.until("queued", 3);
  patient.tell_worker(1, "release");
  CHECK(sorted(patient.book.take(2)) == lines{"a {released,1}", "b {echo,b}"});
  CHECK(patient.report()["expired"] == 2);
}

TEST_CASE("hash: one key one worker, whatever the key's place and the request's form") {
  pool_host host;
  pool_spec options;
  options.dispatch = pool_dispatch::hash;
  options.key = 2;
  host.start(options, 4);
  std::set<std::string> used;
  for (int key = 0; key < 30; ++key) {
    const std::string tail = ", <<\"key" + std::to_string(key) + "\">>}";
    host.cast("{set" + tail);
    host.cast("{clear" + tail);
    const auto told = host.book.take(2);
    CHECK(told[0].substr(0, 6) == told[1].substr(0, 6));
    used.insert(told[0].substr(0, 6));
  }
  CHECK(used.size() == 4);
  CHECK(host.call(workers, "short") == "{echo,short}"); // no such element: the key is all of it
}

TEST_CASE("hash: a request that does not end holds up the others for the drain time after a change of size") {
  pool_host host;
  pool_spec options;
  options.dispatch = pool_dispatch::hash;
  options.drain = 50 * base::nanos_per_ms;
  host.start(options, 2);
  host.ask("a", "hold");
  CHECK(host.book.take(1)[0].starts_with("hold "));
  CHECK(host.resize(3) == "ok");
  for (int key = 0; key < 30; ++key) host.ask("b", "key" + std::to_string(key));
  CHECK(host.book.take(1)[0].starts_with("b {echo,key")); // a request to another worker
}

namespace {

// The pool callbacks of a plugin, with functions that a test gives.
struct scripted_policies final : pool_policies {
  struct policy final : pool_policy {
    explicit policy(const coppice_pool& of) : of_(of) {}
    const coppice_pool& callbacks() const override { return of_; }
    base::heap::owner charged() const override { return base::heap::unknown; }
    const coppice_pool& of_;
  };
  std::uint64_t code_version() const override { return version; }
  std::unique_ptr<pool_policy> policy_of(const std::string& actor) override {
    CHECK(actor == "worker");
    ++looks;
    return has ? std::make_unique<policy>(callbacks) : nullptr;
  }
  static coppice_bytes bytes_of(const message& m) { return {m.bytes().data(), m.size()}; }
  static std::string content(const coppice_pool_request* what) {
    return test::text(message::copy_of({what->content.data, static_cast<std::size_t>(what->content.size)}));
  }
  coppice_pool callbacks{};
  std::atomic<bool> has{true};
  std::atomic<std::uint64_t> version{1};
  std::atomic<int> looks{0};
};

} // namespace

TEST_CASE("the workers' type chooses who gets a request, and what it says wrong is dispatch's") {
  scripted_policies say;
  say.callbacks.size = sizeof say.callbacks;
  say.callbacks.choose = [](const coppice_pool_request* what, std::uint32_t* out) -> std::int32_t {
    CHECK(what->size == sizeof(coppice_pool_request));
    CHECK(what->workers == 3);
    CHECK(what->load(what, 3) == UINT64_MAX);
    CHECK(*out == COPPICE_POOL_ANY);
    const std::string content = scripted_policies::content(what);
    if (content == "who") *out = 1;
    if (content == "third") *out = 3;
    if (content == "{exit,now}") {
      CHECK(what->kind == COPPICE_POOL_CAST);
      *out = 2;
    }
    if (content == "plain") {
      CHECK(what->kind == COPPICE_POOL_INFO);
      *out = 0;
    }
    if (content == "throws") throw 1;
    return content == "fails" ? *out = 1, COPPICE_E_INVALID : COPPICE_OK;
  };
  pool_host host;
  host.resources.give<pool_policies>(say);
  host.start({}, 3);
  for (int i = 0; i < 5; ++i) CHECK(host.call(workers, "who") == "2");
  const auto before = host.worker_pid(3);
  host.cast("{exit, now}");
  while (host.worker_pid(3) == before) coppice::test::pause(std::chrono::milliseconds(1));
  host.run([&](runtime::process& self) { self.send(workers, term("plain")); });
  CHECK(host.book.take(1) == lines{"info 1 plain"});
  CHECK(host.report()["misdirected"] == 0);
  for (const char* wrong : {"third", "throws", "fails"})
    CHECK(host.call(workers, wrong) == "{echo," + std::string(wrong) + "}");
  CHECK(host.report()["misdirected"] == 3);
  // Code without pool callbacks is not asked for them again until its version changes.
  say.has = false;
  host.call(workers, "x");
  const int looks = say.looks;
  host.call(workers, "x");
  CHECK(say.looks == looks);
  say.has = true;
  ++say.version;
  for (int i = 0; i < 3; ++i) CHECK(host.call(workers, "who") == "2");
}

TEST_CASE("the workers' type has the last word where there is no room") {
  scripted_policies say;
  say.callbacks.size = sizeof say.callbacks;
  say.callbacks.on_overload = [](const coppice_pool_request* what) -> std::int32_t {
    const std::string content = scripted_policies::content(what);
    const message answer = term("{later, 1}");
    const bool call = what->kind == COPPICE_POOL_CALL;
    CHECK(what->answer(what, {}) == (call ? COPPICE_E_TERM : COPPICE_E_CONTEXT));
    if (content == "usual") return COPPICE_UNHANDLED;
    if (content == "throws") throw 1;
    if (content != "drop")
      CHECK(what->answer(what, scripted_policies::bytes_of(answer)) ==
            (call ? COPPICE_OK : COPPICE_E_CONTEXT));
    return COPPICE_OK;
  };
  pool_host host;
  host.resources.give<pool_policies>(say);
  pool_spec options;
  options.queue_limit = 0;
  host.start(options, 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  CHECK(host.call(workers, "hello") == "{later,1}");
  CHECK(host.call(workers, "usual") == "{error,overloaded}");
  CHECK(host.call(workers, "throws") == "{error,overloaded}");
  host.ask("d", "drop", 100 * base::nanos_per_ms);
  CHECK(host.book.take(1) == lines{"d !other"});
  host.cast("hello");
  host.until("rejected", 5);
}

TEST_CASE("broadcast: casts and messages reach all, calls are refused") {
  pool_host host;
  pool_spec options;
  options.dispatch = pool_dispatch::broadcast;
  host.start(options, 3);
  host.cast("all");
  CHECK(sorted(host.book.take(3)) == lines{"cast 1 all", "cast 2 all", "cast 3 all"});
  CHECK(host.call(workers, "hello") == "{error,broadcast}");
}

TEST_CASE("another size, up and down, under load: every call is answered") {
  pool_host host;
  host.start({}, 8);
  for (int i = 0; i < 400; ++i) host.ask("x", "hello");
  CHECK(host.resize(2) == "ok");
  CHECK(test::children_of(host, workers)->size() == 2);
  for (int i = 0; i < 400; ++i) host.ask("x", "hello");
  CHECK(host.resize(16) == "ok");
  CHECK(test::children_of(host, workers)->size() == 16);
  const auto answers = host.book.take(800);
  CHECK(answers.size() == 800);
  CHECK(std::ranges::count(answers, "x {echo,hello}") == 800);
  CHECK(host.resize(0) == "{error,badarg}");
  CHECK(host.resize(10'001) == "{error,badarg}");
}

TEST_CASE("a worker that is to go may finish what it holds, until the drain time is over") {
  pool_host host;
  pool_spec options;
  options.drain = 50 * base::nanos_per_ms;
  host.start(options, 2);
  host.ask("a", "hold");
  host.ask("b", "hold");
  CHECK(sorted(host.book.take(2)) == lines{"hold 1", "hold 2"});
  CHECK(host.resize(1) == "ok"); // stops the worker of a or b with its request
  const auto lost = host.book.take(1);
  CHECK(lost[0].ends_with("!exit {worker_down,shutdown}"));
  host.tell_worker(1, "release");
  CHECK(host.book.take(1)[0].ends_with("{released,1}"));
}

TEST_CASE("a change of size has the time of the workers that a pool has by hand") {
  pool_host host;
  host.start({}, 2);
  CHECK(host.resize(40) == "ok");
  const auto running = host.tree.child(host.supervisor, message::atom("workers").bytes());
  REQUIRE(running);
  CHECK(running->spec->kind->order_for(running->spec).value().patience >= 40 * default_start_patience);
}

TEST_CASE("a change of size has the time that all its workers may take to start and stop") {
  pool_spec options;
  const auto patience_for = [](const pool_spec& of, std::uint32_t size) {
    const auto to = pool_host::child(of, size);
    return to->kind->order_for(to).value().patience;
  };
  CHECK(patience_for(options, 8) >= 8 * default_start_patience);
  CHECK(patience_for(options, pool::most_workers) <= 25 * 3600 * base::nanos_per_second);
  options.max = 20;
  CHECK(patience_for(options, 8) >= 20 * default_start_patience);

  std::optional<test::held_clock> clock(std::in_place);
  pool_host host;
  options.max = 0;
  options.drain = base::nanos_per_ms;
  host.start(options, 20, "stubborn"); // each worker takes 5 s to stop
  auto answer = std::async(std::launch::async, [&host, &options] {
    return host.run([&](runtime::process& self) {
      supervisor_order to{supervisor_order::kind::update, pool_host::child(options, 1, "stubborn")};
      const auto request = host.orders.add(std::move(to));
      return test_host::shown(gen::call(self, host.supervisor, request, runtime::no_deadline));
    });
  });
  while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    clock->advance(std::chrono::milliseconds(100));
    coppice::test::pause(std::chrono::milliseconds(1));
  }
  CHECK(answer.get() == "{ok,updated}");
  clock.reset(); // stopping the host waits in steps of time
}

TEST_CASE("a worker that does not start takes the change of size back, and no further one is tried") {
  pool_host host;
  host.start({}, 1, "scribe");
  CHECK(host.book.take(1) == lines{"start 1"});
  host.book.failures["3"] = 1;
  CHECK(host.resize(4) == "{error,{cannot,start}}");
  const auto seen = host.book.take(0);
  CHECK(std::ranges::count(seen, "start 2") == 1);
  CHECK(std::ranges::count(seen, "start 4") == 0);
  CHECK(host.report()["size"] == 1);
  CHECK(test::children_of(host, workers)->size() == 1);
  CHECK(host.resize(4) == "ok");
  CHECK(host.call(workers, "hello") == "{echo,hello}");
}

TEST_CASE("a specification whose workers do not start leaves the pool as it was") {
  pool_host host;
  pool_spec options;
  host.start(options, 1);
  host.book.failures["2"] = 1;
  options.queue_limit = 0;
  CHECK(host.run([&](runtime::process& self) {
    const auto order = host.orders.add(pool_host::order(options, 2));
    return test::text(gen::call(self, workers, order, base::mono_now() + patience).value_or(message()));
  }) == "{error,{cannot,start}}");
  CHECK(host.report()["size"] == 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.ask("b", "b");
  host.until("queued", 1); // the queue's limit is as before
  host.tell_worker(1, "release");
  CHECK(sorted(host.book.take(2)) == lines{"a {released,1}", "b {echo,b}"});
}

TEST_CASE("workers that end too often end the pool, which its supervisor starts again") {
  pool_host host;
  host.start({}, 1, "worker", 2);
  const auto before = host.system.whereis("workers");
  REQUIRE(before);
  for (int i = 0; i < 2; ++i) {
    const runtime::pid killed = host.worker_pid(1);
    host.system.exit(killed, message::atom("kill"));
    while (host.worker_pid(1) == killed) coppice::test::pause(std::chrono::milliseconds(1));
  }
  CHECK(host.system.whereis("workers") == before);
  const runtime::pid last = host.worker_pid(1);
  CHECK(host.run([&](runtime::process& self) {
    const auto ended = self.monitor(*before, true);
    self.exit(last, message::atom("kill"));
    const auto answer = self.await(ended, base::mono_now() + patience);
    return answer ? std::string("?") : test::text(answer.error().reason);
  }) == "shutdown");
  while (!host.system.whereis("workers")) coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(host.call(workers, "hello") == "{echo,hello}");
}

TEST_CASE("a pool stops with its workers") {
  pool_host host;
  host.start({}, 3, "scribe");
  CHECK(host.book.take(3) == lines{"start 1", "start 2", "start 3"});
  CHECK(host.shut_down(host.supervisor) == "shutdown");
  CHECK(host.book.take(3) == lines{"stop 3 shutdown", "stop 2 shutdown", "stop 1 shutdown"});
}

TEST_CASE("a worker whose init fails is the pool's failure to start, with the reason") {
  pool_host host;
  host.book.failures["2"] = 1;
  supervisor_spec top;
  top.name = "sup";
  top.children.push_back(pool_host::child({}, 2, "scribe"));
  const auto [pid, why] = host.supervise(std::move(top));
  CHECK_FALSE(pid);
  CHECK(why ==
        "{error,{shutdown,{failed_to_start_child,workers,{shutdown,{failed_to_start_child,2,{cannot,start}}}}"
        "}}");
}

TEST_CASE("nobody but the node resizes a pool or writes its workers' notices") {
  pool_host host;
  host.start({}, 1);
  CHECK(host.call_of_peer(workers, "{'$coppice_pool_resize', 5}") == "{echo,{'$coppice_pool_resize',5}}");
  host.system.send(workers, term("{'$coppice_worker', 1, <0.1.0>}"));
  host.system.send(workers, term("'$coppice_pool_tick'"));
  CHECK(sorted(host.book.take(2)) ==
        lines{"info 1 '$coppice_pool_tick'", "info 1 {'$coppice_worker',1,<0.1.0>}"});
  CHECK(host.call(workers, "hello") == "{echo,hello}");
}
