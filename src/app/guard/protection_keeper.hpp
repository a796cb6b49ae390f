// Knows for status which databases refuse drops nobody declared (pgkeel protect). It only looks:
// now and then, and when a command says that it changed something.
#pragma once

#include <vector>

#include "app/config.hpp"
#include "maintain/protection.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class ProtectionKeeper {
 public:
  ProtectionKeeper(const Config& config, runtime::Loop& loop, sense::Senses& senses,
                   std::optional<runtime::Account> connect_as)
      : config_(config),
        loop_(loop),
        senses_(senses),
        connect_as_(std::move(connect_as)),
        asked_(loop) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();
  /// Look now.
  void ask() { asked_.notify_all(); }
  /// As of the last look; empty before it.
  [[nodiscard]] const std::vector<maintain::Protection>& found() const { return found_; }

 private:
  runtime::Task<void> look();
  [[nodiscard]] std::vector<std::string> databases() const;

  const Config& config_;
  runtime::Loop& loop_;
  sense::Senses& senses_;
  std::optional<runtime::Account> connect_as_;
  runtime::Event asked_;
  std::vector<maintain::Protection> found_;
};

}  // namespace pgkeel::app
