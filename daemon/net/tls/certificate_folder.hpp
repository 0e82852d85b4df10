// SPDX-License-Identifier: MIT
// A folder of certificates: the CA as ca.pem and ca-key.pem, beside it the pairs it signed, NAME.pem and
// NAME-key.pem. A node's automatic ones (NAME is node) are made when missing and renewed when due; a
// cluster's are made one by one as a person asks for them. A CA stays as long as it is valid, since others
// trust it. Keys have mode 0600. Blocking; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::net {

// Paths, as the configuration names such files.
struct certificate_paths {
  std::string authority;
  std::string certificate;
  std::string key;
};

// Makes `folder` (0700) and in it what is missing. A leaf that ends within 30 days, is damaged, or is for
// other names is replaced; an expired CA too, with a line in the log. A CA that cannot be read is an error:
// it is never overwritten.
base::result<certificate_paths> ensure_certificates(const std::string& folder,
                                                    const std::vector<std::string>& names, base::nanos now);

enum class if_exists : std::uint8_t { refuse, replace };

struct certificate_files {
  std::string certificate;
  std::string key;
  base::nanos end = 0;    // of its validity, wall time
  std::string for_user{}; // whose the key was made; empty: whoever asked for it
};

// Makes `folder` (0755, so that nodes of any user read certificates there) where it is missing, and in it a
// CA. errc::exists where there is one, or a part of one.
base::result<certificate_files> make_cluster_authority(const std::string& folder, base::nanos now,
                                                       base::nanos lifetime, if_exists what);

// Whose keys the service's unit can read (packaging/sysusers.d).
inline constexpr const char* user_of_service = "coppice";

// NAME.pem and NAME-key.pem for `hosts`, signed by the folder's CA, whose key may be there only. `name` is a
// file's name. errc::exists where there is such a pair, or a part of one; errc::not_found without a CA;
// errc::limit where the CA ends sooner, with the days that are left; errc::invalid for one that cannot sign.
// A key that replaces another has its owner, group and mode; made anew by root it is the service's user's,
// where the machine has that one.
base::result<certificate_files> issue_cluster_certificate(const std::string& folder, const std::string& name,
                                                          const std::vector<std::string>& hosts,
                                                          base::nanos now, base::nanos lifetime,
                                                          if_exists what);

} // namespace coppice::net
