// SPDX-License-Identifier: MIT
// Erlang's order, equality and hash of terms for the plugin under test (coppice/draft/order.h), computed by
// the headers of the ETF library. Any thread.
#pragma once

#include <coppice/draft/order.h>

#include <coppice/etf/needs_cpp20.hpp>
#include <cstdint>

namespace coppice::testing::detail {

/// As erlang:phash2.
std::uint32_t hash(coppice_bytes term);
const coppice_order_api* order_interface();

} // namespace coppice::testing::detail
