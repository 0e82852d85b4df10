// SPDX-License-Identifier: MIT
// Between the choice of threads (machine.cpp) and the functions of libc that make and end them (threads.cpp).
#pragma once

#include <pthread.h>

#include "machine.hpp"

namespace coppice::simulated {

// Before the first thread is made.
void prepare_threads();
// A thread of the caller's host; of none in an initialisation that runs once, as libuv's pool.
thread& add_thread();
// By its number; null: there is none.
thread* thread_at(std::size_t number);
// Null: none that can be joined.
thread* find_thread(pthread_t real);
// On the new thread: until it has the baton.
void first_step_of(thread& fresh);
// On its maker: from here on it may be chosen.
void await_arrival(thread& fresh);
// Gives the baton away for good.
void last_step_of(thread& one);

} // namespace coppice::simulated
