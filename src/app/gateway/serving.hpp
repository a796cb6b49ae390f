// A configuration as what a gateway works with: where the server is, who may come in and how.
#pragma once

#include <memory>

#include "app/config.hpp"
#include "gateway/credentials/asked_verifiers.hpp"
#include "gateway/relay/settings.hpp"

namespace pgkeel::app {

/// ConfigBadValue: a certificate that is none; whatever find_server_target() says.
[[nodiscard]] Result<std::shared_ptr<const gateway::Settings>> gateway_settings(
    const Config& config);

/// ConfigBadValue, ConfigSyntax: of the file, where that is asked for.
[[nodiscard]] Result<std::unique_ptr<gateway::VerifierSource>> verifier_source(
    const Config& config, gateway::AskedVerifiers::Post post);

/// A socket that listens and does not block. PortTaken or another error of the system's.
[[nodiscard]] Result<int> listen_at(const ListenAddress& address);

}  // namespace pgkeel::app
