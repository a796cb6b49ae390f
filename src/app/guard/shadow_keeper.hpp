// Keeps the shadow's process running beside the guard (companion.hpp), and says how the shadow is
// doing.
#pragma once

#include <optional>

#include "app/config.hpp"
#include "app/guard/companion.hpp"
#include "app/guard/receiver.hpp"
#include "sense/observation.hpp"
#include "serve/status.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {

class ShadowKeeper {
 public:
  ShadowKeeper(const Config& config, runtime::Loop& loop, const ReceiverKeeper& receiver);

  /// Runs for as long as the loop; returns at once where there is no shadow, or only advice.
  runtime::Task<void> run();

  /// How far it is behind the server; none where no shadow is configured.
  [[nodiscard]] std::optional<serve::Protection> protection() const;
  /// What is wrong with it, for an incident; none too where no shadow is to run.
  [[nodiscard]] std::optional<sense::ArchiveTrouble> trouble() const;

 private:
  void adopt();
  [[nodiscard]] bool outdated() const;

  const Config& config_;
  runtime::Loop& loop_;
  const ReceiverKeeper& receiver_;
  std::optional<shadow::ShadowStatus> status_;  ///< as last read, at most a second ago
  Companion process_;
};

}  // namespace pgkeel::app
