// SPDX-License-Identifier: MIT
// Tests that a listener at a path that the service's unit cannot create causes a warning where it is
// written, and only on a node that runs as that service.
#include <doctest/doctest.h>

#include "fixture.hpp"
#include "spec/schema/service_paths.hpp"

using namespace coppice;

TEST_CASE("the unit has room in its own folders only") {
  struct row {
    const char* folder;
    const char* path;
    const char* why; // null: the path is allowed
  };
  const row rows[] = {
      {"/etc/coppice", "/run/coppice/x.sock", nullptr},
      {"/etc/coppice/conf.d", "/run/coppice/x.sock", nullptr},
      {"/etc/coppice", "/var/lib/coppice/x.sock", nullptr},
      {"/etc/coppice", "/var/log/coppice/x.sock", nullptr},
      {"/etc/coppice", "/run/coppice/../x.sock", "coppice.service may not write there"},
      {"/etc/coppice", "/run/coppice", "coppice.service may not write there"},
      {"/etc/coppice", "/run/coppice2/x.sock", "coppice.service may not write there"},
      {"/etc/coppice/", "/run/x.sock", "coppice.service may not write there"},
      {"/etc/coppice", "/etc/coppice/x.sock", "coppice.service may not write there"},
      {"/etc/coppice/conf.d", "/srv/x.sock", "coppice.service may not write there"},
      {"/etc/coppice", "/tmp/x.sock", "coppice.service has a /tmp of its own"},
      {"/etc/coppice/conf.d", "/var/tmp/x.sock", "coppice.service has a /var/tmp of its own"},
      {"/etc/coppice/one", "/var/lib/coppice/one/x.sock", nullptr},
      {"/etc/coppice/one/conf.d", "/var/lib/coppice/two/x.sock", "coppice@one.service may not write there"},
      {"/etc/coppice/one", "/var/lib/coppice/x.sock", "coppice@one.service may not write there"},
      {"/etc/coppice/one/more", "/srv/x.sock", nullptr},
      {"/etc/coppice2", "/srv/x.sock", nullptr},
      {"/home/me", "/srv/x.sock", nullptr},
  };
  for (const row& each : rows) {
    CAPTURE(each.folder);
    CAPTURE(each.path);
    const auto refused = spec::refused_to_service(each.folder, each.path);
    REQUIRE(refused.has_value() == (each.why != nullptr));
    if (refused) CHECK(refused->why.find(each.why) == 0);
  }
}

TEST_CASE("the warning stands at the path, and the configuration is taken") {
  test::spec_folder folder;
  const std::string listener = std::string(test::spec_folder::head) +
                               "      - id: a\n"
                               "        tcp: { listen: [ { path: x.sock } ], actor: flow }\n";
  const auto load = [&](const std::string& from) {
    spec::load_options options;
    options.plugins = false;
    return spec::load_text(listener, "node.yaml", from, options);
  };
  const auto of_service = load("/etc/coppice");
  const std::string said = spec::render(of_service.diagnostics);
  CHECK(of_service.spec.has_value());
  CHECK(said.find("node.yaml:11:34: warning: path: coppice.service may not write there") == 0);
  CHECK(said.find("it has room in /run/coppice") != std::string::npos);
  const auto by_hand = load(folder.path());
  CHECK(by_hand.spec.has_value());
  CHECK(by_hand.diagnostics.empty());
}
