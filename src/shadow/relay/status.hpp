// STATE_DIR/relay.json: which standbys stream from the archive, how far each is, and what one is
// not given.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shadow/relay/session.hpp"

namespace pgkeel::shadow {

inline constexpr const char* kRelayStatusFile = "relay.json";

[[nodiscard]] std::string to_json(const std::vector<StandbyView>& standbys);
/// What of it others act on. Malformed.
[[nodiscard]] Result<std::vector<StandbyView>> parse_relay_status(std::string_view json);
/// NotFound when no relay ever ran.
[[nodiscard]] Result<std::vector<StandbyView>> read_relay_status(const std::filesystem::path& file);

}  // namespace pgkeel::shadow
