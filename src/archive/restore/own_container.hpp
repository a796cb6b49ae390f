// A container of ours that works for one job and is gone with it. Known again by its name, made
// from the directory it works for, and by a label with that directory: what a killed job left is
// found and cleared, what is not ours is refused.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "instance/engine.hpp"

namespace pgkeel::archive {

class OwnContainer {
 public:
  /// `kind` is part of name and label ("copy": io.pgkeel.copy); `works_for` the directory.
  OwnContainer(const std::filesystem::path& engine_socket, std::string_view kind,
               std::filesystem::path works_for);
  /// Removed, should it still be there.
  ~OwnContainer();
  OwnContainer(const OwnContainer&) = delete;
  OwnContainer& operator=(const OwnContainer&) = delete;

  /// What a killed job left is ended, so that it touches nothing any more, and removed. start()
  /// does it too; for who prepares a directory that an earlier one may still see. Errors as
  /// start()'s.
  Result<void> clear_earlier();
  /// Name and label of `plan` are set by us, and that the engine removes it at its end.
  /// EngineUnreachable, Refused, Failed with the engine's words.
  Result<void> start(instance::NewContainer plan);
  [[nodiscard]] bool started() const { return !id_.empty(); }
  /// As the engine tells; one that is away tells nothing, and the container is taken to run.
  [[nodiscard]] bool runs();
  /// Ends it at once.
  void kill();

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  template <typename T>
  Result<T> ask(runtime::Task<Result<T>> question) {
    return loop_.run_until_complete(std::move(question));
  }

  runtime::Loop loop_;
  instance::Engine engine_;
  std::filesystem::path works_for_;
  std::string label_;
  std::string name_;
  std::string id_;  ///< empty: never started
};

/// A directory at the same place inside as outside.
[[nodiscard]] instance::ContainerMount same_place(const std::filesystem::path& directory);

}  // namespace pgkeel::archive
