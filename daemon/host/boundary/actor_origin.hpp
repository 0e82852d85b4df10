// SPDX-License-Identifier: MIT
// The arguments that an actor was started with. In the process's own turn.
#pragma once

#include <memory>
#include <utility>

#include "base/secret.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::host {

struct actor_origin {
  runtime::message args;       // empty: #{}
  runtime::message env;        // empty: #{}
  base::secrets_ptr secrets{}; // secrets in `args`, never to be shown; null: none
};

// The origin of an actor in one pointer, since most actors have neither args nor env.
class kept_origin {
 public:
  kept_origin() = default;
  explicit kept_origin(actor_origin given) {
    if (given.args || given.env) kept_ = std::make_unique<actor_origin>(std::move(given));
  }

  // args() and env() are valid until another origin is set.
  const runtime::message& args() const { return whole().args; }
  const runtime::message& env() const { return whole().env; }
  const actor_origin& whole() const {
    static const actor_origin neither;
    return kept_ == nullptr ? neither : *kept_;
  }

 private:
  std::unique_ptr<const actor_origin> kept_;
};

} // namespace coppice::host
