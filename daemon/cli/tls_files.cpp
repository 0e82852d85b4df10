// SPDX-License-Identifier: MIT
// A file that is named in several places is reported once.
#include "cli/tls_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "base/open_files.hpp"
#include "net/tls/certificate_folder.hpp"
#include "net/tls/tls_context.hpp"
#include "spec/child_secrets.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/schema/default_files.hpp"
#include "spec/schema/kind.hpp"

namespace coppice::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file = 1024 * 1024;

// Called with the settings by which a configuration names files of TLS.
struct named_by {
  std::function<void(const spec::tls_spec&)> tls; // all modes
  std::function<void(const spec::named_certificate&)> sni;
};

void visit(const spec::supervisor_spec& from, const named_by& each) {
  for (const spec::child_spec& child : from.children) {
    if (child.supervisor) visit(*child.supervisor, each);
    for (const spec::kind* const one : spec::kinds()) one->each_tls(child, each.tls, each.sni);
  }
}

// Passes each TLS setting, and each certificate that a listener has for a further name.
void visit(const spec::node_spec& of, const named_by& each) {
  for (const auto& one : of.distribution.listen) each.tls(one.tls);
  for (const auto& one : of.distribution.routes) each.tls(one.tls);
  if (of.control.http) each.tls(of.control.http->tls);
  for (const auto& one : of.applications) visit(one.supervisor, each);
}

// The files of the cookies and of the token.
std::set<std::string> cookie_files(const spec::node_spec& of) {
  std::set<std::string> out;
  const auto note = [&out](const spec::cookie_source& from) {
    if (from.file) out.insert(*from.file);
  };
  note(of.node.cookie);
  for (const auto& one : of.distribution.routes) note(one.cookie);
  if (of.control.http) note(of.control.http->token);
  return out;
}

// While it lives, files are opened with the rights of this user.
class acting_as {
 public:
  explicit acting_as(const passwd& user) {
    groups_.resize(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    if (getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0) return;
    works_ =
        initgroups(user.pw_name, user.pw_gid) == 0 && setegid(user.pw_gid) == 0 && seteuid(user.pw_uid) == 0;
  }
  acting_as(const acting_as&) = delete;
  acting_as& operator=(const acting_as&) = delete;
  ~acting_as() {
    const bool back = seteuid(0) == 0 && setegid(0) == 0 && setgroups(groups_.size(), groups_.data()) == 0;
    if (!back) _exit(1); // must not continue as the other user
  }
  bool works() const { return works_; }

 private:
  std::vector<gid_t> groups_;
  bool works_ = false;
};

} // namespace

std::vector<spec::diagnostic> check_authorities(const spec::node_spec& of) {
  std::set<std::string> files;
  const auto note = [&files](const spec::tls_spec& one) {
    if (one.how == spec::tls_spec::mode::files && one.verify && one.ca) files.insert(*one.ca);
  };
  visit(of, {.tls = note, .sni = [](const spec::named_certificate&) {}});
  std::vector<spec::diagnostic> out;
  const auto add = [&out](spec::severity severity, const std::string& file, std::string message) {
    spec::diagnostic& one = out.emplace_back();
    one.severity = severity;
    one.file = file;
    one.message = std::move(message);
  };
  for (const std::string& file : files) {
    const auto text = base::read_regular_file(file, max_file);
    if (!text) continue;
    const auto read = net::read_certificates(*text);
    if (!read) {
      add(spec::severity::error, file, "ca: " + read.error().text);
      continue;
    }
    for (const std::string& why : read->unusable)
      add(spec::severity::warning, file, "an authority (ca) is left out: " + why);
  }
  return out;
}

std::vector<spec::diagnostic> check_readable(const spec::node_spec& of,
                                             const std::vector<std::string>& configuration) {
  const auto is_of_service = [](const std::string& file) {
    std::error_code unknown;
    const fs::path at = fs::absolute(file, unknown).lexically_normal();
    return !unknown && at.string().starts_with(std::string(spec::default_folder) + "/");
  };
  if (geteuid() != 0 || std::ranges::none_of(configuration, is_of_service)) return {};
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (getpwnam_r(net::user_of_service, &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
    return {};
  std::set<std::string> files = cookie_files(of);
  const auto note = [&files](const spec::tls_spec& one) {
    if (one.how != spec::tls_spec::mode::files) return;
    for (const auto* file : {&one.certificate, &one.key, &one.ca})
      if (*file) files.insert(**file);
  };
  visit(of, {.tls = note, .sni = [&files](const spec::named_certificate& one) {
               files.insert({one.certificate, one.key});
             }});
  files.merge(spec::secret_files(of));
  std::vector<spec::diagnostic> out;
  const acting_as service(entry);
  if (!service.works()) return out;
  for (const std::string& file : files) {
    if (faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0 || errno != EACCES) continue;
    spec::diagnostic& one = out.emplace_back();
    one.severity = spec::severity::error;
    one.file = file;
    one.message = fmt::format("the user {}, whom the service runs as, cannot read it", net::user_of_service);
    one.hint = fmt::format("chown {}: {}, if the folders above let it in", net::user_of_service, file);
  }
  return out;
}

} // namespace coppice::cli
