// SPDX-License-Identifier: MIT
// "coppice.router_host/draft-2" for tests. In the actor's callbacks.
#pragma once

#include <coppice/testing/calls.hpp>
#include <coppice/testing/router.hpp>

namespace coppice::testing::detail {

const coppice_router_api* router_interface();

} // namespace coppice::testing::detail
