// SPDX-License-Identifier: MIT
// "coppice.stage_host/draft-2" for tests. A program that includes this has the interface; without it a plugin
// gets NULL, as on an older host. In the actor's callbacks.
#pragma once

#include <coppice/testing/host.hpp>
#include <coppice/testing/stage_engine.hpp>

namespace coppice::testing::detail {

const coppice_stage_api* stage_interface();
inline const bool stage_interface_is_known =
    more_interfaces().emplace(COPPICE_STAGE_HOST_DRAFT_2, stage_interface()).second;

} // namespace coppice::testing::detail
