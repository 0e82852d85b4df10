// SPDX-License-Identifier: MIT
// What is on disk is checked as strictly as what would be made. A key is written before its certificate, and
// an expired authority's certificate is removed first: a crash in between leaves a missing certificate, or a
// leaf that does not match, and both are made again. Any thread.
#include "net/tls/certificate_folder.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/file.hpp"
#include "base/log.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"

namespace coppice::net {
namespace {

constexpr base::nanos renew_before = 30 * one_day;
constexpr std::size_t max_file = 64 * 1024;

struct pair_files {
  std::string certificate;
  std::string key;
};

// errc::not_found: one of the two files is missing.
base::result<certificate_pair> read_pair(const pair_files& files) {
  auto certificate = base::read_file(files.certificate, max_file);
  if (!certificate) return unexpected(std::move(certificate.error()));
  auto key = base::read_file(files.key, max_file);
  if (!key) return unexpected(std::move(key.error()));
  return certificate_pair{std::move(*certificate), std::move(*key)};
}

base::status write_pair(const pair_files& files, const certificate_pair& pair) {
  if (auto done = base::write_file_atomic(files.key, pair.key, 0600); !done) return done;
  return base::write_file_atomic(files.certificate, pair.certificate, 0644);
}

base::status write_new_pair(const pair_files& files, const certificate_pair& pair) {
  if (auto done = base::write_new_file_atomic(files.key, pair.key, 0600); !done) return done;
  auto done = base::write_new_file_atomic(files.certificate, pair.certificate, 0644);
  // The key is of no use without its certificate, and would prevent another attempt.
  if (!done) std::remove(files.key.c_str());
  return done;
}

struct ownership {
  uid_t user = 0;
  gid_t group = 0;
  mode_t mode = 0600;
  std::string name{}; // the user's name, if it is not the caller
};

// Empty: new keys belong to the caller.
std::optional<ownership> owner_of_new_keys() {
  if (geteuid() != 0) return std::nullopt;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (getpwnam_r(user_of_service, &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return ownership{entry.pw_uid, entry.pw_gid, 0600, user_of_service};
}

std::optional<ownership> owner_of(const std::string& key) {
  struct stat info {};
  if (lstat(key.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return ownership{info.st_uid, info.st_gid, info.st_mode & 0777, {}};
}

base::status give(const std::string& file, const ownership& to) {
  if (chown(file.c_str(), to.user, to.group) == 0 && chmod(file.c_str(), to.mode) == 0) return {};
  return base::fail_errno("give " + file + " to its owner", errno);
}

// Writes the new key beside the old one first, so that it never has another owner.
base::status replace_pair(const pair_files& files, const certificate_pair& pair, const ownership& owner) {
  const std::string fresh = files.key + ".new";
  auto done = base::write_file_atomic(fresh, pair.key, 0600);
  if (done) done = give(fresh, owner);
  if (done && std::rename(fresh.c_str(), files.key.c_str()) != 0) done = base::fail_errno(files.key, errno);
  if (!done) {
    std::remove(fresh.c_str());
    return done;
  }
  return base::write_file_atomic(files.certificate, pair.certificate, 0644);
}

pair_files authority_of(const std::string& folder) {
  return {folder + "/ca.pem", folder + "/ca-key.pem"};
}

// errc::exists: one of the two files exists.
base::status check_free(const pair_files& files) {
  for (const std::string* path : {&files.key, &files.certificate}) {
    struct stat found {};
    if (lstat(path->c_str(), &found) == 0) return base::fail(base::errc::exists, *path + " exists");
    if (errno != ENOENT) return base::fail_errno(*path, errno);
  }
  return {};
}

base::result<certificate_files> keep(const pair_files& files, const base::result<certificate_pair>& made,
                                     if_exists what, const std::optional<ownership>& for_new = {}) {
  if (!made) return unexpected(made.error());
  const auto end = end_of_validity(made->certificate);
  if (!end) return unexpected(end.error());
  if (const auto former = owner_of(files.key); former && what == if_exists::replace) {
    if (auto done = replace_pair(files, *made, *former); !done) return unexpected(std::move(done.error()));
    return certificate_files{files.certificate, files.key, *end};
  }
  auto written = what == if_exists::replace ? write_pair(files, *made) : write_new_pair(files, *made);
  if (written && for_new) written = give(files.key, *for_new);
  if (!written) return unexpected(std::move(written.error()));
  return certificate_files{files.certificate, files.key, *end, for_new ? for_new->name : std::string()};
}

base::result<certificate_pair> ensure_authority(const pair_files& files, base::nanos now) {
  auto pair = read_pair(files);
  if (pair) {
    auto usable = check_pair(*pair, now, 0);
    if (usable) return pair;
    if (usable.error().code != base::errc::timeout) {
      return unexpected(std::move(usable.error()).context(files.certificate));
    }
    base::log::warning("net", "{}: {}; making another", files.certificate, usable.error().text);
    std::remove(files.certificate.c_str());
  } else if (pair.error().code != base::errc::not_found || base::read_file(files.certificate, max_file)) {
    return unexpected(std::move(pair.error()));
  }
  auto made = make_authority(now);
  if (!made) return made;
  if (auto written = write_pair(files, *made); !written) return unexpected(std::move(written.error()));
  base::log::notice("net", "made a certificate authority: {}", files.certificate);
  return made;
}

} // namespace

base::result<certificate_paths> ensure_certificates(const std::string& folder,
                                                    const std::vector<std::string>& names, base::nanos now) {
  if (auto ready = tls::initialise(); !ready) return unexpected(std::move(ready.error()));
  if (auto made = base::make_folders(folder, 0700); !made) return unexpected(std::move(made.error()));
  const pair_files authority_files = authority_of(folder);
  const pair_files leaf_files{folder + "/node.pem", folder + "/node-key.pem"};
  const auto authority = ensure_authority(authority_files, now);
  if (!authority) return unexpected(authority.error());

  const certificate_paths paths{authority_files.certificate, leaf_files.certificate, leaf_files.key};
  const auto leaf = read_pair(leaf_files);
  if (leaf && check_leaf(*leaf, authority->certificate, names, now, renew_before)) return paths;
  auto made = issue_leaf(*authority, names, now);
  if (!made) return unexpected(std::move(made.error()));
  if (auto written = write_pair(leaf_files, *made); !written) return unexpected(std::move(written.error()));
  base::log::info("net", "made a certificate: {}", leaf_files.certificate);
  return paths;
}

base::result<certificate_files> make_cluster_authority(const std::string& folder, base::nanos now,
                                                       base::nanos lifetime, if_exists what) {
  if (auto ready = tls::initialise(); !ready) return unexpected(std::move(ready.error()));
  if (auto made = base::make_folders(folder, 0755); !made) return unexpected(std::move(made.error()));
  const pair_files files = authority_of(folder);
  if (what == if_exists::refuse) {
    if (auto is_free = check_free(files); !is_free) return unexpected(std::move(is_free.error()));
  }
  return keep(files, make_authority(now, lifetime), what);
}

base::result<certificate_files> issue_cluster_certificate(const std::string& folder, const std::string& name,
                                                          const std::vector<std::string>& hosts,
                                                          base::nanos now, base::nanos lifetime,
                                                          if_exists what) {
  if (auto ready = tls::initialise(); !ready) return unexpected(std::move(ready.error()));
  const pair_files authority_files = authority_of(folder);
  const auto authority = read_pair(authority_files);
  if (!authority) return unexpected(authority.error());
  if (auto usable = check_pair(*authority, now, 0); !usable) {
    return unexpected(std::move(usable.error()).context(authority_files.certificate));
  }
  const auto end = end_of_validity(authority->certificate);
  if (!end) return unexpected(end.error());
  if (*end - now < lifetime) {
    return base::fail(base::errc::limit,
                      fmt::format("{}: the authority itself ends on {}: at most {} days are left",
                                  authority_files.certificate, base::format_wall(*end).substr(0, 10),
                                  (*end - now) / one_day));
  }
  const pair_files files{fmt::format("{}/{}.pem", folder, name), fmt::format("{}/{}-key.pem", folder, name)};
  if (what == if_exists::refuse) {
    if (auto is_free = check_free(files); !is_free) return unexpected(std::move(is_free.error()));
  }
  const auto made = issue_leaf(*authority, hosts, now, lifetime);
  // The file called an authority may be some other certificate with its key.
  if (made) {
    if (auto good = check_leaf(*made, authority->certificate, hosts, now, 0); !good) {
      return unexpected(std::move(good.error()).context(authority_files.certificate + " cannot sign"));
    }
  }
  return keep(files, made, what, owner_of_new_keys());
}

} // namespace coppice::net
