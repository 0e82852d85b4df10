// SPDX-License-Identifier: MIT
// The automatic CA and certificate: what is made, what is kept, and what is made again. Where openssl is
// installed, it has to accept them, too.
#include <doctest/doctest.h>
#include <mbedtls/x509_crt.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/certificate_folder.hpp"
#include "net/tls/certificate_match.hpp"
#include "net/tls/tls.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

const std::vector<std::string> leaf_names = {"node.example", "127.0.0.1", "::1"};

std::string read(const test::temporary_folder& folder, const char* name) {
  return base::read_file(folder.file(name), 65536).value();
}

bool openssl(const std::string& arguments) {
  return std::system(("openssl " + arguments + " >/dev/null 2>&1").c_str()) == 0;
}

} // namespace

TEST_CASE("a leaf is valid for its names under its authority only") {
  REQUIRE(tls::initialise());
  const base::nanos now = base::wall_now();
  const auto authority = make_authority(now).value();
  const auto other = make_authority(now).value();
  const auto leaf = issue_leaf(authority, leaf_names, now).value();
  CHECK(check_pair(authority, now, authority_lifetime - one_day));
  CHECK(check_leaf(leaf, authority.certificate, leaf_names, now, 30 * one_day));
  CHECK(check_leaf(leaf, authority.certificate, {"::1", "127.0.0.1", "node.example"}, now, 0));
  CHECK_FALSE(check_leaf(leaf, other.certificate, leaf_names, now, 0));
  CHECK_FALSE(check_leaf(leaf, authority.certificate, {"node.example"}, now, 0));
  CHECK(check_leaf(leaf, authority.certificate, leaf_names, now + leaf_lifetime, one_day).error().code ==
        base::errc::timeout);
  CHECK(check_pair({leaf.certificate, authority.key}, now, 0).error().code == base::errc::invalid);
  CHECK_FALSE(issue_leaf({authority.certificate, other.key}, leaf_names, now));
  CHECK_FALSE(issue_leaf(authority, {}, now));
  CHECK_FALSE(check_pair({"garbage", "garbage"}, now, 0));
}

TEST_CASE("what a peer has shown is for its names and no other, whoever signed it") {
  REQUIRE(tls::initialise());
  const base::nanos now = base::wall_now();
  const auto authority = make_authority(now).value();
  const auto leaf = issue_leaf(authority, leaf_names, now).value();
  mbedtls_x509_crt parsed;
  mbedtls_x509_crt_init(&parsed);
  REQUIRE(mbedtls_x509_crt_parse(&parsed, reinterpret_cast<const unsigned char*>(leaf.certificate.c_str()),
                                 leaf.certificate.size() + 1) == 0);
  const peer_certificate shown = describe(parsed);
  mbedtls_x509_crt_free(&parsed);
  for (const std::string& name : leaf_names) CHECK(mismatch(shown, name) == "");
  for (const char* const other : {"other.example", "127.0.0.2", "node.example.org", "example", "::2"}) {
    const std::string why = mismatch(shown, other);
    CAPTURE(other);
    CHECK(why.starts_with("it is for "));
    CHECK(why.find("node.example") != std::string::npos);
    CHECK(why.find(std::string("wanted is ") + other) != std::string::npos);
  }
  CHECK(mismatch({}, "node.example") == "it cannot be read");
}

TEST_CASE("certificates are made once, with closed keys, and kept") {
  const test::temporary_folder at;
  const base::nanos now = base::wall_now();
  const auto paths = ensure_certificates(at.path() + "/tls", leaf_names, now).value();
  const std::string leaf = base::read_file(paths.certificate, 65536).value();
  for (const char* key : {"/tls/node-key.pem", "/tls/ca-key.pem"}) {
    struct stat info {};
    REQUIRE(stat((at.path() + key).c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
  }
  REQUIRE(ensure_certificates(at.path() + "/tls", leaf_names, now));
  CHECK(base::read_file(paths.certificate, 65536).value() == leaf);
}

TEST_CASE("a leaf for other names, near its end or damaged is replaced under the same authority") {
  const test::temporary_folder at;
  const base::nanos now = base::wall_now();
  REQUIRE(ensure_certificates(at.path(), leaf_names, now));
  const std::string authority = read(at, "ca.pem");
  std::string leaf = read(at, "node.pem");
  const auto replaced = [&] {
    const std::string before = std::exchange(leaf, read(at, "node.pem"));
    return leaf != before && read(at, "ca.pem") == authority;
  };
  REQUIRE(ensure_certificates(at.path(), {"other.example"}, now));
  CHECK(replaced());
  REQUIRE(ensure_certificates(at.path(), {"other.example"}, now + leaf_lifetime - 10 * one_day));
  CHECK(replaced());
  REQUIRE(base::write_file_atomic(at.path() + "/node-key.pem", "garbage", 0600));
  REQUIRE(ensure_certificates(at.path(), {"other.example"}, now));
  CHECK(replaced());
}

TEST_CASE("a damaged authority is an error and stays as it is, an expired one is replaced") {
  const test::temporary_folder at;
  const base::nanos now = base::wall_now();
  REQUIRE(ensure_certificates(at.path(), leaf_names, now));
  const std::string authority = read(at, "ca.pem");
  REQUIRE(ensure_certificates(at.path(), leaf_names, now + authority_lifetime + one_day));
  CHECK(read(at, "ca.pem") != authority);
  REQUIRE(base::write_file_atomic(at.path() + "/ca.pem", "garbage", 0644));
  CHECK_FALSE(ensure_certificates(at.path(), leaf_names, now));
  CHECK(read(at, "ca.pem") == "garbage");
  std::filesystem::remove(at.path() + "/ca-key.pem");
  CHECK_FALSE(ensure_certificates(at.path(), leaf_names, now));
}

TEST_CASE("a cluster's authority and certificates are made with closed keys, and never made anew unasked") {
  const test::temporary_folder at;
  const base::nanos now = base::wall_now();
  const std::string folder = at.path() + "/etc/tls";
  const auto issue = [&](if_exists what) {
    return issue_cluster_certificate(folder, "a@127.0.0.1", {"127.0.0.1"}, now, 30 * one_day, what);
  };
  CHECK(issue(if_exists::refuse).error().code == base::errc::not_found);
  const auto authority = make_cluster_authority(folder, now, 100 * one_day, if_exists::refuse).value();
  CHECK(authority.end / base::nanos_per_second == (now + 100 * one_day) / base::nanos_per_second);
  const auto made = issue(if_exists::refuse).value();
  CHECK(made.certificate == folder + "/a@127.0.0.1.pem");
  CHECK(made.end / base::nanos_per_second == (now + 30 * one_day) / base::nanos_per_second);
  for (const std::string& key : {authority.key, made.key}) {
    struct stat info {};
    REQUIRE(stat(key.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
  }
  const std::string signer = base::read_file(authority.certificate, 65536).value();
  const certificate_pair pair{base::read_file(made.certificate, 65536).value(),
                              base::read_file(made.key, 65536).value()};
  CHECK(check_leaf(pair, signer, {"127.0.0.1"}, now, 29 * one_day));

  CHECK(issue(if_exists::refuse).error().code == base::errc::exists);
  CHECK(base::read_file(made.key, 65536).value() == pair.key);
  REQUIRE(issue(if_exists::replace));
  CHECK(base::read_file(made.key, 65536).value() != pair.key);
  CHECK(make_cluster_authority(folder, now, one_day, if_exists::refuse).error().code == base::errc::exists);
  std::filesystem::remove(authority.certificate);
  CHECK(make_cluster_authority(folder, now, one_day, if_exists::refuse).error().code == base::errc::exists);
  REQUIRE(make_cluster_authority(folder, now, one_day, if_exists::replace));
  CHECK(base::read_file(authority.certificate, 65536).value() != signer);
}

TEST_CASE("a certificate does not outlive its authority, and only an authority signs") {
  const test::temporary_folder at;
  const base::nanos now = base::wall_now();
  const auto authority = make_cluster_authority(at.path(), now, 10 * one_day, if_exists::refuse).value();
  const auto issue = [&](const std::string& name, base::nanos when, base::nanos lifetime) {
    return issue_cluster_certificate(at.path(), name, {"node.example"}, when, lifetime, if_exists::refuse);
  };
  const auto longer = issue("a", now, 11 * one_day);
  REQUIRE_FALSE(longer);
  CHECK(longer.error().code == base::errc::limit);
  CHECK(longer.error().text.find("at most 9 days are left") != std::string::npos);
  CHECK(issue("a", now + 11 * one_day, one_day).error().code == base::errc::timeout);
  const auto leaf = issue("a", now, 5 * one_day).value();
  std::filesystem::rename(leaf.certificate, authority.certificate);
  std::filesystem::rename(leaf.key, authority.key);
  const auto by_leaf = issue("b", now, one_day);
  REQUIRE_FALSE(by_leaf);
  CHECK(by_leaf.error().text.find("cannot sign") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(at.path() + "/b-key.pem"));
}

TEST_CASE("openssl accepts the chain, as server and as client" * doctest::skip(!openssl("version"))) {
  const test::temporary_folder at;
  REQUIRE(ensure_certificates(at.path(), leaf_names, base::wall_now()));
  const std::string chain = " -CAfile " + at.path() + "/ca.pem " + at.path() + "/node.pem";
  CHECK(openssl("verify -x509_strict -purpose sslserver -verify_ip 127.0.0.1" + chain));
  CHECK(openssl("verify -x509_strict -purpose sslclient -verify_hostname node.example" + chain));
  CHECK_FALSE(openssl("verify -verify_hostname other.example" + chain));
}

} // namespace coppice::net
