// A scene whose guard keeps an archive, with commits that wait for it or not; and its loss.
#pragma once

#include "archive/receive/status.hpp"
#include "chaos/chaos.hpp"

namespace pgkeel::chaos {

class Archived {
 public:
  /// `more` is added to the guard's environment. A failure is recorded when it cannot be built.
  explicit Archived(app::GuardEnvironment more = {}, std::string durability = "sync");

  [[nodiscard]] bool built() const { return scene_.stage != nullptr; }
  [[nodiscard]] Scene& scene() { return scene_; }
  [[nodiscard]] app::Stage& stage() { return *scene_.stage; }
  /// A complete backup is in the store.
  [[nodiscard]] bool await_backup();
  /// The server waits for the archive with every commit.
  [[nodiscard]] bool await_synchronous();
  /// rm -rf of the data directory under the running server, then SIGKILL to it.
  void lose_the_volume();
  /// What the receiver last said; none: nothing yet.
  [[nodiscard]] std::optional<archive::ReceiveStatus> status() const;

 private:
  [[nodiscard]] bool has_backup() const;
  [[nodiscard]] bool is_synchronous();
  Scene scene_;
};

}  // namespace pgkeel::chaos
