// SPDX-License-Identifier: MIT
// The runtime by itself, without plugins: the costs of a call, a send and a spawn between native behaviours.
// The figures of the table go through the plugin ABI; these figures show the engine's part of them, and the
// cost of the worst placement, which no plugin can ask for. Prints operations a second and the processor time
// of each in nanoseconds (of all threads together, so that a busy machine does not change it). Arguments: a
// part of a workload's name, seconds.
// rooms: runtime
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>

#include "runtime/messages/exit_reason.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace {

using namespace coppice;
using runtime::destination;
using runtime::message;
using runtime::outcome;
using runtime::pid;
using runtime::process;

// {'$gen_call', {Pid, [alias | Ref]}, N}
message gen_call(process& self, const runtime::reference& ref, std::int64_t value) {
  runtime::message_writer out(128);
  out.tuple(3);
  out.atom("$gen_call");
  out.tuple(2);
  write(out, self.self(), self.host().nodes());
  out.list(1);
  out.atom("alias");
  write(out, ref, self.host().nodes());
  out.integer(value);
  return out.take();
}

class server : public runtime::behaviour {
 public:
  outcome init(process&) override { return runtime::carry_on(); }
  outcome receive(process& self, message m) override {
    etf::cursor in(m.bytes());
    std::uint32_t length = 0;
    etf::bytes request;
    if (!in.read_tuple_of(3) || !in.read_atom_is("$gen_call") || !in.read_tuple_of(2) || !in.skip() ||
        !in.read_list(length) || !in.skip())
      return runtime::carry_on();
    const auto ref = read_reference(in, self.host().nodes());
    if (!ref || !in.read_term(request)) return runtime::carry_on();
    runtime::message_writer out(96);
    out.tuple(2);
    out.list(1);
    out.atom("alias");
    write(out, *ref, self.host().nodes());
    out.raw(request);
    self.send(destination::alias(*ref), out.take());
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "server"; }
};

// A process whose whole life is one function.
class life : public runtime::behaviour {
 public:
  explicit life(std::function<void(process&)> body) : body_(std::move(body)) {}
  outcome init(process& self) override {
    body_(self);
    return runtime::ignore();
  }
  outcome receive(process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "life"; }

 private:
  std::function<void(process&)> body_;
};

// Passes each message on to the next process, or back to its sender.
class echo : public runtime::behaviour {
 public:
  echo(pid after, std::atomic<std::uint64_t>* count) : next(after), count_(count) {}
  outcome init(process&) override { return runtime::carry_on(); }
  outcome receive(process& self, message m) override {
    count_->fetch_add(1, std::memory_order_relaxed);
    self.send(next, std::move(m));
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "echo"; }
  pid next;

 private:
  std::atomic<std::uint64_t>* count_;
};

// Always busy with messages to itself; its timer is started again each time it fires.
class heart : public runtime::behaviour {
 public:
  explicit heart(std::atomic<std::uint64_t>& count) : count_(count) {}
  outcome init(process& self) override {
    beat(self);
    self.send(self.self(), message::atom("work"));
    return runtime::carry_on();
  }
  outcome receive(process& self, message m) override {
    if (runtime::is_atom(m, "beat")) {
      count_.fetch_add(std::exchange(handled_, 0), std::memory_order_relaxed);
      beat(self);
    } else {
      ++handled_;
      self.send(self.self(), std::move(m));
    }
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "heart"; }

 private:
  static void beat(process& self) {
    self.start_timer(self.now() + 20 * base::nanos_per_ms, self.self(), message::atom("beat"));
  }
  std::uint64_t handled_ = 0; // since the timer last fired
  std::atomic<std::uint64_t>& count_;
};

// Starts that many timers that are due at once, and the same again when the last one has fired.
class impatient : public runtime::behaviour {
 public:
  impatient(int at_once, std::atomic<std::uint64_t>& count) : at_once_(at_once), count_(count) {}
  outcome init(process& self) override { return start(self), runtime::carry_on(); }
  outcome receive(process& self, message) override {
    count_.fetch_add(1, std::memory_order_relaxed);
    if (--left_ == 0) start(self);
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "impatient"; }

 private:
  void start(process& self) {
    left_ = at_once_;
    for (int i = 0; i < at_once_; ++i) self.start_timer(self.now(), self.self(), message::atom("due"));
  }
  int at_once_;
  int left_ = 0;
  std::atomic<std::uint64_t>& count_;
};

struct bench {
  std::string only;
  double seconds = 1;
  double began = 0;

  bool wanted(const char* name) const { return std::strstr(name, only.c_str()) != nullptr; }

  static double processor_seconds() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto seconds_of = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds_of(use.ru_utime) + seconds_of(use.ru_stime);
  }

  void print(const char* name, const char* unit, double operations) const {
    std::printf("%s %.0f %s cpu %.1f\n", name, operations / seconds, unit,
                (processor_seconds() - began) / operations * 1e9);
  }

  void calls(const char* name, int pairs, unsigned workers, int server_worker, int client_worker) {
    if (!wanted(name)) return;
    runtime::system host({.workers = workers});
    if (!host.start()) return;
    std::atomic<std::uint64_t> total{0};
    std::atomic<bool> stop{false};
    std::vector<std::promise<void>> done(static_cast<std::size_t>(pairs));
    for (int i = 0; i < pairs; ++i) {
      const int spread = server_worker < 0 ? i : 0;
      const pid callee =
          *host.spawn({.worker = server_worker < 0 ? spread : server_worker}, std::make_unique<server>());
      const auto body = [&, i, callee](process& self) {
        std::uint64_t made = 0;
        while (!stop.load(std::memory_order_relaxed)) {
          const auto ref = self.make_ack();
          self.send_call(callee, ref, gen_call(self, ref, 42));
          if (!self.await(ref, self.now() + 5 * base::nanos_per_second)) break;
          ++made;
        }
        total += made;
        done[static_cast<std::size_t>(i)].set_value();
      };
      (void)host.spawn({.worker = client_worker < 0 ? spread : client_worker}, std::make_unique<life>(body));
    }
    wait();
    stop = true;
    for (auto& one : done) one.get_future().wait();
    print(name, "calls/s", static_cast<double>(total));
    host.stop();
  }

  // Each process is on the next worker.
  void ring(const char* name, int length, unsigned workers, const char* unit = "hops/s", double hops = 1) {
    if (!wanted(name)) return;
    runtime::system host({.workers = workers});
    if (!host.start()) return;
    std::atomic<std::uint64_t> count{0};
    auto first = std::make_unique<echo>(pid{}, &count);
    echo* last = first.get();
    const pid head = *host.spawn({.worker = 0}, std::move(first));
    pid next = head;
    for (int i = 1; i < length; ++i)
      next = *host.spawn({.worker = i % static_cast<int>(workers)}, std::make_unique<echo>(next, &count));
    std::promise<void> linked;
    host.post(0, [&] {
      last->next = next;
      linked.set_value();
    });
    linked.get_future().wait();
    host.send(head, message::atom("token"));
    wait();
    print(name, unit, static_cast<double>(count) / hops);
    host.stop();
  }

  void spawns(const char* name, unsigned workers) {
    if (!wanted(name)) return;
    runtime::system host({.workers = workers});
    if (!host.start()) return;
    std::atomic<std::uint64_t> total{0};
    std::atomic<bool> stop{false};
    std::vector<std::promise<void>> done(workers);
    for (unsigned i = 0; i < workers; ++i) {
      (void)host.spawn({.worker = static_cast<int>(i)}, std::make_unique<life>([&, i](process& self) {
                         std::uint64_t made = 0;
                         while (!stop.load(std::memory_order_relaxed)) {
                           const auto ack = self.make_ack();
                           (void)self.spawn({.ack = ack, .worker = static_cast<int>(i)},
                                            std::make_unique<life>([](process&) {}));
                           (void)self.await(ack);
                           ++made;
                         }
                         total += made;
                         done[i].set_value();
                       }));
    }
    wait();
    stop = true;
    for (auto& one : done) one.get_future().wait();
    print(name, "procs/s", static_cast<double>(total));
    host.stop();
  }

  // All processes begin on one worker.
  void heartbeats(const char* name, int actors, unsigned workers) {
    if (!wanted(name)) return;
    runtime::system host({.workers = workers});
    if (!host.start()) return;
    std::atomic<std::uint64_t> count{0};
    (void)host.spawn({.worker = 0}, std::make_unique<life>([&](process& self) {
                       for (int i = 0; i < actors; ++i) (void)self.spawn({}, std::make_unique<heart>(count));
                     }));
    wait();
    print(name, "msgs/s", static_cast<double>(count));
    host.stop();
  }

  // Starts and cancels timers of an hour, in a process that has `others` timers besides.
  void timers(const char* name, int others) {
    if (!wanted(name)) return;
    constexpr base::nanos hour = 3600 * base::nanos_per_second;
    runtime::system host({.workers = 1});
    if (!host.start()) return;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> total{0};
    std::promise<void> ready, done;
    (void)host.spawn(
        {}, std::make_unique<life>([&](process& self) {
          for (int i = 0; i < others; ++i)
            self.start_timer(self.now() + hour + i * base::nanos_per_ms, self.self(), message::atom("never"));
          ready.set_value();
          while (!stop.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 1000; ++i)
              self.cancel_timer(self.start_timer(self.now() + hour, self.self(), message::atom("never")));
            total += 1000;
          }
          done.set_value();
        }));
    ready.get_future().wait();
    const std::uint64_t before = total;
    wait();
    const std::uint64_t after = total;
    print(name, "timers/s", static_cast<double>(after - before));
    stop = true;
    done.get_future().wait();
    host.stop();
  }

  void fires(const char* name, int at_once) {
    if (!wanted(name)) return;
    runtime::system host({.workers = 1});
    if (!host.start()) return;
    std::atomic<std::uint64_t> count{0};
    (void)host.spawn({}, std::make_unique<impatient>(at_once, count));
    wait();
    print(name, "timers/s", static_cast<double>(count));
    host.stop();
  }

  void wait() {
    began = processor_seconds();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
};

} // namespace

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // prints a row as soon as it is measured
  bench run;
  if (count > 1) run.only = arguments[1];
  if (count > 2) run.seconds = std::atof(arguments[2]);
  run.calls("call_1pair_1worker", 1, 1, 0, 0);
  run.calls("local_call_1pair_apart", 1, 2, 0, 1);
  run.calls("call_16pairs_1worker", 16, 1, 0, 0);
  run.calls("call_16pairs_spread", 16, 2, -1, -1);
  run.ring("send_pingpong", 2, 1);
  run.ring("local_bang_1pair_apart", 2, 2, "roundtrips/s", 2);
  run.ring("ring_1000", 1000, 1);
  run.spawns("spawn_and_exit_1", 1);
  run.spawns("spawn_and_exit_2", 2);
  run.heartbeats("local_heartbeats64", 64, 2);
  run.timers("timer_start_cancel", 0);
  run.timers("timer_start_cancel_beside_10000", 10'000);
  run.fires("timer_fire", 1000);
  return 0;
}
