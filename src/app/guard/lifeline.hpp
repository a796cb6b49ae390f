// The guard's sign of life, in a file of the state directory: who runs since when, in which boot of
// the machine, and whether it was told to stop. The next guard, and doctor, learn from it that one
// was killed and for how long nobody watched.
// It guarantees: no fsync, one write a second of a file's time, and none of it on the loop. It
// refuses to know more than the file says: without one there was no guard before.
#pragma once

#include <filesystem>
#include <optional>

#include "diagnose/known.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

class Lifeline {
 public:
  explicit Lifeline(const std::filesystem::path& state_dir);

  /// The guard before this one, when it was killed in this boot; then this one's own sign is put
  /// in its place. Only for who holds the state directory's lock.
  [[nodiscard]] Result<std::optional<diagnose::Predecessor>> begin();
  /// Runs for as long as the loop.
  runtime::Task<void> run(runtime::Loop* loop);
  /// This one was told to stop.
  void end();

  /// A guard that was killed and nobody took its place; nothing is written. Of one whose last sign
  /// is a moment old it is not said: it may live where its pid cannot be seen, in a container.
  [[nodiscard]] std::optional<diagnose::Predecessor> killed() const;

 private:
  [[nodiscard]] std::optional<diagnose::Predecessor> ended_untold() const;

  std::filesystem::path file_;
  WallTime started_;
  bool begun_ = false;
};

}  // namespace pgkeel::app
