// SPDX-License-Identifier: MIT
// The interface between the choice of threads (machine.cpp) and libc's functions that make and end them
// (threads.cpp).
#pragma once

#include <pthread.h>

#include "machine.hpp"

namespace coppice::simulated {

// Called before the first thread is made.
void prepare_threads();
// Adds a thread of the caller's host. In an initialisation that runs once, such as that of libuv's pool: of
// no host.
thread& add_thread();
// Finds a thread by its number. Null: there is none.
thread* thread_at(std::size_t number);
// Null: no thread that can be joined.
thread* find_thread(pthread_t real);
// On the new thread: waits until it has the baton.
void first_step_of(thread& fresh);
// On the thread that made it: from here on the new thread may be chosen.
void await_arrival(thread& fresh);
// Gives the baton away for good.
void last_step_of(thread& one);

} // namespace coppice::simulated
