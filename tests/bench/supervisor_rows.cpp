// SPDX-License-Identifier: MIT
// Supervision without a node's services: how fast a one_for_one child is restarted, how long 100,000 children
// take to start, and an apply that changes one of them. The children are the smallest possible servers;
// local_spawn measures the cost of a plugin. Prints `NAME VALUE UNIT` for each row.
// rooms: node
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "node/assembly/assemble.hpp"
#include "node/changes/change_plan.hpp"
#include "rows.hpp"
#include "runtime/system.hpp"
#include "spec/diff.hpp"
#include "spec/load.hpp"

namespace {

using namespace coppice;
using bench::setting;
using bench::wanted;
using runtime::message;
using runtime::outcome;
using runtime::process;
using microseconds = std::chrono::duration<double, std::micro>;

constexpr std::size_t crowd = 100'000;

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

template <class Work>
double timed(Work work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return microseconds(std::chrono::steady_clock::now() - began).count();
}

// Tells `watcher` that it has started. Any plain message ends it.
class worker : public behaviours::native_server {
 public:
  explicit worker(const runtime::pid& watcher) : native_server("worker"), watcher_(watcher) {}

 protected:
  outcome on_start(process& self) override {
    if (watcher_) {
      runtime::message_writer out;
      runtime::write(out, self.self(), self.host().nodes());
      self.send(watcher_, out.take());
    }
    return runtime::carry_on();
  }
  outcome handle_info(process&, const message&) override { return runtime::stop(message::atom("boom")); }

 private:
  runtime::pid watcher_;
};

class workers : public runtime::actor_factory {
 public:
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec&) override {
    return std::make_unique<worker>(watcher);
  }
  runtime::pid watcher;
};

// A process whose turn runs `body` once, which may wait. Later messages go to `heard`.
class driver : public runtime::behaviour {
 public:
  std::function<void(process&)> body;
  std::function<void(process&, const message&)> heard;
  outcome init(process& self) override {
    self.trap_exit(true);
    body(self);
    return runtime::carry_on();
  }
  outcome receive(process& self, message m) override {
    if (heard) heard(self, m);
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "driver"; }
};

struct stage {
  stage() { (void)system.start(); }
  ~stage() { system.stop(); }

  // Starts a supervisor linked to `self` and waits until all of its children run.
  runtime::pid supervise(process& self, std::shared_ptr<const behaviours::supervisor_spec> spec) {
    auto shared =
        std::make_shared<behaviours::supervision>(behaviours::supervision{&factory, &tree, &orders, {}});
    runtime::spawn_options options;
    options.link = true;
    options.ack = self.make_ack();
    const auto ack = options.ack;
    auto does = std::make_unique<behaviours::supervisor>(std::move(spec), std::move(shared), "bench");
    const auto pid = self.spawn(std::move(options), std::move(does));
    (void)self.await(ack);
    return pid.value_or(runtime::pid());
  }
  static void end(process& self, const runtime::pid& supervisor) {
    const auto ended = self.monitor(supervisor, true);
    self.exit(supervisor, message::atom("shutdown"));
    (void)self.await(ended);
  }
  // Runs `body` in a process and waits for its end.
  void run(std::function<void(process&)> body) {
    std::promise<void> over;
    auto does = std::make_unique<driver>();
    does->body = [&](process& self) {
      body(self);
      over.set_value();
    };
    (void)system.spawn({}, std::move(does));
    over.get_future().wait();
  }

  workers factory;
  behaviours::supervision_tree tree;
  behaviours::pending_orders orders;
  runtime::system system;
};

std::shared_ptr<behaviours::child_spec> child(const std::string& id) {
  auto out = std::make_shared<behaviours::child_spec>();
  out->id = message::atom(id);
  out->actor = "worker";
  return out;
}

void restarts() {
  const std::uint32_t times = 100'000 * setting("PEER_BENCH_SCALE", 100) / 100;
  std::vector<double> rates;
  for (unsigned i = 0; i < setting("PEER_BENCH_RUNS", 3); ++i) {
    stage on;
    std::promise<double> rate;
    auto does = std::make_unique<driver>();
    auto left = std::make_shared<std::uint32_t>(times);
    auto began = std::make_shared<std::chrono::steady_clock::time_point>();
    does->body = [&on, began](process& self) {
      on.factory.watcher = self.self();
      auto spec = std::make_shared<behaviours::supervisor_spec>();
      spec->intensity = 1'000'000'000;
      spec->period = base::nanos_per_ms;
      spec->children.push_back(child("only"));
      *began = std::chrono::steady_clock::now();
      on.supervise(self, spec);
    };
    does->heard = [&rate, left, began, times](process& self, const message& m) {
      etf::cursor at(m.bytes());
      const auto pid = runtime::read_pid(at, self.host().nodes());
      if (!pid) return;
      if ((*left)-- == 0) {
        rate.set_value(times * 1e6 / microseconds(std::chrono::steady_clock::now() - *began).count());
        return;
      }
      self.send(*pid, message::atom("end"));
    };
    (void)on.system.spawn({}, std::move(does));
    rates.push_back(rate.get_future().get());
  }
  std::printf("supervisor_restart %.1f restarts/s\n", median(rates));
}

double start_all() {
  auto spec = std::make_shared<behaviours::supervisor_spec>();
  for (std::size_t i = 0; i < crowd; ++i) spec->children.push_back(child("c" + std::to_string(i)));
  std::vector<double> times;
  for (unsigned i = 0; i < setting("PEER_BENCH_RUNS", 3); ++i) {
    stage on;
    on.run([&](process& self) {
      runtime::pid made;
      times.push_back(timed([&] { made = on.supervise(self, spec); }));
      stage::end(self, made);
    });
  }
  return median(times);
}

// A configuration with that many children; the one in the middle has these args.
spec::node_spec configuration(int value) {
  std::string text =
      "node: { name: bench@127.0.0.1 }\napplications:\n  - name: bench\n    supervisor:\n      children:\n";
  for (std::size_t i = 0; i < crowd; ++i) {
    const int own = i == crowd / 2 ? value : 0;
    text += "        - { id: c" + std::to_string(i) +
            ", actor: worker, args: { value: " + std::to_string(own) + " } }\n";
  }
  auto loaded = spec::load_text(std::move(text), "bench.yaml", "/", {.plugins = false});
  return loaded.spec ? std::move(*loaded.spec) : spec::node_spec();
}

// Compares, plans and gives the orders, as an apply does once the files are read.
double apply_one() {
  const spec::node_spec before = configuration(1);
  const spec::node_spec after = configuration(2);
  const auto running = node::applications(before);
  std::vector<double> times;
  for (unsigned i = 0; i < setting("PEER_BENCH_RUNS", 3); ++i) {
    stage on;
    on.run([&](process& self) {
      const runtime::pid made = on.supervise(self, running.front().top);
      times.push_back(timed([&] {
        const auto difference = spec::diff(before, after);
        const auto plan = node::plan(difference, after, running, {});
        for (const auto& step : plan.steps) {
          if (!step.forth || step.supervisor.empty()) continue;
          const message request =
              std::visit([&on](const auto& order) { return on.orders.add(order); }, *step.forth);
          (void)behaviours::gen::call(self, made, request.bytes(), runtime::no_deadline);
        }
      }));
      stage::end(self, made);
    });
  }
  return median(times);
}

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // prints a row as soon as it is measured
  base::log::set_level(base::log::level::error);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) return 1; // every restart logs an error
  base::log::start({.level = base::log::level::error});
  if (wanted("supervisor_restart")) restarts();
  double start = 0;
  if (wanted("supervisor_start_100000") || wanted("apply_one_of_100000")) {
    start = start_all();
    std::printf("supervisor_start_100000 %.1f us\n", start);
  }
  if (wanted("apply_one_of_100000")) std::printf("apply_one_of_100000 %.1f us\n", apply_one());
  base::log::stop();
  return 0;
}
