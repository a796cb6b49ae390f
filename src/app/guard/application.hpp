// Keeps the promise of [application]: its role and database are made on the first start, on
// instances that are pgkeel's own, and elsewhere only when asked; until then what would be made is
// shown. Once it is done nothing is asked of the server any more.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/config.hpp"
#include "recover/application_setup.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

class ApplicationKeeper {
 public:
  ApplicationKeeper(const Config& config, recover::Services& services,
                    const recover::Conductor& conductor);

  /// Before the guard's loop decides anything: on an embedded server that runs, so that no
  /// playbook makes the database first, without its owner. What fails is tried again by run().
  runtime::Task<void> first_try();
  /// Returns once it is done, at once where nothing is configured; else runs as long as the loop.
  runtime::Task<void> run();
  /// An operator asks: also where it is not done by itself. AdviceOnly, WrongState, or what the
  /// server said.
  runtime::Task<Result<void>> apply(std::string who);

  /// For status; none where nothing is configured.
  [[nodiscard]] std::optional<serve::Application> view() const;
  [[nodiscard]] std::optional<serve::Warning> warning() const;

 private:
  [[nodiscard]] bool known_data_serves() const;
  [[nodiscard]] std::string_view state() const;
  runtime::Task<Result<void>> attempt();
  void note(const Result<void>& attempted);

  const Config& config_;
  recover::Services& services_;
  const recover::Conductor& conductor_;
  recover::ApplicationSetup setup_;
  bool busy_ = false;
  std::string failure_;  ///< of the last attempt, said once
  std::string hint_;
};

/// Whether the guard makes both by itself; else they are only shown.
[[nodiscard]] bool makes_application(const Config& config);

/// From the configuration: the password, else the first line of its file. ConfigBadValue when there
/// is neither; never says what it read.
[[nodiscard]] Result<std::string> application_password(const ApplicationConfig& application);

}  // namespace pgkeel::app
