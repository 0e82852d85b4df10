// SPDX-License-Identifier: MIT
// rooms: node
// A plugin's sieve: passes each cast to the callback of "coppice.sieve/draft-1", and handles the casts that
// the callback keeps as a server does. In the process's own turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "host/actors/server.hpp"
#include "own_behaviour/sieve.h"

namespace coppice::host {

struct sieve_code final : server_code {
  explicit sieve_code(const coppice_actor_type& type);
  const coppice_sieve sifting;
};

// The totals of the sieves of one type. Any thread.
struct sieve_totals final : metrics::counters {
  metrics::counter seen{*this, "sieve_seen", "Casts that sieves have looked at"};
  metrics::counter kept{*this, "sieve_kept", "Of them, those that were kept"};
};

class sieve final : public server {
 public:
  using code_type = sieve_code;
  static std::shared_ptr<metrics::counters> make_totals(metrics::board* board, const std::string& type,
                                                        const std::string& behaviour);
  static const coppice_sieve_api* host_interface();

  explicit sieve(actor_plan&& plan) : server(std::move(plan)) {}

  // For the host's function. False: no sift is running.
  bool keep();

 private:
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::message engine_for_people(runtime::process& self) override;

  std::uint64_t seen_ = 0;
  std::uint64_t kept_ = 0;
  bool sifts_ = false; // the callback is running
  bool keeps_ = false; // its decision
};

} // namespace coppice::host
