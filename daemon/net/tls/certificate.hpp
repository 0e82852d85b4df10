// SPDX-License-Identifier: MIT
// Making X.509 certificates in memory: a CA of our own and leaves signed by it, P-256 and SHA-256. A
// leaf never signs itself: Erlang's ssl refuses a self-signed one even where it is trusted. Call
// tls::initialise() first. Any thread; takes under a millisecond.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::net {

// PEM. The key is a secret.
struct certificate_pair {
  std::string certificate;
  std::string key;
};

constexpr base::nanos one_day = 86'400 * base::nanos_per_second;
constexpr base::nanos authority_lifetime = 3650 * one_day;
constexpr base::nanos leaf_lifetime = 397 * one_day;

// Valid from a day before `now` (wall time: clocks differ) until `lifetime` after it.
base::result<certificate_pair> make_authority(base::nanos now, base::nanos lifetime = authority_lifetime);

// For server and client use, with `names` (DNS names, IPv4 and IPv6 addresses) as subject alternative names,
// an address as a DNS name too: Erlang's ssl looks for it there.
// errc::invalid when the authority's key and certificate do not belong together or `names` is empty.
base::result<certificate_pair> issue_leaf(const certificate_pair& authority,
                                          const std::vector<std::string>& names, base::nanos now,
                                          base::nanos lifetime = leaf_lifetime);

// Until when it is valid, wall time. errc::invalid when it cannot be read.
base::result<base::nanos> end_of_validity(std::string_view certificate);

// Whether `pair` belongs together and is valid from now for at least `remaining`; errc::timeout when it is
// not valid that long, errc::invalid otherwise.
base::status check_pair(const certificate_pair& pair, base::nanos now, base::nanos remaining);

// As check_pair, and signed by the authority's certificate for exactly `names`.
base::status check_leaf(const certificate_pair& leaf, std::string_view authority,
                        const std::vector<std::string>& names, base::nanos now, base::nanos remaining);

} // namespace coppice::net
