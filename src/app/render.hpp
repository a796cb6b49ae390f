// What the commands show, as pure functions of JSON (the API's shapes), a look and the time, so
// that every screen is tested without a guard. Nothing here throws on a shape it does not know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/json_read.hpp"
#include "app/look.hpp"
#include "base/time.hpp"

namespace pgkeel::app {

/// One screen: is it up, since when, what is wrong, what protects it, how far could I lose.
[[nodiscard]] std::string render_status(const Json& status, const Look& look, WallTime now);
/// The same from the ledger alone, while no guard runs (shape: last_known.hpp).
[[nodiscard]] std::string render_last_known(const Json& known, const Look& look, WallTime now);

[[nodiscard]] std::string render_incident_list(const Json& incidents, const Look& look,
                                               WallTime now);

/// Every key, its value, where it came from.
[[nodiscard]] std::string render_settings(const LoadedConfig& loaded, const Look& look);
[[nodiscard]] Json settings_json(const LoadedConfig& loaded);
/// docs/reference/configuration.md.
[[nodiscard]] std::string configuration_markdown();

// Pieces the screens share.
[[nodiscard]] std::string since(WallTime then, WallTime now);  ///< "3 h 12 min"
[[nodiscard]] std::string clock(WallTime time,
                                WallTime now);  ///< "03:12:05" today, else the date too
[[nodiscard]] Tone tone_of_severity(std::string_view severity);

/// "Label     first line" and following lines indented alike; wraps to the width.
class Sheet {
 public:
  explicit Sheet(const Look& look) : look_(look) {}
  /// Starts a labelled block with its first line.
  void block(std::string_view label, std::string_view line);
  /// Another line of the block, wrapped.
  void line(std::string_view line);
  /// Aligned rows within the block.
  void rows(const std::vector<std::vector<std::string>>& rows);
  void blank() { text_ += '\n'; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  const Look& look_;
  std::string text_;
};

}  // namespace pgkeel::app
