// SPDX-License-Identifier: MIT
// See tls_files.hpp. A file that several places name is told once.
#include "cli/tls_files.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "base/file.hpp"
#include "net/tls_context.hpp"
#include "spec/web_options.hpp"

namespace coppice::cli {
namespace {

constexpr std::size_t max_file = 1024 * 1024;

void collect(std::set<std::string>& into, const spec::tls_spec& from) {
  if (from.how == spec::tls_spec::mode::files && from.verify && from.ca) into.insert(*from.ca);
}

void collect(std::set<std::string>& into, const spec::supervisor_spec& from) {
  for (const spec::child_spec& child : from.children) {
    if (child.supervisor) collect(into, *child.supervisor);
    if (child.web)
      for (const auto& one : child.web->listen) collect(into, one.tls);
    if (!child.tcp) continue;
    for (const auto& one : child.tcp->listen) collect(into, one.tls);
    if (child.tcp->connect) collect(into, child.tcp->connect->tls);
  }
}

} // namespace

std::vector<spec::diagnostic> check_authorities(const spec::node_spec& of) {
  std::set<std::string> files;
  for (const auto& one : of.distribution.listen) collect(files, one.tls);
  for (const auto& one : of.distribution.routes) collect(files, one.tls);
  for (const auto& one : of.applications) collect(files, one.supervisor);
  std::vector<spec::diagnostic> out;
  const auto add = [&out](spec::severity severity, const std::string& file, std::string message) {
    spec::diagnostic& one = out.emplace_back();
    one.severity = severity;
    one.file = file;
    one.message = std::move(message);
  };
  for (const std::string& file : files) {
    const auto text = base::read_file(file, max_file);
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

} // namespace coppice::cli
