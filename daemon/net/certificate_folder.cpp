// SPDX-License-Identifier: MIT
// What stands on disk is checked as strictly as what would be made. Keys are written before the
// certificates they belong to, and an expired authority's certificate goes first: a crash in between
// leaves a missing certificate or a leaf that does not match, and both are made again.
#include "net/certificate_folder.hpp"

#include <cstdio>

#include "base/file.hpp"
#include "base/log.hpp"
#include "net/certificate.hpp"
#include "net/tls.hpp"

namespace coppice::net {
namespace {

constexpr base::nanos renew_before = 30 * one_day;
constexpr std::size_t max_file = 64 * 1024;

struct pair_files {
  std::string certificate;
  std::string key;
};

// errc::not_found when either is missing.
base::result<certificate_pair> read_pair(const pair_files& files) {
  auto certificate = base::read_file(files.certificate, max_file);
  if (!certificate) return tl::unexpected(std::move(certificate.error()));
  auto key = base::read_file(files.key, max_file);
  if (!key) return tl::unexpected(std::move(key.error()));
  return certificate_pair{std::move(*certificate), std::move(*key)};
}

base::status write_pair(const pair_files& files, const certificate_pair& pair) {
  if (auto done = base::write_file_atomic(files.key, pair.key, 0600); !done) return done;
  return base::write_file_atomic(files.certificate, pair.certificate, 0644);
}

base::result<certificate_pair> ensure_authority(const pair_files& files, base::nanos now) {
  auto pair = read_pair(files);
  if (pair) {
    auto usable = check_pair(*pair, now, 0);
    if (usable) return pair;
    if (usable.error().code != base::errc::timeout) {
      return tl::unexpected(std::move(usable.error()).context(files.certificate));
    }
    base::log::warning("net", "{}: {}; making another", files.certificate, usable.error().text);
    std::remove(files.certificate.c_str());
  } else if (pair.error().code != base::errc::not_found || base::read_file(files.certificate, max_file)) {
    return tl::unexpected(std::move(pair.error()));
  }
  auto made = make_authority(now);
  if (!made) return made;
  if (auto written = write_pair(files, *made); !written) return tl::unexpected(std::move(written.error()));
  base::log::notice("net", "made a certificate authority: {}", files.certificate);
  return made;
}

} // namespace

base::result<certificate_paths> ensure_certificates(const std::string& folder,
                                                    const std::vector<std::string>& names, base::nanos now) {
  if (auto ready = tls::initialise(); !ready) return tl::unexpected(std::move(ready.error()));
  if (auto made = base::make_folders(folder, 0700); !made) return tl::unexpected(std::move(made.error()));
  const pair_files authority_files{folder + "/ca.pem", folder + "/ca-key.pem"};
  const pair_files leaf_files{folder + "/node.pem", folder + "/node-key.pem"};
  const auto authority = ensure_authority(authority_files, now);
  if (!authority) return tl::unexpected(authority.error());

  const certificate_paths paths{authority_files.certificate, leaf_files.certificate, leaf_files.key};
  const auto leaf = read_pair(leaf_files);
  if (leaf && check_leaf(*leaf, authority->certificate, names, now, renew_before)) return paths;
  auto made = issue_leaf(*authority, names, now);
  if (!made) return tl::unexpected(std::move(made.error()));
  if (auto written = write_pair(leaf_files, *made); !written)
    return tl::unexpected(std::move(written.error()));
  base::log::info("net", "made a certificate: {}", leaf_files.certificate);
  return paths;
}

} // namespace coppice::net
