// What a gateway tells its guard of itself, for status and metrics.
#pragma once

#include "gateway/relay/worker.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

/// On the worker's thread.
[[nodiscard]] serve::GatewayFigures figures_of(gateway::Worker& worker);

/// One line of JSON.
[[nodiscard]] std::string to_json(const serve::GatewayFigures& figures);
/// Malformed: no JSON. What is absent is zero.
[[nodiscard]] Result<serve::GatewayFigures> parse_figures(std::string_view json);
/// "12 clients, 3 of them waiting, over 4 of the server's connections"
[[nodiscard]] std::string in_words(const serve::GatewayFigures& figures);

}  // namespace pgkeel::app
