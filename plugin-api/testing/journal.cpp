// SPDX-License-Identifier: MIT
// The responses that a test gives in place of other processes. Any thread.
#include <coppice/testing/journal.hpp>

namespace coppice::testing {

response replies(value reply) {
  return {COPPICE_OK, std::move(reply)};
}

response exits(value reason) {
  return {COPPICE_E_EXIT, std::move(reason)};
}

response nodedown() {
  return {COPPICE_E_NODEDOWN, {}};
}

response silence() {
  return {COPPICE_E_TIMEOUT, {}};
}

} // namespace coppice::testing
