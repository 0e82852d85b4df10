// SPDX-License-Identifier: MIT
// A folder of certificates: the CA as ca.pem and ca-key.pem, and the pairs it signed, NAME.pem and
// NAME-key.pem. A node's automatic pair (node.pem) is made when missing and renewed when due; a cluster's
// pairs are made one by one when a person asks. A valid CA is never replaced by itself, because other nodes
// trust it. Keys have mode 0600. Blocking; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::net {

// Paths in the form that the configuration uses.
struct certificate_paths {
  std::string authority;
  std::string certificate;
  std::string key;
};

// Makes `folder` (0700) and what is missing in it. Replaces a leaf that ends within 30 days, is damaged, or
// is for other names, and an expired CA, with a line in the log. A CA that cannot be read is an error and is
// never overwritten.
base::result<certificate_paths> ensure_certificates(const std::string& folder,
                                                    const std::vector<std::string>& names, base::nanos now);

enum class if_exists : std::uint8_t { refuse, replace };

struct certificate_files {
  std::string certificate;
  std::string key;
  base::nanos end = 0;    // of its validity, wall time
  std::string for_user{}; // the user that owns the key; empty: the caller's
};

// Makes `folder` (0755, so that nodes of any user can read certificates there) if it is missing, and a CA in
// it. errc::exists: there is a CA already, or one of its files.
base::result<certificate_files> make_cluster_authority(const std::string& folder, base::nanos now,
                                                       base::nanos lifetime, if_exists what);

// The user whose keys the service's unit can read (packaging/sysusers.d).
inline constexpr const char* user_of_service = "coppice";

// Makes NAME.pem and NAME-key.pem for `hosts`, signed by the folder's CA, whose key must be there. `name` is
// a file name. errc::exists: there is such a pair, or one of its files. errc::not_found: there is no CA.
// errc::limit: the CA ends sooner; the text says how many days are left. errc::invalid: the CA's certificate
// cannot sign. A key that replaces another one keeps its owner, group and mode. A new key made by root
// belongs to the service's user, if the machine has that user.
base::result<certificate_files> issue_cluster_certificate(const std::string& folder, const std::string& name,
                                                          const std::vector<std::string>& hosts,
                                                          base::nanos now, base::nanos lifetime,
                                                          if_exists what);

} // namespace coppice::net
