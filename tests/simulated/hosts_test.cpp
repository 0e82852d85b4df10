// SPDX-License-Identifier: MIT
// Hosts share one process, so a killed host must not take shared things away with it: a turn at a lock that
// other threads wait for, and state of which each real process has one instance.
// rooms: base
#include <doctest/doctest.h>
#include <pthread.h>

#include "base/process_wide.hpp"
#include "machine/hosts.hpp"
#include "machine/machine.hpp"

using namespace coppice::simulated;

namespace {

// A lock of the whole process, and the number of threads that have had it.
struct shared_lock {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  unsigned had_it = 0;
};

void* take_once(void* which) {
  auto& one = *static_cast<shared_lock*>(which);
  pthread_mutex_lock(&one.mutex);
  ++one.had_it;
  pthread_mutex_unlock(&one.mutex);
  return nullptr;
}

pthread_t take_on(unsigned host, shared_lock& one) {
  const on_host here(host);
  pthread_t made{};
  REQUIRE(pthread_create(&made, nullptr, &take_once, &one) == 0);
  return made;
}

struct number {
  int value = 0;
};

int& number_on(unsigned host) {
  const on_host here(host);
  return coppice::base::of_process<number>().value;
}

} // namespace

TEST_CASE("a host that is killed when it is its turn at a lock leaves the turn to the next thread") {
  constexpr unsigned killed = 2;
  constexpr unsigned lives = 3;
  for (int tried = 0; tried < 50; ++tried) {
    auto* const one = new shared_lock; // NOLINT: a thread of the killed host uses it for good
    pthread_mutex_lock(&one->mutex);
    take_on(killed, *one);
    const pthread_t other = take_on(lives, *one);
    let_pass(millisecond);
    pthread_mutex_unlock(&one->mutex);
    while (!freeze(killed)) let_pass(microsecond);
    pthread_join(other, nullptr); // the run ends if the thread waits for ever
    CHECK(one->had_it >= 1);
  }
}

TEST_CASE("what a process has one of is another one on each host, and after a host has been started again") {
  number_on(1) = 11;
  number_on(2) = 22;
  CHECK(number_on(1) == 11);
  CHECK(number_on(2) == 22);
  ++host_at(2).lives;
  CHECK(number_on(1) == 11);
  CHECK(number_on(2) == 0);
}
