// Where the shadow's things are on this machine.
#pragma once

#include <filesystem>

#include "app/config.hpp"
#include "shadow/standby/copy.hpp"

namespace pgkeel::app {

/// Whether one is configured where there can be one: with the server's files on this machine.
[[nodiscard]] bool shadow_may_run(const Config& config);

/// shadow.data_dir, else beside the data directory, of a container beside the state directory.
[[nodiscard]] std::filesystem::path shadow_data_directory(const Config& config);
/// Of its sockets: the relay's, which it streams from, and its own. Its server's account owns it.
[[nodiscard]] std::filesystem::path shadow_run_directory(const Config& config);
/// Within it, of its own server's socket.
[[nodiscard]] std::filesystem::path shadow_socket_directory(const Config& config);
/// Within it, of the socket the shadow streams from when it is kept from destructions.
[[nodiscard]] std::filesystem::path gate_directory(const Config& config);
/// shadow_run_directory() while the receiver relays to it; empty: it does not.
[[nodiscard]] std::string relay_directory(const Config& config);
/// Where its copy is, and where one is built.
[[nodiscard]] shadow::CopyPlaces shadow_copy_places(const Config& config);

}  // namespace pgkeel::app
