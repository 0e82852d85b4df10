// SPDX-License-Identifier: MIT
// See secret_files.hpp.
#include "spec/secret_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/secret_word.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::spec {
namespace {

// `at`: the map that `source` was read from; null: none.
void check_file(report& to, const node* at, const cookie_source& source, std::string_view key,
                std::string_view noun) {
  if (at == nullptr || !source.file) return;
  const std::string& path = *source.file;
  const node* const written = value_of(at, "file");
  const place where = written != nullptr ? written->at : at->at;
  const auto said = [key](std::string_view what) { return fmt::format("{}: {}", key, what); };
  if (faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0 && errno == EACCES)
    return to.warning(where, said(not_looked_at(path)), std::string(not_looked_at_hint));
  const auto word = base::read_secret_word(path, noun);
  if (!word && word.error().code == base::errc::not_found) return;
  if (!word) return to.error(where, said(word.error().text), "the node does not start with it");
  if (word->size() < base::short_secret_word)
    to.warning(where, said(fmt::format("the {} in {} is short and may be guessed", noun, path)));
}

} // namespace

void check_secret_files(report& to, const node& root, const node_spec& spec) {
  check_file(to, value_of(value_of(&root, "node"), "cookie"), spec.node.cookie, "node.cookie", "cookie");
  const node* const routes = value_of(value_of(&root, "distribution"), "routes");
  for (std::size_t i = 0; i < spec.distribution.routes.size(); ++i)
    check_file(to, value_of(element(routes, i), "cookie"), spec.distribution.routes[i].cookie, "cookie",
               "cookie");
  if (!spec.control.http) return;
  const node* const http = value_of(value_of(&root, "control"), "http");
  check_file(to, value_of(http, "token"), spec.control.http->token, "control.http.token", "token");
}

} // namespace coppice::spec
