// SPDX-License-Identifier: MIT
// See place.hpp.
#include "spec/schema/place.hpp"

#include <algorithm>
#include <string>

namespace coppice::spec {
namespace {

std::string check_socket(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 255 &&
                    std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
  return good ? "" : "must have 1 to 255 printable characters other than ':' and blanks";
}

} // namespace

text socket_name() {
  return text("a name", &check_socket);
}

bool check_place(reader& from, const node& at, std::initializer_list<std::string_view> others) {
  const bool address = at.find("address"), port = at.find("port");
  const auto other = std::ranges::count_if(others, [&](std::string_view key) { return at.find(key); });
  if (other + (address || port ? 1 : 0) != 1) {
    std::string all = "'address' with 'port'";
    for (const std::string_view key : others)
      all.append(key == *(others.end() - 1) ? " and '" : ", '").append(key).append("'");
    from.error(at, from.path + ": needs one of " + all);
    return false;
  }
  if (other == 0 && !(address && port))
    from.error(at, from.path + ": the key '" + (address ? "port" : "address") + "' is missing");
  return true;
}

} // namespace coppice::spec
