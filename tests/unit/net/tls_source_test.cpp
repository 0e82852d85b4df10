// SPDX-License-Identifier: MIT
// Certificates from files: new ones are used when the files change, and the old ones stay if the new ones are
// bad.
#include "net/tls/tls_source.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.hpp"
#include "heard_log.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "no_descriptors.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

struct files {
  files() {
    REQUIRE(tls::initialise());
    authority = make_authority(base::wall_now()).value();
    write(issue_leaf(authority, {"127.0.0.1"}, base::wall_now()).value());
  }
  void write(const certificate_pair& pair) const {
    folder.write("node.pem", pair.certificate);
    folder.write("key.pem", pair.key);
  }
  tls_files paths() const { return {folder.file("node.pem"), folder.file("key.pem"), "", false, false}; }

  test::temporary_folder folder;
  certificate_pair authority;
};

} // namespace

TEST_CASE("files that stay as they are give the same context, changed ones another") {
  const files in;
  const auto source = tls_source::open(in.paths()).value();
  const auto first = source->server();
  REQUIRE(first);
  CHECK(source->server() == first);
  in.write(issue_leaf(in.authority, {"127.0.0.1"}, base::wall_now()).value());
  const auto second = source->server();
  CHECK(second != first);
  CHECK(source->client());
}

TEST_CASE("certificates for other names come from files too, and are followed") {
  const files in;
  const auto write_other = [&] {
    const auto other = issue_leaf(in.authority, {"other.example"}, base::wall_now()).value();
    in.folder.write("other.pem", other.certificate);
    in.folder.write("other-key.pem", other.key);
  };
  auto paths = in.paths();
  paths.by_name["other.example"] = {in.folder.file("other.pem"), in.folder.file("other-key.pem")};
  const auto missing = tls_source::open(paths);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text.find("other.pem") != std::string::npos);
  write_other();
  const auto source = tls_source::open(paths).value();
  const auto first = source->server();
  REQUIRE(first);
  CHECK(source->server() == first);
  write_other();
  CHECK(source->server() != first);
}

TEST_CASE("a certificate replaced before its key, a damaged or a missing one leave the old in force") {
  const files in;
  const auto source = tls_source::open(in.paths()).value();
  const auto first = source->server();
  const auto next = issue_leaf(in.authority, {"127.0.0.1"}, base::wall_now()).value();
  in.folder.write("node.pem", next.certificate);
  CHECK(source->server() == first);
  in.folder.write("node.pem", "damaged");
  CHECK(source->server() == first);
  std::filesystem::remove(in.folder.file("node.pem"));
  CHECK(source->server() == first);
  in.write(next);
  CHECK(source->server() != first);
}

TEST_CASE(
    "files that could not be read for a while are used as soon as they can be, and the log tells it once") {
  const files in;
  const auto source = tls_source::open(in.paths()).value();
  const auto first = source->server();
  in.write(issue_leaf(in.authority, {"127.0.0.1"}, base::wall_now()).value());
  test::heard_log log;
  auto meanwhile = first;
  auto again = first;
  {
    const test::no_descriptors left;
    meanwhile = source->server();
    again = source->server();
  }
  CHECK(meanwhile == first);
  CHECK(again == first);
  CHECK(log.count("changed certificates are not used") == 1);
  CHECK(source->server() != first);
}

TEST_CASE("an authority that cannot be read is left out and named, and a file without any is refused") {
  const files in;
  std::string bad = in.authority.certificate;
  bad.replace(bad.find('\n') + 60, 4, "AAAA");
  auto paths = in.paths();
  paths.authorities = in.folder.file("ca.pem");
  paths.verify_peer = true;
  test::heard_log log;
  in.folder.write("ca.pem", in.authority.certificate + bad);
  CHECK(tls_source::open(paths));
  CHECK(log.count("ca.pem: an authority (ca) is left out: part 2 of 2: ") == 1);
  in.folder.write("ca.pem", bad);
  const auto refused = tls_source::open(paths);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find("ca.pem: ca: part 1 of 1: ") != std::string::npos);
  CHECK(refused.error().text.find("node.pem") == std::string::npos);
}

TEST_CASE("a source without a certificate serves clients only") {
  const files in;
  const auto source = tls_source::open({"", "", "", false, false}).value();
  CHECK(source->client());
  CHECK_FALSE(source->server());
}

TEST_CASE("what is missing at the start is an error that names the file") {
  const files in;
  auto paths = in.paths();
  paths.key = in.folder.file("absent.pem");
  const auto opened = tls_source::open(paths);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == base::errc::not_found);
  CHECK(opened.error().text.find("absent.pem") != std::string::npos);
}

TEST_CASE("a pipe in the place of a certificate is refused, and nothing waits for a writer") {
  const files in;
  const auto source = tls_source::open(in.paths()).value();
  const auto first = source->server();
  std::filesystem::remove(in.folder.file("node.pem"));
  REQUIRE(mkfifo(in.folder.file("node.pem").c_str(), 0600) == 0);
  CHECK(source->server() == first);
  const auto opened = tls_source::open(in.paths());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().text == in.folder.file("node.pem") + ": it is no regular file");
}

TEST_CASE("the automatic source makes what it needs and verifies nobody") {
  const test::temporary_folder folder;
  const auto source = tls_source::automatic(folder.file("tls"), {"127.0.0.1"}).value();
  REQUIRE(source->server());
  CHECK_FALSE(source->server()->verifies_peer());
  CHECK(std::filesystem::exists(folder.file("tls/ca.pem")));
}

} // namespace coppice::net
