// SPDX-License-Identifier: MIT
// Checks whether the configuration's files still agree with what runs, for the node's status, so that a file
// that would be refused is known before the next start. The files are looked at each time. They are read
// anew when one of them, their list, a plugin that they need or the running configuration has changed. While
// they are refused they are read at least once a minute, since a missing thing that they name may have
// appeared. While file descriptors run out they are not read, and the last answer stands. Any thread that
// may read files.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "node/instance/apply.hpp"
#include "node/shown/snapshot.hpp"
#include "spec/diff.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::node {

struct configuration;

// "node.log.level, shop": the keys and applications that differ, the first five of them.
std::string in_words(const spec::difference& of);
// "FILE:3:5: …": the first error.
std::string first_mistake(const std::vector<spec::diagnostic>& of);

class disk_watch {
 public:
  configuration_on_disk look(const configuration_source& source,
                             const std::shared_ptr<const configuration>& runs) const;

 private:
  void read(const configuration_source& source, const std::vector<std::string>& files,
            const configuration& runs) const;

  mutable std::mutex lock_;
  mutable std::shared_ptr<const configuration> held_against_;
  mutable std::vector<std::string> needs_;  // files and folders that the files name
  mutable std::vector<std::string> stamps_; // of the files and of needs_
  mutable base::nanos read_ = 0;            // monotonic
  mutable configuration_on_disk last_;
};

} // namespace coppice::node
