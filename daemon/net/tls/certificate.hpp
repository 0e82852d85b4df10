// SPDX-License-Identifier: MIT
// Makes X.509 certificates in memory: a CA and leaf certificates signed by it, with P-256 and SHA-256. A leaf
// never signs itself, because Erlang's ssl refuses a self-signed certificate even if it is trusted. Call
// tls::initialise() first. Any thread; takes less than a millisecond.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::net {

// PEM texts. The key is a secret.
struct certificate_pair {
  std::string certificate;
  std::string key;
};

constexpr base::nanos one_day = 86'400 * base::nanos_per_second;
constexpr base::nanos authority_lifetime = 3650 * one_day;
constexpr base::nanos leaf_lifetime = 397 * one_day;

// Makes a CA, valid from a day before `now` (wall time; clocks of peers differ) until `lifetime` after it.
base::result<certificate_pair> make_authority(base::nanos now, base::nanos lifetime = authority_lifetime);

// Makes a leaf for server and client use, with `names` (DNS names, IPv4 and IPv6 addresses) as subject
// alternative names. Each address is also added as a DNS name, where Erlang's ssl looks for it.
// errc::invalid: the authority's key and certificate do not belong together, or `names` is empty.
base::result<certificate_pair> issue_leaf(const certificate_pair& authority,
                                          const std::vector<std::string>& names, base::nanos now,
                                          base::nanos lifetime = leaf_lifetime);

// The end of its validity, wall time. errc::invalid: it cannot be read.
base::result<base::nanos> end_of_validity(std::string_view certificate);

// Checks that certificate and key belong together and are valid at `now` and for at least `remaining` after
// it. errc::timeout: not valid for that long. errc::invalid: anything else.
base::status check_pair(const certificate_pair& pair, base::nanos now, base::nanos remaining);

// Like check_pair(), and checks that the authority has signed the leaf for exactly `names`.
base::status check_leaf(const certificate_pair& leaf, std::string_view authority,
                        const std::vector<std::string>& names, base::nanos now, base::nanos remaining);

} // namespace coppice::net
