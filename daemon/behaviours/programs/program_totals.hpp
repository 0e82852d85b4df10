// SPDX-License-Identifier: MIT
// Counts the programs of one type of actor, including programs that have ended. Any thread.
#pragma once

#include <cstdint>

#include "base/program.hpp"
#include "metrics/counters.hpp"

namespace coppice::behaviours {

class program_totals final : public metrics::counters {
 public:
  program_totals() {
    show(metrics::kind::counter, "port_ended", "Programs that have ended, by how",
         [this](metrics::samples& to) {
           to.add({{"how", "exit"}}, exited_.value());
           to.add({{"how", "exit_status"}}, failed_.value());
           to.add({{"how", "exit_signal"}}, signalled_.value());
         });
  }

  // Shown once such an actor has started a program, or has tried to.
  bool is_shown() const override { return started_.value() + not_started_.value() != 0; }

  void count_start() {
    started_.add();
    running_.add();
  }
  void count_no_start() { not_started_.add(); }
  void count_end(const base::program_end& how) {
    running_.subtract();
    (how.signal != 0 ? signalled_ : how.status != 0 ? failed_ : exited_).add();
  }
  // Counts a program that was killed with its actor, and for whose end nothing waited.
  void count_left() {
    running_.subtract();
    signalled_.add();
  }
  void count_bytes(std::uint64_t read, std::uint64_t written) {
    read_.add(read);
    written_.add(written);
  }

 private:
  metrics::gauge running_{*this, "port_programs", "Programs of a type of actor that run"};
  metrics::counter started_{*this, "port_started", "Programs that were started, again included"};
  metrics::counter not_started_{*this, "port_not_started", "Programs that could not be started"};
  metrics::counter read_{*this, "port_read_bytes", "Bytes that came from programs that have ended"};
  metrics::counter written_{*this, "port_written_bytes", "Bytes that went to programs that have ended"};
  metrics::number exited_;    // with status 0
  metrics::number failed_;    // exited with another status
  metrics::number signalled_; // ended by a signal
};

} // namespace coppice::behaviours
