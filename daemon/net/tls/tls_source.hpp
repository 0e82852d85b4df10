// SPDX-License-Identifier: MIT
// Where TLS contexts come from: files, read again when they have changed, or the node's automatic
// certificates, renewed when due. It is asked for each new connection; existing connections keep the context
// they began with. If changed files cannot be used, the last good ones stay in force, with a line in the log.
// Any thread; reads files in the calls of server(), client() and own().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/tls/tls_context.hpp"

namespace coppice::net {

// Paths of a further certificate of a server, see tls_settings::by_name.
struct tls_pair_files {
  std::string certificate;
  std::string key;
};

// Paths; empty: none.
struct tls_files {
  std::string certificate;
  std::string key;
  std::string authorities;
  bool verify_peer = false;
  bool allow_tls_1_2 = false;
  std::vector<std::string> protocols{}; // see tls_settings
  std::map<std::string, tls_pair_files> by_name{};
};

class tls_source {
 public:
  // errc::not_found, errc::invalid, …: a file is missing or cannot be used; the text names it.
  static base::result<std::shared_ptr<tls_source>> open(tls_files files);
  // Uses the automatic certificates of `folder` for `names`, see certificate_folder.hpp; peers are not
  // verified. `protocols`: see tls_settings.
  static base::result<std::shared_ptr<tls_source>> automatic(std::string folder,
                                                             std::vector<std::string> names,
                                                             std::vector<std::string> protocols = {});

  // The source's own certificates in force: first its main one, then those chosen by SNI. Empty: it has none.
  // Reads files that have changed, and renews automatic certificates that are due.
  struct own_certificate {
    std::string file;
    base::nanos ends = 0; // end of validity of the certificate in force, wall time
    std::string unused;   // why changed files are not used; empty: they are
  };
  std::vector<own_certificate> own();

  // The context by the files as they are now. Null: a server's context of a source without a certificate.
  std::shared_ptr<const tls_context> server();
  std::shared_ptr<const tls_context> client();

 private:
  explicit tls_source(tls_files files) : files_(std::move(files)) {}
  base::status load();
  base::status load_files();
  base::status keep_usable(std::string& authorities) const;
  void refresh();
  std::string stamp() const;

  std::mutex lock_;
  tls_files files_;
  std::string folder_; // holds automatic certificates; empty: files
  std::vector<std::string> names_;
  base::nanos renew_at_ = 0;         // monotonic; for automatic certificates
  std::string seen_;                 // stamp() of the files that are in use, or that were found invalid
  std::string told_;                 // the last logged reason why changed files are not used
  std::vector<own_certificate> own_; // in force; `unused` is not set
  std::shared_ptr<const tls_context> server_;
  std::shared_ptr<const tls_context> client_;
};

} // namespace coppice::net
